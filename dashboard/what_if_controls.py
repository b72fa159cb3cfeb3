"""The questions of the what-if page: whose usage, over which months, and what changes; all of it lives in the address."""

from collections.abc import Sequence
from datetime import date

import streamlit as st

from dashboard import controls, what_if_reading
from dashboard.reading import Reading
from dashboard.what_if_reading import Choices, Question
from pricing.what_if import PriceChange
from pricing.what_if_costs import CostChange

ALL, ALL_MODELS, EVERY_PROVIDER = "All customers", "All models", "Every provider"
STAYS = "Stays where it is"
MONTHS_AT_FIRST = 3
CACHE_HELP = "Of the input that is not written to the cache, how much is read from it; the rest is charged in full."
OFF_HELP = "Taken off what the provider charges afterwards; a negative one is a rise."
PRICE_HELP = "10 is ten percent more net revenue from these customers."
MONTHLY_HELP = "Net of tax, for each of these customers and each month in which they bought or used something."


def ask(current: Reading, closed: Sequence[date]) -> tuple[Question, Choices]:
    """Draw every control and return the question they make; `closed` are the months that have ended, in order."""
    with st.container(border=True, key="card_question"):
        first, last, choices, who = _whose(current, closed)
        of, model, cache = _usage(choices)
        off, by, price, monthly = _prices(choices, current.currency)
    customers = _customers(who, choices)
    cost = CostChange(
        customers=customers,
        from_models=None if of in {None, ALL_MODELS} else (_pair(str(of)),),
        to_model=None if model is None else _pair(model),
        cache_percent=None if cache is None else int(cache),
        discount_basis_points=_basis_points(off),
        discount_provider=None if by in {None, EVERY_PROVIDER} else by,
    )
    change = PriceChange(
        customers=None if customers is None else frozenset(customers),
        basis_points=_basis_points(price),
        monthly_minor=None if monthly is None else controls.minor_of(monthly, current.currency),
    )
    basis = st.session_state.get("basis") or "service"
    return Question(first, last, basis, cost, change), choices


def _whose(current: Reading, closed: Sequence[date]) -> tuple[date, date, Choices, str | None]:
    """The months, what can be chosen for them, and the customers."""
    labels = {f"{month:%b %Y}": month for month in closed}
    names = list(labels)
    with st.grid(3, min_column_width=160, gap="small", key="question_whose"):
        since = _choice("From", names, key="from", index=max(0, len(names) - MONTHS_AT_FIRST))
        until = _choice("To", names, key="to", index=len(names) - 1)
        first, last = sorted((labels[since or names[0]], labels[until or names[-1]]))
        choices = what_if_reading.choices(current, first, last)
        people = [ALL, *(f"Plan {plan}" for plan in choices.plans), *_labels(choices)]
        who = _choice("Customers", people, key="who", index=0)
    return first, last, choices, who


def _usage(choices: Choices) -> tuple[str | None, str | None, float | None]:
    """Whose place is taken by which model, and the cache's share."""
    with st.grid(3, min_column_width=160, gap="small", key="question_usage"):
        of = _choice("Usage of", [ALL_MODELS, *("/".join(pair) for pair in choices.used)], key="of", index=0)
        model = _choice(
            "Moves to",
            ["/".join(pair) for pair in choices.priced],
            key="model",
            index=None,
            placeholder=STAYS,
            help="Every unit is charged at this model's price of that day and tier. Type to search the price book.",
        )
        cache = _number("Input from the cache, %", "cache", 0, 100, 1, CACHE_HELP)
    return of, model, cache


def _prices(choices: Choices, currency: str) -> tuple[float | None, str | None, float | None, float | None]:
    """The provider's prices and your own."""
    with st.grid(4, min_column_width=140, gap="small", key="question_prices"):
        off = _number("Provider's discount, %", "off", -100.0, 100.0, 0.5, OFF_HELP)
        by = _choice("Discount of", [EVERY_PROVIDER, *choices.providers], key="by", index=0)
        price = _number("Your prices, %", "price", -100.0, 1000.0, 0.5, PRICE_HELP)
        monthly = _number(f"Or a price a month, {currency.upper()}", "monthly", 0.0, 1e9, 1.0, MONTHLY_HELP)
    return off, by, price, monthly


def _choice(
    label: str,
    options: list[str],
    *,
    key: str,
    index: int | None,
    placeholder: str | None = None,
    help: str | None = None,  # noqa: A002 - as the widget's
) -> str | None:
    return st.selectbox(
        label,
        options,
        index=index,
        key=key,
        bind="query-params",
        persist_state="session",
        placeholder=placeholder,
        help=help,
    )


def _number(label: str, key: str, least: float, most: float, step: float, explanation: str) -> float | None:
    return st.number_input(
        label,
        min_value=least,
        max_value=most,
        value=None,
        step=step,
        key=key,
        bind="query-params",
        persist_state="session",
        placeholder="As it was",
        help=explanation,
    )


def _labels(choices: Choices) -> list[str]:
    return [f"{name} ({customer_id})" for customer_id, name in choices.names.items()]


def _customers(who: str | None, choices: Choices) -> tuple[str, ...] | None:
    if who in {None, ALL}:
        return None
    for plan, ids in choices.plans.items():
        if who == f"Plan {plan}":
            return ids
    return (str(who).rpartition("(")[2].rstrip(")"),)


def _pair(name: str) -> tuple[str, str]:
    provider, _, model = name.partition("/")
    return provider, model


def _basis_points(percent: float | None) -> int:
    return 0 if percent is None else round(percent * 100)
