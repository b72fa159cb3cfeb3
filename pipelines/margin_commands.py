"""`metering margins`: the margin table, or what moved the margin between two periods, on the command line."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.margin_table import UNKNOWN, print_margin_table
from pipelines.refusals import refusals_as_sentences
from pricing.bridge_story import Behind, Summary
from pricing.margin_bridge import tenths
from pricing.money import exponent
from pricing.named_periods import NamedPeriod, NotAPeriod, named
from pricing.revenue import BASES
from store import warehouse_bridge
from store import warehouse_reads as reads
from store.settings import load_settings

console = Console()
NAMED_CAUSES = 2


def margins(
    bridge: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--bridge", help="Two periods, as in 2026-09 2026-10, 2026-Q2 2026-Q3 or 2025 2026: what moved it."
        ),
    ] = None,
    basis: Annotated[str, typer.Option("--basis", help="service (by the days paid for) or invoiced.")] = "service",
) -> None:
    """Print every customer's margin of the last closed month, or with --bridge what moved the margin from one period to another."""
    with refusals_as_sentences(console):
        settings = load_settings()
        tenant_id = reads.tenant_named(settings.metering_home, settings.metering_tenant)
        if tenant_id is None:
            console.print("Nothing is published yet: run `metering refresh`.", markup=False)
            raise typer.Exit(1)
        if bridge is None:
            print_margin_table(console, settings.metering_home, tenant_id)
            return
        if basis not in BASES:
            console.print(f"A basis is service or invoiced, not {basis!r}.", markup=False, highlight=False)
            raise typer.Exit(2)
        try:
            before, after = map(named, bridge)
        except NotAPeriod as problem:
            console.print(str(problem), markup=False, highlight=False)
            raise typer.Exit(2) from None
        print_bridge(console, settings.metering_home, tenant_id, before, after, basis)


def print_bridge(
    console: Console, home: Path, tenant_id: UUID, before: NamedPeriod, after: NamedPeriod, basis: str
) -> None:
    """Print the parts of the change with the customers that made most of each; says so where something is unknown."""
    warehouse = reads.open_current(home, tenant_id)
    if warehouse is None:
        console.print(reads.refusal(home, tenant_id) or "Nothing is published yet.", markup=False)
        return
    found = warehouse_bridge.summary(warehouse, before, after, basis)
    if found is None:
        console.print(
            "An amount of one of the periods has no exchange rate: add it with `metering rates add`.", markup=False
        )
        return
    names = warehouse_bridge.row_names(warehouse)
    title = f"{warehouse.tenant_name}, {before.name} to {after.name}, in {warehouse.reporting_currency.upper()}, {basis} basis"
    console.print(_table(found, names, warehouse.reporting_currency, title))


def _table(found: Summary, names: dict[str, str], currency: str, title: str) -> Table:
    table = Table(title=Text(title), title_justify="left", header_style="bold", show_footer=True)
    was, now = found.before.share, found.after.share
    shown: list[int | None] = [None] * len(found.steps)
    whole: int | None = None
    if was is not None and now is not None:
        parts = tenths([step.points or Fraction() for step in found.steps], now - was)
        shown, whole = list(parts), sum(parts)
    sums = [
        sum(minors)
        for minors in zip(
            *((step.revenue_minor, step.cost_minor, step.profit_minor) for step in found.steps), strict=True
        )
    ]
    table.add_column("What moved it", footer="Change")
    for heading, total in zip(("Net revenue", "AI cost", "Gross profit"), sums, strict=True):
        table.add_column(heading, footer=_money(total, currency), justify="right", no_wrap=True)
    table.add_column("Margin, points", footer=_tenths(whole), justify="right", no_wrap=True)
    table.add_column("Most of it")
    for step, points in zip(found.steps, shown, strict=True):
        if step.revenue_minor or step.cost_minor:
            amounts = [_money(minor, currency) for minor in (step.revenue_minor, step.cost_minor, step.profit_minor)]
            causes = _causes(found.by_customer.get(step.part), names, currency)
            table.add_row(step.part.replace("_", " ").capitalize(), *amounts, _tenths(points), Text(causes))
    return table


def _causes(behind: Behind | None, names: dict[str, str], currency: str) -> str:
    """The customers with the biggest effects, each with its amount."""
    if behind is None:
        return ""
    return ", ".join(
        f"{names.get(each.customer_id, each.customer_id) if each.customer_id else 'no customer'} "
        f"{_money(round(each.profit_minor), currency)}"
        for each in behind.shown[:NAMED_CAUSES]
    )


def _money(minor: int, currency: str) -> str:
    return f"{Decimal(minor).scaleb(-exponent(currency)):+,}" if minor else "0"


def _tenths(points: int | None) -> str:
    return UNKNOWN if points is None else f"{Decimal(points).scaleb(-1):+}"
