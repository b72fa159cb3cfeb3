"""Models and their prices: those in use first, or the whole book by search, and one model's prices now, before and to come."""

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from dashboard import reading, shell, wording
from dashboard.price_book_rows import entry_row, model_row, source, valid
from dashboard.price_book_tables import pick, table
from pricing import price_words
from pricing.price_book import PriceBook
from pricing.price_history import history
from store.own_prices import OwnPrice
from store.warehouse_prices import ModelUse, customers_of, models_in_use

PER_PAGE = 25
CUSTOMERS_SHOWN = 10
PRICES = ("Input / 1M", "Cached / 1M", "Output / 1M")
IN_USE, WHOLE = "In use", "Whole book"

# A model of the list: its names in the price book, and who uses it (None: nobody).
Listed = tuple[str, str, ModelUse | None]


def draw(current: reading.Reading, book: PriceBook) -> None:
    """Search, the table, and the chosen model below it."""
    with shell.card(
        "models", "Models", "What the standard tier costs now; choose a row for every price, now and before"
    ):
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            scope = st.segmented_control(
                "Which models",
                (IN_USE, WHOLE),
                default=IN_USE,
                key="scope",
                bind="query-params",
                label_visibility="collapsed",
            )
            asked = st.text_input(
                "Search",
                key="search",
                bind="query-params",
                placeholder="Search provider or model",
                label_visibility="collapsed",
            )
        found = _found(current, book, scope or IN_USE, asked or "")
        if not found:
            what = "model in use has a price and" if (scope or IN_USE) == IN_USE else "model of the book"
            st.markdown(f":gray[:material/search_off:] No {what} fits the search.")
            return
        page = _page(len(found))
        shown = found[page * PER_PAGE : (page + 1) * PER_PAGE]
        now = current.as_of.replace(tzinfo=UTC)
        rows = [
            model_row(provider, model, history(book, provider, model, at=now), use) for provider, model, use in shown
        ]
        place = pick(
            f"models_{scope}_{asked}_{page}",
            rows,
            right=(*PRICES, "Customers", "Share of AI cost", "AI cost"),
            phone=("Model", "Input / 1M", "Output / 1M"),
            alt="Models with their prices and who uses them",
        )
        st.caption(f"{len(found):,} models; page {page + 1} of {(len(found) - 1) // PER_PAGE + 1}.")
    if place is not None:
        _one(current, book, shown[place], now)


def _found(current: reading.Reading, book: PriceBook, scope: str, asked: str) -> list[Listed]:
    """The models that fit the search, those in use by their cost; a model without a price in the book is none of it."""
    words = asked.strip().lower().split()
    used: dict[tuple[str, str], ModelUse] = {}
    for use in models_in_use(current.warehouse):
        meant = book.find(use.provider, use.model)
        if not isinstance(meant, str):
            used.setdefault(meant, use)
    every: Sequence[tuple[str, str]] = (
        list(used) if scope == IN_USE else [*used, *(one for one in book.models() if one not in used)]
    )
    return [
        (provider, model, used.get((provider, model)))
        for provider, model in every
        if all(word in f"{provider}/{model}".lower() for word in words)
    ]


def _page(models: int) -> int:
    """The page that is shown, from 0; chosen where there are several."""
    pages = (models - 1) // PER_PAGE + 1
    if pages == 1:
        return 0
    return int(st.number_input("Page", 1, pages, 1, key="page", width=140)) - 1


def _one(current: reading.Reading, book: PriceBook, listed: Listed, now: datetime) -> None:
    provider, model, use = listed
    with shell.card("model", wording.escape(f"{provider}/{model}"), "Every dated price, by tier; what holds now first"):
        held = history(book, provider, model, at=now)
        if not held:
            st.markdown(":orange[:material/sell: Not priced:] the book lists the model without a price.")
        else:
            table(
                [entry_row(one) for one in held],
                key="entries",
                right=PRICES,
                phone=("Tier", "Input / 1M", "Output / 1M"),
                alt="Dated prices of the model",
            )
        if use is None:
            st.markdown(":gray[:material/group_off:] Nobody uses it.")
            return
        st.markdown("#### Who uses it")
        who = customers_of(current.warehouse, use.provider, use.model, limit=CUSTOMERS_SHOWN)
        table(
            [
                {
                    "Customer": one.name or "Usage without a customer",
                    "Events": f"{one.events:,}",
                    "AI cost": wording.usd(one.cost_pico_usd),
                    "Share of the model": wording.percent(one.share),
                }
                for one in who
            ],
            key="users",
            right=("Events", "AI cost", "Share of the model"),
            alt="Customers who use the model",
        )
        st.caption(
            f"{wording.count(use.customers, 'customer')}, {wording.count(use.events, 'event')} from {wording.day_of(use.first_day)} "
            f"to {wording.day_of(use.last_day)}; {wording.escape(wording.percent(use.share))} of all AI cost."
        )


def own_row(own: OwnPrice) -> dict[str, str]:
    """A price of the tenant's own."""
    entry = own.entry
    return {
        "Model": f"{entry.provider}/{entry.model}",
        "Tier": entry.service_tier,
        "Prices": price_words.all_in_words(entry.unit_pico_usd),
        "Valid": valid(entry.valid_from, entry.valid_to),
        "Why": own.because,
        "By": own.recorded_by,
        "Written down": wording.moment_of(own.recorded_at.astimezone(UTC)),
        "Source": source(entry),
    }
