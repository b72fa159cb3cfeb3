"""A company's single calls in the lake, and the version that is published from them the way a refresh does it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl

from pipelines.publish_usage import load_usage
from pricing.effective_cost import Agreements
from pricing.money import NANO
from pricing.price_book import PriceEntry, entries_frame, listed_prices
from store import warehouse, warehouse_reads, warehouse_usage
from store.lake import tenant_folder
from store.lake_files import write_files
from store.warehouse import Building, Check, publishing
from store.warehouse_reads import Warehouse
from store.warehouse_tables import TABLES
from tests.store.test_lake import priced

FIRST = date(2026, 11, 12)
NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
NOVEMBER = date(2026, 11, 1)
SECRET = "sk-ant-api03-Zr4kLmQ8x1vTa1f3"  # no key of anybody's
SONNET, DEARER, HAIKU = (
    PriceEntry(
        provider="anthropic",
        model=model,
        unit_pico_usd={
            "input_uncached_tokens": price,
            "cache_read_tokens": price // 10,
            "output_text_tokens": price * 5,
        },
        valid_from=starts,
        valid_to=ends,
    )
    for model, price, starts, ends in (
        ("sonnet", 3_000_000, None, datetime(2026, 11, 16, tzinfo=UTC)),
        ("sonnet", 4_000_000, datetime(2026, 11, 16, tzinfo=UTC), None),
        ("haiku", 1_000_000, None, None),
    )
)
ENTRIES = {"sonnet": (SONNET, DEARER), "haiku": (HAIKU,)}
Call = dict[str, Any]


def call(day: date, number: int = 0, **given: Any) -> Call:
    """A call of Northwind's with 1,000 tokens in and 100 out, at the price that its model has on that day."""
    made: Call = {"occurred_at": datetime(day.year, day.month, day.day, 9, tzinfo=UTC) + timedelta(minutes=number)}
    made |= {"customer_ref": "north", "provider": "anthropic", "model": "sonnet", "feature": "chat"}
    made |= {"api_key": "key_prod", "service_tier": "standard"}
    made |= {"input_uncached_tokens": 1_000, "output_text_tokens": 100} | given
    if made["model"] in ENTRIES:
        entry = next(
            each
            for each in ENTRIES[made["model"]]
            if (each.valid_from is None or made["occurred_at"] >= each.valid_from)
            and (each.valid_to is None or made["occurred_at"] < each.valid_to)
        )
        made["price_id"] = entry.price_id
        made["cost_pico_usd"] = sum(made.get(bucket, 0) * (price or 0) for bucket, price in entry.unit_pico_usd.items())
    else:
        made["unpriced_reason"] = "unknown model"
    return made


def publish_calls(home: Path, tenant_id: UUID, slug: str, calls: Sequence[Call], *, version: int = 1) -> Warehouse:
    """Write the calls into the lake and publish what they come to; Northwind sells $600 in November, the company $6,000."""
    numbered = [{**each, "event_id": f"{slug}-{place:06d}"} for place, each in enumerate(calls)]
    files = write_files(tenant_folder(home, tenant_id), UUID(int=version), 0, priced(*numbered))
    refs = pl.DataFrame(
        {"customer_ref": ["north", "sable"], "customer_id": ["cus_north", "cus_sable"]}, schema_overrides={}
    )
    entries = entries_frame([SONNET, DEARER, HAIKU])
    rows = _rows(tenant_id, version)

    def fill(con: Building, _: int) -> Sequence[Check]:
        for table, columns in TABLES.items():
            warehouse.load(con, table, [dict.fromkeys(columns) | row for row in rows.get(table, [])])
        agreed = Agreements([], [], entries, NOW.date())
        load_usage(con, home, tenant_id, files, refs, agreed, listed_prices([SONNET, DEARER, HAIKU]), pl.DataFrame())
        warehouse_usage.load_prices(con, entries)
        return [Check("usage events", len(calls), warehouse_usage.read_sums(con)["events"])]

    with publishing(home, tenant_id) as folder:
        warehouse.publish(folder, slug, version, fill, now=NOW)
    view = warehouse_reads.open_current(home, tenant_id)
    assert view is not None
    return view


def _rows(tenant_id: UUID, version: int) -> Mapping[str, Sequence[dict[str, Any]]]:
    meta = {"version": version, "tenant_id": str(tenant_id), "tenant_name": "Acme", "reporting_currency": "usd"}
    sold = [("cus_north", 60_000), ("cus_sable", 540_000)]
    return {
        "meta": [meta | {"as_of": NOW, "published_at": NOW, "definitions_version": "2"}],
        "customers": [
            {"customer_id": "cus_north", "name": "Northwind"},
            {"customer_id": "cus_sable", "name": "Sable Health"},
        ],
        "customer_month": [
            {"month": NOVEMBER, "customer_id": customer, "basis": "service", "net_revenue_minor": net}
            for customer, net in sold
        ],
        "usd_rates": [{"month": month, "rate_nano": NANO} for month in (date(2026, 10, 1), NOVEMBER)],
    }
