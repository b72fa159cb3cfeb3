"""`metering spikes`: the unusual days of a usage export, the costliest episodes first; without one, those that are stored."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipelines.find_spikes import Spikes, find_spikes
from pipelines.installation import this_installation
from pipelines.refusals import refusals_as_sentences
from pipelines.stored_spikes import stored_days, table
from store.database import tenant_transaction

SHOWN = 15
SHOWN_DAYS = 5
SHOWN_STORED_DAYS = 7
console = Console()


def spikes(
    file: Annotated[
        Path | None, typer.Argument(help="Daily usage as CSV or Parquet: customer, model, day, requests, tokens, cost.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Where to write a CSV row for each unusual day.")] = None,
    at_stake: Annotated[
        str, typer.Option("--at-stake", help="Dollars a day below which a surprise is not worth an alert.")
    ] = "0.25",
    since: Annotated[
        datetime | None,
        typer.Option("--since", formats=["%Y-%m-%d"], help="Without FILE: the first day to show, else the last seven."),
    ] = None,
) -> None:
    """Find the days on which a customer's use of a model was unusual; without FILE, show the alerts of what is published."""
    with refusals_as_sentences(console):
        if file is None:
            _show_stored(since.date() if since else datetime.now(UTC).date() - timedelta(days=SHOWN_STORED_DAYS), out)
            return
        found = find_spikes(file, at_stake_pico_usd=_pico_usd(at_stake))
        if out is not None:
            found.rows.write_csv(out)
        _show(found, out)


def _show_stored(since: date, out: Path | None) -> None:
    with this_installation() as here, tenant_transaction(here.engine, here.tenant_id) as connection:
        rows = stored_days(connection, since)
    if out is not None:
        rows.write_csv(out)
    leading = rows.filter(pl.col("explained_by").is_null()).height
    days = "1 unusual day" if leading == 1 else f"{leading:,} unusual days"
    console.print(
        f"Since {since}: {days}, and {rows.height - leading:,} that {'it explains' if leading == 1 else 'they explain'}."
    )
    if leading:
        console.print(table(rows))
    if out is not None:
        console.print(f"Written to {out}.")


def _pico_usd(dollars: str) -> int:
    try:
        amount = Decimal(dollars)
    except InvalidOperation as problem:
        raise typer.BadParameter(f"{dollars} is no amount of dollars: write it as 0.25.") from problem
    if not 0 <= amount < 10**6:
        raise typer.BadParameter(f"{dollars} dollars a day is not between 0 and 1,000,000.")
    return int(amount.scaleb(12))


def _show(found: Spikes, out: Path | None) -> None:
    console.print(f"{found.series:,} series over {found.days:,} days: {found.rows.height:,} unusual days.")
    if found.rejected:
        console.print(f"{found.rejected:,} rows could not be used: no day, or a number that is missing or below zero.")
    if found.days_without_data:
        shown = ", ".join(str(day) for day in found.days_without_data[:SHOWN_DAYS])
        more = len(found.days_without_data) - SHOWN_DAYS
        console.print(
            f"Nobody has a row on {shown}{f' and {more:,} days more' if more > 0 else ''}: taken as late, not as a fall."
        )
    if not found.rows.is_empty():
        _table(found.rows)
    if out is not None:
        console.print(f"Written to {out}.")


def _table(rows: pl.DataFrame) -> None:
    names = [name for name in ("series_id", "customer_id", "model") if name in rows.columns]
    moment = "date" if "date" in rows.columns else "day"
    episodes = (
        rows.with_columns(pl.col("impact_usd").cast(pl.Decimal(38, 12)))
        .group_by(*names, "episode_first_day", maintain_order=True)
        .agg(
            pl.col(moment).min().alias("first"),
            pl.len().alias("days"),
            pl.col("impact_usd").sum().alias("impact"),
            pl.col("sentence").first(),
        )
        .sort(pl.col("impact").abs(), descending=True)
    )
    table = Table(title=f"The costliest {min(SHOWN, episodes.height)} of {episodes.height:,} episodes")
    table.add_column("first day")
    table.add_column("days", justify="right")
    table.add_column("impact", justify="right")
    table.add_column("the first day's alert")
    for row in episodes.head(SHOWN).iter_rows(named=True):
        table.add_row(str(row["first"]), str(row["days"]), f"{row['impact']:+,.2f} USD", escape(row["sentence"]))
    console.print(table)
