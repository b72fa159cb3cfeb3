"""The customers page: every customer's margin in one table, or one customer when the address names one."""

from collections.abc import Sequence

import polars as pl
import streamlit as st

from dashboard import controls, coverage_line, customer_calls, customer_page, reading, shell, tables, wording
from dashboard.months import Month

VIEWS = {"all": "All", "unprofitable": "Unprofitable", "past_due": "Past due"}
HEIGHT_MAX = 640


def draw() -> None:
    """The table, or the customer that the address names."""
    current = reading.current()
    if current is None:
        shell.nothing_published(reading.refusal())
        return
    customer_id = st.query_params.get("customer")
    if customer_id is not None:
        customer_page.draw(current, customer_id, back)
    else:
        _list(current)
    reading.freshness_line(current)


def back() -> None:
    """From one customer to the table; the filters are still in the address."""
    for name in ("customer", customer_calls.DAY):
        st.query_params.pop(name, None)


def _open(customer_id: str) -> None:
    st.query_params["customer"] = customer_id
    st.rerun()


def _list(current: reading.Reading) -> None:
    months = reading.months(current, "service")
    closed = [month.month for month in months if not month.is_partial]
    if not closed:
        shell.not_found("No closed month yet", "Customers appear here when a month with revenue or usage has ended.")
        return
    with shell.header("Customers", f"{wording.month(closed[-1])}, the last closed month"):
        basis = controls.choose_basis()
    company = {month.month: month for month in reading.months(current, basis)}[closed[-1]]
    coverage_line.draw("All customers' margin", company)
    rows = reading.customers(current, basis, closed[-1])
    rows = _filtered(rows, *_filters(rows["plan"].unique().sort().to_list()))
    if rows.height == 0:
        _nothing_matches()
        return
    tables.customers(
        rows.sort("net_revenue_minor", descending=True),
        current.currency,
        key="customers_table",
        open_customer=_open,
        alt="Customers with revenue, AI cost, profit and margin; click a row to open the customer",
        height=HEIGHT_MAX if rows.height > 16 else None,
    )
    st.caption(_sum_words(rows, current.currency, months[len(closed) - 1]))


def _filters(plans: Sequence[str]) -> tuple[str, list[str], str]:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters"):
        search = st.text_input(
            "Search",
            key="search",
            bind="query-params",
            persist_state="session",
            placeholder="Name, e-mail or ID",
            label_visibility="collapsed",
            icon=":material/search:",
            width=260,
        )
        chosen = st.pills(
            "Plan",
            plans,
            selection_mode="multi",
            key="plan",
            bind="query-params",
            persist_state="session",
            label_visibility="collapsed",
        )
        view = st.segmented_control(
            "Show",
            list(VIEWS),
            format_func=VIEWS.__getitem__,
            default="all",
            required=True,
            key="view",
            bind="query-params",
            persist_state="session",
            label_visibility="collapsed",
        )
    return (search or "").strip().lower(), list(chosen or []), view or "all"


def _filtered(rows: pl.DataFrame, search: str, plans: Sequence[str], view: str) -> pl.DataFrame:
    if search:
        text = pl.concat_str(["name", "email", "customer_id"], separator=" ", ignore_nulls=True).str.to_lowercase()
        rows = rows.filter(text.str.contains(search, literal=True))
    if plans:
        rows = rows.filter(pl.col("plan").is_in(list(plans)))
    if view == "unprofitable":
        rows = rows.filter(pl.col("gross_profit_minor") < 0)
    if view == "past_due":
        rows = rows.filter(pl.col("is_past_due"))
    return rows


def _nothing_matches() -> None:
    with st.container(border=True, key="card_no_match", horizontal_alignment="center"):
        st.markdown("# :gray[:material/filter_alt_off:]", width="content")
        st.markdown("No customer matches these filters.", width="content")
        st.button("Clear filters", on_click=_clear_filters, key="clear_filters")


def _clear_filters() -> None:
    st.session_state["search"] = ""
    st.session_state["plan"] = []
    st.session_state["view"] = "all"


def _sum_words(rows: pl.DataFrame, currency: str, month: Month) -> str:
    unknown = rows["gross_profit_minor"].null_count()
    known = rows.filter(pl.col("gross_profit_minor").is_not_null())
    revenue, profit = int(known["net_revenue_minor"].sum()), int(known["gross_profit_minor"].sum())
    words = [
        f"{wording.count(rows.height, 'customer')} shown"
        + (f", {unknown} without an exchange rate and in no sum" if unknown else ""),
        f"{wording.escape(wording.money(revenue, currency))} net revenue",
        f"{wording.escape(wording.money(profit, currency))} gross profit",
    ]
    if revenue:
        words.append(f"{wording.escape(wording.percent(profit / revenue))} margin")
    if month.coverage.attributed is not None and month.coverage.attributed < 1:
        words.append("usage without a customer is in none of it")
    return " · ".join(words)
