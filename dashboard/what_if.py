"""The what-if page: history replayed under another model, price list, cache rate or price, and who loses money then."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import (
    controls,
    coverage_line,
    reading,
    shell,
    tables,
    what_if_controls,
    what_if_reading,
    what_if_rows,
    wording,
)
from dashboard.what_if_reading import TARGET, Choices, Question
from pricing.margin import Status
from pricing.what_if import Answer, Outcome
from pricing.what_if_costs import NoSuchPrices

NAMED_AT_MOST = 6
HEIGHT_MAX = 560
ON_A_PHONE = ("name", "share_before", "share_after", "break_even")
SAME_CALLS = "Same calls and same token counts: another model may count and answer longer or shorter."


def draw() -> None:
    """The question on top, its answer below."""
    current = reading.current()
    if current is None:
        shell.nothing_published(reading.refusal())
        return
    closed = [month.month for month in reading.months(current, "service") if not month.is_partial]
    if not closed:
        shell.not_found(
            "No closed month yet", "There is history to replay when a month with revenue or usage has ended."
        )
        return
    with shell.header("What if", "Closed months replayed as if something had been different"):
        controls.choose_basis()
    question, choices = what_if_controls.ask(current, closed)
    if question.is_any:
        _answer(current, question, choices)
    else:
        _nothing_asked()
    reading.freshness_line(current)


def _nothing_asked() -> None:
    with st.container(border=True, key="card_nothing_asked", horizontal_alignment="center"):
        st.markdown("# :gray[:material/alt_route:]", width="content")
        st.markdown("### Nothing is different yet", width="content")
        st.markdown(
            "Choose a model that the usage moves to, how much of the input comes from the cache, a provider's discount, "
            "or another price for your customers. They may be combined, and the address of this page keeps them.",
            text_alignment="center",
        )


def _answer(current: reading.Reading, question: Question, choices: Choices) -> None:
    try:
        found = what_if_reading.answer(current, question)
    except NoSuchPrices as refused:
        st.error(wording.escape(str(refused)), icon=":material/money_off:")
        return
    _tiles(found, current.currency)
    coverage_line.draw("Company's margin afterwards", found.company.after)
    _who_changes(found.customers, choices)
    _caveats(found.company, question)
    _table(current, question, found, choices)


def _tiles(found: Answer, currency: str) -> None:
    before, after = found.company.before, found.company.after
    losing = (
        sum(each.before.status is Status.NEGATIVE for each in found.customers),
        sum(each.after.status is Status.NEGATIVE for each in found.customers),
    )
    # On a phone a tile needs the whole width for "+$7,230 was $72.3K".
    with st.grid(5, min_column_width=200 if reading.is_phone() else 150, gap="small", key="tiles"):
        _amount("Net revenue", found.company.net_before_minor, found.company.net_after_minor, currency)
        _amount("AI cost", before.cost_minor, after.cost_minor, currency, more_is_bad=True)
        _amount("Gross profit", before.gross_profit_minor, after.gross_profit_minor, currency)
        moved = None if before.share is None or after.share is None else wording.points(after.share - before.share)
        _tile("Margin (AI usage only)", wording.percent(before.share), wording.percent(after.share), moved)
        more = losing[1] - losing[0]
        change = f"{wording.MINUS if more < 0 else '+'}{abs(more)}" if more else None
        _tile("Customers losing money", f"{losing[0]:,}", f"{losing[1]:,}", change, more_is_bad=True)


def _amount(label: str, before: int | None, after: int | None, currency: str, *, more_is_bad: bool = False) -> None:
    moved = (
        None
        if before is None or after is None or before == after
        else wording.money(after - before, currency, plus=True)
    )
    _tile(label, wording.money(before, currency), wording.money(after, currency), moved, more_is_bad=more_is_bad)


def _tile(label: str, before: str, after: str, moved: str | None, *, more_is_bad: bool = False) -> None:
    fell = bool(moved) and str(moved).startswith(wording.MINUS)
    st.metric(
        label,
        after,
        moved or 0,
        delta_color="gray" if not moved else "red" if fell != more_is_bad else "green",
        delta_arrow="off" if not moved else "down" if fell else "up",
        delta_description=f"was {before}" if moved else "as it was",
        border=True,
        height="stretch",
    )


def _who_changes(customers: Sequence[Outcome], choices: Choices) -> None:
    """In words: who turns negative and who no longer is."""
    for which, icon, one, many in (
        ([each for each in customers if each.turns_negative], ":red[:material/trending_down:]", "customer turns", "customers turn"),
        ([each for each in customers if each.turns_positive], ":green[:material/trending_up:]", "customer leaves", "customers leave"),
    ):  # fmt: skip
        if not which:
            continue
        names = [choices.names.get(each.customer_id or "", each.customer_id or "") for each in which]
        shown = ", ".join(wording.escape(name) for name in names[:NAMED_AT_MOST])
        more = f" and {len(names) - NAMED_AT_MOST} more" if len(names) > NAMED_AT_MOST else ""
        verb = "negative" if one.endswith("turns") else "the red"
        st.markdown(f"{icon} **{wording.count(len(which), one, many)} {verb}:** {shown}{more}")
    if not any(each.turns_negative or each.turns_positive for each in customers):
        st.markdown(":gray[:material/trending_flat:] Nobody turns negative, and nobody who lost money stops losing it.")


def _caveats(company: Outcome, question: Question) -> None:
    """What the replay cannot know."""
    words = [SAME_CALLS] if question.cost.to_model is not None else []
    after = company.after
    if after.low is not None and after.high is not None and after.low != after.high:
        words.append(f"The margin afterwards has a {wording.band(after.low, after.high)}: prices depend on lengths, hours or units that the history does not tell.")  # fmt: skip
    if company.partly_priced_events:
        words.append(f"{wording.count(company.partly_priced_events, 'call')} used a unit that neither model has a price for: that part is in no sum.")  # fmt: skip
    if after.coverage.priced is not None and after.coverage.priced < 1:
        words.append(f"{wording.percent(after.coverage.priced)} of the usage has a price; the rest is in no sum.")
    if words:
        st.caption(wording.escape(" ".join(words)))


def _table(current: reading.Reading, question: Question, found: Answer, choices: Choices) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="what_if_view"
    ):
        show = st.segmented_control(
            "Show",
            list(what_if_rows.SHOW),
            format_func=what_if_rows.SHOW.__getitem__,
            default="all",
            required=True,
            key="show",
            bind="query-params",
            label_visibility="collapsed",
        )
        st.download_button(
            "Download CSV",
            # Made when it is asked for: with thousands of customers it takes longer than the page.
            lambda: what_if_rows.csv_text([found.company, *found.customers], choices.names, current.currency),
            file_name=f"what-if-{question.first:%Y-%m}-{question.last:%Y-%m}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            key="what_if_csv",
        )
    rows = what_if_rows.shown(found.customers, show or "all")
    if not rows:
        st.caption("No customer is in this view.")
        return
    is_phone = reading.is_phone()
    with st.container(key="what_if_table"):
        st.dataframe(
            what_if_rows.table(rows, choices.names, current.currency),
            hide_index=True,
            column_order=ON_A_PHONE if is_phone else None,
            column_config=_columns(current.currency, is_phone=is_phone),
            row_height=36,
            placeholder=wording.UNKNOWN,
            height=HEIGHT_MAX if len(rows) > 14 else "content",
            alt="Customers with revenue, AI cost and margin before and after, and the price at which nothing is left",
        )
    st.caption(
        f"{wording.count(len(rows), 'customer')}, who turns negative first. Amounts are of all chosen months; break-even is the net "
        f"price a month at which the AI cost afterwards leaves nothing, the next one leaves {wording.percent(TARGET, 0)}."
    )


def _columns(currency: str, *, is_phone: bool) -> dict[str, Any]:
    column = st.column_config
    money_format = tables.MONEY_FORMATS.get(currency, "%,.2f")
    unit = "" if currency in tables.MONEY_FORMATS else f" ({currency.upper()})"

    def money(label: str, explanation: str, step: float = 1) -> Any:
        width = 92 if is_phone else 96
        return column.NumberColumn(f"{label}{unit}", format=money_format, step=step, help=explanation, width=width)

    def share(label: str, explanation: str) -> Any:
        width = 74 if is_phone else 88
        return column.NumberColumn(label, format="percent", step=0.001, help=explanation, width=width)

    margin = "" if is_phone else "Margin "
    return {
        "name": column.TextColumn("Customer", width=104 if is_phone else 178),
        "net": money("Revenue after", "Net revenue over all chosen months, without tax"),
        "cost_before": money("Cost before", "AI cost as it was"),
        "cost_after": money("Cost after", "What is known of the AI cost afterwards"),
        "share_before": share(f"{margin}before".capitalize(), "Of net revenue; empty when nothing was sold"),
        "share_after": share(f"{margin}after".capitalize(), "Of net revenue afterwards"),
        "break_even": money("Break-even", "The net price a month at which the AI cost afterwards leaves nothing", 0.01),
        "target": money(f"For {wording.percent(TARGET, 0)}", "The net price a month that leaves this margin", 0.01),
        "state": column.TextColumn("State", width=150),
    }
