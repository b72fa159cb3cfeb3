"""The Price book page: what models cost now and before, who uses them, what has no price, contracts and what corrections changed."""

from collections.abc import Callable, Sequence

import streamlit as st

from billing.price_book import MAY_CHANGE
from billing.principals import Principal
from dashboard import deeds, price_book_catalogue, price_book_dialogs, price_book_models, reading, shell, wording
from dashboard.acting_as import acting_as
from dashboard.books import Books, books
from dashboard.price_book_rows import restatement_row, term_row
from dashboard.price_book_tables import pick, table
from pricing.own_prices import OwnPriceBook
from pricing.price_book import PriceBook, load_catalogue
from store import contract_terms, own_prices, restatements
from store.database import tenant_transaction
from store.warehouse_unpriced import unpriced_models

SECTIONS = ("Prices", "Unpriced", "Own prices", "Contracts", "Restatements", "Catalogue")
PER_PAGE = 25
NO_RIGHT = "Finance or a founder may change prices: choose the role in the sidebar."


def draw() -> None:
    """The whole page; without a database prices and usage are shown, and nothing can be written down."""
    current = reading.current()
    if current is None:
        shell.nothing_published(reading.refusal())
        return
    principal = acting_as()
    with shell.header("Price book", f"{current.tenant_name}, prices in US dollars"):
        section = st.segmented_control(
            "Section", SECTIONS, default=SECTIONS[0], key="section", bind="query-params", label_visibility="collapsed"
        )
    opened = books()
    deeds.say_what_was_done(price_book_dialogs.PAGE)
    draws: dict[str, Callable[[], None]] = {
        "Prices": lambda: price_book_models.draw(current, _book(opened)),
        "Unpriced": lambda: _unpriced(current, opened, principal),
        "Own prices": lambda: _own(opened, principal),
        "Contracts": lambda: _contracts(opened, principal),
        "Restatements": lambda: _restatements(opened),
        "Catalogue": lambda: price_book_catalogue.draw(opened),
    }
    draws[section or SECTIONS[0]]()
    reading.freshness_line(current)


def _book(opened: Books | None) -> PriceBook:
    """The public book, with the tenant's own prices over it where the database is there to ask."""
    if opened is None:
        return load_catalogue()
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        own = own_prices.read(connection)
    return OwnPriceBook(load_catalogue(), own) if own else load_catalogue()


def _unpriced(current: reading.Reading, opened: Books | None, principal: Principal) -> None:
    found = unpriced_models(current.warehouse).rows(named=True)
    with shell.card(
        "unpriced", "Usage without a price", "It has no cost, which is not a cost of 0, and widens every range"
    ):
        if not found:
            st.markdown(":green[:material/check_circle:] Every event of the usage has a price.")
            _add_price(opened, principal, "", "")
            return
        rows = [
            {
                "Model": str(row["model"] or wording.UNKNOWN),
                "Provider": str(row["provider"] or wording.UNKNOWN),
                "Events": f"{row['events']:,}",
                "Tokens": wording.quantity(row["tokens"]),
                "Used": f"{wording.day_of(row['first_day'])} \u2013 {wording.day_of(row['last_day'])}",
                "Why": str(row["unpriced_reason"] or wording.UNKNOWN),
            }
            for row in found
        ]
        place = pick(
            "unpriced_models",
            rows,
            right=("Events", "Tokens"),
            phone=("Model", "Events"),
            alt="Models of the usage without a price",
        )
        chosen = found[place] if place is not None else found[0]
        if len(found) > 1 and place is None:
            st.caption("Choose a row to add its price; without a choice it is the first one's.")
        _add_price(opened, principal, chosen["provider"] or "", chosen["model"] or "")


def _add_price(opened: Books | None, principal: Principal, provider: str, model: str) -> None:
    named = f" for {provider}/{model}" if model else ""
    if _button(opened, principal, f"Add price{named}", ":material/add:", key="add_price") and opened is not None:
        price_book_dialogs.add_price(opened, principal, provider, model)


def _own(opened: Books | None, principal: Principal) -> None:
    with shell.card(
        "own_prices", "Prices of your own", "They go before the public prices on their days; no other company sees them"
    ):
        found: Sequence[own_prices.OwnPrice] = ()
        if opened is not None:
            with tenant_transaction(opened.engine, opened.tenant_id) as connection:
                found = own_prices.listed(connection)
        if not found:
            st.markdown(":gray[:material/sell:] None. Add one where the public book lacks a price or has it wrong.")
            _add_price(opened, principal, "", "")
            return
        rows = [price_book_models.own_row(own) for own in found]
        place = pick("own_prices", rows, alt="Prices of your own")
        with st.container(horizontal=True, gap="small"):
            _add_price(opened, principal, "", "")
            if (
                place is not None
                and _button(opened, principal, "Withdraw the chosen one", ":material/delete:", key="withdraw_price")
                and opened is not None
            ):
                price_book_dialogs.withdraw_price(opened, principal, found[place])
        if place is None:
            st.caption("Choose a row to withdraw it.")


def _contracts(opened: Books | None, principal: Principal) -> None:
    with shell.card(
        "contracts",
        "Contracts with providers",
        "Their terms go before the catalogue on their days; whole pico-USD, nothing taken off twice",
    ):
        found: Sequence[contract_terms.RecordedTerm] = ()
        if opened is not None:
            with tenant_transaction(opened.engine, opened.tenant_id) as connection:
                found = contract_terms.listed(connection)
        place = None
        if found:
            place = pick("contract_terms", [term_row(one) for one in found], alt="Terms of contracts")
        else:
            st.markdown(
                ":gray[:material/contract:] None. What you have agreed with a provider changes what usage costs."
            )
        with st.container(horizontal=True, gap="small"):
            if _button(opened, principal, "Add term", ":material/add:", key="add_term") and opened is not None:
                price_book_dialogs.add_term(opened, principal)
            if (
                place is not None
                and _button(opened, principal, "End the chosen one", ":material/event_busy:", key="end_term")
                and opened is not None
            ):
                price_book_dialogs.end_term(opened, principal, found[place])
        if found and place is None:
            st.caption("Choose a row to end it.")


def _restatements(opened: Books | None) -> None:
    with shell.card(
        "restatements",
        "Restatements",
        "Costs that a corrected price has changed after they were shown: list prices, before contracts",
    ):
        found: list[restatements.Restatement] = []
        if opened is not None:
            with tenant_transaction(opened.engine, opened.tenant_id) as connection:
                found = restatements.read(connection)
        if not found:
            st.markdown(":gray[:material/history:] None. No price has been corrected since usage was priced with it.")
            return
        shown = found[: PER_PAGE * _pages("restatements", len(found))]
        table(
            [restatement_row(told) for told in shown],
            key="restatements",
            right=("Events", "Before", "After"),
            phone=("Model", "Before", "After"),
            alt="What corrected prices have changed",
        )
        if len(shown) < len(found) and st.button(f"Show more of {len(found):,}", key="restatements_more"):
            st.session_state["restatements_pages"] = _pages("restatements", len(found)) + 1
            st.rerun()


def _pages(key: str, rows: int) -> int:
    return min(int(st.session_state.get(f"{key}_pages", 1)), rows // PER_PAGE + 1)


def _button(opened: Books | None, principal: Principal, label: str, icon: str, *, key: str) -> bool:
    """A button that says why it cannot be pressed."""
    may = principal.role in MAY_CHANGE
    help_text = None if may else NO_RIGHT
    return st.button(label, icon=icon, key=key, disabled=opened is None or not may, help=help_text)
