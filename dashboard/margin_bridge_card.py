"""The bridge: a waterfall from one margin to the other, every part in a table beside it, and what is behind the chosen part."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import streamlit as st

from dashboard import charts, charts_margins, margin_reading, margin_words, reading, shell, wording
from dashboard.charts_margins import BridgeBar
from dashboard.margin_reading import Moved
from pricing.bridge_story import Behind, Finding, Summary
from pricing.margin_bridge import Step
from pricing.named_periods import NamedPeriod

UNITS = {"points": "Points", "money": "Money"}
# What is too long for the place under a bar.
CHART_NAMES = {
    "Unreconciled": "Unrecon-<br>ciled",
    "Customers gained": "Gained",
    "Customers lost": "Lost",
    "Commitments": "Commit-<br>ments",
}


def draw(current: reading.Reading, moved: Moved, before: NamedPeriod, after: NamedPeriod, basis: str) -> None:
    """The card; without a bridge there is nothing to draw, and the page has said why."""
    found = moved.bridge
    if found is None:
        return
    subtitle = (
        f"{margin_words.period_name(before)} to {margin_words.period_name(after)}; the parts sum to the change exactly"
    )
    with shell.card("bridge", "Step by step", subtitle):
        unit = _unit(moved)
        present = [step for step in found.steps if step.revenue_minor or step.cost_minor]
        if not present:
            st.markdown(":material/check_circle: Nothing moved between these two periods.")
            return
        biggest = max(present, key=lambda step: (abs(step.points or 0), abs(step.profit_minor)))
        left, right = st.columns([1.7, 1], gap="medium")
        with left:
            _waterfall(current, moved, found, (before, after, basis), unit, present)
        with right:
            _table(found, moved, present, current.currency)
        _behind(current, found, present, biggest)


def _unit(moved: Moved) -> str:
    """Points where both periods have a margin, money always."""
    if not moved.tenths:
        st.caption("One of the periods has no margin (nothing was sold, or less than nothing): the steps are in money.")
        return "money"
    unit = st.segmented_control(
        "Show in",
        list(UNITS),
        format_func=UNITS.__getitem__,
        default="points",
        required=True,
        key="unit",
        bind="query-params",
        persist_state="session",
        label_visibility="collapsed",
    )
    return unit or "points"


def _waterfall(
    current: reading.Reading,
    moved: Moved,
    found: Summary,
    chosen: tuple[NamedPeriod, NamedPeriod, str],
    unit: str,
    present: Sequence[Step],
) -> None:
    is_phone = reading.is_phone()
    before, after, basis = chosen
    drawn, tiny = _to_draw(moved, unit, present)
    bars = _bars(moved, found, before, after, unit, drawn, current.currency, is_phone=is_phone)
    key = (current.version, current.tenant_id, before.name, after.name, basis, unit, is_phone)
    figure = reading.kept_figure(("bridge", *key), lambda: charts_margins.bridge(bars, is_phone=is_phone))
    words = "; ".join(f"{bar.label.replace('<br>', ' ')} {bar.text}" for bar in bars)
    st.plotly_chart(
        figure,
        config=charts.CONFIG,
        key="bridge_chart",
        on_select=_open_clicked,
        selection_mode="points",
        alt=f"Bridge from {margin_words.period_name(before)} to {margin_words.period_name(after)}: {words}.",
    )
    too_small = (
        f" Too small to draw: {', '.join(margin_words.part_name(step.part).lower() for step in tiny)}." if tiny else ""
    )
    in_points = "In percentage points. " if unit == "points" else ""
    st.caption(f"{in_points}The two outer bars are cut off below. Click a bar to see what is behind it.{too_small}")


def _to_draw(moved: Moved, unit: str, present: Sequence[Step]) -> tuple[list[Step], list[Step]]:
    """The parts that can be seen, and those that are less than a tenth of a point or a two-hundredth of the biggest."""
    most = max(abs(step.profit_minor) for step in present)
    drawn = [
        step
        for step in present
        if (moved.tenths[step.part] != 0 if unit == "points" else 200 * abs(step.profit_minor) >= most)
    ]
    return drawn or list(present), [step for step in present if drawn and step not in drawn]


def _bars(
    moved: Moved,
    found: Summary,
    before: NamedPeriod,
    after: NamedPeriod,
    unit: str,
    present: Sequence[Step],
    currency: str,
    *,
    is_phone: bool,
) -> list[BridgeBar]:
    ends = []
    for period, books in ((before, found.before), (after, found.after)):
        profit = books.profit_minor
        if unit == "points" and books.share is not None:
            size, text = float(books.share) * 100, wording.percent(books.share)
        else:
            size, text = wording.major(profit, currency) or 0.0, wording.money(profit, currency)
        ends.append(
            BridgeBar(
                "",
                margin_words.period_short(period).replace(" ", " " if is_phone else "<br>"),
                size,
                text,
                is_level=True,
            )
        )
    bars = []
    for step in present:
        label = margin_words.part_name(step.part)
        if not is_phone:
            label = CHART_NAMES.get(label, label.replace(" ", "<br>"))
        if unit == "points":
            size = float(step.points or 0) * 100
            text = wording.tenths(moved.tenths[step.part]).removesuffix(" pp")
        else:
            size, text = (
                wording.major(step.profit_minor, currency) or 0.0,
                wording.money(step.profit_minor, currency, plus=True),
            )
        bars.append(BridgeBar(step.part, label, size, text))
    return [ends[0], *bars, ends[1]]


def _open_clicked() -> None:
    """A click on a bar chooses its part; a click on an outer bar changes nothing."""
    state: Any = st.session_state.get("bridge_chart")
    points = state.selection.points if state is not None else []
    key = points[0].get("customdata", [""])[0] if points else ""
    chosen = next((name for part, (name, _) in margin_words.PARTS.items() if part == key), None)
    if chosen is not None:
        st.session_state["part"] = chosen


def _table(found: Summary, moved: Moved, present: Sequence[Step], currency: str) -> None:
    """Every part with its revenue, its cost and what it makes of the margin; the last row is the whole change."""
    rows = [
        {
            "part": margin_words.part_name(step.part),
            "profit": wording.money_exact(step.profit_minor, currency, plus=True),
            "points": wording.tenths(moved.tenths[step.part]) if moved.tenths else wording.UNKNOWN,
        }
        for step in present
    ]
    whole = sum(step.profit_minor for step in found.steps)
    rows.append(
        {
            "part": "Change",
            "profit": wording.money_exact(whole, currency, plus=True),
            "points": wording.tenths(sum(moved.tenths.values())) if moved.tenths else wording.UNKNOWN,
        }
    )
    column = st.column_config
    with st.container(key="bridge_table"):
        st.dataframe(
            pl.DataFrame(rows),
            hide_index=True,
            row_height=33,
            height="content",
            column_config={
                "part": column.TextColumn("Part"),
                "profit": column.TextColumn(
                    "Gross profit", alignment="right", help="What the part adds to gross profit"
                ),
                "points": column.TextColumn(
                    "Margin", alignment="right", help="What it adds to the margin, in percentage points"
                ),
            },
            alt="The parts of the change, in money and in percentage points",
        )
    silent = [margin_words.part_name(step.part).lower() for step in found.steps if step not in present]
    if silent:
        st.caption(f"Without any effect: {', '.join(silent)}.")


def _behind(current: reading.Reading, found: Summary, present: Sequence[Step], biggest: Step) -> None:
    """Who and what is behind one part: customers on the left, models or streams of revenue on the right."""
    labels = {margin_words.part_name(step.part): step for step in present}
    if st.session_state.get("part") not in labels:
        st.session_state["part"] = margin_words.part_name(biggest.part)
    st.markdown("#### What is behind it")
    chosen = st.pills(
        "Part", list(labels), key="part", bind="query-params", required=True, label_visibility="collapsed"
    )
    step = labels.get(chosen or "", biggest)
    total = wording.escape(wording.money_exact(step.profit_minor, current.currency, plus=True))
    st.markdown(f":small[:gray[{wording.escape(margin_words.PARTS[step.part][1])}. Together]] :small[**{total}**]")
    customers, subjects = found.by_customer.get(step.part), found.by_subject.get(step.part)
    if customers is None or subjects is None:
        st.caption("This moved with the whole of the cost: no customer or model is behind it.")
        return
    names = margin_reading.names(current)
    left, right = st.columns(2, gap="medium")
    with left:
        who = [_who(each, names) for each in customers.shown]
        _findings("Customer", who, customers, current.currency, key=f"behind_customers_{step.part}")
    if any(each.subject for each in subjects.shown):
        with right:
            kind = "Model" if step.cost_minor and not step.revenue_minor else "Paid for"
            what = [_what(each) for each in subjects.shown]
            _findings(kind, what, subjects, current.currency, key=f"behind_subjects_{step.part}")


def _who(finding: Finding, names: dict[str, str]) -> str:
    if finding.customer_id is None:
        money = {"unreconciled": "The providers' bills", "commitments": "The providers' contracts"}
        return money.get(finding.part, "Nobody's usage")
    return names.get(finding.customer_id, finding.customer_id)


def _what(finding: Finding) -> str:
    if finding.subject is None:
        return wording.UNKNOWN
    is_revenue = finding.part in {"revenue_price", "revenue_quantity", "exchange_rate"}
    if is_revenue:
        return margin_words.stream_name(finding.subject)
    # On a phone there is no room for the provider too.
    return finding.subject.rpartition("/")[2] if reading.is_phone() else finding.subject


def _findings(heading: str, names: Sequence[str], behind: Behind, currency: str, *, key: str) -> None:
    drawn = [
        {
            "name": name,
            "profit": wording.money_exact(margin_words.whole(each.profit_minor), currency, plus=True),
            "points": wording.points(each.points, places=2) or wording.UNKNOWN,
        }
        for name, each in zip(names, behind.shown, strict=True)
    ]
    if behind.others:
        left_over = margin_words.whole(behind.others_profit_minor)
        rest = {"name": f"{behind.others:,} more", "profit": wording.money_exact(left_over, currency, plus=True)}
        drawn.append(rest | {"points": ""})
    column = st.column_config
    with st.container(key=key):
        st.dataframe(
            pl.DataFrame(drawn),
            hide_index=True,
            row_height=33,
            height="content",
            column_config={
                "name": column.TextColumn(heading, width=130 if reading.is_phone() else "medium"),
                "profit": column.TextColumn("Gross profit", alignment="right"),
                "points": column.TextColumn("Margin", alignment="right"),
            },
            alt=f"{heading}: what is behind the part",
        )
