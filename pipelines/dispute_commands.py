"""`metering disputes`: what is to be answered, until when, and what became of the rest, on the command line."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from billing.dispute_rules import deadline
from billing.dispute_states import OPEN
from pipelines.installation import this_installation
from pipelines.refusals import refusals_as_sentences
from store import dispute_reads, disputes
from store.database import tenant_transaction
from store.dispute_reads import Payer
from store.disputes import DisputeCase

app = typer.Typer(no_args_is_help=True, help="Disputes and inquiries.")
console = Console()
COLUMNS = ("Respond by (UTC)", "Left", "State", "Amount, minor units", "Customer", "Reason", "Network", "Dispute")


@app.callback()
def _commands() -> None:
    """So that `list` is a command of its own, and others can stand beside it."""


@app.command("list")
def list_cases(
    everything: Annotated[bool, typer.Option("--all", help="Those at the bank and the ended ones too.")] = False,
    limit: Annotated[int, typer.Option("--limit", help="How many at most, the earliest deadline first.")] = 50,
) -> None:
    """Show the disputes that wait for an answer."""
    with refusals_as_sentences(console), this_installation() as installation:
        now = datetime.now(UTC)
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            found = disputes.listed(connection, states=None if everything else OPEN, limit=limit)
            payers = dispute_reads.payers(connection, [case.charge_id for case in found if case.charge_id])
        console.print(table(found, payers, now) if found else "No dispute waits for an answer.")


def table(found: list[DisputeCase], payers: dict[str, Payer], now: datetime) -> Table:
    """The cases as rows, with how long there is for each."""
    rows = Table(*(Column(title, overflow="fold") for title in COLUMNS))
    for case in found:
        payer = payers.get(case.charge_id or "")
        waits = case.state in OPEN
        rows.add_row(
            f"{case.due_by:%Y-%m-%d %H:%M}" if case.due_by is not None else "",
            deadline(case.due_by, case.is_answer_taken, now).words if waits else "",
            f"{case.state} (inquiry)" if case.is_inquiry else case.state,
            "unknown" if case.amount_minor is None else f"{case.amount_minor} {case.currency}",
            (payer.name if payer else None) or "unknown",
            case.reason or "",
            " ".join(filter(None, [case.network, case.network_reason_code])),
            case.dispute_id,
        )
    return rows
