"""The overview: is the company earning on what its customers use, where does each dollar go, and who needs a look."""

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from dashboard import (
    controls,
    coverage_line,
    overview_attention,
    overview_cards,
    overview_tiles,
    reading,
    shell,
    spike_hints,
    wording,
)
from dashboard.months import Month
from dashboard.spike_rows import folded


def draw() -> None:
    """The whole page, top to bottom."""
    current = reading.current()
    if current is None:
        shell.nothing_published(reading.refusal())
        return
    all_months = reading.months(current, "service")
    with shell.header("Overview", _subtitle(current, all_months)):
        window = controls.choose([month.month for month in all_months], current.as_of.date())
    shown = [month for month in reading.months(current, window.basis) if month.month in window.months]
    closed = [month for month in shown if not month.is_partial]
    if not closed:
        shell.not_found("No closed month yet", "The first margins appear when a month with revenue or usage has ended.")
    else:
        overview_tiles.draw(closed, current.currency)
        _coverage(closed[-1])
        _biggest_jump(current, shown)
        overview_cards.trend_and_waterfall(current, shown, window.basis)
    alerts = folded(spike_hints.open_rows(current))
    overview_attention.draw(
        reading.attention(current),
        current.currency,
        current.as_of,
        open_customer,
        (len(alerts), lambda: spike_hints.lines(alerts)),
    )
    if closed:
        overview_cards.losing_money(current, closed[-1].month, window.basis, open_customer)
        overview_cards.payments_and_power_users(current, closed, window.basis)
    reading.freshness_line(current)


def open_customer(customer_id: str) -> None:
    """Leave for the customer's page, keeping the revenue basis."""
    basis = st.session_state.get("basis", "service")
    parameters = {"customer": customer_id} | ({"basis": basis} if basis != "service" else {})
    st.switch_page(shell.customers_page(), query_params=parameters)


def _subtitle(current: reading.Reading, months: Sequence[Month]) -> str:
    closed = [month for month in months if not month.is_partial]
    words = [current.tenant_name]
    if closed:
        words.append(f"{wording.month(closed[-1].month)}, the last closed month")
    if months and months[-1].is_partial:
        words.append(f"{wording.month_short(months[-1].month)} is month to date, as of {_short_day(current.as_of)}")
    return " · ".join(words)


def _short_day(moment: datetime) -> str:
    return f"{moment.day} {moment:%b}"


def _coverage(month: Month) -> None:
    """How sure the margin is, and what to do where revenue has no exchange rate."""
    coverage_line.draw(f"{wording.month_short(month.month)} margin", month)
    if month.net_revenue_minor is None:
        st.markdown(f":small[:orange[:material/currency_exchange: {shell.NO_RATE}]]")


def _biggest_jump(current: reading.Reading, shown: Sequence[Month]) -> None:
    """One sentence: the steepest rise of the AI bill between two closed months, and who caused most of it."""
    jump = reading.biggest_jump(current, [month for month in shown if not month.is_partial])
    if jump is None:
        return
    rise = jump.after_minor - jump.before_minor
    before, after, driven, whole = (
        wording.escape(wording.money(minor, current.currency))
        for minor in (jump.before_minor, jump.after_minor, jump.customer_rise_minor, rise)
    )
    name = wording.escape(jump.customer_name)
    # The others together may have cost less than before: then there is no "of".
    share = f"{driven} of the {whole} more" if jump.customer_rise_minor <= rise else f"{driven} more by itself"
    with st.container(key="jump", horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(
            f":material/bolt: **{name}** drove the steepest rise of the AI bill: {before} in {wording.month_short(jump.before)} "
            f"to **{after}** in {wording.month(jump.after)}, {share}.",
            width="content",
        )
        if st.button("Open the customer", key="open_jump", type="tertiary"):
            open_customer(jump.customer_id)
