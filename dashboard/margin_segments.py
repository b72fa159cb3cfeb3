"""Where the margin is made: by plan, by what customers have in common, by cohort, by model and by feature."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date

import polars as pl
import streamlit as st

from dashboard import (
    charts,
    charts_margins,
    cohort_table,
    margin_reading,
    margin_words,
    reading,
    shell,
    tables,
    wording,
)
from pricing.margin import HEALTHY_FROM
from pricing.metric_definitions import definition
from pricing.named_periods import NamedPeriod
from store.warehouse_metric_reads import CohortMonth, Segment

SEGMENTS = {"size": "Size (monthly revenue)", "country": "Country", "currency": "Currency", "segment": "Segment"}
NOBODY = "Nobody's usage"
SHOWN = 12


def draw(current: reading.Reading, chosen: NamedPeriod, basis: str) -> None:
    """The card with its tabs."""
    with shell.card("segments", "Where the margin is made", margin_words.period_name(chosen)):
        tabs = st.tabs(
            ["Plans", "Segments", "Cohorts", "Models", "Features"], key="by", on_change="rerun", bind="query-params"
        )
        drawing: tuple[Callable[[], None], ...] = (
            lambda: _margins(current, chosen, basis, "plan", "Plan"),
            lambda: _segments(current, chosen, basis),
            lambda: _cohorts(current, basis),
            lambda: _margins(current, chosen, basis, "model", "Model", is_allocated=True),
            lambda: _margins(current, chosen, basis, "feature", "Feature", is_allocated=True),
        )
        for tab, draw_one in zip(tabs, drawing, strict=True):
            # What nobody looks at is not read.
            if tab.open:
                with tab:
                    draw_one()


def _segments(current: reading.Reading, chosen: NamedPeriod, basis: str) -> None:
    label = st.segmented_control(
        "By",
        list(SEGMENTS),
        format_func=SEGMENTS.__getitem__,
        default="size",
        required=True,
        key="segment_by",
        bind="query-params",
        persist_state="session",
        label_visibility="collapsed",
    )
    dimension = label or "size"
    if dimension == "segment":
        st.caption("The segment is the customer's metadata `segment` at Stripe.")
    _margins(current, chosen, basis, dimension, SEGMENTS[dimension])


def _margins(
    current: reading.Reading,
    chosen: NamedPeriod,
    basis: str,
    dimension: str,
    heading: str,
    *,
    is_allocated: bool = False,
) -> None:
    """Bars of the margins, and the table they come from."""
    rows = margin_reading.segments(current, basis, dimension, chosen)
    if not rows:
        st.markdown(f":gray[:material/monitoring:] Neither revenue nor usage in {margin_words.period_name(chosen)}.")
        return
    if is_allocated:
        st.caption(f"Allocated: {definition('allocated_margin').formula}.")
    is_phone = reading.is_phone()
    bars = [row for row in rows if row.share is not None][:SHOWN]
    left, right = st.columns([1, 1.15], gap="medium")
    with left:
        drawn = [(_name(row), row.share, wording.money(row.net_revenue_minor, current.currency)) for row in bars]
        key = (current.version, current.tenant_id, chosen.name, basis, dimension, is_phone)
        figure = reading.kept_figure(
            ("segments", *key), lambda: charts_margins.shares(drawn, target=HEALTHY_FROM, is_phone=is_phone)
        )
        words = "; ".join(f"{name} {wording.percent(share)}" for name, share, _ in drawn)
        st.plotly_chart(
            figure, config=charts.CONFIG, key=f"{dimension}_chart", alt=f"Margin by {heading.lower()}: {words}."
        )
    with right:
        _table(rows, heading, current.currency, key=f"{dimension}_table", is_phone=is_phone)


def _name(row: Segment) -> str:
    return NOBODY if row.value is None else row.value.rpartition("/")[2]


def _table(rows: Sequence[Segment], heading: str, currency: str, *, key: str, is_phone: bool) -> None:
    column = st.column_config
    narrow = 68 if is_phone else None
    money = tables.MONEY_FORMATS.get(currency, "%,.0f")
    frame = pl.DataFrame(
        {
            "name": [NOBODY if row.value is None else row.value for row in rows],
            "customers": [row.customers for row in rows],
            "revenue": [_major(row.net_revenue_minor, currency) for row in rows],
            "cost": [_major(row.cost_minor, currency) for row in rows],
            "profit": [_major(row.gross_profit_minor, currency) for row in rows],
            "share": [None if row.share is None else round(float(row.share), 3) for row in rows],
        }
    )
    with st.container(key=key):
        st.dataframe(
            frame,
            hide_index=True,
            row_height=33,
            height="content" if len(rows) <= SHOWN else 440,
            placeholder=wording.UNKNOWN,
            column_order=["name", "revenue", "cost", "share"] if is_phone else frame.columns,
            column_config={
                "name": column.TextColumn(heading, width=104 if is_phone else "medium"),
                "customers": column.NumberColumn("Customers", width="small"),
                "revenue": column.NumberColumn(
                    "Revenue" if is_phone else "Net revenue", format=money, step=1, width=narrow
                ),
                "cost": column.NumberColumn("AI cost", format=money, step=1, width=narrow),
                "profit": column.NumberColumn("Profit", format=money, step=1),
                "share": column.NumberColumn("Margin", format="percent", step=0.001, width=narrow),
            },
            alt=f"Margin by {heading.lower()}",
        )


def _major(minor: int | None, currency: str) -> int | None:
    amount = wording.major(minor, currency)
    return None if amount is None else round(amount)


def _cohorts(current: reading.Reading, basis: str) -> None:
    """A heat table: one row a cohort, one column for each month since its first invoice."""
    running = current.as_of.date().replace(day=1)
    cells = [cell for cell in margin_reading.cohorts(current, basis) if cell.month < running]
    if not cells:
        st.markdown(":gray[:material/grid_on:] No customer has been invoiced in a closed month.")
        return
    by_cohort: dict[date, list[CohortMonth]] = defaultdict(list)
    for cell in cells:
        by_cohort[cell.cohort].append(cell)
    st.caption(
        "Do customers get cheaper to serve as they age? Month 0 is that of the first invoice; margin of each month."
    )
    st.html(cohort_table.table(by_cohort, current.currency))
