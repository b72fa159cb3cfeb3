"""How fresh each source is: when it was last tried, last read with success, and how new its newest record is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, DateTime, case, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from store.schema import source_freshness

# Successes by which a rhythm is known: ten hours of a pull every five minutes, three months of a weekly import.
SUCCESSES_KEPT = 120
_MOMENTS = ARRAY(DateTime(timezone=True))


class Status(StrEnum):
    """What the last attempt came to."""

    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"


@dataclass(frozen=True)
class Freshness:
    """One source's freshness; a time is None when that has never happened. `recent_successes` are the newest, oldest first."""

    source: str
    status: Status
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    latest_record_at: datetime | None
    rows_total: int | None
    message: str | None
    recent_successes: Sequence[datetime] = ()


def record(
    connection: Connection,
    source: str,
    *,
    status: Status,
    now: datetime,
    latest_record_at: datetime | None = None,
    rows_total: int | None = None,
    message: str | None = None,
) -> None:
    """Note an attempt at `now` in the tenant's open transaction.

    Only `Status.OK` moves the last success. The newest record never moves back, and what is not given stays as it was known.
    """
    stored = source_freshness.c
    statement = insert(source_freshness).values(
        tenant_id=func.current_tenant_id(),
        source=source,
        status=status.value,
        last_attempt_at=now,
        last_success_at=now if status is Status.OK else None,
        latest_record_at=latest_record_at,
        rows_total=rows_total,
        message=message,
        recent_successes=[now] if status is Status.OK else None,
    )
    given = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "source"],
            set_={
                "status": given.status,
                "last_attempt_at": given.last_attempt_at,
                "last_success_at": func.coalesce(given.last_success_at, stored.last_success_at),
                # greatest() of Postgres passes over nulls
                "latest_record_at": func.greatest(given.latest_record_at, stored.latest_record_at),
                "rows_total": func.coalesce(given.rows_total, stored.rows_total),
                "message": given.message,
                "recent_successes": _with_success(now) if status is Status.OK else stored.recent_successes,
            },
        )
    )


def _with_success(now: datetime) -> Any:
    """The stored successes and this one after them, the oldest dropped where they are too many; the same moment is kept once."""
    known = func.coalesce(source_freshness.c.recent_successes, literal([], _MOMENTS))
    longer = func.array_append(func.array_remove(known, now), now, type_=_MOMENTS)
    return case((func.cardinality(longer) > SUCCESSES_KEPT, longer[2 : SUCCESSES_KEPT + 1]), else_=longer)


def read(connection: Connection) -> list[Freshness]:
    """The freshness of every source of the tenant, by name."""
    rows = connection.execute(select(source_freshness).order_by(source_freshness.c.source))
    return [
        Freshness(
            source=row.source,
            status=Status(row.status),
            last_attempt_at=row.last_attempt_at,
            last_success_at=row.last_success_at,
            latest_record_at=row.latest_record_at,
            rows_total=row.rows_total,
            message=row.message,
            recent_successes=tuple(row.recent_successes or ()),
        )
        for row in rows
    ]
