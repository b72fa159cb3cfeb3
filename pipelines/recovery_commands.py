"""`metering recovery`: failed payments on the command line."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from billing.recovery_states import IN_RECOVERY
from pipelines.installation import this_installation
from pipelines.refusals import refusals_as_sentences
from store import recovery_cases
from store.database import tenant_transaction
from store.recovery_cases import RecoveryCase

app = typer.Typer(no_args_is_help=True, help="Failed payments and who tries them next.")
console = Console()
COLUMNS = (
    "Failed (UTC)",
    "Invoice",
    "Amount, minor units",
    "State",
    "Class",
    "Next try (UTC)",
    "Whose",
    "Tries",
    "Why",
)


@app.callback()
def _recovery() -> None:
    """Failed payments and who tries them next."""


@app.command("list")
def list_cases(
    everything: Annotated[bool, typer.Option("--all", help="Ended ones too.")] = False,
    limit: Annotated[int, typer.Option("--limit", help="How many at most, the newest first.")] = 50,
) -> None:
    """Show failed payments."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            found = recovery_cases.newest(connection, states=None if everything else IN_RECOVERY, limit=limit)
        console.print(table(found) if found else "No payment is in recovery.")


def table(cases: list[RecoveryCase]) -> Table:
    """The cases as rows."""
    drawn = Table(*(Column(name, overflow="fold") for name in COLUMNS))
    for case in cases:
        drawn.add_row(
            f"{case.failed_at:%Y-%m-%d %H:%M}",
            case.invoice_id,
            f"{case.amount_minor} {case.currency}",
            case.state.replace("_", " "),
            case.decline_class.replace("_", " "),
            f"{case.next_attempt_at:%Y-%m-%d %H:%M}" if case.next_attempt_at else "none",
            case.owner,
            str(case.tries_made),
            case.reason.replace("_", " "),
        )
    return drawn
