"""Dialogs of the price book: a price of one's own, a term of a contract, and the end of either, each with its reason."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import streamlit as st

from billing import price_book
from billing.principals import Principal
from dashboard import deeds, wording
from dashboard.books import Books
from pricing import price_words
from pricing.contracts import Commitment, Credit, Discount, Rule, Term, TermRefused, UnitPrices
from pricing.price_entry import TIERS
from store import own_prices
from store.contract_terms import RecordedTerm
from store.own_prices import OwnPrice

PAGE = "price_book"
NEXT = "The worker prices the usage again that it concerns, and publishes."
TOO_LATE = "Somebody else was quicker: it no longer holds."
WHY = "Why (kept for good)"
KINDS: dict[str, str] = {
    "Negotiated prices": "input=2.50, output=10 (dollars per million tokens)",
    "Discount": "15 (per cent off the list price)",
    "Graduated tiers": "output_text_tokens:1000000000=10,*=8 (dollars per million, by month)",
    "Commitment": "10000 (dollars at least in each calendar month)",
    "Credit": "5000 (dollars that pay for usage)",
}


def today() -> datetime:
    """This moment in UTC: a person chooses days beside it."""
    return datetime.now(UTC)


@st.dialog("Add a price", icon=":material/sell:", width="large")
def add_price(opened: Books, principal: Principal, provider: str, model: str) -> None:
    """A price that the book lacks or has wrong."""
    st.markdown(
        "It goes before the public price on the days that it holds, for usage that is there already, too. Only your company sees it."
    )
    left, right = st.columns(2)
    of_provider = left.text_input("Provider, as the usage names it", provider, key="price_provider")
    of_model = right.text_input("Model, as the usage names it", model, key="price_model")
    left, right = st.columns(2)
    dollars_in = left.text_input("Input, $ per 1M tokens", key="price_input")
    dollars_out = right.text_input("Output, $ per 1M tokens", key="price_output")
    left, right = st.columns(2)
    cached = left.text_input("Cached input, $ per 1M tokens", key="price_cached", help="As input where it is empty.")
    more = right.text_input("Other units, $ each", key="price_units", placeholder="search_requests=0.01, images=0.04")
    left, middle, right = st.columns(3)
    tier = left.selectbox("Service tier", TIERS[:-1], key="price_tier")
    first = middle.date_input("From (UTC day)", value=None, key="price_from", help="Always, where it is empty.")
    last = right.date_input("Until before", value=None, key="price_to", help="No end, where it is empty.")
    url = st.text_input("Where it is published (link)", key="price_url", placeholder="https://")
    because = st.text_area(WHY, key="price_because")
    written = {"input": dollars_in, "output": dollars_out, "cache_read": cached}
    if not st.button("Add the price", type="primary", key="price_submit"):
        return
    words = [f"{name}={text}" for name, text in written.items() if text.strip()] + ([more] if more.strip() else [])
    try:
        entry = own_prices.entry_of(
            of_provider.strip().lower(),
            of_model.strip().lower(),
            tier,
            dict(price_words.named_prices(words)),
            valid_from=first,
            valid_to=last,
            source_url=url.strip() or None,
            checked_on=today().date(),
        )
    except TermRefused as refusal:
        st.error(wording.escape(str(refusal)), icon=":material/block:")
        return
    deeds.do(
        opened,
        PAGE,
        lambda connection, now: price_book.add_price(connection, entry, principal=principal, because=because, now=now),
        f"{entry.price_key} is written down. {NEXT}",
    )


@st.dialog("Withdraw the price", icon=":material/delete:")
def withdraw_price(opened: Books, principal: Principal, own: OwnPrice) -> None:
    """Let a price of one's own no longer hold."""
    st.markdown(
        f"**{wording.escape(own.entry.price_key)}** no longer holds: {wording.escape(price_words.all_in_words(own.entry.unit_pico_usd))}. "
        "What it priced has the public price again, or none."
    )
    because = st.text_area(WHY, key="withdraw_because")
    if st.button("Withdraw it", type="primary", key="withdraw_submit"):
        deeds.do(
            opened,
            PAGE,
            lambda connection, now: price_book.withdraw_price(
                connection, own.own_price_id, principal=principal, because=because, now=now
            ),
            f"{own.entry.price_key} is withdrawn. {NEXT}",
            too_late=TOO_LATE,
        )


