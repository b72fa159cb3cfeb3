"""`metering mails`: what was mailed or waits, what the mail server said, and the addresses that want no mail."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Column, Table

from billing import mails
from billing.principals import OPERATOR
from pipelines.installation import this_installation
from pipelines.refusals import refusals_as_sentences
from store import outgoing_mails
from store.database import tenant_transaction

app = typer.Typer(no_args_is_help=True, help="Mails to customers: what was sent, what waits, who wants none.")
console = Console()
COLUMNS = ("Asked (UTC)", "What", "To", "State", "Note", "Id")


@app.command("list")
def list_mails(limit: Annotated[int, typer.Option("--limit", help="How many at most, the newest first.")] = 50) -> None:
    """Show the latest mails and what became of them."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            found = outgoing_mails.newest(connection, limit=limit)
        if not found:
            console.print("Nothing was ever to be mailed.")
            return
        table = Table(*(Column(title, overflow="fold") for title in COLUMNS))
        for mail in found:
            when = f"{mail.asked_at:%Y-%m-%d %H:%M:%S}"
            table.add_row(when, mail.kind, mail.recipient, mail.state, mail.last_trouble or "", str(mail.mail_id))
        console.print(table)


@app.command("send-again")
def send_again(mail_id: Annotated[UUID, typer.Argument(help="The mail's id, as `list` shows it.")]) -> None:
    """Send a refused or doubtful mail once more, under the same Message-ID."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            done = mails.send_again(connection, mail_id, principal=OPERATOR, now=datetime.now(UTC))
        console.print("It is sent again." if done else f"No mail {mail_id} was refused or is in doubt.")


@app.command()
def cancel(
    mail_id: Annotated[UUID, typer.Argument(help="The mail's id, as `list` shows it.")],
    why: Annotated[str, typer.Argument(help="Why, for the audit log.")],
) -> None:
    """Take back a mail that still waits."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            done = mails.cancel(connection, mail_id, why=why, principal=OPERATOR, now=datetime.now(UTC))
        console.print("It is taken back." if done else f"No mail {mail_id} waits.")


@app.command()
def stop(
    address: Annotated[str, typer.Argument(help="The address.")],
    why: Annotated[str, typer.Argument(help="Why; shown wherever a mail to it would have been.")],
) -> None:
    """Send nothing more to an address."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            is_new = mails.stop(
                connection, installation.tenant_id, address, reason=why, principal=OPERATOR, now=datetime.now(UTC)
            )
        console.print(f"No more mail to {address}." if is_new else f"Mail to {address} was stopped already.")


@app.command()
def allow(address: Annotated[str, typer.Argument(help="The address.")]) -> None:
    """Send to an address again."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            ended = mails.allow(connection, address, principal=OPERATOR, now=datetime.now(UTC))
        console.print(f"Mail to {address} is sent again." if ended else f"Mail to {address} was not stopped.")
