"""What a person may change of the daily mail: when it goes out and to whom; each change audited without the address."""

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Any, get_args
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from billing import mails
from billing.principals import Principal, Role
from store import audit, digests
from store.database import Connection
from store.digests import DigestRecipient, DigestSettings

ROLES: tuple[Role, ...] = get_args(Role)
LONGEST_NAME = 100


class DigestNotAllowed(Exception):
    """The daily mail may not be changed like that; the sentence says why, or by whom it might."""


def change_settings(
    connection: Connection, tenant_id: UUID, *, principal: Principal, now: datetime, **changes: Any
) -> DigestSettings:
    """Change some fields of DigestSettings; nothing is written where nothing differs. Raises DigestNotAllowed."""
    _may(principal)
    before = digests.settings(connection)
    after = replace(before, **changes)
    check(after)
    if after != before:
        digests.save_settings(connection, tenant_id, after, by=str(principal), now=now)
        changed = [name for name, value in vars(after).items() if getattr(before, name) != value]
        audit.append(
            connection,
            at=now,
            principal=str(principal),
            action="digest_settings:change",
            subject="digest_settings",
            before={name: getattr(before, name) for name in changed},
            after={name: getattr(after, name) for name in changed},
        )
    return after


def check(given: DigestSettings) -> None:
    """Raises DigestNotAllowed for an hour, a zone, a weekday or an amount that is none."""
    try:
        ZoneInfo(given.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # no such file, no such name, a folder of zones
        raise DigestNotAllowed(
            f"{given.time_zone!r} is no time zone: give its IANA name, such as Europe/Zurich or America/New_York."
        ) from None
    if given.hour not in range(24):
        raise DigestNotAllowed(f"The hour is {given.hour}: give a whole hour from 0 to 23.")
    if given.all_quiet_weekday is not None and given.all_quiet_weekday not in range(7):
        raise DigestNotAllowed(f"The weekday is {given.all_quiet_weekday}: give 0 (Monday) to 6 (Sunday), or none.")
    if given.least_impact_minor < 0:
        raise DigestNotAllowed("The least impact is below 0: give an amount of 0 or more.")


def add_recipient(
    connection: Connection, tenant_id: UUID, address: str, *, name: str, role: Role, principal: Principal, now: datetime
) -> DigestRecipient:
    """Put somebody on the list, or change name and role of who is on it. Raises DigestNotAllowed.

    Links in the mail act in the recipient's role, so nobody gives one that stands above their own.
    """
    _may(principal)
    address, name = address.strip(), " ".join(name.split())
    if not mails.is_address(address):
        raise DigestNotAllowed("That is no e-mail address that mail can be sent to: give one such as fay@acme.example.")
    if role not in ROLES or not principal.ranks_at_least(role):
        raise DigestNotAllowed(
            f"A {principal.role} cannot give the role {role!r}: choose one that does not stand higher."
        )
    if len(name) > LONGEST_NAME:
        raise DigestNotAllowed(f"The name has more than {LONGEST_NAME} characters: give a shorter one.")
    known = digests.recipient(connection, address)
    if known is None or (known.name, known.role, known.is_on) != (name, role, True):
        digests.save_recipient(connection, tenant_id, address, name=name, role=role, by=str(principal), now=now)
        _audit(connection, "add", address, by=str(principal), now=now, after={"role": role})
    added = digests.recipient(connection, address)
    assert added is not None, "just written"
    return added


def remove_recipient(connection: Connection, address: str, *, principal: Principal, now: datetime) -> bool:
    """Take somebody off the list; False when nobody there has the address. Raises DigestNotAllowed."""
    _may(principal)
    removed = digests.remove_recipient(connection, address.strip())
    if removed:
        _audit(connection, "remove", address, by=str(principal), now=now)
    return removed


def switch_recipient(connection: Connection, address: str, *, is_on: bool, principal: Principal, now: datetime) -> bool:
    """Let the mail go to somebody on the list or not; False when that was so already. Raises DigestNotAllowed."""
    _may(principal)
    switched = digests.switch_recipient(connection, address.strip(), is_on=is_on, by=str(principal), now=now)
    if switched:
        _audit(connection, "resume" if is_on else "pause", address, by=str(principal), now=now)
    return switched


def unsubscribe(connection: Connection, address: str, *, now: datetime) -> bool:
    """A recipient leaves the list by the link in the mail, which needs no role; False when they had left it already."""
    left = digests.switch_recipient(connection, address, is_on=False, by=address.lower(), now=now)
    if left:
        _audit(connection, "unsubscribe", address, by="the recipient (viewer)", now=now)
    return left


def address_hash(address: str) -> str:
    """Sixteen hexadecimal digits that stand for an address where it must not stand itself."""
    return hashlib.sha256(address.strip().lower().encode()).hexdigest()[:16]


def _may(principal: Principal) -> None:
    if not principal.ranks_at_least("lead"):
        raise DigestNotAllowed(
            f"A {principal.role} may read the daily mail; a lead, finance or a founder may change it."
        )


def _audit(
    connection: Connection,
    verb: str,
    address: str,
    *,
    by: str,
    now: datetime,
    after: dict[str, object] | None = None,
) -> None:
    audit.append(
        connection,
        at=now,
        principal=by,
        action=f"digest_recipient:{verb}",
        subject=f"digest_recipient:{address_hash(address)}",
        after=after,
    )
