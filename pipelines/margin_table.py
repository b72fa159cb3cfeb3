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
from rich.text import Text

from pricing.coverage import reason_words
from pricing.margin import Margin
from pricing.money import divide_half_away, exponent
from store import warehouse_reads as reads
from store.warehouse_margins import margin_of, net_revenue
from store.warehouse_reads import Warehouse

UNKNOWN = "\u2014"
NOT_ATTRIBUTED = "Usage without a customer"
BEYOND_USAGE = "Billed beyond the usage"


def print_margin_table(console: Console, home: Path, tenant_id: UUID) -> None:
    """Print the last closed month by service period, biggest revenue first; says so where nothing can be shown."""
    warehouse = reads.open_current(home, tenant_id)
    if warehouse is None:
        _line(console, reads.refusal(home, tenant_id) or "Nothing is published yet, so there is no margin to show.")
        return
    months = reads.months(warehouse, "service").filter(pl.col("month") < warehouse.as_of.date().replace(day=1))
    if months.is_empty():
        _line(console, "No month with revenue or usage has ended yet, so there is no margin to show.")
    else:
        company = months.row(-1, named=True)
        rows = reads.customer_months(warehouse, "service", company["month"], company["month"]).rows(named=True)
        names = dict(reads.customers(warehouse).select("customer_id", "name").iter_rows())
        console.print(_table(warehouse, company["month"], company, rows, names))
        _line(console, _coverage(margin_of(company, warehouse.reporting_currency)))
    if warehouse.refusal:
        _line(console, warehouse.refusal, style="yellow")


def _line(console: Console, text: str, style: str | None = None) -> None:
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def _table(
    warehouse: Warehouse, month: date, company: Mapping[str, Any], rows: list[dict[str, Any]], names: Mapping[str, str]
) -> Table:
    currency = warehouse.reporting_currency
    title = f"{warehouse.tenant_name}, {month:%B %Y}, in {currency.upper()}, revenue by service period"
    table = Table(title=Text(title), title_justify="left", header_style="bold", show_footer=True)
    table.add_column("Customer", footer="Total")
    footers = _cells(company, margin_of(company, currency), currency)
    for heading, footer in zip(("Net revenue", "AI cost", "Gross profit", "Margin"), footers, strict=True):
        table.add_column(heading, footer=footer, justify="right", no_wrap=True)
    for row in sorted((part for one in rows for part in _parted(one)), key=_place):
        customer_id, found = row["customer_id"], margin_of(row, currency)
        # A name is somebody else's words: as Text it is no markup.
        name = Text(row["called"] if customer_id is None else names.get(customer_id, customer_id))
        is_loss = customer_id is not None and found.gross_profit_minor is not None and found.gross_profit_minor < 0
        table.add_row(name, *_cells(row, found, currency), style="red" if is_loss else None)
    return table


def _parted(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A customer's row as it is; of nobody's what was used by itself and what bills and contracts come to beyond all usage."""
    if row["customer_id"] is not None:
        return [dict(row)]
    used = int(row["month_logged_pico_usd"] or 0) - int(row["month_attributed_pico_usd"] or 0)
    beyond = int(row["cost_pico_usd"] or 0) - used
    nothing = {"net_revenue_minor": 0, "events": 0, "unpriced_events": 0}
    parts = (
        [dict(row) | {"called": NOT_ATTRIBUTED, "cost_pico_usd": used}]
        if row["events"] or row["net_revenue_minor"]
        else []
    )
    return parts + ([dict(row) | nothing | {"called": BEYOND_USAGE, "cost_pico_usd": beyond}] if beyond else [])


def _place(row: Mapping[str, Any]) -> tuple[bool, int, str]:
    """Biggest revenue first, what belongs to nobody last."""
    return row["customer_id"] is None, -(net_revenue(row) or 0), row["customer_id"] or ""


def _cells(row: Mapping[str, Any], found: Margin, currency: str) -> list[str]:
    return [
        _money(net_revenue(row), currency),
        _money(found.cost_minor, currency),
        _money(found.gross_profit_minor, currency),
        _percent(found.share),
    ]


def _money(minor: int | None, currency: str) -> str:
    return UNKNOWN if minor is None else f"{Decimal(minor).scaleb(-exponent(currency)):,}"


def _percent(share: Fraction | None) -> str:
    """One decimal; 99.96 % is not shown as 100 % while something is missing."""
    if share is None:
        return UNKNOWN
    thousandths = divide_half_away(share.numerator * 1000, share.denominator)
    if thousandths == 1000 and share < 1:
        thousandths = 999
    return f"{Decimal(thousandths).scaleb(-1)} %"


def _coverage(found: Margin) -> str:
    """How sure the total is, in one line, and why its state is unknown where it is."""
    reconciled = found.coverage.reconciled
    parts = [
        f"{_percent(found.coverage.priced)} of usage priced",
        f"{_percent(found.coverage.attributed)} of AI cost attributed to customers",
        "agreement with the providers' bills not measured, no bill is connected"
        if reconciled is None
        else f"{_percent(reconciled)} of AI cost agrees with the providers' bills",
    ]
    if found.share is None:
        parts.append("margin unknown")
    elif found.low is None or found.high is None:
        parts.append("range of the margin unknown")
    else:
        counting = " once unpriced usage is counted" if found.high < found.share else ""
        parts.append(f"margin between {_percent(found.low)} and {_percent(found.high)}{counting}")
    words = "Coverage: " + ", ".join(parts) + "."
    if found.reasons:
        words += f" State unknown: {'; '.join(reason_words(reason, _percent) for reason in found.reasons)}."
    return words
