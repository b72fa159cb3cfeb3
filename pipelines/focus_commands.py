"""`metering export-focus`: a month's AI cost for tools that read FOCUS."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipelines.export_focus import ExportRefused
from pipelines.export_focus import export_focus as write_focus
from pipelines.refusals import refusals_as_sentences
from pricing.focus import VERSIONS
from store import warehouse_reads
from store.settings import load_settings

console = Console()


def export_focus(
    month: Annotated[datetime, typer.Option("--month", formats=["%Y-%m"], help="The month of usage: 2026-10.")],
    out: Annotated[Path, typer.Option("--out", help="Where to write (.csv or .parquet).")],
    version: Annotated[str, typer.Option("--version", help=f"FOCUS version: {', '.join(VERSIONS)}.")] = VERSIONS[0],
) -> None:
    """Write a month's AI cost as FOCUS charges."""
    with refusals_as_sentences(console):
        settings = load_settings()
        tenant_id = warehouse_reads.tenant_named(settings.metering_home, settings.metering_tenant)
        if tenant_id is None:
            raise ExportRefused(
                "Nothing is published yet, so there is nothing to export: run `metering refresh` or `metering up` first."
            )
        done = write_focus(settings.metering_home, tenant_id, month.date(), out, version=version)
        console.print(
            f"{done.charges:,} charges of {month:%B %Y}, {done.effective_usd:,.2f} USD, in FOCUS {version}: {done.path}",
            highlight=False,
            soft_wrap=True,
        )
        if done.unpriced_events:
            console.print(
                f"{done.unpriced_events:,} events have no price and are in no charge: their cost is unknown, not 0.",
                style="yellow",
                highlight=False,
                soft_wrap=True,
            )
