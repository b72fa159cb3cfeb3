"""`metering alert-limits`: from where on each detector speaks up."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from billing.alert_limits import clear_limit, set_limit, subject_of
from billing.principals import OPERATOR
from pipelines.installation import Installation, this_installation
from pipelines.refusals import refusals_as_sentences
from pricing.watch_limits import EVERYTHING, KINDS, detector_named, limit_words, parse_limit
from store import alert_limits
from store.database import clock, tenant_transaction
from store.tenants import read_tenant

app = typer.Typer(no_args_is_help=True, help="From where on each detector of levels and rates alerts.")
console = Console()
DetectorName = Annotated[
    str, typer.Argument(help="margin_floor, past_due_burn, … as `metering alert-limits list` shows.")
]
For = Annotated[
    str,
    typer.Option(
        "--for", help="A customer's id, a scope (company, customer, …) or an alert's subject; else everything."
    ),
]


@app.command("list")
def list_limits() -> None:
    """List what is in force: what you have set, and the defaults."""
    with refusals_as_sentences(console), this_installation() as installation:
        currency = _currency(installation)
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            found = alert_limits.read(connection)
    table = Table("Detector", "For", "Limit", "Means", "Set by")
    for name, kind in KINDS.items():
        for scope, default in [("everything", kind.default), *kind.by_scope.items()]:
            # Defaults of money are in dollars, whatever the reporting currency is.
            table.add_row(name, scope, limit_words(name, default, "usd"), kind.means, "default")
        for each in found:
            if each.detector == name:
                who = each.subject_key or "everything"
                table.add_row(name, who, limit_words(name, each.limit, currency), kind.means, each.set_by)
    console.print(table)


@app.command("set")
def set_(
    detector: DetectorName,
    value: Annotated[str, typer.Argument(help="A share (40%), a multiple (3x) or an amount (25).")],
    subject: For = EVERYTHING,
) -> None:
    """Let a detector speak from this limit on; the next look at the numbers heeds it."""
    with refusals_as_sentences(console), this_installation() as installation:
        currency = _currency(installation)
        name, limit = parse_limit(detector, value, currency)
        now = clock(installation.engine)
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            added = set_limit(connection, name, subject_of(subject), limit, principal=OPERATOR, now=now)
    who = added.subject_key or "everything"
    console.print(f"{name} for {who}: {limit_words(name, limit, currency)} ({KINDS[name].means}).", highlight=False)


@app.command()
def clear(detector: DetectorName, subject: For = EVERYTHING) -> None:
    """Go back to the default."""
    with refusals_as_sentences(console), this_installation() as installation:
        name, now = detector_named(detector), clock(installation.engine)
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            is_gone = clear_limit(connection, name, subject_of(subject), principal=OPERATOR, now=now)
    who = subject or "everything"
    if not is_gone:
        console.print(f"No limit of {name} was set for {who}.")
        raise typer.Exit(1)
    console.print(f"{name} for {who} is back at its default.", highlight=False)


def _currency(installation: Installation) -> str:
    tenant = read_tenant(installation.engine, installation.tenant_id)
    assert tenant is not None, "an installation has its tenant"
    return tenant.reporting_currency
