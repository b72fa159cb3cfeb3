"""One alert opened: what happened, its days against what was expected, what it is made of, where to look, and its history."""

from collections.abc import Sequence

import polars as pl
import streamlit as st

from billing.principals import Principal
from dashboard import charts, reading, spike_actions, spike_charts, spike_facts, spike_links, spike_split, wording
from dashboard.books import Books
from dashboard.spike_reading import Opened
from dashboard.spike_rows import badge
from dashboard.spike_words import KINDS, amount, axis, drawn, rule_words
from pricing.alert_explanation import ChartDay, Explanation, Part
from pricing.finding import Subject
from store.steps import Step

PHONE_DAYS = 31
DAYS_TO_DRAW = 3
LISTS = {"customers": "Customers", "models": "Models", "features": "Features", "api_keys": "API keys"}


def draw(books: Books, principal: Principal, opened: Opened) -> None:
    """The card, top to bottom; what nobody has worked out yet is said."""
    line, kind = opened.row.line, KINDS[opened.row.line.detector]
    with st.container(border=True, key="card_spike"):
        running = " :blue-badge[:material/schedule: Today so far]" if line.is_provisional else ""
        st.markdown(
            f"### {wording.escape(opened.row.name)} {badge(opened.row)} :gray-badge[{kind.icon} {kind.name}]{running}"
        )
        with st.container(key="spike_sentence"):
            st.markdown(wording.escape(opened.sentence))
            if line.resolved_why and line.state == "resolved":
                st.markdown(f":small[:gray[:material/done: Ended. {wording.escape(line.resolved_why)}]]")
        _chart(opened)
        spike_facts.draw(opened)
        _sureness(opened)
        spike_actions.draw(books, principal, opened.row)
        if isinstance(opened.explanation, Explanation):
            _split(opened, opened.explanation)
            _prices(opened.explanation)
        spike_links.draw(opened)
        _more(opened)


def _chart(opened: Opened) -> None:
    line, is_phone = opened.row.line, reading.is_phone()
    shown = opened.days[-PHONE_DAYS:] if is_phone else opened.days
    if len(shown) < DAYS_TO_DRAW:
        return  # a bar or two show nothing that the facts do not say
    label = spike_facts.difference_words(line)
    figure = reading.kept_figure(
        ("spike", line.alert_id, line.changed_at, opened.found_in_version, is_phone),
        lambda: spike_charts.days(
            [_drawn_day(opened, each) for each in shown],
            axis(line.unit, line.currency),
            KINDS[line.detector].what,
            label,
            is_phone=is_phone,
        ),
    )
    words = f"{opened.row.name} by day since {wording.day_of(shown[0].day)}. {opened.sentence}"
    st.plotly_chart(figure, config=charts.CONFIG, key="spike_chart", alt=words)


def _drawn_day(opened: Opened, each: ChartDay) -> spike_charts.ChartDay:
    line = opened.row.line
    actual, expected, lower, upper = (
        drawn(value, line.unit, line.currency) for value in (each.actual, each.expected, each.lower, each.upper)
    )
    is_running = line.is_provisional and each.day == line.last_day
    words = f"{wording.day_of(each.day)}{' so far' if is_running else ''}: {day_words(opened, each)}"
    return spike_charts.ChartDay(each.day, actual, expected, lower, upper, each.is_found, is_running, words)


def day_words(opened: Opened, each: ChartDay) -> str:
    """A day's amount beside what was expected of it, with the range where there is one."""
    line = opened.row.line
    said = [amount(value, line.unit, line.currency) for value in (each.actual, each.expected, each.lower, each.upper)]
    if each.actual is None:
        return "unknown"
    expected = "" if each.expected is None else f", expected {said[1]}"
    band = "" if each.lower is None or each.upper is None else f" ({said[2]}\u2009\u2013\u2009{said[3]})"
    return f"{said[0]}{expected}{band}"


def _sureness(opened: Opened) -> None:
    """How far the expected amount can be trusted, and what the rule itself counted."""
    found = opened.explanation
    if isinstance(found, Explanation):
        st.caption(wording.escape(f"Confidence {found.confidence.words}: {found.confidence.why}."))
    elif found is not None:
        said = rule_words(found.facts, opened.row.line.currency)
        if said:
            st.caption(wording.escape(f"{said[:1].upper()}{said[1:]}"))


def _split(opened: Opened, found: Explanation) -> None:
    """The causes on the left, who and what on the right; each list comes to the impact to the cent."""
    total = spike_facts.impact_words(found)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("#### Why")
        st.html(spike_split.table(_parts(found.drivers, found), total, caption="What the difference is made of"))
    with right:
        st.markdown("#### Where")
        names = [name for name in LISTS if getattr(found, name) and name not in _own(opened.row.line.subject)]
        for name, tab in zip(names, st.tabs([LISTS[name] for name in names]), strict=True):
            with tab:
                parts = _parts(getattr(found, name), found)
                st.html(spike_split.table(parts, total, caption=f"The difference by {LISTS[name].lower()}"))


def _own(subject: Subject) -> set[str]:
    """The lists that would hold but the subject itself."""
    own = {"customers": subject.customer_id, "models": subject.model, "features": subject.feature}
    return {name for name, value in own.items() if value is not None}


def _parts(parts: Sequence[Part], found: Explanation) -> list[spike_split.Part]:
    return [
        spike_split.Part(
            part.label,
            part.pico_usd,
            wording.usd(part.pico_usd)
            if part.minor is None
            else wording.money_exact(part.minor, found.currency, plus=True),
        )
        for part in parts
    ]


def _prices(found: Explanation) -> None:
    for change in found.price_changes:
        st.markdown(
            f":material/sell: **{wording.escape(change.model)}**, {wording.escape(change.unit.replace('_', ' '))}: "
            f"{wording.escape(wording.unit_price(change.from_pico_usd))} to "
            f"{wording.escape(wording.unit_price(change.to_pico_usd))} per 1M on {wording.day_of(change.day)}"
        )


def _more(opened: Opened) -> None:
    """What was done and said about it, the days as a table, and how sure the expected amount is."""
    with st.expander("History", icon=":material/timeline:"):
        for step in opened.steps:
            st.markdown(_step(step))
    with st.expander("Every day as a table", icon=":material/table:"):
        _days_table(opened)


def _step(step: Step) -> str:
    why = f": {wording.escape(step.why)}" if step.why else ""
    word = wording.escape(step.step.replace("_", " ").capitalize())
    return f"**{word}** {step.at:%d %b %Y %H:%M} UTC by {wording.escape(step.who)}{why}"


def _days_table(opened: Opened) -> None:
    line = opened.row.line
    rows = [
        {
            "Day (UTC)": wording.day_of(each.day),
            **{
                name: amount(value, line.unit, line.currency)
                for name, value in (
                    ("Actual", each.actual),
                    ("Expected", each.expected),
                    ("Lower", each.lower),
                    ("Upper", each.upper),
                )
            },
            "Unusual": "yes" if each.is_found else "",
        }
        for each in reversed(opened.days)
    ]
    if not rows:
        return
    right = {name: st.column_config.TextColumn(name, alignment="right") for name in list(rows[0])[1:5]}
    st.dataframe(
        pl.DataFrame(rows),
        hide_index=True,
        key="spike_days",
        column_config=right,
        height=320,
        alt="Each day's amount, what was expected of it and its usual range",
    )
