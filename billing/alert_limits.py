"""What a person may change of the detectors' limits: set one, or go back to the default, with a role and an audit line."""

from datetime import datetime

from billing.principals import Principal
from pricing.finding import SCOPES, Detector
from pricing.watch_limits import EVERYTHING, KINDS, LimitRefused
from store import alert_limits, audit
from store.alert_limits import AlertLimit
from store.database import Connection

MAY_CHANGE = frozenset({"finance", "founder"})


class LimitNotAllowed(Exception):
    """The limit may not be changed by this person; the sentence says by whom it may."""


def set_limit(
    connection: Connection, detector: Detector, subject_key: str, limit: int, *, principal: Principal, now: datetime
) -> AlertLimit:
    """Let a detector speak from this limit on, for one subject, all of a scope or everything. Raises LimitNotAllowed, LimitRefused.

    `limit` is in parts per million or in minor units of the reporting currency, as the detector's is (pricing.watch_limits.KINDS).
    """
    _may(principal)
    _check_subject(subject_key)
    kind = KINDS[detector]
    if not kind.least <= limit <= kind.most:
        raise LimitRefused(f"{limit:,} is no limit for {detector}: it is from {kind.least:,} to {kind.most:,}.")
    before = _found(connection, detector, subject_key)
    added = AlertLimit(
        detector=detector, subject_key=subject_key, limit=limit, unit=kind.unit, set_by=str(principal), set_at=now
    )
    alert_limits.put(connection, added)
    _audit(connection, "alert_limit:set", detector, subject_key, principal, now, before=before, after=limit)
    return added


def clear_limit(
    connection: Connection, detector: Detector, subject_key: str, *, principal: Principal, now: datetime
) -> bool:
    """Go back to the default; False where none was set. Raises LimitNotAllowed."""
    _may(principal)
    before = _found(connection, detector, subject_key)
    if not alert_limits.remove(connection, detector, subject_key):
        return False
    _audit(connection, "alert_limit:clear", detector, subject_key, principal, now, before=before, after=None)
    return True


def _may(principal: Principal) -> None:
    if principal.role not in MAY_CHANGE:
        raise LimitNotAllowed(f"A {principal.role} may look at the limits; finance or a founder may change them.")


def _check_subject(subject_key: str) -> None:
    scope, *parts = subject_key.split("|")
    if subject_key != EVERYTHING and (scope not in SCOPES or any("=" not in part for part in parts)):
        raise LimitRefused(
            f"{subject_key!r} is no subject: leave it away for everything, or name a scope ({', '.join(SCOPES)}), a customer's id, or "
            "an alert's subject such as customer|customer_id=cus_1."
        )


def _found(connection: Connection, detector: Detector, subject_key: str) -> int | None:
    limits = alert_limits.read(connection)
    return next((each.limit for each in limits if (each.detector, each.subject_key) == (detector, subject_key)), None)


def _audit(
    connection: Connection,
    action: str,
    detector: Detector,
    subject_key: str,
    principal: Principal,
    now: datetime,
    *,
    before: int | None,
    after: int | None,
) -> None:
    unit = KINDS[detector].unit
    audit.append(
        connection,
        at=now,
        principal=str(principal),
        action=action,
        subject=f"alert_limit:{detector}" + (f":{subject_key}" if subject_key else ""),
        before=None if before is None else {f"limit_{unit}": before},
        after=None if after is None else {f"limit_{unit}": after},
    )


def subject_of(words: str) -> str:
    """A subject as a person names it: a customer's id stands for that customer, everything else for itself."""
    return f"customer|customer_id={words}" if words.startswith("cus_") else words.strip()
