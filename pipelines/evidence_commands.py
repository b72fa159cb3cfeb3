"""`metering evidence`: what would be said about a dispute, what is missing, and the tenant's own words for it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from billing.evidence import Evidence, assemble
from billing.evidence_facts import Holdings
from billing.evidence_holdings import holdings
from billing.evidence_needs import WHERE_FROM
from billing.evidence_pdf import evidence_pdf
from billing.principals import OPERATOR
from billing.visa_ce3 import compelling
from pipelines.installation import Installation, this_installation
from pipelines.refusals import refusals_as_sentences
from store import evidence_policies
from store.database import tenant_transaction
from store.warehouse_reads import open_current

app = typer.Typer(no_args_is_help=True, help="Evidence for disputes.")
console = Console()


@app.command()
def show(dispute_id: Annotated[str, typer.Argument(help="The dispute's id at Stripe.")]) -> None:
    """Show what would be said about a dispute, and what is missing. Nothing is sent."""
    with refusals_as_sentences(console), this_installation() as installation:
        _print(read(installation, dispute_id, now=datetime.now(UTC)))


@app.command()
def words(
    product_description: Annotated[str | None, typer.Option(help="What you sell, in one or two sentences.")] = None,
    refund_text: Annotated[str | None, typer.Option(help="Your refund policy as customers read it.")] = None,
    refund_url: Annotated[str | None, typer.Option(help="Where it is published.")] = None,
    cancellation_text: Annotated[
        str | None, typer.Option(help="Your cancellation policy as customers read it.")
    ] = None,
    cancellation_url: Annotated[str | None, typer.Option(help="Where it is published.")] = None,
    disclosure: Annotated[str | None, typer.Option(help="How and when customers see both before they pay.")] = None,
) -> None:
    """Show what is said of your shop in evidence, or change the words that are given; an empty text takes one away."""
    given = {
        "product_description": product_description,
        "refund_text": refund_text,
        "refund_url": refund_url,
        "cancellation_text": cancellation_text,
        "cancellation_url": cancellation_url,
        "disclosure": disclosure,
    }
    changes = {name: text for name, text in given.items() if text is not None}
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            said = evidence_policies.change(
                connection, installation.tenant_id, changes, by=str(OPERATOR), now=datetime.now(UTC)
            )
        for name, text in said.items():
            console.print(f"{name}: {escape(text or 'nothing is said')}", highlight=False)


@app.command()
def pdf(
    dispute_id: Annotated[str, typer.Argument(help="The dispute's id at Stripe.")],
    file: Annotated[Path, typer.Argument(help="Where to write the document.")],
) -> None:
    """Write the document that would be sent to the bank. Nothing is sent."""
    with refusals_as_sentences(console), this_installation() as installation:
        held = read(installation, dispute_id, now=datetime.now(UTC))
        made = evidence_pdf(held, assemble(held))
        file.write_bytes(made)
        console.print(f"Wrote {file} with {len(made):,} bytes.", highlight=False)


def read(installation: Installation, dispute_id: str, *, now: datetime) -> Holdings:
    """All that this installation holds about a dispute. Raises NoSuchDispute."""
    warehouse = open_current(installation.home, installation.tenant_id)
    with tenant_transaction(installation.engine, installation.tenant_id) as connection:
        return holdings(connection, warehouse, dispute_id, now=now)


def _print(held: Holdings) -> None:
    found: Evidence = assemble(held)
    for name, text in found.fields.items():
        console.print(f"[bold]{name}[/bold]\n{escape(text)}\n", highlight=False)
    console.print(f"Visa Compelling Evidence 3.0: {escape(compelling(held).sentence)}", highlight=False)
    for sentence in found.against:
        console.print(f"Against us: {escape(sentence)}", style="yellow", highlight=False)
    for name in found.missing:
        console.print(f"Missing: {name}. {WHERE_FROM[name]}", style="yellow", highlight=False)
    console.print(f"{found.completeness_percent} % of what a bank asks for in a {held.dispute.reason} dispute is held.")
