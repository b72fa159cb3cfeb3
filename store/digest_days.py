"""The local days whose daily mail was made or passed over: each is decided once."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Connection, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from store.schema import digest_days, outgoing_mails

KIND = "digest"
ASKED, PASSED_OVER = "asked", "passed_over"

table = digest_days.c


@dataclass(frozen=True)
class DigestDay:
    """A decided day. `reported_day` is the UTC day it was about, `version` the warehouse's, the counts are of alerts and people."""

    day: date
    decided_at: datetime
    outcome: str
    reported_day: date
    version: int | None
    is_late: bool
    new: int = 0
    ongoing: int = 0
    resolved: int = 0
    recipients: int = 0


def about(day: date) -> str:
    """What the mails of a day say they belong to."""
    return f"{KIND}:{day.isoformat()}"


def decide(connection: Connection, tenant_id: UUID, decided: DigestDay) -> bool:
    """Write the day down; False when another has done so, for whom this one waits if they are about to."""
    made = connection.execute(
        insert(digest_days).values(tenant_id=tenant_id, **vars(decided)).on_conflict_do_nothing().returning(table.day)
    )
    return made.one_or_none() is not None


def is_decided(connection: Connection, day: date) -> bool:
    """Whether this day needs nothing any more."""
    return connection.scalar(select(table.day).where(table.day == day)) is not None


def newest(connection: Connection, *, limit: int = 30) -> list[DigestDay]:
    """The latest decided days, newest first."""
    columns = [table[name] for name in DigestDay.__dataclass_fields__]
    rows = connection.execute(select(*columns).order_by(table.day.desc()).limit(limit))
    return [DigestDay(**row._asdict()) for row in rows]


def last_told(connection: Connection, day: date) -> datetime | None:
    """When news was told for certain the last time before this day; None for never.

    For certain: nothing was to tell, or the mail server took somebody's mail. A day whose mails are all refused, withdrawn or in
    doubt has told nothing, so its news is told with the next.
    """
    is_sent = (
        select(outgoing_mails.c.mail_id)
        .where(outgoing_mails.c.about == func.concat(f"{KIND}:", table.day), outgoing_mails.c.state == "sent")
        .exists()
    )
    was_told = or_(table.outcome == PASSED_OVER, is_sent)
    told_at: datetime | None = connection.scalar(select(func.max(table.decided_at)).where(table.day < day, was_told))
    return told_at
