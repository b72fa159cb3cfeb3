"""`metering keys`: which programs may call the API, with what, and until when."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from billing import api_keys
from billing.api_keys import SCOPES, NewKey
from billing.principals import OPERATOR
from pipelines.installation import this_installation
from pipelines.refusals import refusals_as_sentences
from store import api_keys as kept
from store.api_keys import ApiKey
from store.database import tenant_transaction

app = typer.Typer(no_args_is_help=True, help="Keys that programs call the API with.")
console = Console()
COLUMNS = ("Id", "For", "May", "A day", "A second", "State", "Last used (UTC)", "Made by")
KeyId = Annotated[str, typer.Argument(help="The key's id, from `metering keys list`.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for; it stands in the list and in the audit log.")],
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help=f"Any of {', '.join(SCOPES)}; usage:write when not given.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(help="After how many days it ends; without it, when it is revoked.")
    ] = None,
    events_per_day: Annotated[int | None, typer.Option(help="How many new events a UTC day it may bring.")] = None,
    requests_per_second: Annotated[int | None, typer.Option(help="How many requests a second it may send.")] = None,
) -> None:
    """Make a key. It is shown once."""
    now = datetime.now(UTC)
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            made = api_keys.create(
                connection,
                name=name,
                scopes=scope or ["usage:write"],
                expires_at=None if days is None else now + timedelta(days=days),
                events_per_day=events_per_day,
                requests_per_second=requests_per_second,
                principal=OPERATOR,
                now=now,
            )
        _show(made)


@app.command("list")
def list_keys() -> None:
    """Show the keys that were made, with their state."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            found = kept.listed(connection)
        console.print(
            _table(found, datetime.now(UTC)) if found else "There is no key: `metering keys create` makes one."
        )


@app.command()
def rotate(
    key_id: KeyId,
    overlap_hours: Annotated[int, typer.Option(help="How long the old key works beside the new one.")] = 24,
) -> None:
    """Replace a key by a new one that may do the same."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            made = api_keys.rotate(
                connection, key_id, overlap=timedelta(hours=overlap_hours), principal=OPERATOR, now=datetime.now(UTC)
            )
        _show(made)
        console.print(f"The key {key_id} works for {overlap_hours} more hours.", highlight=False)


@app.command()
def revoke(key_id: KeyId) -> None:
    """End a key at once."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            key = api_keys.revoke(connection, key_id, principal=OPERATOR, now=datetime.now(UTC))
        console.print(f"The key {key_id} ({key.name}) opens nothing any more.", markup=False, highlight=False)


def _show(made: NewKey) -> None:
    until = "until it is revoked" if made.key.expires_at is None else f"until {made.key.expires_at:%Y-%m-%d %H:%M} UTC"
    console.print(f"Id    {made.key.key_id}", highlight=False)
    console.print(f"Key   {made.text}", markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"It may {', '.join(SCOPES[scope] for scope in made.key.scopes)} {until}. It cannot be shown again.",
        highlight=False,
    )


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if not key.is_open(now):
        return "ended"
    return "open" if key.expires_at is None else f"until {key.expires_at:%Y-%m-%d %H:%M}"


def _table(found: list[ApiKey], now: datetime) -> Table:
    table = Table(*(Column(title, overflow="fold") for title in COLUMNS))
    for key in found:
        table.add_row(
            key.key_id,
            key.name,
            ", ".join(key.scopes),
            "" if key.events_per_day is None else f"{key.events_per_day:,} events",
            "" if key.requests_per_second is None else f"{key.requests_per_second:,} requests",
            _state(key, now),
            "never" if key.last_used_at is None else f"{key.last_used_at:%Y-%m-%d %H:%M}",
            key.made_by,
        )
    return table
