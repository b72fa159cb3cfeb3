"""`metering outbox`: what is on its way to Stripe, and the switch that stops all of it."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Column, Table

from billing import commands
from billing.principals import OPERATOR
from pipelines.installation import this_installation
from pipelines.refusals import refusals_as_sentences
from store import audit, stripe_commands
from store.database import Connection, tenant_transaction

app = typer.Typer(no_args_is_help=True, help="Changes on their way to Stripe, and the switch that stops them.")
console = Console()
COLUMNS = ("Requested (UTC)", "What", "Object", "Amount, minor units", "State", "Note", "Id")


@app.command("list")
def list_commands(
    limit: Annotated[int, typer.Option("--limit", help="How many at most, the newest first.")] = 50,
) -> None:
    """Show the latest changes and what became of them."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            found = stripe_commands.newest(connection, limit=limit)
            paused = stripe_commands.is_paused(connection)
        if paused:
            console.print("Sending is paused; `metering outbox resume` goes on.")
        if not found:
            console.print("Nothing was ever to be changed at Stripe.")
            return
        console.print(_table(found))


@app.command()
def pause(reason: Annotated[str, typer.Argument(help="Why, for the audit log.")]) -> None:
    """Send nothing to Stripe any more; holds over restarts. What was sent already is finished after `resume`."""
    with refusals_as_sentences(console), this_installation() as installation:
        now = datetime.now(UTC)
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            stripe_commands.pause(connection, installation.tenant_id, by=str(OPERATOR), reason=reason, now=now)
            _audit(connection, "pause", now, {"reason": reason})
        console.print("Nothing is sent to Stripe until `metering outbox resume`.")


@app.command()
def resume() -> None:
    """Go on sending."""
    with refusals_as_sentences(console), this_installation() as installation:
        now = datetime.now(UTC)
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            ended = stripe_commands.resume(connection, by=str(OPERATOR), now=now)
            if ended:
                _audit(connection, "resume", now, {"pauses_ended": ended})
                stripe_commands.wake(connection)
        console.print("Sending goes on." if ended else "Sending was not paused.")


@app.command()
def retry(command_id: Annotated[UUID, typer.Argument(help="The command's id, as `list` shows it.")]) -> None:
    """Take up a command that was given up; its effect is looked for at Stripe before anything is sent."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            done = commands.retry(connection, command_id, principal=OPERATOR, now=datetime.now(UTC))
        console.print("It is taken up again." if done else f"No command {command_id} waits for a person.")


def _audit(connection: Connection, verb: str, now: datetime, after: dict[str, object]) -> None:
    action = f"sending:{verb}"
    audit.append(connection, at=now, principal=str(OPERATOR), action=action, subject="stripe", after=after)


def _table(found: list[stripe_commands.Command]) -> Table:
    # Ids are folded rather than cut: `retry` asks for a whole one.
    table = Table(*(Column(title, overflow="fold") for title in COLUMNS))
    for command in found:
        amount = "" if command.amount_minor is None else f"{command.amount_minor} {command.currency}"
        note = (command.refusal or {}).get("sentence") or command.last_trouble or ""
        when = f"{command.requested_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(
            when, command.kind, command.object_id or "", amount, command.state, str(note), str(command.command_id)
        )
    return table
