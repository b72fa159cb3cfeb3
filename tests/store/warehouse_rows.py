"""Versions of a warehouse from rows that a test writes down: columns that it does not name are null."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from pricing.money import NANO
from pricing.price_book import PriceEntry, listed_prices
from pricing.price_ranges import PriceRanges
from pricing.usage import BUCKETS, TOKEN_BUCKETS
from store import warehouse, warehouse_coverage, warehouse_metrics
from store.warehouse import Building, Check, Publication, publishing
from store.warehouse_tables import TABLES

Row = dict[str, Any]
NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)
OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
ACME = UUID("11111111-1111-1111-1111-111111111111")
MALLORY = UUID("99999999-9999-9999-9999-999999999999")
# A token of OpenAI's costs $0.001 at the least and $0.004 at the most, an image $0.02 or $0.05.
PRICES = [
    PriceEntry(
        provider="openai",
        model=model,
        unit_pico_usd=dict.fromkeys(TOKEN_BUCKETS, token) | {"images": image},
    )
    for model, token, image in (("mini", 10**9, 2 * 10**10), ("gpt-4o", 4 * 10**9, 5 * 10**10))
]
RANGES = PriceRanges(listed_prices(PRICES))


def publish_tables(
    home: Path,
    tables: Mapping[str, Sequence[Row]] | None = None,
    *,
    tenant_id: UUID = ACME,
    slug: str = "acme",
    version: int = 1,
    now: datetime = NOW,
    source_invoices: int | None = None,
) -> Publication:
    """Publish these rows; `source_invoices` is what the source claims where it shall differ."""
    rows = {name: list(found) for name, found in (tables or {}).items()}
    meta: Row = {"tenant_id": str(tenant_id), "tenant_name": "Acme", "reporting_currency": "usd", "as_of": now}
    meta |= {"published_at": now, "definitions_version": "2"}
    rows["meta"] = [meta | row | {"version": version} for row in rows.get("meta", [{}])]

    def fill(con: Building, _: int) -> Sequence[Check]:
        for table, columns in TABLES.items():
            warehouse.load(con, table, [dict.fromkeys(columns) | row for row in rows.get(table, [])])
        if not {"unpriced_bounds", "month_coverage"} & set(rows):
            warehouse_coverage.load(con, RANGES)
        if "segment_month" not in rows:
            warehouse_metrics.sum_up(con, rows["meta"][0]["reporting_currency"])
        held = warehouse.row_counts(con)["invoices"]
        return [Check("invoices", held if source_invoices is None else source_invoices, held)]

    with publishing(home, tenant_id) as folder:
        return warehouse.publish(folder, slug, version, fill, now=now)


def revenue(
    month: date, customer_id: str | None, net_minor: int | None, *, basis: str = "service", **given: Any
) -> Row:
    """A customer's month of which a test says the net; the rest is 0, or unknown as the net is."""
    parts = dict.fromkeys(("discounts_minor", "credits_minor", "refunds_minor", "disputes_minor", "fees_minor"), 0)
    row = {"month": month, "customer_id": customer_id, "basis": basis, "gross_minor": net_minor}
    return row | parts | {"net_revenue_minor": net_minor} | given


def usage(month: date, customer_id: str | None, cost_pico_usd: int | None, *, tokens: int = 1_000, **given: Any) -> Row:
    """A row of the cube on the tenth day of the month, all of it plain input; without a cost it has no price."""
    row: Row = dict.fromkeys(BUCKETS, 0) | {"input_uncached_tokens": tokens, "requests": 1, "events": 1}
    row |= {"day": month.replace(day=10), "month": month, "customer_id": customer_id, "customer_ref": customer_id}
    row |= {"provider": "openai", "model": "gpt-4o", "cost_pico_usd": cost_pico_usd}
    row |= {"price_id": None if cost_pico_usd is None else 1, "list_cost_pico_usd": cost_pico_usd}
    row |= {"cost_source": None if cost_pico_usd is None else "catalogue"}
    return row | given


def usage_months(cube: Sequence[Row]) -> list[Row]:
    """customer_month_usage of rows of the cube."""
    sums: dict[tuple[date, str | None], Row] = {}
    for row in cube:
        key = (row["month"], row["customer_id"])
        names = ("events", "priced_events", "unpriced_events", "tokens", "unpriced_tokens", "cost_pico_usd")
        month = sums.setdefault(key, {"month": key[0], "customer_id": key[1], **dict.fromkeys(names, 0)})
        is_priced = row["cost_pico_usd"] is not None
        month["events"] += row["events"]
        month["priced_events" if is_priced else "unpriced_events"] += row["events"]
        month["tokens"] += row["input_uncached_tokens"]
        month["unpriced_tokens"] += 0 if is_priced else row["input_uncached_tokens"]
        month["cost_pico_usd"] += row["cost_pico_usd"] or 0
    return list(sums.values())


def with_usage(cube: Sequence[Row], **tables: Sequence[Row]) -> dict[str, Sequence[Row]]:
    """Tables of usage in all its forms, reported in dollars, beside those that a test names."""
    months = {row["month"] for row in cube}
    rates = [{"month": month, "rate_nano": NANO} for month in sorted(months)]
    return {"usage_cube": cube, "customer_month_usage": usage_months(cube), "usd_rates": rates, **tables}
