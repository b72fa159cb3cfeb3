"""The rows of the daily mail's settings and of the people it goes to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from store.schema import digest_recipients, digest_settings

settings_table = digest_settings.c
table = digest_recipients.c


@dataclass(frozen=True)
class DigestSettings:
    """When the daily mail goes out. `hour` is local in `time_zone` (IANA); weekdays begin with Monday as 0.

    A day without news is passed over, but for `all_quiet_weekday`; None passes over that one, too. Alerts of less than
    `least_impact_minor` (reporting currency) are counted in the mail and not shown one by one.
    """

    is_on: bool = True
    time_zone: str = "UTC"
    hour: int = 8
    all_quiet_weekday: int | None = 0
    least_impact_minor: int = 0


@dataclass(frozen=True)
class DigestRecipient:
    """Somebody the daily mail goes to; what the links in it may do follows from `role`. Off is who left the list."""

    address: str
    name: str
    role: str
    is_on: bool
    added_at: datetime
    added_by: str
    changed_at: datetime
    changed_by: str


_SETTINGS = [column for column in digest_settings.columns if column.name in DigestSettings.__dataclass_fields__]
_RECIPIENT = [column for column in digest_recipients.columns if column.name != "tenant_id"]


def settings(connection: Connection) -> DigestSettings:
    """The settings as they stand, the usual ones where nobody has chosen any."""
    row = connection.execute(select(*_SETTINGS)).one_or_none()
    return DigestSettings() if row is None else DigestSettings(**row._asdict())


def save_settings(connection: Connection, tenant_id: UUID, given: DigestSettings, *, by: str, now: datetime) -> None:
    """Write the settings over those before."""
    values: dict[str, Any] = {**vars(given), "changed_at": now, "changed_by": by}
    connection.execute(
        insert(digest_settings)
        .values(tenant_id=tenant_id, **values)
        .on_conflict_do_update(index_elements=["tenant_id"], set_=values)
    )


def recipients(connection: Connection, *, only_on: bool = False) -> list[DigestRecipient]:
    """Everybody on the list by address; with `only_on`, those who get the mail."""
    asked = select(*_RECIPIENT).order_by(table.address)
    if only_on:
        asked = asked.where(table.is_on)
    return [_recipient(row) for row in connection.execute(asked)]


def recipient(connection: Connection, address: str) -> DigestRecipient | None:
    """Who has this address, in whatever case it is spelled; None when nobody on the list has."""
    row = connection.execute(select(*_RECIPIENT).where(table.address == address.lower())).one_or_none()
    return None if row is None else _recipient(row)


def save_recipient(
    connection: Connection, tenant_id: UUID, address: str, *, name: str, role: str, by: str, now: datetime
) -> None:
    """Put somebody on the list, or change who is on it; who left it is on it again."""
    values = {"name": name, "role": role, "is_on": True, "changed_at": now, "changed_by": by}
    connection.execute(
        insert(digest_recipients)
        .values(tenant_id=tenant_id, address=address.lower(), added_at=now, added_by=by, **values)
        .on_conflict_do_update(index_elements=["tenant_id", "address"], set_=values)
    )


def switch_recipient(connection: Connection, address: str, *, is_on: bool, by: str, now: datetime) -> bool:
    """Let the mail go to an address or not; False when that was so already or nobody has it."""
    switched = connection.execute(
        update(digest_recipients)
        .where(table.address == address.lower(), table.is_on.is_(not is_on))
        .values(is_on=is_on, changed_at=now, changed_by=by)
        .returning(table.address)
    )
    return switched.one_or_none() is not None


def remove_recipient(connection: Connection, address: str) -> bool:
    """Take somebody off the list; False when nobody there has the address."""
    removed = connection.execute(
        delete(digest_recipients).where(table.address == address.lower()).returning(table.address)
    )
    return removed.one_or_none() is not None


def _recipient(row: Row[Any]) -> DigestRecipient:
    return DigestRecipient(**row._asdict())
