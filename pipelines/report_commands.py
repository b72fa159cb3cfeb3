"""`metering report`: lock a closed month for investors, write it out, say what has changed since, share it and end that."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from billing import investor_reports, report_words
from billing.investor_reports import ReportRefused, Standing
from billing.principals import OPERATOR
from billing.report_pdf import report_pdf
from billing.report_xlsx import report_xlsx
from pipelines.installation import Installation, this_installation
from pipelines.refusals import refusals_as_sentences
from pricing.report_view import Redaction, View, view
from store import investor_reports as kept
from store.database import Connection, tenant_transaction
from store.investor_reports import Snapshot
from store.warehouse_reads import Warehouse, open_current, refusal

app = typer.Typer(no_args_is_help=True, help="The investor report: locked months and the links that show them.")
console = Console()
COLUMNS = ("Month", "Revision", "Locked (UTC)", "By", "Reason", "SHA-256")
Month = Annotated[datetime, typer.Argument(formats=["%Y-%m"], help="The month: 2026-10.")]
Revision = Annotated[int | None, typer.Option("--revision", help="An earlier revision (default: the latest).")]
Hide = Annotated[Redaction, typer.Option("--redaction", help="all, percentages, or indexed (first month = 100).")]
Out = Annotated[Path | None, typer.Option("--out", help="Where to write it (default: beside you, named by month).")]


@app.command()
def lock(month: Month, reason: Annotated[str, typer.Option(help="Why; it stands in the audit log.")]) -> None:
    """Lock a closed month as it stands. Locking again makes the next revision and leaves the one before."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            latest = kept.latest(connection, month.date())
            snapshot = investor_reports.lock(
                connection,
                _warehouse(installation),
                month.date(),
                reason=reason,
                after_revision=latest.revision if latest else 0,
                principal=OPERATOR,
                now=datetime.now(UTC),
            )
        say(f"{month:%B %Y} is locked as revision {snapshot.revision}. Content SHA-256 {snapshot.content_hash}")


@app.command("list")
def list_reports() -> None:
    """Show what is locked."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            found = kept.listed(connection)
        console.print(_table(found) if found else "No month is locked.")


@app.command()
def pdf(month: Month, revision: Revision = None, redaction: Hide = "all", out: Out = None) -> None:
    """Write a locked month as one page of A4."""
    with refusals_as_sentences(console), this_installation() as installation:
        shown = _shown(installation, month.date(), revision, redaction)
        _write(out or _file(shown, "pdf"), report_pdf(shown))


@app.command()
def xlsx(month: Month, revision: Revision = None, redaction: Hide = "all", out: Out = None) -> None:
    """Write a locked month as a workbook."""
    with refusals_as_sentences(console), this_installation() as installation:
        shown = _shown(installation, month.date(), revision, redaction)
        _write(out or _file(shown, "xlsx"), report_xlsx(shown))


@app.command()
def diff(month: Month, revision: Revision = None) -> None:
    """Say what has changed in a month since it was locked, by cause."""
    with refusals_as_sentences(console), this_installation() as installation:
        warehouse = _warehouse(installation)
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            snapshot = chosen(connection, month.date(), revision)
            stands = investor_reports.standing(connection, warehouse, snapshot)
        say(changed_since(stands, warehouse.reporting_currency))
        if stands.parts:
            console.print(_changes(stands, warehouse.reporting_currency))
        for line in report_words.restatement_words(stands.restatements):
            say(line)


def changed_since(stands: Standing, currency: str) -> str:
    """The sentence on what has changed since a month was locked."""
    return report_words.changes_sentence(stands.snapshot.locked_at, stands.then, stands.now, stands.parts, currency)


def _warehouse(installation: Installation) -> Warehouse:
    warehouse = open_current(installation.home, installation.tenant_id)
    if warehouse is None:
        raise ReportRefused(
            refusal(installation.home, installation.tenant_id)
            or "Nothing is published yet, so there is no month to report: run `metering refresh`."
        )
    return warehouse


def chosen(connection: Connection, month: date, revision: int | None) -> Snapshot:
    """The revision asked for, or the latest. Raises ReportRefused."""
    found = [one for one in kept.listed(connection) if one.month == month and revision in {None, one.revision}]
    if not found:
        which = "" if revision is None else f" as revision {revision}"
        raise ReportRefused(f"{month:%B %Y} is not locked{which}: `metering report list` shows what is.")
    return found[0]


def _shown(installation: Installation, month: date, revision: int | None, redaction: Redaction) -> View:
    with tenant_transaction(installation.engine, installation.tenant_id) as connection:
        snapshot = chosen(connection, month, revision)
        return view(investor_reports.report_of(connection, snapshot), redaction, snapshot.content_hash)


def _file(shown: View, ending: str) -> Path:
    hidden = "" if shown.redaction == "all" else f"-{shown.redaction}"
    return Path(f"investor-report-{shown.month:%Y-%m}-r{shown.revision}{hidden}.{ending}")


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    say(f"{path}: {len(content):,} bytes.")


def say(text: str) -> None:
    """A line as it stands: nothing in it is markup."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _table(found: list[Snapshot]) -> Table:
    table = Table(*(Column(title, overflow="fold") for title in COLUMNS))
    for one in found:
        table.add_row(
            f"{one.month:%Y-%m}", str(one.revision), f"{one.locked_at:%Y-%m-%d %H:%M}", one.locked_by, one.reason,
            one.content_hash[:16],
        )  # fmt: skip
    return table


def _changes(stands: Standing, currency: str) -> Table:
    table = Table("Cause", Column("Net revenue", justify="right"), Column("LLM cost", justify="right"), Column("Margin", justify="right"), "Largest movements")  # fmt: skip
    for part in stands.parts:
        table.add_row(
            report_words.CAUSE_WORDS[part.cause],
            report_words.money_exact(part.revenue_minor, currency),
            report_words.money_exact(part.cost_minor, currency),
            report_words.points(part.margin),
            "; ".join(
                f"{each.subject} {report_words.money_exact(each.amount_minor, currency)}" for each in part.details
            ),
        )
    return table
