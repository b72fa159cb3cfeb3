"""The overview's charts and tables below the fold, each a card with a title that asks the founder's question."""

from collections.abc import Callable, Sequence
from datetime import date

import polars as pl
import streamlit as st

from dashboard import charts, reading, shell, tables, wording
from dashboard.months import Month

DECLINE_CLASSES = {
    "later": ("Retry later", charts.SKY),
    "needs_customer": ("Needs the customer", charts.COST),
    "never": ("Do not retry", charts.ROSE),
}
POWER_USERS_SHOWN = 5


def trend_and_waterfall(current: reading.Reading, shown: Sequence[Month], basis: str) -> None:
    """Twelve months on the left, the last closed month's dollar on the right."""
    closed = [month for month in shown if not month.is_partial]
    is_phone = reading.is_phone()
    left, right = st.columns([1.15, 1], gap="small")
    with left, shell.card("trend", "Margin over time", "By month; the running month is dashed and paler"):
        figure = trend_figure(current, tuple(shown), basis, is_phone=is_phone)
        st.plotly_chart(figure, config=charts.CONFIG, key="trend_chart", alt=_trend_words(closed, current.currency))
    last = closed[-1]
    with (
        right,
        shell.card("waterfall", "Where each dollar goes", f"{wording.month(last.month)}, from list price to profit"),
    ):
        if last.net_revenue_minor is None:
            st.markdown(f":orange[:material/currency_exchange:] {shell.NO_RATE}")
            return
        figure = waterfall_figure(current, last, basis, is_phone=is_phone)
        st.plotly_chart(
            figure, config=charts.CONFIG, key="waterfall_chart", alt=_waterfall_words(last, current.currency)
        )


def trend_figure(current: reading.Reading, shown: tuple[Month, ...], basis: str, *, is_phone: bool) -> object:
    """The trend, kept per published version."""
    key = (current.version, current.tenant_id, basis, len(shown), shown[0].month, is_phone)
    return reading.kept_figure(
        ("trend", *key), lambda: charts.trend(reading.trend_points(shown), current.currency, is_phone=is_phone)
    )


def waterfall_figure(current: reading.Reading, month: Month, basis: str, *, is_phone: bool) -> object:
    """The waterfall, kept per published version."""
    key = (current.version, current.tenant_id, basis, month.month, is_phone)
    return reading.kept_figure(
        ("waterfall", *key), lambda: charts.waterfall(_steps(month), current.currency, is_phone=is_phone)
    )


def _steps(month: Month) -> list[charts.Step]:
    back = month.refunds_minor + month.disputes_minor
    return [
        charts.Step("Gross", month.gross_minor, charts.REVENUE, is_total=True, opacity=0.55),
        charts.Step("Discounts", month.discounts_minor, charts.GREY),
        charts.Step("Credits", month.credits_minor, charts.GREY),
        charts.Step("Refunds,<br>disputes", back, charts.GREY),
        charts.Step("Net<br>revenue", month.net_revenue_minor or 0, charts.REVENUE, is_total=True),
        charts.Step("AI cost", month.cost_minor, charts.COST),
        charts.Step("Gross<br>profit", month.gross_profit_minor or 0, charts.PROFIT, is_total=True),
        charts.Step("Stripe<br>fees", month.fees_minor, charts.GREY),
    ]


def _trend_words(closed: Sequence[Month], currency: str) -> str:
    first, last = closed[0], closed[-1]
    return (
        f"Gross margin by month, from {wording.percent(first.share)} in {wording.month(first.month)} to "
        f"{wording.percent(last.share)} in {wording.month(last.month)}; net revenue went from "
        f"{wording.money(first.net_revenue_minor, currency)} to {wording.money(last.net_revenue_minor, currency)} and AI cost "
        f"from {wording.money(first.cost_minor, currency)} to {wording.money(last.cost_minor, currency)}."
    )


def _waterfall_words(month: Month, currency: str) -> str:
    steps = ", ".join(
        f"{step.label.replace('<br>', ' ')} {wording.money(step.amount_minor, currency)}" for step in _steps(month)
    )
    return f"Where each dollar goes in {wording.month(month.month)}: {steps}."


