"""What corrected prices have changed: from which price entry to which, for which usage, by how much, when and why."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from store.schema import priced_books, restatements

# Told when a price was written down or withdrawn: usage may have to be priced again.
CHANNEL = "price_book"


@dataclass(frozen=True)
class Restatement:
    """Usage of one model within one calendar month that was priced again; a price or a cost is None where there was none."""

    restatement_id: UUID
    recorded_at: datetime
    cause: str
    from_price_key: str | None
    to_price_key: str | None
    provider: str | None
    model: str | None
    first_day: date
    last_day: date
    events: int
    cost_before_pico_usd: int | None
    cost_after_pico_usd: int | None
    principal: str

    @property
    def change_pico_usd(self) -> int:
        """By how much the list cost of what has a price rose (or fell)."""
        return (self.cost_after_pico_usd or 0) - (self.cost_before_pico_usd or 0)


def record(connection: Connection, found: Iterable[Restatement]) -> None:
    """Write them down in the tenant's open transaction."""
    rows = [asdict(one) for one in found]
    if rows:
        tenant_id = connection.scalar(select(func.current_tenant_id()))
        connection.execute(insert(restatements), [{"tenant_id": tenant_id, **row} for row in rows])


def read(connection: Connection, *, since: datetime | None = None) -> list[Restatement]:
    """Every restatement, or those recorded after a moment, newest first."""
    query = select(restatements).order_by(
        restatements.c.recorded_at.desc(), restatements.c.first_day.desc(), restatements.c.restatement_id
    )
    if since is not None:
        query = query.where(restatements.c.recorded_at > since)
    return [_restatement(dict(row)) for row in connection.execute(query.with_only_columns(*_COLUMNS)).mappings()]


_COLUMNS = [restatements.c[name] for name in Restatement.__dataclass_fields__]


def _restatement(row: dict[str, Any]) -> Restatement:
    costs = {name: row[name] for name in ("cost_before_pico_usd", "cost_after_pico_usd")}
    return Restatement(**(row | {name: None if cost is None else int(cost) for name, cost in costs.items()}))


def list_cost_known_at(connection: Connection, month: date, list_cost_pico_usd: int, known_at: datetime) -> int:
    """What a month's list cost was known to be at a moment, from what it is known to be now."""
    later = read(connection, since=known_at)
    return list_cost_pico_usd - sum(one.change_pico_usd for one in later if one.first_day.replace(day=1) == month)


def priced_by(connection: Connection) -> str | None:
    """The fingerprint of the price book that all usage was last known to be priced by; None at first."""
    return connection.scalar(select(priced_books.c.fingerprint))


def priced_at(connection: Connection) -> datetime | None:
    """Since when all usage is known to be priced by the book of `priced_by`; None at first."""
    return connection.scalar(select(priced_books.c.priced_at))


def note_priced(connection: Connection, fingerprint: str, *, now: datetime) -> None:
    """Remember that all usage is priced by this book."""
    values = {"fingerprint": fingerprint, "priced_at": now}
    connection.execute(
        upsert(priced_books)
        .values(tenant_id=func.current_tenant_id(), **values)
        .on_conflict_do_update(index_elements=["tenant_id"], set_=values)
    )


def wake(connection: Connection) -> None:
    """Tell the worker, with the commit of the open transaction, that prices or terms have changed."""
    connection.execute(text(f"notify {CHANNEL}"))
