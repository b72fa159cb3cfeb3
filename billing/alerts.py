"""What people answer to an alert: real, expected, planned, no issue, not now, somebody's; each audited, with who and why."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from billing import alert_followers
from billing.principals import Principal
from pricing.alert_episodes import CLOSING, Verdict
from pricing.alert_feedback import CONFIRMED, NORMAL_FOR, REJECTED, WEARS_OFF, Tuning, wide_factor
from store import alert_reads, audit
from store import alerts as rows
from store.alert_reads import StoredAlert, StoredDay
from store.database import Connection
from store.steps import add_step

SAID = {"expected": "Called the new normal.", "not_an_issue": "Called no issue."}


class AlertNotFound(Exception):
    """There is no such alert of this company."""


class AlertRefused(Exception):
    """What was asked for may not be done with this alert; the sentence says why."""


def confirm(
    connection: Connection, tenant_id: UUID, alert_id: UUID, *, principal: Principal, now: datetime, note: str = ""
) -> StoredAlert:
    """Say that it is real: it stays open until its days end, and its limit comes down. Raises AlertNotFound, AlertRefused."""
    found = _held(connection, tenant_id, alert_id, principal)
    if found.verdict == "confirmed":
        return found
    answered = _answer(connection, tenant_id, found, "confirmed", principal, now)
    _tune(connection, tenant_id, answered, now, factor=CONFIRMED)
    return _told(connection, tenant_id, answered, "confirmed", "It is real.", note, principal, now)


def mark_expected(
    connection: Connection, tenant_id: UUID, alert_id: UUID, *, principal: Principal, now: datetime, note: str = ""
) -> StoredAlert:
    """Say that this level is the new normal: it ends, and the level is normal for six weeks. Raises AlertNotFound, AlertRefused."""
    found = _held(connection, tenant_id, alert_id, principal)
    if found.verdict == "expected":
        return found
    answered = _answer(connection, tenant_id, found, "expected", principal, now)
    level = _level(alert_reads.days(connection, alert_id))
    _tune(connection, tenant_id, answered, now, factor=Fraction(1), level=level, lasts=NORMAL_FOR)
    return _told(connection, tenant_id, answered, "expected", SAID["expected"], note, principal, now)


def plan_until(
    connection: Connection,
    tenant_id: UUID,
    alert_id: UUID,
    until: date,
    *,
    principal: Principal,
    now: datetime,
    note: str = "",
) -> StoredAlert:
    """Say that it is planned up to and including a UTC day: silent until then, judged again after it.

    Raises AlertNotFound, AlertRefused, the latter also for a day that has passed.
    """
    found = _held(connection, tenant_id, alert_id, principal)
    if until < now.astimezone(UTC).date():
        raise AlertRefused(f"{until} has passed: name today or a later day.")
    if (found.verdict, found.planned_until) == ("planned", until):
        return found
    answered = _answer(connection, tenant_id, found, "planned", principal, now, planned_until=until)
    rows.end_tunings(connection, because_of=alert_id, now=now)
    _tune_all(connection, tenant_id, answered, now)
    return _told(connection, tenant_id, answered, "planned", _planned(until), note, principal, now)


def mark_not_an_issue(
    connection: Connection, tenant_id: UUID, alert_id: UUID, *, principal: Principal, now: datetime, note: str = ""
) -> StoredAlert:
    """Say that it was a false alarm: it ends, and the next one of this subject takes more. Raises AlertNotFound, AlertRefused."""
    found = _held(connection, tenant_id, alert_id, principal)
    if found.verdict == "not_an_issue":
        return found
    answered = _answer(connection, tenant_id, found, "not_an_issue", principal, now)
    _tune(connection, tenant_id, answered, now, factor=REJECTED, impact_minor=answered.quieted_impact_minor)
    return _told(connection, tenant_id, answered, "not an issue", SAID["not_an_issue"], note, principal, now)


def snooze(
    connection: Connection,
    tenant_id: UUID,
    alert_id: UUID,
    until: datetime,
    *,
    principal: Principal,
    now: datetime,
    note: str = "",
) -> StoredAlert:
    """Keep an open alert quiet until a moment, or until a day is twice as large as any so far. Raises AlertNotFound, AlertRefused."""
    found = _held(connection, tenant_id, alert_id, principal)
    if until <= now:
        raise AlertRefused(f"{until:%Y-%m-%d %H:%M} has passed: name a later time.")
    if not found.is_open:
        raise AlertRefused(f"There is nothing to snooze: it ended. {found.resolved_why}")
    if found.snoozed_until == until:
        return found
    quieted = alert_followers.largest_day(connection, alert_id)
    snoozed = rows.change(connection, alert_id, now=now, snoozed_until=until, **quieted)
    alert_followers.snooze(connection, tenant_id, snoozed, principal, now)
    return _told(connection, tenant_id, snoozed, "snoozed", f"Until {until:%Y-%m-%d %H:%M %Z}.", note, principal, now)


def assign(
    connection: Connection,
    tenant_id: UUID,
    alert_id: UUID,
    name: str | None,
    *,
    principal: Principal,
    now: datetime,
    note: str = "",
) -> StoredAlert:
    """Say who looks into it; nobody with an empty name. Raises AlertNotFound, AlertRefused."""
    found = _held(connection, tenant_id, alert_id, principal)
    who = (name or "").strip() or None
    if found.assigned_to == who:
        return found
    assigned = rows.change(connection, alert_id, now=now, assigned_to=who)
    said = f"To {who}." if who else "To nobody."
    return _told(connection, tenant_id, assigned, "assigned", said, note, principal, now)


def reopen(
    connection: Connection, tenant_id: UUID, alert_id: UUID, *, principal: Principal, now: datetime, note: str = ""
) -> StoredAlert:
    """Take back what was answered, with what it tuned, and wake it from a snooze; the next look says whether it goes on.

    Raises AlertNotFound, AlertRefused, the latter also where nothing was answered.
    """
    found = _held(connection, tenant_id, alert_id, principal)
    if found.verdict is None and found.snoozed_until is None:
        raise AlertRefused("Nothing was answered that could be taken back.")
    values: dict[str, Any] = {"verdict": None, "planned_until": None, "snoozed_until": None}
    if _is_closed_by_answer(found):
        if alert_followers.goes_on_elsewhere(connection, found):
            raise AlertRefused("A later alert of the same subject is open: answer that one.")
        values |= alert_followers.OPEN
    rows.end_tunings(connection, because_of=alert_id, now=now)
    reopened = rows.change(connection, alert_id, now=now, **values)
    alert_followers.reopen(connection, tenant_id, found, principal, now)
    _tune_all(connection, tenant_id, reopened, now)
    return _told(connection, tenant_id, reopened, "reopened", "The answer was taken back.", note, principal, now)


def subject_of(alert_id: UUID) -> str:
    """How the audit log names an alert."""
    return f"alert:{alert_id}"


def _held(connection: Connection, tenant_id: UUID, alert_id: UUID, principal: Principal) -> StoredAlert:
    """The alert as it stands; nobody else changes it until the transaction ends, so that two clicks make one step."""
    if not principal.ranks_at_least("support"):
        raise AlertRefused(f"A {principal.role} does not answer alerts.")
    rows.take_turns(connection, tenant_id)
    found = alert_reads.one(connection, alert_id)
    if found is None:
        raise AlertNotFound(f"There is no alert {alert_id}.")
    return found


def _answer(
    connection: Connection,
    tenant_id: UUID,
    found: StoredAlert,
    verdict: Verdict,
    principal: Principal,
    now: datetime,
    planned_until: date | None = None,
) -> StoredAlert:
    """Write the answer in the place of an earlier one, also to what is because of the alert. What ended by itself stays ended as it did."""
    values: dict[str, Any] = {"verdict": verdict, "planned_until": planned_until}
    was_closed_by_answer = _is_closed_by_answer(found)
    closes = verdict in CLOSING and (found.is_open or was_closed_by_answer)
    if verdict in CLOSING:
        values |= alert_followers.largest_day(connection, found.alert_id) | {"snoozed_until": None}
    if closes:
        values |= {"state": "resolved", "resolved_at": found.resolved_at or now}
        values["resolved_why"] = _planned(planned_until) if planned_until else SAID[verdict]
    elif was_closed_by_answer:
        goes_on = {"resolved_why": "A later alert goes on with it."}
        values |= goes_on if alert_followers.goes_on_elsewhere(connection, found) else alert_followers.OPEN
    if was_closed_by_answer:
        alert_followers.reopen(connection, tenant_id, found, principal, now)
    answered = rows.change(connection, found.alert_id, now=now, **values)
    if closes:
        alert_followers.close(connection, tenant_id, answered, principal, now)
    return answered


def _is_closed_by_answer(found: StoredAlert) -> bool:
    """An answer has ended it, and not its days."""
    if found.planned_until is not None:
        return found.resolved_why == _planned(found.planned_until)
    return not found.is_open and found.verdict in SAID and found.resolved_why == SAID[found.verdict]


def _planned(until: date) -> str:
    return f"Planned until {until}."


def _level(days: Sequence[StoredDay]) -> int | None:
    """How far from the expected the furthest day lies; None where nobody knows."""
    known = [abs(day.actual - (day.expected or 0)) for day in days if day.actual is not None]
    return max(known, default=None)


def _tune(
    connection: Connection,
    tenant_id: UUID,
    answered: StoredAlert,
    now: datetime,
    *,
    factor: Fraction,
    impact_minor: int | None = None,
    level: int | None = None,
    lasts: timedelta = WEARS_OFF,
) -> None:
    """Let an answer tune its subject in the place of an earlier answer, and all subjects by the share that was right."""
    rows.end_tunings(connection, because_of=answered.alert_id, now=now)
    tuning = Tuning(
        detector=answered.detector,
        subject_key=answered.subject_key,
        factor=factor,
        impact_minor=impact_minor,
        level=level,
        is_rise=answered.is_rise,
        set_at=now,
        ends_at=now + lasts,
    )
    rows.add_tuning(connection, tenant_id, tuning, because_of=answered.alert_id)
    _tune_all(connection, tenant_id, answered, now)


def _tune_all(connection: Connection, tenant_id: UUID, answered: StoredAlert, now: datetime) -> None:
    """Set what all subjects of a detector are tuned by to what the answers of the last 90 days say."""
    rows.end_wide_tuning(connection, answered.detector, now=now)
    factor = wide_factor(*alert_reads.labels(connection, answered.detector, now - WEARS_OFF))
    if factor > 1:
        wide = Tuning(detector=answered.detector, subject_key="", factor=factor, set_at=now, ends_at=now + WEARS_OFF)
        rows.add_tuning(connection, tenant_id, wide, because_of=answered.alert_id)


def _told(
    connection: Connection,
    tenant_id: UUID,
    answered: StoredAlert,
    step: str,
    said: str,
    note: str,
    principal: Principal,
    now: datetime,
) -> StoredAlert:
    """Write the step and the audit line of an answer."""
    why = f"{said} {note.strip()}".strip()
    add_step(connection, "alert", tenant_id, answered.alert_id, step=step, at=now, who=str(principal), why=why)
    audit.append(
        connection,
        at=now,
        principal=str(principal),
        action=f"alert:{step.replace(' ', '_')}",
        subject=subject_of(answered.alert_id),
        after={
            "subject": answered.subject_key,
            "detector": answered.detector,
            "impact_minor": answered.impact_minor,
            "currency": answered.currency,
            "why": why,
        },
    )
    return answered
