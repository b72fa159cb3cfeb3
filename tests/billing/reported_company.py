"""A company of four customers with a closed October, published for a tenant, for the tests of its investor report."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from pricing.money import NANO
from store.warehouse_reads import Warehouse, open_current
from tests.store.warehouse_rows import NOVEMBER, OCTOBER, Row, publish_tables, usage, usage_months

NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)
SEPTEMBER = date(2026, 9, 1)
DOLLAR = 10**12
# Customer: net revenue and AI cost of September and October, in cents.
MONTHS = {
    "cus_north": ((900_00, 200_00), (1_000_00, 250_00)),
    "cus_basalt": ((500_00, 150_00), (480_00, 310_00)),
    "cus_loss": ((40_00, 60_00), (50_00, 95_37)),
    "cus_new": (None, (70_00, 7_00)),
}
NAMES = {
    "cus_north": "Northwind Labs",
    "cus_basalt": "Basalt | Cloud",
    "cus_loss": '=HYPERLINK("evil")',
    "cus_new": "Ō Ember",
}


def rows() -> dict[str, list[Row]]:
    """The tables; October comes to $1,600.00 of net revenue and $662.37 + $3.00 of cost, of which $3.00 is nobody's."""
    tables: dict[str, list[Row]] = {"customers": [], "customer_month": [], "revenue_lines": [], "usage_cube": []}
    for customer_id, months in MONTHS.items():
        tables["customers"].append(
            {"customer_id": customer_id, "name": NAMES[customer_id], "plan": "Team", "currency": "usd"}
        )
        for month, amounts in zip((SEPTEMBER, OCTOBER), months, strict=True):
            if amounts is not None:
                sell(tables, customer_id, month, amounts[0])
                tables["usage_cube"].append(used(month, customer_id, amounts[1]))
    tables["usage_cube"].append(used(OCTOBER, None, 3_00, customer_ref="acct_unknown"))
    tables["usage_cube"].append(used(NOVEMBER, "cus_north", 1_00))
    tables["price_entries"] = [price(1, "openai/gpt-4o"), price(2, "openai/gpt-4o, corrected")]
    return tables


def used(month: date, customer_id: str | None, cents: int, **more: Any) -> Row:
    """Usage of that cost."""
    return usage(month, customer_id, cents * DOLLAR // 100, tokens=1_000 * max(1, cents), **more)


def price(price_id: int, key: str) -> Row:
    """A price entry."""
    return {"price_id": price_id, "price_key": key, "provider": "openai", "model": "gpt-4o", "source": "genai-prices"}


def sell(
    tables: dict[str, list[Row]], customer_id: str, month: date, minor: int, kind: str = "line", **more: Any
) -> None:
    """Add an amount of a kind to a customer's month, on both bases, as lines and as sums."""
    invoice_id = f"in_{customer_id}_{month:%m}"
    for basis in ("service", "invoiced"):
        tables["revenue_lines"].append(
            {
                "month": month, "customer_id": customer_id, "basis": basis, "kind": kind, "invoice_id": invoice_id,
                "invoice_number": f"A-{customer_id[4:]}-{month:%m}", "source_id": f"{kind}_{invoice_id}", "currency": "usd",
                "amount_minor": minor, "rate_nano": NANO, "rate_date": month, "reporting_minor": minor, "period_start": month,
                "period_end": month.replace(day=28),
            }
            | more
        )  # fmt: skip
        _add_up(tables, customer_id, month, basis, minor if kind == "line" else 0, 0 if kind == "line" else minor)


def _add_up(tables: dict[str, list[Row]], customer_id: str, month: date, basis: str, gross: int, back: int) -> None:
    key = {"month": month, "customer_id": customer_id, "basis": basis}
    found = next((row for row in tables["customer_month"] if row | key == row), None)
    if found is None:
        names = (
            "gross_minor",
            "discounts_minor",
            "credits_minor",
            "refunds_minor",
            "disputes_minor",
            "fees_minor",
            "net_revenue_minor",
        )
        found = key | dict.fromkeys(names, 0)
        tables["customer_month"].append(found)
    found["gross_minor"] += gross
    found["refunds_minor"] += back
    found["net_revenue_minor"] += gross - back


def publish_october(
    home: Path,
    tenant_id: UUID,
    tables: dict[str, list[Row]] | None = None,
    *,
    version: int = 1,
    slug: str = "acme",
    **meta: str,
) -> Warehouse:
    """Publish the tables for the tenant and open the version."""
    found: dict[str, Sequence[Row]] = dict(tables or rows())
    months = {row["month"] for row in found["usage_cube"]}
    found["customer_month_usage"] = usage_months(found["usage_cube"])
    found["usd_rates"] = [{"month": month, "rate_nano": NANO} for month in sorted(months)]
    found["meta"] = [meta]
    assert publish_tables(home, found, tenant_id=tenant_id, slug=slug, version=version, now=NOW).is_published
    opened = open_current(home, tenant_id)
    assert opened is not None
    return opened
