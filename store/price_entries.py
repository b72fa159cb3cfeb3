"""The price entries that priced usage refers to: written once, never changed, the same for every tenant."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import polars as pl
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from pricing.price_entry import ENTRY_SCHEMA, PriceEntry
from pricing.usage import BUCKETS
from store.schema import price_entries


def record(connection: Connection, entries: Iterable[PriceEntry], *, now: datetime) -> None:
    """Keep entries; one that is known already stays as it is, since its id is the hash of its content."""
    # Sorted, so that two imports at once wait for each other's rows in the same order.
    rows = [_row(entry, now) for entry in sorted(entries, key=lambda entry: entry.price_id)]
    if rows:
        connection.execute(insert(price_entries).on_conflict_do_nothing(index_elements=["price_id"]), rows)


def read(connection: Connection) -> pl.DataFrame:
    """Every entry that any usage was priced with, by id, with the columns ENTRY_SCHEMA; instants are UTC without a zone."""
    rows = connection.execute(select(price_entries).order_by(price_entries.c.price_id)).mappings()
    return pl.DataFrame([_entry_row(dict(row)) for row in rows], schema=ENTRY_SCHEMA, orient="row")


def _row(entry: PriceEntry, now: datetime) -> dict[str, Any]:
    return {
        "price_id": entry.price_id,
        "price_key": entry.price_key,
        "provider": entry.provider,
        "model": entry.model,
        "service_tier": entry.service_tier,
        "region": entry.region,
        "search_context_size": entry.search_context_size,
        "above_input_tokens": entry.above_input_tokens,
        "up_to_input_tokens": entry.up_to_input_tokens,
        "valid_from": entry.valid_from,
        "valid_to": entry.valid_to,
        "tod_from_minute": entry.tod_from_minute,
        "tod_to_minute": entry.tod_to_minute,
        "unit_prices": {bucket: price for bucket, price in entry.unit_pico_usd.items() if price is not None},
        "remainders": dict(entry.remainders),
        "source": entry.source,
        "source_url": entry.source_url,
        "checked_on": entry.checked_on,
        "recorded_at": now,
    }


def _entry_row(row: dict[str, Any]) -> dict[str, Any]:
    prices = {f"{bucket}_pico_usd": row["unit_prices"].get(bucket) for bucket in BUCKETS}
    moments = {
        name: None if row[name] is None else row[name].astimezone(UTC).replace(tzinfo=None)
        for name in ("valid_from", "valid_to")
    }
    whole = row | prices | moments
    return {name: whole[name] for name in ENTRY_SCHEMA}
