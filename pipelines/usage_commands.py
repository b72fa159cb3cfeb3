"""`metering usage`: which providers and gateways are asked for usage and bills, how far, and asking them now."""

from datetime import date, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from billing.principals import OPERATOR
from pipelines import publish_warehouse
from pipelines.import_bill import BillRefused
from pipelines.installation import this_installation
from pipelines.pull_usage import Pulled, pull_usage
from pipelines.pull_usage_access import SOURCES, access
from pipelines.refusals import refusals_as_sentences
from pipelines.summaries import print_pulled
from store import provider_reports, usage_connections
from store.database import Connection, clock, tenant_transaction
from store.provider_reports import Days
from store.settings import load_settings
from store.usage_connections import CountsAs, UsageConnection

app = typer.Typer(no_args_is_help=True, help="Usage and bills from providers and gateways.")
console = Console()
LABEL = "main"
FAILED = 1
Kind = Annotated[str, typer.Argument(help=f"One of {', '.join(SOURCES)}.")]
COLUMNS = ("Source", "Counts as", "Read until (UTC)", "Last read (UTC)", "State")


@app.callback()
def _usage() -> None:
    """Usage and bills from providers and gateways."""


@app.command()
def connect(
    kind: Kind,
    counts_as: Annotated[
        CountsAs | None,
        typer.Option("--counts-as", help="bill: only compared with your log (default); usage: the usage of record."),
    ] = None,
) -> None:
    """Ask a source from now on, with the key that the settings hold for it."""
    with refusals_as_sentences(console), this_installation() as installation:
        _known(kind)
        access(kind, load_settings())
        chosen = _chosen(kind, counts_as)
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            _refuse_a_second_bill(connection, kind)
            usage_connections.connect(
                connection, kind, LABEL, chosen, principal=str(OPERATOR), now=clock(installation.engine)
            )
        console.print(
            f"{SOURCES[kind].name} is connected and counts as {chosen}. It is read within the hour, or now by `metering usage pull`.",
            highlight=False,
        )


def _refuse_a_second_bill(connection: Connection, kind: str) -> None:
    """What a file told of the provider's bill already would be told again by its report, and both be added up."""
    told = provider_reports.billed_by(connection, kind, Days(date.min, date.max))
    others = {name for name in told if not name.startswith(f"{kind}:")}
    if others:
        other, _, label = min(others).partition(":")
        raise BillRefused(
            f"{min(others)} tells what {SOURCES[kind].name} billed already, and both would count. Run `metering usage disconnect {other} "
            f"--label {label}` first."
        )


def _known(kind: str) -> None:
    if kind not in SOURCES:
        raise typer.BadParameter(f"there is no source {kind!r}: name one of {', '.join(SOURCES)}")


def _chosen(kind: str, counts_as: CountsAs | None) -> CountsAs:
    """Single calls go into the lake and are always usage; sums by day are a bill unless somebody says otherwise."""
    source = SOURCES[kind]
    if source.tells_calls and counts_as is CountsAs.BILL:
        raise typer.BadParameter(f"{source.name} brings single calls, which are usage and no bill")
    return counts_as or source.counts_as


@app.command("list")
def list_connections() -> None:
    """Show what is connected, how far it has been read, and what went wrong."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            found = usage_connections.read(connection)
        console.print(
            _table(found) if found else "No source is connected: `metering usage connect openai` is one way to begin."
        )


@app.command()
def pull(
    kinds: Annotated[list[str] | None, typer.Argument(help="Only these; all that are connected otherwise.")] = None,
) -> None:
    """Read every connected source up to now, then publish; exit code 1 when one could not be read."""
    for kind in kinds or ():
        _known(kind)
    with refusals_as_sentences(console), this_installation() as installation:
        engine, tenant_id = installation.engine, installation.tenant_id
        now = clock(engine)
        pulled = pull_usage(engine, installation.home, tenant_id, load_settings(), now=now, kinds=kinds or None)
        print_pulled(console, pulled)
        if any(_brought_something(each) for each in pulled):
            console.print(
                publish_warehouse.publish(engine, installation.home, tenant_id, now=now).message, highlight=False
            )
    if any(each.trouble for each in pulled):
        raise typer.Exit(FAILED)


def _brought_something(pulled: Pulled) -> bool:
    change = pulled.change
    return bool(change.new or change.restated or change.withdrawn or pulled.calls)


@app.command()
def disconnect(
    kind: Annotated[str, typer.Argument(help="As `metering usage list` shows it.")],
    label: Annotated[str, typer.Option("--label", help="Which of several of one kind.")] = LABEL,
) -> None:
    """Ask a source no more; what it told is kept and counts no longer."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            usage_connections.disconnect(
                connection, kind, label, principal=str(OPERATOR), now=clock(installation.engine)
            )
        console.print(f"{kind}:{label} is disconnected.", highlight=False)


def _table(found: list[UsageConnection]) -> Table:
    drawn = Table(*(Column(name, overflow="fold") for name in COLUMNS))
    for each in found:
        drawn.add_row(
            each.source,
            each.counts_as,
            "\n".join(f"{stream} {at:%Y-%m-%d %H:%M}" for stream, at in sorted(each.cursors.items())) or "nothing yet",
            _minute(each.last_success_at),
            each.message or {"new": "not read yet", "ok": "read"}.get(each.status, each.status),
        )
    return drawn


def _minute(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "never"
