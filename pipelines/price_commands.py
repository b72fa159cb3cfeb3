"""`metering prices`: whether the price book wants attention, how it differs from another list, and the book as a file."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.console import Console
from rich.table import Column, Table

from pipelines.price_book_file import PriceFileRefused, read_book, read_json, write_book
from pipelines.refusals import refusals_as_sentences
from pricing.catalogue_diff import VERDICTS, book_prices, compare, price_list, shared_models
from pricing.litellm_prices import NotLiteLLMPrices, litellm_list
from pricing.overlay import load_overlay, public_offers
from pricing.overlay_check import check_overlay, oldest_check
from pricing.price_book import bare_catalogue, load_catalogue
from pricing.usage_sources.values import usd_text
from store import price_differences
from store.settings import load_settings
from store.warehouse_reads import open_current, tenant_named
from store.warehouse_unpriced import unpriced_models

app = typer.Typer(no_args_is_help=True, help="The price book: what calls cost, and who says so.")
console = Console()
MAX_AGE_DAYS = 90
SHOWN = 50


@app.command()
def check(
    max_age_days: Annotated[
        int, typer.Option("--max-age-days", help="Entries checked longer ago than this are named.")
    ] = MAX_AGE_DAYS,
) -> None:
    """Examine the overlay and name usage without a price; exit code 1 while something is to be done."""
    with refusals_as_sentences(console):
        entries = load_overlay()
        findings = check_overlay(
            bare_catalogue().source, entries, today=datetime.now(UTC).date(), max_age_days=max_age_days
        )
        console.print(
            f"{len(entries)} overlay entries; the longest ago that one was checked is {oldest_check(entries)}.",
            highlight=False,
        )
        for finding in findings:
            console.print(f"{finding.kind}: {finding.place}: {finding.sentence}", markup=False, highlight=False)
        unpriced = _unpriced_usage()
    if unpriced is None:
        tenant = load_settings().metering_tenant
        console.print(
            f"No usage of {tenant} is published here (METERING_HOME, METERING_TENANT), so none was looked at."
        )
    if unpriced is not None and unpriced.height:
        console.print(_unpriced_table(unpriced))
    if findings or (unpriced is not None and unpriced.height):
        raise typer.Exit(1)
    console.print("The book is in order.")


@app.command()
def diff(
    litellm: Annotated[
        Path | None, typer.Option("--litellm", help="LiteLLM's model_prices_and_context_window JSON.")
    ] = None,
    export: Annotated[Path | None, typer.Option("--export", help="An earlier `metering prices export`.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Where to write every row (.csv or .parquet).")] = None,
    show_all: Annotated[bool, typer.Option("--all", help="Print every difference.")] = False,
) -> None:
    """Compare today's prices of the book with another list's, model by model."""
    with refusals_as_sentences(console):
        now = datetime.now(UTC)
        other = litellm or export
        if other is None or (litellm and export):
            raise PriceFileRefused("Say what to compare with: either --litellm FILE or --export FILE.")
        if out is not None and out.suffix not in {".csv", ".parquet"}:
            raise PriceFileRefused(f"{out} must end in .csv or .parquet, so that it is clear what to write.")
        theirs = _theirs(other, is_litellm=litellm is not None, now=now)
        compared = compare(book_prices(load_catalogue(), now), theirs)
        price_differences.save(load_settings().metering_home, compared, other=other.name, now=now)
        if out is not None:
            compared.write_csv(out) if out.suffix == ".csv" else compared.write_parquet(out)
        _print_comparison(compared, show_all=show_all)


@app.command()
def export(file: Annotated[Path, typer.Argument(help="Where to write the book (JSON).")]) -> None:
    """Write every entry of the book, with its source, as JSON."""
    with refusals_as_sentences(console):
        entries = load_catalogue().entries
        write_book(entries, file)
        console.print(f"{len(entries):,} entries in {file}.", highlight=False)


@app.command()
def offers() -> None:
    """List commitments that anybody may agree to with a provider; they price nothing by themselves."""
    table = Table(*(Column(title, overflow="fold") for title in ("Provider", "Offer", "Terms", "Source")))
    for offer in public_offers():
        table.add_row(offer.provider, offer.name, offer.terms, f"{offer.source_url} ({offer.checked_on})")
    console.print(table)


def _theirs(file: Path, *, is_litellm: bool, now: datetime) -> pl.DataFrame:
    if not is_litellm:
        return price_list(read_book(file), now)
    try:
        return litellm_list(read_json(file), load_catalogue())
    except NotLiteLLMPrices as refusal:
        raise PriceFileRefused(f"{file}: {refusal}") from None


def _unpriced_usage() -> pl.DataFrame | None:
    """What the last published version has no price for; None when nothing was ever published here."""
    settings = load_settings()
    tenant_id = tenant_named(settings.metering_home, settings.metering_tenant)
    warehouse = None if tenant_id is None else open_current(settings.metering_home, tenant_id)
    return None if warehouse is None else unpriced_models(warehouse)


def _unpriced_table(unpriced: pl.DataFrame) -> Table:
    table = Table(
        *(Column(title, overflow="fold") for title in ("Provider", "Model", "Events", "Tokens", "Why")),
        title="Usage without a price",
    )
    for row in unpriced.head(SHOWN).iter_rows(named=True):
        numbers = (f"{row['events']:,}", f"{row['tokens']:,}")
        table.add_row(row["provider"] or "", row["model"], *numbers, row["unpriced_reason"] or "")
    return table


def _print_comparison(compared: pl.DataFrame, *, show_all: bool) -> None:
    """The counts, of all and of the models that both lists have, and the prices that differ."""
    both = shared_models(compared)
    counts = Table("Prices", "All", "Models in both")
    for verdict in VERDICTS:
        numbers = (frame.filter(pl.col("verdict") == verdict).height for frame in (compared, both))
        counts.add_row(verdict, *(f"{number:,}" for number in numbers))
    console.print(counts)
    different = both.filter(pl.col("verdict") == "differs")
    if different.is_empty():
        return
    table = Table(*(Column(title, overflow="fold") for title in ("Model", "Tier", "Bucket", "Ours", "Theirs")))
    for row in different.head(different.height if show_all else SHOWN).iter_rows(named=True):
        length = "" if row["above_input_tokens"] is None else f" >{row['above_input_tokens']}"
        prices = (f"{usd_text(row[f'{whose}_pico_usd'] * 10**6)} USD" for whose in ("ours", "theirs"))
        table.add_row(
            f"{row['provider']}/{row['model']}", f"{row['service_tier']}{length}", f"1 M {row['bucket']}", *prices
        )
    console.print(table)
    if different.height > SHOWN and not show_all:
        console.print(f"{different.height - SHOWN} more: --all prints them, --out writes every row.")
