"""`metering contracts`: what you have agreed with providers, as dated terms."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from billing import price_book
from billing.principals import OPERATOR
from pipelines.installation import this_installation
from pipelines.refusals import refusals_as_sentences
from pricing import price_words
from pricing.contracts import PPM, Commitment, Credit, Discount, Rule, Term, TermRefused, UnitPrices
from store import contract_terms
from store.database import clock, tenant_transaction

app = typer.Typer(
    no_args_is_help=True, help="Contracts with providers: negotiated prices, tiers, commitments, credits."
)
console = Console()
Because = Annotated[str, typer.Option("--because", help="Why; it stands beside the change for good.")]
ONE_OF = "Say what the term is with one of --price, --discount, --tiers, --commit and --credit."


@app.command("list")
def list_terms(
    known_at: Annotated[datetime | None, typer.Option("--known-at", help="As known at this moment (UTC).")] = None,
) -> None:
    """List the terms, as they are known now or were known at a moment."""
    with refusals_as_sentences(console), this_installation() as installation:
        moment = None if known_at is None else known_at.replace(tzinfo=clock(installation.engine).tzinfo)
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            found = contract_terms.listed(connection, known_at=moment)
    table = Table("Contract", "For", "Says", "From", "Until", "Why", "Id")
    for one in found:
        term = one.term
        concerns = " ".join(filter(None, (term.provider, term.models, term.service_tier)))
        until = str(term.valid_to or "")
        says = price_words.in_words(term.rule)
        table.add_row(term.contract_id, concerns, says, str(term.valid_from), until, one.because, term.term_id)
    console.print(table if found else "There are no contract terms.")


@app.command()
def add(
    contract: Annotated[str, typer.Argument(help="Your name for the contract: openai-2026.")],
    provider: Annotated[str, typer.Argument(help="The provider, as the price book spells it: openai.")],
    valid_from: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first UTC day.")],
    because: Because,
    valid_to: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The day after the last one.")
    ] = None,
    models: Annotated[str, typer.Option("--models", help="A pattern of models: gpt-4*.")] = "*",
    tier: Annotated[str | None, typer.Option("--tier", help="One service tier; else all.")] = None,
    price: Annotated[
        list[str] | None, typer.Option("--price", help="A negotiated price: input=2.50 (dollars per million tokens).")
    ] = None,
    discount: Annotated[str | None, typer.Option("--discount", help="Per cent off the list price: 15.")] = None,
    tiers: Annotated[
        str | None, typer.Option("--tiers", help="Graduated by month: output_text_tokens:1000000000=10,*=8.")
    ] = None,
    commit: Annotated[str | None, typer.Option("--commit", help="Dollars at least in each calendar month.")] = None,
    overage: Annotated[str, typer.Option("--overage", help="Beyond it, per cent of the price: 110.")] = "100",
    credit: Annotated[str | None, typer.Option("--credit", help="Dollars that pay for usage.")] = None,
) -> None:
    """Write down a term; the next published version counts it."""
    with refusals_as_sentences(console), this_installation() as installation:
        rules: list[Rule] = [UnitPrices(price_words.named_prices(price))] if price else []
        rules += [Discount(price_words.ppm(discount))] if discount else []
        rules += [price_words.tiers(tiers)] if tiers else []
        rules += [Commitment(price_words.dollars_pico_usd(commit), price_words.ppm(overage))] if commit else []
        rules += [Credit(price_words.dollars_pico_usd(credit))] if credit else []
        if len(rules) != 1:
            raise TermRefused(ONE_OF)
        if overage != "100" and commit is None:
            raise TermRefused(f"An overage belongs to a commitment; {PPM:,} millionths is the price itself.")
        term = Term(
            term_id="",
            contract_id=contract.strip(),
            provider=provider.strip().lower(),
            models=models.strip(),
            service_tier=tier,
            valid_from=valid_from.date(),
            valid_to=valid_to.date() if valid_to else None,
            rule=rules[0],
        )
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            now = clock(installation.engine)
            added = price_book.add_term(connection, term, principal=OPERATOR, because=because, now=now)
    console.print(
        f"{added.contract_id}, {added.provider} {added.models}: {price_words.in_words(added.rule)}. "
        "The next published version counts it.",
        highlight=False,
    )


@app.command()
def end(
    term_id: Annotated[UUID, typer.Argument(help="The term's id, as `metering contracts list` shows it.")],
    because: Because,
    ends_on: Annotated[
        datetime, typer.Option("--on", formats=["%Y-%m-%d"], help="The first UTC day on which it no longer holds.")
    ],
) -> None:
    """Let a term hold until before a day; one that would then never have held is withdrawn."""
    with refusals_as_sentences(console), this_installation() as installation:
        last: date = ends_on.date()
        with tenant_transaction(installation.engine, installation.tenant_id) as connection:
            now = clock(installation.engine)
            is_ended = price_book.end_term(
                connection, term_id, ends_on=last, principal=OPERATOR, because=because, now=now
            )
    if not is_ended:
        console.print(f"There is no term {term_id} in force.")
        raise typer.Exit(1)
    console.print(f"The term ends before {last}. The next published version counts it.", highlight=False)
