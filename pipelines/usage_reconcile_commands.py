"""`metering reconcile-usage`: usage log against the providers' bills, by provider and cause, as the published version has it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

import polars as pl
import typer
from rich.console import Console
from rich.table import Column, Table

from pipelines.installation import this_installation
from pipelines.refusals import refusals_as_sentences
from pricing.money import divide_half_away
from pricing.usage_reconciliation import BillState, Cause
from store import warehouse_bill_reads, warehouse_reads
from store.warehouse_reads import Warehouse

console = Console()
UNKNOWN = "\u2014"
CENT_PICO_USD = 10**10


def reconcile_usage(
    month: Annotated[
        str | None, typer.Option(help="The month, as 2026-10; without it the last one with a bill that is over.")
    ] = None,
) -> None:
    """Print logged, billed and the gap by cause; exit code 1 while a provider's gap is open."""
    with refusals_as_sentences(console), this_installation() as installation:
        warehouse = warehouse_reads.open_current(installation.home, installation.tenant_id)
        if warehouse is None:
            console.print("Nothing is published yet: run `metering refresh` first.")
            raise typer.Exit(1)
        asked = None if month is None else datetime.strptime(f"{month}-01", "%Y-%m-%d").date()  # noqa: DTZ007 - a month has no zone
        is_open = print_usage_gaps(console, warehouse, asked)
    if is_open:
        raise typer.Exit(1)


def print_usage_gaps(out: Console, warehouse: Warehouse, month: date | None = None) -> bool:
    """The table of a month; answers whether a gap in it is open."""
    months = warehouse_bill_reads.bill_months(warehouse)
    running = warehouse.as_of.date().replace(day=1)
    if month is None:
        month = next(iter(_newest_first(months, running)), None)
    rows = months.filter(pl.col("month") == month)
    if month is None or rows.is_empty():
        out.print("There is no usage and no bill to compare in that month.")
        return False
    causes = warehouse_bill_reads.bill_causes(warehouse, month)
    out.print(_table(month, rows, causes))
    lacking = rows.filter(pl.col("state") == BillState.NO_BILL)["provider"].to_list()
    if lacking:
        out.print(
            f"No bill is connected for {', '.join(lacking)}: `metering usage connect` or `metering import-bill`.",
            soft_wrap=True,
        )
    return bool((rows["state"] == BillState.OPEN).any())


def _newest_first(months: pl.DataFrame, running: date) -> list[date]:
    """Months with a bill that are over, then all others."""
    billed = months.filter(pl.col("billed_pico_usd").is_not_null(), pl.col("month") < running)
    return [*billed["month"].to_list(), *months["month"].to_list()]


def _table(month: date, rows: pl.DataFrame, causes: pl.DataFrame) -> Table:
    shown = [cause for cause in Cause if cause.value in set(causes["cause"])]
    money = [Column(title, justify="right") for title in ("Logged", "Billed", "Gap", *(cause.value for cause in shown))]
    table = Table("Provider", *money, "State", title=f"Usage and bills, {month:%B %Y}, in USD", title_justify="left")
    for row in rows.iter_rows(named=True):
        of = causes.filter(pl.col("provider") == row["provider"])
        parts = dict(of.select("cause", "part_pico_usd").iter_rows())
        gap = None if row["billed_pico_usd"] is None else row["billed_pico_usd"] - row["logged_pico_usd"]
        logged = row["usage_pico_usd"] if gap is None else row["logged_pico_usd"]
        cells = [logged, row["billed_pico_usd"], gap, *(parts.get(cause.value) for cause in shown)]
        table.add_row(row["provider"], *(_usd(cell) for cell in cells), row["state"])
    return table


def _usd(pico_usd: int | None) -> str:
    return UNKNOWN if pico_usd is None else f"{Decimal(divide_half_away(int(pico_usd), CENT_PICO_USD)).scaleb(-2):,}"
