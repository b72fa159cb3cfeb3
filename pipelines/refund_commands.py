"""`metering refunds`: the queue on the command line, requests from a file, and the policy."""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Column, Table

from billing import refunds
from billing.principals import OPERATOR
from billing.refund_states import OPEN
from billing.refund_steps import RefundNotAllowed
from billing.refunds import Wanted
from pipelines.installation import this_installation
from pipelines.refusals import refusals_as_sentences
from store import audit, refund_requests
from store.database import Engine, tenant_transaction
from store.refund_requests import RefundRequest

app = typer.Typer(no_args_is_help=True, help="The refund queue.")
console = Console()
COLUMNS = ("Requested (UTC)", "Charge", "Amount, minor units", "State", "By", "Note", "Id")
FIELDS = ("external_id", "of", "amount_minor", "currency", "reason", "note")


@dataclass(frozen=True)
class ImportReport:
    """What an import did: new requests, those that were there already, and a sentence for each row that was refused."""

    added: int
    known: int
    refused: tuple[str, ...]


@app.command("list")
def list_requests(
    everything: Annotated[bool, typer.Option("--all", help="Ended ones too.")] = False,
    limit: Annotated[int, typer.Option("--limit", help="How many at most, the newest first.")] = 50,
) -> None:
    """Show the queue."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            found = refund_requests.newest(connection, states=None if everything else OPEN, limit=limit)
        console.print(_table(found) if found else "No refund is asked for.")


@app.command("import")
def import_requests(
    file: Annotated[Path, typer.Argument(help=f"A CSV file with the columns {', '.join(FIELDS)}.", exists=True)],
) -> None:
    """Ask for the refunds in a file; rows that cannot be are named, and the good ones beside them are taken."""
    with refusals_as_sentences(console), this_installation() as installation:
        report = import_file(installation.engine, installation.tenant_id, file, now=datetime.now(UTC))
        for sentence in report.refused:
            console.print(sentence, style="yellow", highlight=False)
        console.print(
            f"{report.added} asked for, {report.known} were there already, {len(report.refused)} refused.",
            highlight=False,
        )
        if report.refused:
            raise typer.Exit(1)


@app.command()
def policy(
    window_days: Annotated[int | None, typer.Option(help="Refunds within so many days of the charge.")] = None,
    currency: Annotated[str, typer.Option(help="The currency of the limits.")] = "usd",
    support_minor: Annotated[int | None, typer.Option(help="What support may approve, in minor units.")] = None,
    lead_minor: Annotated[int | None, typer.Option(help="What a lead may approve, in minor units.")] = None,
) -> None:
    """Show the rules, or change those that are given."""
    with refusals_as_sentences(console), this_installation() as installation:
        now = datetime.now(UTC)
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            kept = refunds.policy(connection)
            limits = {name: dict(of) for name, of in kept.limits_minor.items()}
            given = {"support": support_minor, "lead": lead_minor}
            changes = {role: minor for role, minor in given.items() if minor is not None}
            if changes:
                limits[currency.lower()] = limits.get(currency.lower(), {}) | changes
            days = kept.window_days if window_days is None else window_days
            if changes or window_days is not None:
                before = {"window_days": kept.window_days, "limits_minor": kept.limits_minor}
                after = {"window_days": days, "limits_minor": limits}
                refund_requests.write_policy(
                    connection,
                    installation.tenant_id,
                    window_days=days,
                    limits_minor=limits,
                    by=str(OPERATOR),
                    now=now,
                )
                audit.append(
                    connection,
                    at=now,
                    principal=str(OPERATOR),
                    action="refund_policy:change",
                    subject="refunds",
                    before=before,
                    after=after,
                )
        console.print(f"Refunds within {days} days. Limits in minor units:", highlight=False)
        for name, of in sorted(limits.items()):
            console.print(f"  {name}: support {of.get('support', 0)}, lead {of.get('lead', 0)}, above that a founder")


def import_file(engine: Engine, tenant_id: UUID, file: Path, *, now: datetime) -> ImportReport:
    """Ask for each row's refund in a transaction of its own; `external_id` makes the same file twice one import.

    A column that is not known, or a missing one of `external_id`, `of`, `reason`, refuses the file as a whole. Raises
    RefundNotAllowed.
    """
    added, known = 0, 0
    refused: list[str] = []
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines)
        columns = set(rows.fieldnames or ())
        if not {"external_id", "of", "reason"} <= columns or not columns <= set(FIELDS):
            raise RefundNotAllowed(
                f"{file} has the columns {', '.join(sorted(columns)) or 'none'}; they are {', '.join(FIELDS)}, and external_id, of "
                "and reason are needed."
            )
        for number, row in enumerate(rows, start=2):
            try:
                wanted = _wanted(row)
                with tenant_transaction(engine, tenant_id) as connection:
                    _, is_new = refunds.request(
                        connection, tenant_id, wanted, source="import", principal=OPERATOR, now=now
                    )
            except RefundNotAllowed as refusal:
                refused.append(f"Line {number}: {refusal}")
                continue
            added, known = added + is_new, known + (not is_new)
    return ImportReport(added, known, tuple(refused))


def _wanted(row: dict[str, str]) -> Wanted:
    amount = (row.get("amount_minor") or "").strip()
    if not (row["external_id"] or "").strip():
        raise RefundNotAllowed("external_id is empty: it is what makes an import safe to repeat.")
    if amount and not (amount.isascii() and amount.isdigit()):
        raise RefundNotAllowed(f"{amount!r} is no whole number of minor units.")
    return Wanted(
        of=row["of"] or "",
        amount_minor=int(amount) if amount else None,
        reason=(row["reason"] or "").strip(),
        note=row.get("note"),
        external_id=row["external_id"].strip(),
        currency=(row.get("currency") or "").strip() or None,
    )


def _table(found: list[RefundRequest]) -> Table:
    table = Table(*(Column(title, overflow="fold") for title in COLUMNS))
    for asked in found:
        table.add_row(
            f"{asked.requested_at:%Y-%m-%d %H:%M:%S}",
            asked.charge_id,
            f"{asked.amount_minor} {asked.currency}",
            asked.state,
            asked.requested_by,
            asked.outcome or asked.note or "",
            str(asked.request_id),
        )
    return table
