"""The facts of an opened alert, each with its unit: actual, expected, impact, margin, since when, and where it leads."""

from datetime import date

import streamlit as st

from dashboard import wording
from dashboard.spike_reading import Opened
from dashboard.spike_rows import excess
from dashboard.spike_words import KINDS, amount, difference
from pricing.alert_explanation import Explanation, MarginPoints
from store.alert_list import Line

# A fact: what it is called, its value, what stands below it, and how it is worked out.
Fact = tuple[str, str, str, str | None]


def draw(opened: Opened) -> None:
    """Six cells on a desk, two by two on a phone."""
    found = opened.explanation
    line = opened.row.line
    if isinstance(found, Explanation):
        cells = _cost(line, found)
    else:
        cells = _unexplained(line) if line.detector == "cost_spike" else _rate(line)
    with st.grid(3, min_column_width=120, gap="small", key="spike_facts") as grid:
        for title, value, below, explanation in cells:
            with grid.cell():
                st.markdown(
                    f":small[:gray[{title}]]  \n**{wording.escape(value)}**  \n:small[:gray[{wording.escape(below)}]]",
                    help=explanation,
                )


def impact_words(found: Explanation) -> str:
    """The impact to the cent, with its sign; in US dollars where no exchange rate is known."""
    if found.impact_minor is None:
        return wording.usd(found.impact_pico_usd)
    return wording.money_exact(found.impact_minor, found.currency, plus=True)


def difference_words(line: Line) -> str:
    """What stands above the unusual days in the chart."""
    if line.detector == "cost_spike" and line.impact_minor is not None:
        impact = wording.money(line.impact_minor, line.currency, plus=True)
        return f"{impact} in {wording.count(line.found_days, 'day')}"
    return difference(line.actual, line.expected, line.unit, line.currency) or ""


def _cost(line: Line, found: Explanation) -> list[Fact]:
    days = wording.count(found.found_days, "day")
    actual, expected, lower, upper = (
        amount(value, "pico_usd", line.currency)
        for value in (found.actual_pico_usd, found.expected_pico_usd, found.lower_pico_usd, found.upper_pico_usd)
    )
    usual = "no usual range yet" if found.lower_pico_usd is None else f"usually {lower}\u2009\u2013\u2009{upper}"
    made_of = (
        f"From {wording.count(found.baseline_days, 'day')} between {wording.day_of(found.baseline_first_day)} and "
        f"{wording.day_of(found.baseline_last_day)}; the range holds 95 of 100 usual days."
    )
    return [
        ("AI cost", actual, f"in {days}", "What the usage of the unusual days cost."),
        ("Expected", expected, usual, made_of),
        ("Impact", impact_words(found), excess(line) or "nothing was expected", "AI cost minus what was expected."),
        _margin(found),
        ("First seen", wording.day_of(found.first_day), _last(found.first_day, found.last_day), None),
        _month_end(found),
    ]


def _last(first: date, last: date) -> str:
    return "one day so far" if first == last else f"last on {last.day} {last:%b}"


def _margin(found: Explanation) -> Fact:
    company = _points(found.company_points)
    if found.customer_points is None:
        below = found.company_points.why_unknown or "of the company's margin"
        return ("Margin", company, below, "Impact ÷ the company's net revenue of the same days.")
    below = found.customer_points.why_unknown or "of the customer's margin"
    explanation = f"Impact ÷ the customer's net revenue of the same days. Of the company's margin it is {company}."
    return ("Margin", _points(found.customer_points), below, explanation)


def _points(points: MarginPoints) -> str:
    if points.ppm is None:
        return wording.UNKNOWN
    return difference(points.ppm, 0, "ppm", "usd") or wording.UNKNOWN


def _month_end(found: Explanation) -> Fact:
    title = f"By the end of {found.month:%b}"
    if found.month_end_pico_usd is None:
        return (title, wording.UNKNOWN, "it is over", None)
    value = amount(found.month_end_pico_usd, "pico_usd", found.currency, plus=True)
    if found.month_end_minor is not None:
        value = wording.money(found.month_end_minor, found.currency, plus=True)
    return (
        title,
        value,
        "if it goes on",
        "What it has added to this month, and adds if each day to its end is like these.",
    )


def _unexplained(line: Line) -> list[Fact]:
    """A cost spike of which nobody has worked out more than that it is one."""
    actual, expected = (amount(value, line.unit, line.currency) for value in (line.actual, line.expected))
    impact = wording.money_exact(line.impact_minor, line.currency, plus=True)
    return [
        ("AI cost", actual, f"in {wording.count(line.found_days, 'day')}", "What the usage of the unusual days cost."),
        ("Expected", expected, "the causes come with the next refresh", None),
        ("Impact", impact, excess(line) or "nothing was expected", "AI cost minus what was expected."),
        ("First seen", wording.day_of(line.first_day), _last(line.first_day, line.last_day), None),
    ]


def _rate(line: Line) -> list[Fact]:
    kind = KINDS[line.detector]
    actual, expected = (amount(value, line.unit, line.currency) for value in (line.actual, line.expected))
    off = difference(line.actual, line.expected, line.unit, line.currency)
    cells: list[Fact] = [(kind.what, actual, f"on {wording.day_of(line.last_day)}", None)]
    if kind.against and line.expected is not None:
        cells.append((kind.against, expected, f"{off} apart" if off else "", None))
    if line.impact_minor is not None and line.impact_minor != line.actual:
        at_stake = wording.money_exact(line.impact_minor, line.currency)
        cells.append(("At stake", at_stake, "in the same days", None))
    cells.append(("First seen", wording.day_of(line.first_day), _last(line.first_day, line.last_day), None))
    return cells
