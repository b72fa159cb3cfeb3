"""One customer: what they pay and cost by month, which models they use, their invoices, and why each number is what it is."""

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
import streamlit as st

from dashboard import (
    charts,
    controls,
    coverage_line,
    customer_why,
    overview_tiles,
    reading,
    shell,
    spike_hints,
    subscription_section,
    wording,
)
from dashboard.months import Month

INVOICES_SHOWN = 24
STATUS_WORDS = {"past_due": ("Past due", "red"), "canceled": ("Canceled", "gray"), "active": ("Active", "green")}


def draw(current: reading.Reading, customer_id: str, back: Callable[[], None]) -> None:
    """The page of that customer, or a page that says there is none."""
    customer = reading.customer(current, customer_id)
    if customer is None:
        shell.not_found(
            "No such customer",
            f"Nobody with the id {customer_id} is in the published data (version {current.version}).",
        )
        st.button("See all customers", on_click=back, icon=":material/group:", key="back")
        return
    st.button("Customers", on_click=back, icon=":material/arrow_back:", type="tertiary", key="back")
    with shell.header(customer.name, _subtitle(customer)):
        basis = controls.choose_basis()
    _badges(customer, current.currency)
    spike_hints.of_customer(current, customer_id)
    months = reading.customer_months(current, customer_id, basis)
    closed = [month for month in months if not month.is_partial]
    if closed:
        overview_tiles.draw(closed[-12:], current.currency)
        coverage_line.draw(f"{wording.month_short(closed[-1].month)} margin", closed[-1])
        _months_and_models(current, customer_id, months, basis)
    if months:
        customer_why.draw(current, customer_id, months, basis)
    else:
        st.markdown(":gray[:material/hourglass_empty:] No revenue and no usage so far.")
    subscription_section.draw(customer_id)
    left, right = st.columns([1.15, 1], gap="small")
    with left:
        _models(current, customer_id)
    with right:
        _plan_changes(current, customer_id)
    _invoices(current, customer_id)


def _subtitle(customer: reading.Customer) -> str:
    words = [
        customer.plan or "No plan",
        customer.email,
        customer.country,
        f"customer since {wording.day_of(customer.created_at)}",
    ]
    return " · ".join([word for word in words if word] + [customer.customer_id])


def _badges(customer: reading.Customer, currency: str) -> None:
    word, color = STATUS_WORDS.get(
        customer.subscription_status or "", (customer.subscription_status or "No subscription", "gray")
    )
    badges = [f":{color}-badge[{wording.escape(word.replace('_', ' ').capitalize())}]"]
    if customer.is_past_due:
        badges.append(
            f":red-badge[:material/schedule: {wording.escape(wording.money_exact(customer.past_due_minor, currency))} past due]"
        )
    badges += [f":{badge_color}-badge[{wording.escape(text)}]" for text, badge_color in customer.flags]
    st.markdown(" ".join(badges))


def _months_and_models(current: reading.Reading, customer_id: str, months: Sequence[Month], basis: str) -> None:
    is_phone = reading.is_phone()
    shown = tuple(months[-13:])
    left, right = st.columns([1, 1.1], gap="small")
    with left, shell.card("customer_trend", "Margin over time", "By month; the running month is dashed and paler"):
        figure = reading.kept_figure(
            ("customer", current.version, current.tenant_id, customer_id, basis, is_phone),
            lambda: charts.trend(reading.trend_points(shown), current.currency, is_phone=is_phone),
        )
        last = shown[-1]
        words = f"Margin by month, {wording.percent(last.share)} in {wording.month(last.month)}."
        st.plotly_chart(figure, config=charts.CONFIG, key="customer_trend_chart", alt=words)
    with right, shell.card("months", "Months", "Newest first; amounts without tax"):
        _months_table(shown, current.currency)


def _months_table(months: Sequence[Month], currency: str) -> None:
    rows = [
        {
            "Month": f"{month.month:%b %Y}{' to date' if month.is_partial else ''}",
            "Net revenue": wording.money_exact(month.net_revenue_minor, currency),
            "AI cost": wording.money_exact(month.cost_minor, currency),
            "Margin": wording.percent(month.share),
            "Range": wording.band(month.low, month.high).removeprefix("range ").replace("below 0.1 pp", "< 0.1 pp"),
        }
        for month in reversed(months)
    ]
    right = {
        name: st.column_config.TextColumn(name, alignment="right", width=width)
        for name, width in (("Net revenue", 92), ("AI cost", 84), ("Margin", 68), ("Range", 122))
    }
    right["Month"] = st.column_config.TextColumn("Month", width=118)
    st.dataframe(
        pl.DataFrame(rows),
        hide_index=True,
        key="months_table",
        column_order=("Month", "Net revenue", "Margin", "AI cost", "Range") if reading.is_phone() else None,
        column_config=right,
        height=400,
        alt="Revenue, cost and margin by month",
    )


