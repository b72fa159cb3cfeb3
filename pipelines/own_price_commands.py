"""`metering prices add|withdraw|own|reprice`: prices of the tenant's own, and the usage that they price again."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from billing import price_book
from billing.principals import OPERATOR
from pipelines.installation import Installation, this_installation
from pipelines.publish_warehouse import publish
from pipelines.refusals import refusals_as_sentences
from pipelines.reprice import reprice_if_changed
from pricing.price_entry import STANDARD_TIER, TIERS
from pricing.price_words import all_in_words, named_prices
from store import own_prices
from store.database import clock, tenant_transaction

console = Console()
Day = typer.Option(formats=["%Y-%m-%d"])
Because = Annotated[str, typer.Option("--because", help="Why; it stands beside the change for good.")]
Dollars = Annotated[str | None, typer.Option(help="Dollars per million tokens.")]


def add(
    provider: Annotated[str, typer.Argument(help="The provider, as your usage names it.")],
    model: Annotated[str, typer.Argument(help="The model, as your usage names it.")],
    because: Because,
    input_: Annotated[str | None, typer.Option("--input", help="Dollars per million input tokens.")] = None,
    output: Annotated[str | None, typer.Option("--output", help="Dollars per million output tokens.")] = None,
    cache_read: Annotated[
        str | None, typer.Option("--cache-read", help="Of tokens read from a cache; else input.")
    ] = None,
    cache_write: Annotated[
        str | None, typer.Option("--cache-write", help="Of tokens written to one; else input.")
    ] = None,
    unit: Annotated[
        list[str] | None, typer.Option("--unit", help="Another unit's price: search_requests=0.01 (dollars each).")
    ] = None,
    tier: Annotated[str, typer.Option("--tier", help=f"One of {', '.join(TIERS)}.")] = STANDARD_TIER,
    valid_from: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first UTC day; else always.")
    ] = None,
    valid_to: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day after the last one.")] = None,
    source_url: Annotated[str | None, typer.Option("--source-url", help="Where the price is published.")] = None,
) -> None:
    """Write down a price of your own; the usage that it concerns is priced again."""
    with refusals_as_sentences(console), this_installation() as installation:
        named = {"input": input_, "output": output, "cache_read": cache_read, "cache_write": cache_write}
        written = [f"{name}={dollars}" for name, dollars in named.items() if dollars is not None]
        if tier not in TIERS:
            raise price_book.PriceBookNotAllowed(f"There is no tier {tier!r}: choose one of {', '.join(TIERS)}.")
        now = clock(installation.engine)
        entry = own_prices.entry_of(
            provider.strip().lower(),
            model.strip().lower(),
            tier,
            dict(named_prices([*written, *(unit or [])])),
            valid_from=_day(valid_from),
            valid_to=_day(valid_to),
            source_url=source_url,
            checked_on=now.date(),
        )
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            own_price_id = price_book.add_price(connection, entry, principal=OPERATOR, because=because, now=now)
        console.print(f"{entry.price_key}: {all_in_words(entry.unit_pico_usd)} ({own_price_id})", highlight=False)
        _reprice(installation)


def withdraw(
    own_price_id: Annotated[UUID, typer.Argument(help="The price's id, as `metering prices own` shows it.")],
    because: Because,
) -> None:
    """Let a price of your own no longer hold; the usage that it priced is priced again."""
    with refusals_as_sentences(console), this_installation() as installation:
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            is_gone = price_book.withdraw_price(
                connection, own_price_id, principal=OPERATOR, because=because, now=clock(installation.engine)
            )
        if not is_gone:
            raise price_book.PriceBookNotAllowed(
                f"There is no price {own_price_id} in force: `metering prices own` lists them."
            )
        _reprice(installation)


def own(
    known_at: Annotated[datetime | None, typer.Option("--known-at", help="As known at this moment (UTC).")] = None,
) -> None:
    """List the prices of your own, as they are known now or were known at a moment."""
    with refusals_as_sentences(console), this_installation() as installation:
        moment = None if known_at is None else known_at.replace(tzinfo=clock(installation.engine).tzinfo)
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            found = own_prices.listed(connection, known_at=moment)
        table = Table("Price entry", "Prices", "Until", "Written down", "Why", "Id")
        for one in found:
            until = f"{one.entry.valid_to:%Y-%m-%d}" if one.entry.valid_to else ""
            written = f"{one.recorded_at:%Y-%m-%d %H:%M} by {one.recorded_by}"
            table.add_row(
                one.entry.price_key,
                all_in_words(one.entry.unit_pico_usd),
                until,
                written,
                one.because,
                str(one.own_price_id),
            )
        console.print(table if found else "There are no prices of your own.")


def reprice() -> None:
    """Price again what a changed price book prices in another way, then publish. Quick when nothing has changed."""
    with refusals_as_sentences(console), this_installation() as installation:
        _reprice(installation)


def _reprice(installation: Installation) -> None:
    """Price again, say what changed, and publish."""
    engine, home, tenant_id = installation.engine, installation.home, installation.tenant_id
    done = reprice_if_changed(engine, home, tenant_id, now=clock(engine), principal=str(OPERATOR))
    for one in done.restated:
        before, after = (
            "no price" if cost is None else f"${cost / 10**12:,.6f}"
            for cost in (one.cost_before_pico_usd, one.cost_after_pico_usd)
        )
        console.print(
            f"{one.first_day} to {one.last_day}, {one.events:,} events: {one.from_price_key or 'unpriced'} "
            f"({before}) \u2192 {one.to_price_key or 'unpriced'} ({after})",
            highlight=False,
        )
    console.print(f"{done.files:,} files of {done.days:,} days were written anew.", highlight=False)
    console.print(publish(engine, home, tenant_id, now=clock(engine)).message, highlight=False)


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


def register(app: typer.Typer) -> None:
    """Put the commands beside the price book's others."""
    for command in (add, withdraw, own, reprice):
        app.command()(command)
