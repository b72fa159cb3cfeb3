"""The Margins page as CSV files: exact amounts, and beside every figure the definition and version it follows."""

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction

import streamlit as st

from dashboard import margin_reading, margin_subscriptions, margin_words, reading
from dashboard.margin_reading import Moved
from pricing.metric_definitions import definition
from pricing.money import exponent
from pricing.named_periods import NamedPeriod

DIMENSIONS = ("plan", "size", "country", "currency", "segment", "cohort", "model", "feature")
# What a spreadsheet takes for a formula.
FORMULA_STARTS = ("=", "+", "@", "\t", "\r")


def draw(current: reading.Reading, moved: Moved, before: NamedPeriod, after: NamedPeriod, basis: str) -> None:
    """One row of buttons; a file is made when it is asked for."""
    stem = f"{current.tenant_name.lower().replace(' ', '-')}-{before.name}-{after.name}"
    with st.container(horizontal=True, gap="small", key="exports", vertical_alignment="center"):
        st.markdown(":small[:gray[Export]]", width="content")
        files = {
            "Bridge": lambda: bridge_csv(current, moved, before, after, basis),
            "Segments": lambda: segments_csv(current, after, basis),
            "Metrics": lambda: metrics_csv(current, moved, after),
        }
        for name, make in files.items():
            st.download_button(
                f"{name} CSV",
                make,
                file_name=f"{stem}-{name.lower()}.csv",
                mime="text/csv",
                icon=":material/download:",
                type="tertiary",
                on_click="ignore",
                key=f"export_{name.lower()}",
            )


def bridge_csv(current: reading.Reading, moved: Moved, before: NamedPeriod, after: NamedPeriod, basis: str) -> str:
    """Every part, and below it every cause by customer and model or stream."""
    head = ["from", "to", "basis", "part", "customer_id", "customer", "subject", "revenue", "ai_cost", "gross_profit",
            "margin_points", "currency", "definition", "definition_version"]  # fmt: skip
    metric = definition("margin_bridge")
    rows: list[list[object]] = []
    found = None if moved.bridge is None else margin_reading.causes(current, before, after, basis)
    names = margin_reading.names(current)
    if found is not None:
        tail = [current.currency, metric.key, metric.version]
        for step in found.steps:
            amounts = [_amount(minor, current) for minor in (step.revenue_minor, step.cost_minor, step.profit_minor)]
            rows.append([before.name, after.name, basis, step.part, "", "", "", *amounts, _points(step.points), *tail])
        for cause in found.causes:
            profit = found.profit_of(cause)
            name = names.get(cause.customer_id or "", "")
            who = [cause.customer_id or "", name, cause.subject]
            rows.append([before.name, after.name, basis, cause.part, *who, "", "", _exact(profit, current), "", *tail])
    return csv_text(head, rows)


def segments_csv(current: reading.Reading, chosen: NamedPeriod, basis: str) -> str:
    """The period by everything it can be divided by."""
    head = ["period", "basis", "dimension", "value", "customers", "calls", "net_revenue", "ai_cost", "gross_profit", "margin",
            "currency", "definition", "definition_version"]  # fmt: skip
    rows: list[list[object]] = []
    for dimension in DIMENSIONS:
        metric = definition("allocated_margin" if dimension in {"model", "feature"} else "segment_margin")
        for each in margin_reading.segments(current, basis, dimension, chosen):
            minors = (each.net_revenue_minor, each.cost_minor, each.gross_profit_minor)
            amounts = [_amount(minor, current) for minor in minors]
            name = margin_words.NOBODY if each.value is None else each.value
            rows.append(
                [chosen.name, basis, dimension, name, each.customers, each.events, *amounts, _points(each.share), current.currency,
                 metric.key, metric.version]
            )  # fmt: skip
    return csv_text(head, rows)


def metrics_csv(current: reading.Reading, moved: Moved, chosen: NamedPeriod) -> str:
    """Every figure as it is shown, with what it was made from, its formula and version."""
    head = ["month", "metric", "value", "made_from", "formula", "definition", "definition_version", "since"]
    month = chosen.months[-1]
    figures = margin_subscriptions.figures(margin_reading.subscriptions(current, month), moved, current.currency)
    rows = [
        [
            f"{month:%Y-%m}",
            figure.name,
            figure.value,
            figure.made_from,
            metric.formula,
            metric.key,
            metric.version,
            metric.since,
        ]
        for figure in figures
        for metric in [definition(figure.key)]
    ]
    return csv_text(head, rows)


def _amount(minor: int | None, current: reading.Reading) -> str:
    return "" if minor is None else str(Decimal(minor).scaleb(-exponent(current.currency)))


def _exact(minor: Fraction, current: reading.Reading) -> str:
    """Unrounded, to a millionth of a minor unit."""
    whole = Decimal(minor.numerator) / Decimal(minor.denominator)
    return f"{whole.scaleb(-exponent(current.currency)):.{exponent(current.currency) + 6}f}"


def _points(share: Fraction | None) -> str:
    return "" if share is None else f"{Decimal(share.numerator) * 100 / Decimal(share.denominator):.6f}"


def csv_text(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as a file; no cell of it becomes a formula in a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: object) -> object:
    """A customer's words are data: what a spreadsheet would take for a formula is marked as text."""
    if isinstance(value, str) and (
        value.startswith(FORMULA_STARTS) or (value.startswith("-") and not _is_number(value))
    ):
        return f"'{value}"
    return value


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdigit()