def losing_money(current: reading.Reading, month: date, basis: str, open_customer: Callable[[str], None]) -> None:
    """Customers whose usage costs more than they pay, ranked by what is lost."""
    rows = reading.customers(current, basis, month).filter(pl.col("gross_profit_minor") < 0).sort("gross_profit_minor")
    lost = -int(rows["gross_profit_minor"].sum() or 0)
    subtitle = f"{wording.month(month)}, ranked by loss"
    if rows.height:
        subtitle = f"{wording.count(rows.height, 'customer')} cost {wording.escape(wording.money(lost, current.currency))} more than they paid in {wording.month(month)}"
    with shell.card("losing", "Customers losing you money", subtitle):
        if rows.height == 0:
            st.markdown(
                f":green[:material/check_circle:] Every customer paid more than the AI usage cost in {wording.month(month)}."
            )
            return
        tables.customers(
            rows.head(8),
            current.currency,
            key="losing_table",
            open_customer=open_customer,
            alt=f"Customers losing money in {wording.month(month)}",
        )


def payments_and_power_users(current: reading.Reading, closed: Sequence[Month], basis: str) -> None:
    """Failed payments by what can be done about them, and who uses most against what they pay."""
    left, right = st.columns(2, gap="small")
    with left:
        _failed_payments(current, [month.month for month in closed])
    with right:
        _power_users(current, closed[-1].month, basis)


def _failed_payments(current: reading.Reading, months: Sequence[date]) -> None:
    rows = reading.failed_payments(current).filter(pl.col("month").is_in(list(months)))
    with shell.card("failed", "Failed payments", _failed_words(rows, len(months), current.currency)):
        if rows.height == 0:
            st.markdown(":green[:material/check_circle:] No payment failed in these months.")
            return
        amounts = {(row["month"], row["decline_class"]): int(row["amount_minor"]) for row in rows.iter_rows(named=True)}
        series = [
            (name, color, [amounts.get((month, kind), 0) for month in months])
            for kind, (name, color) in DECLINE_CLASSES.items()
        ]
        is_phone = reading.is_phone()
        figure = reading.kept_figure(
            ("failed", current.version, current.tenant_id, len(months), months[0], is_phone),
            lambda: charts.stacked_months(months, series, current.currency, is_phone=is_phone),
        )
        words = "; ".join(f"{name} {wording.money(sum(minors), current.currency)}" for name, _, minors in series)
        st.plotly_chart(
            figure,
            config=charts.CONFIG,
            key="failed_chart",
            alt=f"Failed payments by month and decline class: {words}.",
        )


def _failed_words(rows: pl.DataFrame, length: int, currency: str) -> str:
    total, recovered = int(rows["amount_minor"].sum() or 0), int(rows["recovered_minor"].sum() or 0)
    if not total:
        return "By decline class"
    monthly = wording.escape(wording.money(total // max(1, length), currency))
    return f"{monthly} a month on average; {wording.escape(wording.money(recovered, currency))} of {wording.escape(wording.money(total, currency))} came in later"


def _power_users(current: reading.Reading, month: date, basis: str) -> None:
    rows = reading.customers(current, basis, month)
    calls, revenue = int(rows["events"].sum() or 0), int(rows["net_revenue_minor"].sum() or 0)
    top = rows.sort("events", descending=True).head(POWER_USERS_SHOWN)
    with shell.card("power", "Power users", f"Share of calls against share of net revenue, {wording.month(month)}"):
        if not calls or revenue <= 0:
            st.markdown(f":gray[:material/monitoring:] No calls were recorded in {wording.month(month)}.")
            return
        shares = [
            (row["name"], row["events"] / calls, max(0, row["net_revenue_minor"] or 0) / revenue)
            for row in top.iter_rows(named=True)
        ]
        figure = reading.kept_figure(
            ("power", current.version, current.tenant_id, basis, month),
            lambda: charts.paired_shares(shares, "Calls", "Net revenue"),
        )
        name, used, paid = shares[0]
        sentence = (
            f"{name} makes {wording.percent(used)} of the calls and brings {wording.percent(paid)} of the revenue."
        )
        st.plotly_chart(figure, config=charts.CONFIG, key="power_chart", alt=sentence)
        st.markdown(wording.escape(sentence))
