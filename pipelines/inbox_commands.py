"""`metering inbox`: what Stripe told us, what could not be handled, and the search for what never came."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from billing import dead_letters
from billing.principals import OPERATOR
from pipelines.fill_gaps import fill_gaps
from pipelines.installation import stripe_config, this_installation
from pipelines.pull_stripe_client import StripeReader
from pipelines.refusals import refusals_as_sentences
from store import inbox
from store.database import clock, tenant_transaction
from store.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Events that Stripe told us of, and dead letters among them.")
console = Console()
COLUMNS = ("Received (UTC)", "Type", "Object", "State", "Tries", "Error", "Id")
STATES = ("dead", "received", "handled", "discarded")


@app.command("list")
def list_events(
    state: Annotated[str, typer.Option("--state", help=f"One of {', '.join(STATES)}, or all.")] = "dead",
    limit: Annotated[int, typer.Option("--limit", help="How many at most, the newest first.")] = 50,
) -> None:
    """Show events in one state, and how many there are in each."""
    if state not in {*STATES, "all"}:
        raise typer.BadParameter(f"{state!r} is none of {', '.join(STATES)}, all.")
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            counted = inbox.counts(connection)
            found = inbox.newest(connection, states=STATES if state == "all" else (state,), limit=limit)
        console.print(", ".join(f"{counted.get(name, 0):,} {name}" for name in STATES))
        if found:
            console.print(_table(found))


@app.command()
def retry(
    event_id: Annotated[str | None, typer.Argument(help="One event; without it all of --type, or all.")] = None,
    event_type: Annotated[str | None, typer.Option("--type", help="All dead letters of this event type.")] = None,
) -> None:
    """Let dead letters be handled again."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            ids = None if event_id is None else [event_id]
            let_go = dead_letters.retry(
                connection, principal=OPERATOR, now=datetime.now(UTC), event_ids=ids, event_type=event_type
            )
        console.print(f"{let_go} to be handled again." if let_go else "There is no such dead letter.")


@app.command()
def discard(
    event_id: Annotated[str, typer.Argument(help="The event's id.")],
    reason: Annotated[str, typer.Argument(help="Why, for the audit log.")],
) -> None:
    """Put a dead letter away for good."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            done = dead_letters.discard(connection, event_id, principal=OPERATOR, reason=reason, now=datetime.now(UTC))
        console.print("Discarded." if done else f"{event_id} is no dead letter.")


@app.command()
def backfill() -> None:
    """Look through Stripe's list of the last 30 days for events that never came, and take them in."""
    with refusals_as_sentences(console), this_installation() as installation:
        with StripeReader(stripe_config(load_settings())) as reader:
            report = fill_gaps(installation.engine, installation.tenant_id, reader, now=clock(installation.engine))
        console.print(
            f"Stripe lists {report.listed:,} events from {report.since:%Y-%m-%d %H:%M} to {report.until:%Y-%m-%d %H:%M} UTC; "
            f"{report.missed:,} never came and wait to be handled."
        )


def _table(found: list[inbox.InboxEvent]) -> Table:
    table = Table(*(Column(title, overflow="fold") for title in COLUMNS))
    for event in found:
        table.add_row(
            f"{event.received_at:%Y-%m-%d %H:%M:%S}",
            event.event_type,
            event.object_id or "",
            event.state,
            str(event.attempts),
            event.last_error or event.discard_reason or "",
            event.event_id,
        )
    return table
