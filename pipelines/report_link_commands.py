"""`metering report share|links|views|revoke`: who may look at a locked month from outside, and who did."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Column, Table

from billing import report_links
from billing.principals import OPERATOR
from pipelines.installation import this_installation
from pipelines.refusals import refusals_as_sentences
from pipelines.report_commands import Hide, Month, Revision, app, chosen, console, say
from store import report_links as kept
from store.database import tenant_transaction
from store.report_links import ReportLink
from store.settings import load_settings

__all__ = ["app"]
LINKS = ("Id", "For", "Shows", "Until (UTC)", "State", "Made by")
LinkId = Annotated[UUID, typer.Argument(help="The link's id, from `metering report links`.")]


@app.command()
def share(
    month: Month,
    label: Annotated[str, typer.Option("--for", help="Who it is for; it stands in the list and in the audit log.")],
    days: Annotated[int, typer.Option(help="After how many days it ends, at most 90.")] = 14,
    redaction: Hide = "all",
    revision: Revision = None,
) -> None:
    """Make a link to a locked month. The password is shown once: send it another way than the link."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            made = report_links.share(
                connection,
                chosen(connection, month.date(), revision),
                redaction=redaction,
                days=days,
                label=label,
                principal=OPERATOR,
                now=datetime.now(UTC),
            )
        say(f"Address   {load_settings().public_url}/shared/{made.token}")
        say(f"Password  {made.password}")
        say(f"Until     {made.link.expires_at:%Y-%m-%d %H:%M} UTC. Neither can be shown again.")


@app.command()
def links() -> None:
    """Show the links that were made, with their state."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            found = kept.listed(connection)
        console.print(_table(found, datetime.now(UTC)) if found else "No report is shared.")


@app.command()
def views(link_id: LinkId) -> None:
    """Show who used a link, when, from which address and with which program."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            found = kept.view_log(connection, link_id)
        table = Table("When (UTC)", "What", "Address", Column("Program", overflow="fold"))
        for one in found:
            table.add_row(f"{one.at:%Y-%m-%d %H:%M:%S}", one.kind, one.address or "", one.agent or "")
        console.print(table if found else "Nobody has used this link.", markup=False)


@app.command()
def revoke(link_id: LinkId) -> None:
    """End a link at once."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            link = report_links.revoke(connection, link_id, principal=OPERATOR, now=datetime.now(UTC))
        say(f"The link for {link.label} shows nothing any more.")


def state_of(link: ReportLink, now: datetime) -> str:
    """`open`, `ended`, or `revoked` in a word."""
    return "revoked" if link.revoked_at is not None else "open" if link.is_open(now) else "ended"


def _table(found: list[ReportLink], now: datetime) -> Table:
    table = Table(*(Column(title, overflow="fold") for title in LINKS))
    for link in found:
        table.add_row(
            str(link.link_id), link.label, link.redaction, f"{link.expires_at:%Y-%m-%d %H:%M}", state_of(link, now), link.created_by
        )  # fmt: skip
    return table
