"""`metering import-bill`: a provider's bill from a file, and what it could not be told from it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from billing.principals import OPERATOR
from pipelines import publish_warehouse
from pipelines.import_bill import BillImport, import_bill
from pipelines.installation import this_installation
from pipelines.refusals import refusals_as_sentences
from pricing.usage_sources.values import PICO
from store.database import clock

console = Console()
SHOWN = 10


def import_bill_file(
    file: Annotated[
        Path, typer.Argument(help="Google's billing export (JSON Lines or CSV), or a CSV with day,provider,cost.")
    ],
) -> None:
    """Import a provider's bill, then publish."""
    with refusals_as_sentences(console), this_installation() as installation:
        engine, tenant_id = installation.engine, installation.tenant_id
        now = clock(engine)
        imported = import_bill(engine, installation.home, tenant_id, file, principal=str(OPERATOR), now=now)
        print_bill(console, file, imported)
        console.print(publish_warehouse.publish(engine, installation.home, tenant_id, now=now).message, highlight=False)


def print_bill(to: Console, file: Path, imported: BillImport) -> None:
    """Lines by what became of them, the cost, and what stands apart or is not understood."""
    change = imported.change
    counts = (
        f"{file}: {imported.lines:,} lines, {_dollars(imported.cost_pico_usd)} after credits; {change.new:,} new, "
        f"{change.restated:,} restated, {change.withdrawn:,} withdrawn, {change.same:,} as before."
    )
    said = [counts]
    said += [f"{_dollars(amount)} of {category} stands apart." for category, amount in imported.apart_pico_usd.items()]
    if imported.ignored:
        said.append(f"{imported.ignored:,} rows are of other services and were left out.")
    unknown = sorted(imported.unknown_pico_usd.items(), key=lambda item: -abs(item[1]))
    said += [f"Model or unit not known, kept as it is: {item} ({_dollars(cost)})" for item, cost in unknown[:SHOWN]]
    if len(unknown) > SHOWN:
        said.append(f"and {len(unknown) - SHOWN:,} more.")
    said += [f"Not taken, {reason}" for reason in imported.rejects[:SHOWN]]
    if imported.reject_path is not None:
        said.append(f"{len(imported.rejects):,} rows not taken, with their reasons: {imported.reject_path}")
    for sentence in said:
        to.print(sentence, markup=False, highlight=False, soft_wrap=True)


def _dollars(pico_usd: int) -> str:
    """Dollars to the cent, half away from zero, with the sign before them."""
    cents = (abs(pico_usd) + PICO // 200) // (PICO // 100)
    return f"{'-' if pico_usd < 0 else ''}${cents // 100:,}.{cents % 100:02d}"
