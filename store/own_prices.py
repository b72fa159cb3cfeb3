"""The tenant's own prices: a price that the catalogue lacks or has wrong, with valid time and recorded time."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, or_, select, update

from pricing.price_entry import PriceEntry
from store.schema import own_prices

SOURCE = "own price"
table = own_prices.c


@dataclass(frozen=True)
class OwnPrice:
    """A price with who wrote it down, when and why, and when it was superseded (None: it is in force)."""

    own_price_id: UUID
    entry: PriceEntry
    recorded_at: datetime
    recorded_by: str
    because: str
    superseded_at: datetime | None


def read(connection: Connection, *, known_at: datetime | None = None) -> list[PriceEntry]:
    """The entries that are known now, or that were known at a moment, in the order in which they were written down.

    Where two hold at the same time for the same model and tier, the later one counts.
    """
    return [own.entry for own in listed(connection, known_at=known_at)]


def listed(connection: Connection, *, known_at: datetime | None = None) -> list[OwnPrice]:
    """The same with their records."""
    known: ColumnElement[bool] = table.superseded_at.is_(None)
    if known_at is not None:
        known = and_(table.recorded_at <= known_at, or_(table.superseded_at.is_(None), table.superseded_at > known_at))
    rows = connection.execute(select(own_prices).where(known).order_by(table.position))
    return [_own(row) for row in rows]


def used(connection: Connection) -> list[PriceEntry]:
    """Every entry that was ever written down, also those that are superseded: usage may still name them."""
    return [_own(row).entry for row in connection.execute(select(own_prices).order_by(table.position))]


def latest_reason(connection: Connection) -> str:
    """What was written down or withdrawn last, and why, in the tenant's open transaction."""
    at = func.coalesce(table.superseded_at, table.recorded_at)
    row = connection.execute(select(own_prices).order_by(at.desc(), table.position.desc()).limit(1)).one()
    what = "Own price" if row.superseded_at is None else "Own price withdrawn"
    return f"{what}, {row.provider}/{row.model}: {row.superseded_because or row.because}"


def add(connection: Connection, own_price_id: UUID, entry: PriceEntry, *, by: str, because: str, now: datetime) -> None:
    """Write a price down in the tenant's open transaction; its dates are whole UTC days."""
    connection.execute(
        insert(own_prices).values(
            tenant_id=func.current_tenant_id(),
            own_price_id=own_price_id,
            provider=entry.provider,
            model=entry.model,
            service_tier=entry.service_tier,
            unit_prices={bucket: price for bucket, price in entry.unit_pico_usd.items() if price is not None},
            valid_from=entry.valid_from.date() if entry.valid_from else None,
            valid_to=entry.valid_to.date() if entry.valid_to else None,
            source_url=entry.source_url,
            checked_on=entry.checked_on,
            recorded_at=now,
            recorded_by=by,
            because=because,
        )
    )


def supersede(connection: Connection, own_price_id: UUID, *, by: str, because: str, now: datetime) -> bool:
    """Let a price no longer be what is known; False when it already is not."""
    moved = connection.execute(
        update(own_prices)
        .where(table.own_price_id == own_price_id, table.superseded_at.is_(None))
        .values(superseded_at=now, superseded_by=by, superseded_because=because)
    )
    return moved.rowcount == 1


def entry_of(
    provider: str,
    model: str,
    service_tier: str,
    unit_pico_usd: dict[str, int | None],
    *,
    valid_from: date | None,
    valid_to: date | None,
    source_url: str | None,
    checked_on: date,
) -> PriceEntry:
    """A price of the tenant's own as an entry of the price book."""
    return PriceEntry(
        provider=provider,
        model=model,
        service_tier=service_tier,
        unit_pico_usd=unit_pico_usd,
        valid_from=_midnight(valid_from),
        valid_to=_midnight(valid_to),
        is_standard_price=False,
        source=SOURCE,
        source_url=source_url,
        checked_on=checked_on,
    )


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)


def _own(row: Row[Any]) -> OwnPrice:
    entry = entry_of(
        row.provider,
        row.model,
        row.service_tier,
        dict(row.unit_prices),
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        source_url=row.source_url,
        checked_on=row.checked_on,
    )
    return OwnPrice(row.own_price_id, entry, row.recorded_at, row.recorded_by, row.because, row.superseded_at)
