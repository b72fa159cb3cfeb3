"""The two questions every margin answers to: over which months, and by which revenue basis. Both live in the URL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import streamlit as st

from pricing.money import exponent

PERIODS = {"3M": 3, "6M": 6, "12M": 12}
BASES = {"service": "Service period", "invoiced": "As invoiced"}
BASIS_HELP = (
    "**Service period** spreads each invoice line over the days it pays for. "
    "**As invoiced** puts the whole line into the month of its invoice. Both are net of tax, discounts and credits."
)


@dataclass(frozen=True)
class Window:
    """The months on the page: `months` up to and including the month to date, and the last closed one."""

    months: tuple[date, ...]
    closed: date | None
    running: date | None
    basis: str


def choose(all_months: Sequence[date], as_of: date) -> Window:
    """Draw both controls and return what was chosen; a page address carries both."""
    period = st.segmented_control(
        "Period",
        list(PERIODS),
        default="12M",
        required=True,
        key="period",
        bind="query-params",
        persist_state="session",
        label_visibility="collapsed",
        help="How many closed months the charts show, besides the month to date.",
    )
    return window(all_months, as_of, PERIODS.get(period or "12M", 12), choose_basis())


def choose_basis() -> str:
    """Draw the revenue basis alone and return it."""
    basis = st.segmented_control(
        "Revenue basis",
        list(BASES),
        format_func=BASES.__getitem__,
        default="service",
        required=True,
        key="basis",
        bind="query-params",
        persist_state="session",
        label_visibility="collapsed",
        help=BASIS_HELP,
    )
    return basis or "service"


def minor_of(amount: float, currency: str) -> int:
    """What somebody typed as an amount in major units, in minor ones: the text of it is what was meant."""
    return round(Decimal(str(amount)).scaleb(exponent(currency)))


def window(all_months: Sequence[date], as_of: date, length: int, basis: str) -> Window:
    """The last `length` closed months and the running one; a month is closed when it ended on or before `as_of`."""
    this_month = as_of.replace(day=1)
    closed = [month for month in sorted(all_months) if month < this_month]
    running = this_month if this_month in all_months else None
    shown = closed[-length:] + ([running] if running else [])
    return Window(tuple(shown), closed[-1] if closed else None, running, basis)