def _models(current: reading.Reading, customer_id: str) -> None:
    rows = reading.models(current, customer_id)
    with shell.card("models", "Models", f"{wording.count(rows.height, 'model')}, by AI cost over all months"):
        if rows.height == 0:
            st.markdown(":gray[:material/monitoring:] No usage has been imported for this customer.")
            return
        total = sum(int(cost or 0) for cost in rows["cost_pico_usd"])
        shown = [
            {
                "Model": f"{row['provider']}/{row['model']}",
                "Calls": f"{row['events']:,}",
                "Tokens": wording.quantity(row["tokens"]),
                "AI cost": wording.usd(row["cost_pico_usd"]) if row["cost_pico_usd"] is not None else "no price",
                "Share": round((row["cost_pico_usd"] or 0) / total, 3) if total else None,
            }
            for row in rows.iter_rows(named=True)
        ]
        config: dict[str, Any] = {
            name: st.column_config.TextColumn(name, alignment="right") for name in ("Calls", "Tokens", "AI cost")
        }
        config["Share"] = st.column_config.ProgressColumn(
            "Share of cost", format="percent", min_value=0, max_value=1, color="orange", width=130
        )
        st.dataframe(
            pl.DataFrame(shown), hide_index=True, key="models_table", column_config=config, alt="Models by AI cost"
        )


def _invoices(current: reading.Reading, customer_id: str) -> None:
    rows = reading.invoices(current, customer_id)
    with shell.card(
        "invoices", "Invoices", f"{wording.count(rows.height, 'invoice')}, newest first; totals include tax"
    ):
        if rows.height == 0:
            st.markdown(":gray[:material/receipt_long:] No invoice has been pulled for this customer.")
            return
        shown = [
            {
                "Invoice": row["number"] or row["invoice_id"],
                "Date": wording.day_of(row["finalized_at"] or row["created_at"]),
                "Status": f"{row['status']}, {wording.count(row['attempt_count'], 'attempt')}"
                if row["status"] == "open"
                else row["status"],
                "Total": wording.money_exact(row["total_minor"], row["currency"]),
                "Without tax": wording.money_exact(row["total_excluding_tax_minor"], row["currency"]),
                "Still due": wording.money_exact(row["amount_remaining_minor"], row["currency"]),
                "Why": (row["billing_reason"] or "").replace("_", " "),
                "ID": row["invoice_id"],
            }
            for row in rows.head(INVOICES_SHOWN).iter_rows(named=True)
        ]
        right = {
            name: st.column_config.TextColumn(name, alignment="right") for name in ("Total", "Without tax", "Still due")
        }
        st.dataframe(
            pl.DataFrame(shown),
            hide_index=True,
            key="invoices_table",
            column_config=right,
            alt="Invoices of this customer",
        )


def _plan_changes(current: reading.Reading, customer_id: str) -> None:
    rows = reading.plan_changes(current, customer_id)
    with shell.card("plan_changes", "Plan changes", "Upgrades and downgrades with their proration"):
        if rows.height == 0:
            st.markdown(":gray[:material/swap_vert:] The plan has never been changed.")
        for row in rows.iter_rows(named=True):
            arrow, color = (
                (":material/trending_up:", "green")
                if row["direction"] == "upgrade"
                else (":material/trending_down:", "orange")
            )
            amount = wording.money_exact(row["amount_minor"], row["currency"] or current.currency, plus=True)
            st.markdown(
                f":{color}[{arrow} {wording.escape(row['direction'].capitalize())}] from **{wording.escape(row['from_plan'] or 'none')}** "
                f"to **{wording.escape(row['to_plan'] or 'none')}** on {wording.day_of(row['changed_at'])}, "
                f"{wording.escape(amount)} on {wording.escape(row['invoice_id'] or 'no invoice')}"
            )
