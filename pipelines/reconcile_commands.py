"""`metering reconcile`: our copies and the sums of money against Stripe, and the repair of what does not agree."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from billing.principals import OPERATOR
from billing.reconciliation_rules import words
from pipelines.installation import stripe_config, this_installation
from pipelines.progress import progress_bars
from pipelines.pull_stripe_client import StripeReader
from pipelines.reconcile import Report
from pipelines.reconcile import reconcile as run_reconciliation
from pipelines.reconcile_repair import repair_all
from pipelines.refusals import refusals_as_sentences
from pricing.money import Money
from store import discrepancies
from store.database import clock, tenant_transaction
from store.discrepancies import Known
from store.settings import load_settings

console = Console()
SHOWN = 50


def reconcile(
    repair: Annotated[bool, typer.Option("--repair", help="Fetch again what does not agree.")] = False,
) -> None:
    """Compare everything with Stripe; exit code 1 while discrepancies are open."""
    with refusals_as_sentences(console), this_installation() as installation:
        engine, tenant_id = installation.engine, installation.tenant_id
        with StripeReader(stripe_config(load_settings())) as reader:
            with progress_bars(console, "Comparing") as tell:
                report = run_reconciliation(
                    engine, tenant_id, reader, now=clock(engine), started_by=str(OPERATOR), tell=tell
                )
            _print_report(report)
            if repair and report.open:
                mended = repair_all(engine, tenant_id, reader, principal=OPERATOR, now=clock(engine))
                console.print(f"{mended:,} repaired.")
        with tenant_transaction(engine, tenant_id) as connection:
            left = discrepancies.listed(connection, limit=SHOWN)
            number = sum(discrepancies.counts(connection).values())
    if not left:
        console.print("Everything adds up.")
        return
    console.print(_table(left))
    console.print(f"{number:,} open.")
    raise typer.Exit(1)


def _print_report(report: Report) -> None:
    console.print("Compared: " + ", ".join(f"{number:,} {words(kind)}" for kind, number in report.checked.items()))
    for sentence in report.refused.values():
        console.print(sentence, highlight=False)
    if report.pending:
        console.print(f"{report.pending:,} changed in the last minutes and were left for the next run.")


def _table(found: list[Known]) -> Table:
    table = Table(*(Column(title, overflow="fold") for title in ("Kind", "Object", "Amount", "What", "Cause")))
    for known in found:
        amount = Money(known.amount_minor, known.currency) if known.amount_minor is not None and known.currency else ""
        table.add_row(
            known.kind,
            f"{known.object_kind} {known.object_id}",
            str(amount),
            known.sentence,
            known.repair_trouble or known.cause or "",
        )
    return table