@st.dialog("Add a contract term", icon=":material/contract:", width="large")
def add_term(opened: Books, principal: Principal) -> None:
    """Something that was agreed with a provider."""
    st.markdown(
        "Each unit is priced by one rule alone: tiers, then negotiated prices, then a discount, then the list price."
    )
    left, right = st.columns(2)
    contract = left.text_input("Your name for the contract", key="term_contract", placeholder="openai-2026")
    provider = right.text_input("Provider, as the price book spells it", key="term_provider", placeholder="openai")
    left, right = st.columns(2)
    models = left.text_input("Models", "*", key="term_models", help="A pattern: gpt-4*. * is all of them.")
    tier = right.selectbox("Service tier", ("every tier", *TIERS[:-1]), key="term_tier")
    left, right = st.columns(2)
    kind = left.selectbox("What it is", list(KINDS), key="term_kind")
    value = right.text_input("In numbers", key="term_value", placeholder=KINDS[kind])
    overage = "100"
    if kind == "Commitment":
        overage = st.text_input("Beyond it, per cent of the price", "100", key="term_overage")
    left, right = st.columns(2)
    first = left.date_input("From (UTC day)", value=today().date().replace(day=1), key="term_from")
    last = right.date_input("Until before", value=None, key="term_to", help="Until it is ended, where it is empty.")
    because = st.text_area(WHY, key="term_because")
    if not st.button("Add the term", type="primary", key="term_submit"):
        return
    try:
        rule = _RULES[kind](value, overage)
    except TermRefused as refusal:
        st.error(wording.escape(str(refusal)), icon=":material/block:")
        return
    term = Term(
        term_id="",
        contract_id=contract.strip(),
        provider=provider.strip().lower(),
        models=models.strip(),
        service_tier=None if tier == "every tier" else tier,
        valid_from=first,
        valid_to=last,
        rule=rule,
    )
    deeds.do(
        opened,
        PAGE,
        lambda connection, now: price_book.add_term(connection, term, principal=principal, because=because, now=now),
        f"{term.contract_id}: {price_words.in_words(rule)}. The worker publishes it.",
    )


_RULES: dict[str, Callable[[str, str], Rule]] = {
    "Negotiated prices": lambda value, _: UnitPrices(price_words.named_prices([value])),
    "Discount": lambda value, _: Discount(price_words.ppm(value)),
    "Graduated tiers": lambda value, _: price_words.tiers(value),
    "Commitment": lambda value, overage: Commitment(price_words.dollars_pico_usd(value), price_words.ppm(overage)),
    "Credit": lambda value, _: Credit(price_words.dollars_pico_usd(value)),
}


@st.dialog("End the term", icon=":material/event_busy:")
def end_term(opened: Books, principal: Principal, recorded: RecordedTerm) -> None:
    """Let a term hold until before a day."""
    term = recorded.term
    st.markdown(
        f"**{wording.escape(term.contract_id)}**: {wording.escape(price_words.in_words(term.rule))}, "
        f"since {wording.day_of(term.valid_from)}."
    )
    ends_on = st.date_input("The first day on which it no longer holds", value=today().date(), key="end_on")
    because = st.text_area(WHY, key="end_because")
    if st.button("End it", type="primary", key="end_submit"):
        deeds.do(
            opened,
            PAGE,
            lambda connection, now: price_book.end_term(
                connection, UUID(term.term_id), ends_on=ends_on, principal=principal, because=because, now=now
            ),
            f"{term.contract_id} ends before {wording.day_of(ends_on)}. The worker publishes it.",
            too_late=TOO_LATE,
        )
