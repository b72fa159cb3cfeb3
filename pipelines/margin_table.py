"""The margin table in the terminal: every customer of the last closed month, the totals, and how sure they are."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
from rich.console import Console
from rich.table import Table

from pricing.margin import Margin, UsageCost, attributed_share, margin
from pricing.money import divide_half_away, exponent
from store import warehouse_reads as reads
from store.warehouse_reads import Warehouse

UNKNOWN = "\u2014"
NOT_ATTRIBUTED = "Usage without a customer"


def print_margin_table(console: Console, home: Path, tenant_id: UUID) -> None:
    """Print the last closed month by service period, dearest loss last; says what is missing where nothing can be shown."""
    warehouse = reads.open_current(home, tenant_id)
    if warehouse is None:
        console.print("Nothing is published yet, so there is no margin to show.", highlight=False)
        return
    month = _last_closed(warehouse)
    if month is None:
        console.print("No month with revenue or usage has ended yet, so there is no margin to show.", highlight=False)
        return
    company = reads.months(warehouse, "service").row(by_predicate=pl.col("month") == month, named=True)
    rows = reads.customer_months(warehouse, "service", month, month).rows(named=True)
    names = dict(reads.customers(warehouse).select("customer_id", "name").iter_rows())
    console.print(_table(warehouse, month, company, rows, names))
    console.print(_coverage(company, _margin(company, warehouse.reporting_currency)), highlight=False, soft_wrap=True)
    if warehouse.refusal:
        console.print(warehouse.refusal, style="yellow", highlight=False)


def _last_closed(warehouse: Warehouse) -> date | None:
    running = warehouse.as_of.date().replace(day=1)
    closed = [month for month in reads.months(warehouse, "service")["month"].to_list() if month < running]
    return closed[-1] if closed else None


def _table(
    warehouse: Warehouse, month: date, company: Mapping[str, Any], rows: list[dict[str, Any]], names: Mapping[str, str]
) -> Table:
    currency = warehouse.reporting_currency
    title = f"{warehouse.tenant_name}, {month:%B %Y}, in {currency.upper()}, revenue by service period"
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("Customer", footer="Total")
    total = _margin(company, currency)
    footers = _cells(_net(company), total, currency)
    for heading, footer in zip(("Net revenue", "AI cost", "Gross profit", "Margin"), footers, strict=True):
        table.add_column(heading, footer=footer, justify="right", no_wrap=True)
    table.show_footer = True
    known = [(row, _margin(row, currency)) for row in rows]
    known.sort(key=lambda pair: (pair[0]["customer_id"] is None, -(_net(pair[0]) or 0), pair[0]["customer_id"] or ""))
    for row, found in known:
        customer_id = row["customer_id"]
        name = NOT_ATTRIBUTED if customer_id is None else names.get(customer_id, customer_id)
        losing = found.gross_profit_minor is not None and found.gross_profit_minor < 0
        table.add_row(name, *_cells(_net(row), found, currency), style="red" if losing and customer_id else None)
    return table


def _cells(net_minor: int | None, found: Margin, currency: str) -> list[str]:
    return [
        _money(net_minor, currency),
        _money(found.cost_minor, currency),
        _money(found.gross_profit_minor, currency),
        _percent(found.share),
    ]


def _net(row: Mapping[str, Any]) -> int | None:
    """Nothing billed is 0; an amount without an exchange rate leaves the sum unknown."""
    if row.get("is_incomplete"):
        return None
    if row.get("has_revenue") is False:
        return 0
    return None if row["net_revenue_minor"] is None and "has_revenue" in row else int(row["net_revenue_minor"] or 0)


def _margin(row: Mapping[str, Any], currency: str) -> Margin:
    tokens = row.get("dearest_tokens")
    usage = UsageCost(
        cost_pico_usd=int(row["cost_pico_usd"] or 0),
        events=int(row["events"] or 0),
        unpriced_events=int(row["unpriced_events"] or 0),
        tokens=int(row["tokens"] or 0),
        unpriced_tokens=int(row["unpriced_tokens"] or 0),
        dearest_pico_usd_per_token=Fraction(int(row["dearest_pico_usd"]), int(tokens)) if tokens else None,
    )
    return margin(_net(row), usage, currency, row["usd_rate_nano"])


def _money(minor: int | None, currency: str) -> str:
    return UNKNOWN if minor is None else f"{Decimal(minor).scaleb(-exponent(currency)):,}"


def _percent(share: Fraction | None) -> str:
    if share is None:
        return UNKNOWN
    return f"{Decimal(divide_half_away(share.numerator * 1000, share.denominator)).scaleb(-1)} %"


def _coverage(company: Mapping[str, Any], found: Margin) -> str:
    """How sure the total is, in one line."""
    attributed = attributed_share(int(company["attributed_pico_usd"] or 0), int(company["cost_pico_usd"] or 0))
    parts = [
        f"{_percent(found.priced_share)} of tokens priced",
        f"{_percent(attributed)} of AI cost attributed to customers",
    ]
    parts.append("matched to provider invoices: not measured yet")
    if found.low is not None and found.low != found.high:
        parts.append(f"margin between {_percent(found.low)} and {_percent(found.high)}")
    return "Coverage: " + ", ".join(parts) + "."
