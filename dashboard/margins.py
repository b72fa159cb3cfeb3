"""The Margins page: what moved the margin between any two periods, one sentence first, and the figures that explain it."""

from collections.abc import Sequence
from fractions import Fraction

import streamlit as st

from dashboard import (
    charts,
    controls,
    coverage_line,
    margin_bridge_card,
    margin_exports,
    margin_reading,
    margin_segments,
    margin_subscriptions,
    margin_words,
    overview_cards,
    reading,
    shell,
    wording,
)
from dashboard.margin_reading import Moved
from dashboard.months import Month
from pricing.metric_definitions import definition
from pricing.named_periods import NamedPeriod, choices
from pricing.saas_metrics import cost_share, inference_efficiency

TREND_MONTHS = 12


def draw() -> None:
    """The whole page, top to bottom."""
    current = reading.current()
    if current is None:
        shell.nothing_published(reading.refusal())
        return
    closed = margin_reading.closed(reading.months(current, "service"))
    if len(closed) < 2:
        shell.not_found("Not two closed months yet", "What moved the margin is told when two months have ended.")
        reading.freshness_line(current)
        return
    periods = choices([month.month for month in closed])
    with shell.header("What moved the margin", current.tenant_name):
        before, after = _choose(periods)
        basis = controls.choose_basis()
    moved = margin_reading.moved(current, before, after, basis)
    _story(current, moved, before, after)
    _tiles(moved, before, current.currency)
    shown = reading.months(current, basis)
    _coverage([month for month in shown if month.month in after.months])
    margin_bridge_card.draw(current, moved, before, after, basis)
    _trend(current, shown, basis)
    margin_segments.draw(current, after, basis)
    margin_subscriptions.draw(current, moved, after, basis)
    margin_exports.draw(current, moved, before, after, basis)
    reading.freshness_line(current)


def _choose(periods: Sequence[NamedPeriod]) -> tuple[NamedPeriod, NamedPeriod]:
    """The two periods; both in the address. By default the last closed month against the one before it."""
    by_label = {margin_words.period_short(period): period for period in periods}
    labels = list(by_label)
    with st.container(horizontal=True, width="content", vertical_alignment="center", gap="small", key="periods"):
        before = _pick("From", labels, 1, key="from")
        st.markdown(":gray[:material/arrow_forward:]", width="content")
        after = _pick("To", labels, 0, key="to")
    return by_label[before], by_label[after]


def _pick(label: str, labels: Sequence[str], place: int, *, key: str) -> str:
    chosen = st.selectbox(
        label,
        labels,
        index=place,
        key=key,
        bind="query-params",
        persist_state="session",
        label_visibility="collapsed",
        width=132,
    )
    return chosen or labels[place]


def _story(current: reading.Reading, moved: Moved, before: NamedPeriod, after: NamedPeriod) -> None:
    """One sentence in plain words, in front of every figure."""
    with st.container(key="story"):
        if moved.bridge is None:
            st.markdown(f":material/currency_exchange: {shell.NO_RATE}")
            return
        head = margin_words.headline(moved.bridge, before, after, current.currency)
        why = margin_words.reasons(moved.bridge.told, margin_reading.names(current), current.currency)
        st.markdown(f"**{wording.escape(head)}:** {wording.escape(why)}\\.")


def _tiles(moved: Moved, before: NamedPeriod, currency: str) -> None:
    """The four numbers, each against the period before."""
    against = f"vs {margin_words.period_short(before)}"
    was, now = moved.before, moved.after
    with st.grid(4, min_column_width=150, gap="small", key="tiles"):
        _tile("gross_margin", wording.percent(now.share), _points(was.share, now.share), against)
        profits = [period.profit_minor for period in (was, now)]
        change = None if None in profits else (profits[1] or 0) - (profits[0] or 0)
        moved_text = wording.money(change, currency, plus=True) if change else None
        _tile("gross_margin", wording.money(profits[1], currency), moved_text, against, label="Gross profit")
        costs = [cost_share(period.cost_minor, period.net_revenue_minor) for period in (was, now)]
        _tile("cost_share", wording.percent(costs[1]), _points(*costs), against, more_is_bad=True)
        worth = [inference_efficiency(period.cost_minor, period.net_revenue_minor) for period in (was, now)]
        _tile("inference_efficiency", wording.times(worth[1]), wording.times_moved(*worth), against)


def _points(was: Fraction | None, now: Fraction | None) -> str | None:
    return None if was is None or now is None else wording.points(now - was)


def _tile(
    key: str, value: str, move: str | None, against: str, *, label: str | None = None, more_is_bad: bool = False
) -> None:
    metric = definition(key)
    fell = bool(move) and str(move).startswith(wording.MINUS)
    st.metric(
        label or metric.name,
        value,
        move or 0,
        # Said in words, because Streamlit reads a direction off an ASCII minus only and we print the real one.
        delta_color="gray" if not move else "red" if fell != more_is_bad else "green",
        delta_arrow="off" if not move else "down" if fell else "up",
        delta_description=against if move else f"no change {against}",
        help=margin_subscriptions.help_text(metric),
        border=True,
        height="stretch",
    )


def _coverage(months: Sequence[Month]) -> None:
    """How sure the margin is; of several months, that of the last one."""
    if months:
        last = months[-1]
        coverage_line.draw(f"{wording.month_short(last.month)} margin", last)


def _trend(current: reading.Reading, months: Sequence[Month], basis: str) -> None:
    shown = tuple(months[-(TREND_MONTHS + 1) :])
    with shell.card("trend", "Twelve months", "Margin with its range; the running month is dashed and paler"):
        figure = overview_cards.trend_figure(current, shown, basis, is_phone=reading.is_phone())
        first, last = margin_reading.closed(shown)[0], margin_reading.closed(shown)[-1]
        words = f"Gross margin by month, from {wording.percent(first.share)} to {wording.percent(last.share)}."
        st.plotly_chart(figure, config=charts.CONFIG, key="trend_chart", alt=words)
