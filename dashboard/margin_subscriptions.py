"""Figures of the subscription business beside the margin, each with its definition, its version and its own arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import polars as pl
import streamlit as st

from dashboard import charts, charts_margins, margin_reading, reading, shell, wording
from dashboard.margin_reading import Moved, Subscriptions
from pricing import saas_metrics
from pricing.metric_definitions import METRICS, MetricDefinition, definition
from pricing.mrr import Retention
from pricing.named_periods import NamedPeriod

MOVEMENT_MONTHS = 12
MOVERS_SHOWN = 12


@dataclass(frozen=True)
class Figure:
    """A figure as it is shown: its value in words, and the numbers that it was made from."""

    key: str
    value: str
    made_from: str
    label: str | None = None
    move: str | None = None

    @property
    def name(self) -> str:
        """What stands above the value."""
        return self.label or definition(self.key).name


def help_text(metric: MetricDefinition) -> str:
    """Formula, note and version, for the question mark beside a figure."""
    note = f" {metric.note}" if metric.note else ""
    return (
        wording.escape(f"{metric.formula}.{note}")
        + f"  \nDefinition v{metric.version}, since {wording.day_of(metric.since)}"
    )


def draw(current: reading.Reading, moved: Moved, chosen: NamedPeriod, basis: str) -> None:
    """Two cards: subscriptions on the left, concentration on the right; below, every figure explained."""
    month = chosen.months[-1]
    subscriptions = margin_reading.subscriptions(current, month)
    shown = figures(subscriptions, moved, current.currency)
    left, right = st.columns([1.5, 1], gap="small")
    with (
        left,
        shell.card(
            "subscriptions",
            "Subscriptions",
            f"At the end of {wording.month(month)}; usage stands beside MRR, never in it",
        ),
    ):
        _grid(shown)
        _movements(current, subscriptions)
        _movers(current, month)
    with (
        right,
        shell.card(
            "concentration",
            "Concentration",
            f"What the biggest customers have, {wording.month(month)} (definition v{definition('concentration').version})",
        ),
    ):
        _concentration(current, chosen, basis)
    _explained(shown)


def figures(found: Subscriptions, moved: Moved, currency: str) -> list[Figure]:
    """The figures of the last month, in the order in which they are shown."""
    if not found.months:
        return []
    now = found.months[-1]
    before = found.months[-2] if len(found.months) > 1 else None

    def money(minor: int | None) -> str:
        return wording.money(minor, currency)

    arpa, lost = saas_metrics.arpa(now), saas_metrics.churn(found.months)
    gained = (
        None
        if before is None or now.mrr_minor is None or before.mrr_minor is None
        else now.mrr_minor - before.mrr_minor
    )
    margin = moved.after.share
    run_rate = saas_metrics.usage_run_rate(found.usage_minor)
    come = sum(now.moved_minor.get(name, 0) for name in ("new", "expansion"))
    gone = -sum(now.moved_minor.get(name, 0) for name in ("contraction", "churn"))
    return [
        Figure(
            "mrr",
            money(now.mrr_minor),
            f"{wording.count(now.customers, 'customer')} with plan lines in force at the month's end",
            move=wording.money(gained, currency, plus=True) if gained else None,
        ),
        Figure("arr", money(saas_metrics.arr(now)), f"{money(now.mrr_minor)} {wording.TIMES} 12"),
        Figure(
            "usage_run_rate",
            money(run_rate),
            " + ".join(money(minor) for minor in found.usage_minor[-saas_metrics.RUN_RATE_MONTHS :]) + " over 3 months",
        ),
        Figure("arpa", money(arpa), f"{money(now.mrr_minor)} ÷ {wording.count(now.customers, 'customer')}"),
        *_retention(found, 12, currency),
        *_retention(found, 1, currency),
        Figure("churn", wording.percent(lost.share), f"{lost.lost} of {lost.at_risk} customer-months"),
        Figure("quick_ratio", wording.times(saas_metrics.quick_ratio(now)), f"{money(come)} came, {money(gone)} went"),
        Figure(
            "ltv",
            money(saas_metrics.ltv(arpa, margin, lost)),
            f"{money(arpa)} {wording.TIMES} {wording.percent(margin)} margin ÷ {wording.percent(lost.share)} churn ({lost.lost} churned)",
        ),
    ]


def _retention(found: Subscriptions, back: int, currency: str) -> list[Figure]:
    row: Retention | None = found.retention.get((found.months[-1].month, back))
    span = "12 months" if back > 1 else "1 month"
    start = "no customers then" if row is None else wording.money(row.start_minor, currency)
    shares: tuple[tuple[str, Fraction | None, int], ...] = (
        ("nrr", row.nrr if row else None, row.now_minor if row else 0),
        ("grr", row.grr if row else None, row.capped_minor if row else 0),
    )
    return [
        Figure(
            key,
            wording.percent(share),
            start
            if row is None
            else f"{wording.money(minor, currency)} of {start}, n = {wording.count(row.customers, 'customer')}",
            label=f"{definition(key).name}, {span}",
        )
        for key, share, minor in shares
    ]


def _grid(shown: Sequence[Figure]) -> None:
    if not shown:
        st.markdown(":gray[:material/autorenew:] No plan has been billed yet.")
        return
    with st.grid(4, min_column_width=130, gap="small", key="figures"):
        for figure in shown:
            fell = bool(figure.move) and str(figure.move).startswith(wording.MINUS)
            st.metric(
                figure.name,
                figure.value,
                figure.move,
                delta_color="red" if fell else "green",
                delta_arrow="down" if fell else "up",
                help=f"{help_text(definition(figure.key))}  \n{wording.escape(figure.made_from)}",
            )


def _movements(current: reading.Reading, found: Subscriptions) -> None:
    months = found.months[-MOVEMENT_MONTHS:]
    if not any(month.moved_minor for month in months):
        return
    is_phone = reading.is_phone()
    st.markdown("#### What moved MRR")
    figure = reading.kept_figure(
        ("movements", current.version, current.tenant_id, months[-1].month, is_phone),
        lambda: charts_margins.movements(
            [month.month for month in months],
            [month.moved_minor for month in months],
            current.currency,
            is_phone=is_phone,
        ),
    )
    last = months[-1]
    words = ", ".join(
        f"{name} {wording.money(minor, current.currency, plus=True)}" for name, minor in last.moved_minor.items()
    )
    st.plotly_chart(
        figure,
        config=charts.CONFIG,
        key="movements_chart",
        alt=f"What moved MRR by month; in {wording.month(last.month)}: {words or 'nothing'}, {last.customers} customers.",
    )


def _movers(current: reading.Reading, month: date) -> None:
    """Who is behind the last bar."""
    moved = margin_reading.movers(current, month)
    if not moved:
        return
    names = margin_reading.names(current)
    words: dict[str, str] = {key: name for key, name, _ in charts_margins.MOVEMENTS}
    column = st.column_config
    with st.expander(f"Who moved it in {wording.month(month)}", key="movers"):
        st.dataframe(
            pl.DataFrame(
                {
                    "customer": [names.get(each.customer_id, each.customer_id) for each in moved],
                    "movement": [words.get(each.movement, each.movement) for each in moved],
                    "moved": [wording.money_exact(each.moved_minor, current.currency, plus=True) for each in moved],
                }
            ),
            hide_index=True,
            row_height=33,
            height="content" if len(moved) <= MOVERS_SHOWN else 440,
            column_config={
                "customer": column.TextColumn("Customer"),
                "movement": column.TextColumn("Movement", width="small"),
                "moved": column.TextColumn("MRR", alignment="right"),
            },
            alt=f"Customers whose MRR moved in {wording.month(month)}",
        )


def _concentration(current: reading.Reading, chosen: NamedPeriod, basis: str) -> None:
    found = margin_reading.customers(current, basis, chosen.months[-1])
    rows = [
        (f"Top {top}", float(cost), float(revenue))
        for top in saas_metrics.CONCENTRATION_TOPS
        for revenue, cost in [found.top_shares(top)]
        if revenue is not None and cost is not None
    ]
    if not rows:
        st.markdown(":gray[:material/monitoring:] Without revenue and AI cost there is nothing to concentrate.")
        return
    figure = reading.kept_figure(
        ("concentration", current.version, current.tenant_id, chosen.name, basis),
        lambda: charts.paired_shares(rows, "AI cost", "Net revenue"),
    )
    words = "; ".join(
        f"{name} of customers: {wording.percent(revenue)} of net revenue and {wording.percent(cost)} of AI cost"
        for name, cost, revenue in rows
    )
    st.plotly_chart(figure, config=charts.CONFIG, key="concentration_chart", alt=f"{words}.")
    if len(found.rows) < saas_metrics.FEW:
        st.caption(f"Of {wording.count(len(found.rows), 'customer')} only: one more or less moves these shares.")
    power = found.power_users()
    if power is not None:
        st.markdown("#### Power users")
        pay = (
            "nothing was sold"
            if power.revenue_share is None
            else f"bring {wording.percent(power.revenue_share)} of net revenue"
        )
        many = wording.count(power.customers, "customer")
        verbs = ("makes", pay.replace("bring ", "brings ")) if power.customers == 1 else ("make", pay)
        st.markdown(
            f"**{many}** of {power.of_customers:,} {verbs[0]} **{wording.percent(power.calls_share)}** of the calls and "
            f"{wording.escape(verbs[1])}\\."
        )


def _explained(shown: Sequence[Figure]) -> None:
    """Every definition with its version, and the numbers behind what is shown above."""
    by_key: dict[str, list[Figure]] = {}
    for figure in shown:
        by_key.setdefault(figure.key, []).append(figure)
    with st.expander("Explain these numbers", icon=":material/function:", key="explained"):
        for metric in METRICS:
            lines = [f"**{wording.escape(metric.label)}** {wording.escape('= ' + metric.formula)}"]
            if metric.note:
                lines.append(f":small[:gray[{wording.escape(metric.note)}]]")
            lines += [
                f":small[{wording.escape(f'{figure.name}: {figure.value}, from {figure.made_from}')}]"
                for figure in by_key.get(metric.key, [])
            ]
            st.markdown("  \n".join(lines))
        st.caption(
            f"Definitions in force since {wording.day_of(METRICS[0].since)}; a change is a new version (docs/metrics.md)."
        )
