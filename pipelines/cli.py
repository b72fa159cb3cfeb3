"""The `metering` command: every sub-command parses its words, calls one function and prints what came of it."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipelines import (
    alert_commands,
    alert_limit_commands,
    bill_commands,
    commands,
    contract_commands,
    digest_commands,
    dispute_commands,
    evidence_commands,
    focus_commands,
    inbox_commands,
    key_commands,
    mail_commands,
    margin_commands,
    meter_commands,
    outbox_commands,
    own_price_commands,
    price_commands,
    reconcile_commands,
    recovery_commands,
    refund_commands,
    report_link_commands,
    serve_intake_command,
    spike_commands,
    usage_commands,
    usage_reconcile_commands,
)
from pipelines.refusals import refusals_as_sentences

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
database_app = typer.Typer(no_args_is_help=True, help="The Postgres behind an installation.")
audit_app = typer.Typer(no_args_is_help=True, help="The append-only record of who did what.")
app.add_typer(database_app, name="database")
app.add_typer(audit_app, name="audit")
rates_app = typer.Typer(no_args_is_help=True, help="Exchange rates by day.")
app.add_typer(rates_app, name="rates")
app.add_typer(alert_commands.app, name="alerts")
app.add_typer(outbox_commands.app, name="outbox")
app.add_typer(inbox_commands.app, name="inbox")
app.add_typer(refund_commands.app, name="refunds")
app.add_typer(dispute_commands.app, name="disputes")
app.add_typer(recovery_commands.app, name="recovery")
app.add_typer(mail_commands.app, name="mails")
app.add_typer(digest_commands.app, name="digest")
app.add_typer(evidence_commands.app, name="evidence")
app.add_typer(usage_commands.app, name="usage")
app.add_typer(key_commands.app, name="keys")
app.add_typer(report_link_commands.app, name="report")
own_price_commands.register(price_commands.app)
app.add_typer(price_commands.app, name="prices")
app.add_typer(contract_commands.app, name="contracts")
app.add_typer(meter_commands.app, name="meters")
app.add_typer(alert_limit_commands.app, name="alert-limits")

app.command("spikes")(spike_commands.spikes)
app.command("margins")(margin_commands.margins)

console = Console()
Once = Annotated[bool, typer.Option("--once", help="Stop after the margin table; serve nothing.")]
Port = Annotated[int | None, typer.Option("--port", help="The pages' port on 127.0.0.1 (default: METERING_PORT).")]
Format = Annotated[
    str | None,
    typer.Option(
        "--format", help="metering, litellm, langfuse, helicone, otel or cloudevents; found out by itself otherwise."
    ),
]
Columns = Annotated[
    str | None, typer.Option("--columns", help="Your column names: case_id=event_id,as_of=occurred_at (file=ours, …).")
]


def now() -> datetime:
    """This moment in UTC: the door where the clock comes in."""
    return datetime.now(UTC)


@app.command()
def demo(once: Once = False, port: Port = None) -> None:
    """Run the demo company from Stripe to a margin page."""
    with refusals_as_sentences(console):
        commands.demo(console, once=once, port=port, now=now)


@app.command()
def up(once: Once = False, port: Port = None) -> None:
    """Run the same path with your Stripe account."""
    with refusals_as_sentences(console):
        commands.up(console, once=once, port=port, now=now)


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="Where to write .env.")] = Path()) -> None:
    """Write a commented .env."""
    with refusals_as_sentences(console):
        commands.init(console, folder)


@app.command()
def refresh() -> None:
    """Pull what changed at Stripe and publish the warehouse, once."""
    with refusals_as_sentences(console):
        commands.refresh_once(console, now=now)


@app.command("import-usage")
def import_usage(
    files: Annotated[list[Path], typer.Argument(help="CSV, JSON Lines or Parquet files.")],
    format: Format = None,  # noqa: A002 - the option's name is --format
    mapping: Annotated[Path | None, typer.Option("--mapping", help="CSV with source_ref,customer_id.")] = None,
    columns: Columns = None,
) -> None:
    """Import usage files into the lake, priced; then publish."""
    with refusals_as_sentences(console):
        commands.import_usage(console, files, usage_format=format, mapping=mapping, columns=columns, now=now)


@app.command()
def price(
    file: Annotated[Path, typer.Argument(help="A usage file in any supported format.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write a row per event (.csv, .jsonl, .parquet).")
    ] = None,
    format: Format = None,  # noqa: A002 - the option's name is --format
    columns: Columns = None,
) -> None:
    """Price a usage file with no database."""
    with refusals_as_sentences(console):
        commands.price(console, file, out, usage_format=format, columns=columns)


@app.command()
def worker(
    watch_stdin: Annotated[
        bool, typer.Option("--watch-stdin", help="Stop when standard input ends.", hidden=True)
    ] = False,
) -> None:
    """Run the scheduled jobs until stopped."""
    with refusals_as_sentences(console):
        commands.worker(watch_stdin=watch_stdin)


@app.command()
def stop() -> None:
    """Stop an embedded Postgres that a killed run left behind."""
    with refusals_as_sentences(console):
        commands.stop(console)


@rates_app.command("add")
def rates_add(
    base: Annotated[str, typer.Argument(help="The currency that is worth something: eur.")],
    quote: Annotated[str, typer.Argument(help="The currency it is worth it in: usd.")],
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The UTC day of the rate: 2026-11-25.")],
    rate: Annotated[str, typer.Argument(help="What one of the first was worth in the second: 1.0801.")],
) -> None:
    """Record an exchange rate for a day; a rate that is known already stays."""
    with refusals_as_sentences(console):
        commands.add_rate(console, base, quote, day.date(), rate, now=now)


@database_app.command("prepare")
def database_prepare(
    admin_url: Annotated[str, typer.Argument(help="A superuser's URL; used once and not kept.")],
) -> None:
    """Create the two roles in your Postgres and print their URLs for .env."""
    with refusals_as_sentences(console):
        commands.database_prepare(console, admin_url)


@audit_app.command("verify")
def audit_verify() -> None:
    """Walk the audit chain; exit 1 when a row was changed."""
    with refusals_as_sentences(console):
        sys.exit(0 if commands.audit_verify(console) else 1)


app.command("import-bill")(bill_commands.import_bill_file)
# Behind the others in the list of commands, as it is asked for least.
app.command()(reconcile_commands.reconcile)
app.command("reconcile-usage")(usage_reconcile_commands.reconcile_usage)
app.command("serve-intake")(serve_intake_command.serve_intake)
app.command("export-focus")(focus_commands.export_focus)

if __name__ == "__main__":
    app()
