"""Why this number: one month of one customer taken apart, down to price entries and invoice lines, until the sums meet."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import streamlit as st

from dashboard import customer_calls, reading, shell, wording
from dashboard.months import Month

KINDS = {
    "line": "Invoice line",
    "discount": "Discount",
    "credit": "Credit used",
    "refund": "Refund",
    "dispute": "Lost dispute",
    "fee": "Stripe fee",
}
UNIT_PRICE = "\u00d7 unit price"
TOKEN_BUCKET = "_tokens"  # noqa: S105 - a unit, not a secret


def draw(current: reading.Reading, customer_id: str, months: Sequence[Month], basis: str) -> None:
    """The card: pick a month, read the sum, then both sides of it."""
    with shell.card("why", "Why this number", "Every amount below adds up to the one above it"):
        month = _chosen(months)
        currency = current.currency
        profit, share = month.gross_profit_minor, wording.percent(month.share)
        st.markdown(
            f"{_money(month.net_revenue_minor, currency)} net revenue {wording.MINUS} {_money(month.cost_minor, currency)} AI cost "
            f"= **{_money(profit, currency)} gross profit**, a margin of **{wording.escape(share)}** "
            f"({wording.escape(wording.band(month.low, month.high))})" + (", month to date" if month.is_partial else "")
        )
        explained = reading.why(current, customer_id, month.month, basis)
        _revenue(explained.revenue, month, currency)
        _cost(explained.usage, month, currency)
        customer_calls.draw(current, customer_id, month.month)


def _money(minor: int | None, currency: str) -> str:
    return wording.escape(wording.money_exact(minor, currency))


def _chosen(months: Sequence[Month]) -> Month:
    by_name = {f"{month.month:%Y-%m}": month for month in reversed(months)}
    closed = [name for name, month in by_name.items() if not month.is_partial]
    first = list(by_name).index(closed[0]) if closed else 0
    name = st.selectbox(
        "Month",
        list(by_name),
        index=first,
        key="month",
        bind="query-params",
        width=220,
        format_func=lambda name: wording.month(by_name[name].month) + (" to date" if by_name[name].is_partial else ""),
    )
    return by_name[name]


def _revenue(lines: pl.DataFrame, month: Month, currency: str) -> None:
    total = _money(month.net_revenue_minor, currency)
    st.markdown(f"#### Net revenue: {total}")
    revenue = lines.filter(pl.col("kind") != "fee")
    if revenue.height == 0:
        st.markdown(":gray[:material/receipt_long:] No invoice line falls into this month.")
    else:
        shown = [_revenue_row(row, currency) for row in revenue.iter_rows(named=True)]
        right = {
            name: st.column_config.TextColumn(name, alignment="right")
            for name in ("On the invoice", f"Counted ({currency.upper()})")
        }
        counted = f"Counted ({currency.upper()})"
        on_a_phone = ("Line", counted, "What", "Invoice", "Pays for", "On the invoice", "Rate", "ID")
        with st.container(key="why_revenue"):
            st.dataframe(
                pl.DataFrame(shown),
                hide_index=True,
                column_order=on_a_phone if reading.is_phone() else None,
                column_config=right,
                alt="Invoice lines behind the net revenue",
            )
    fees = int(lines.filter(pl.col("kind") == "fee")["reporting_minor"].sum() or 0)
    if fees:
        st.caption(f"Stripe's fees of {_money(fees, currency)} in this month are not part of this margin.")


def _revenue_row(row: dict[str, object], currency: str) -> dict[str, str]:
    sign = 1 if row["kind"] == "line" else -1
    amount, reporting = row["amount_minor"], row["reporting_minor"]
    own = str(row["currency"])
    rate = row["rate_nano"]
    return {
        "What": KINDS.get(str(row["kind"]), str(row["kind"])),
        "Invoice": str(row["invoice_number"] or row["invoice_id"] or wording.UNKNOWN),
        "Line": str(row["description"] or wording.UNKNOWN),
        "Pays for": _period(row["period_start"], row["period_end"]),
        "On the invoice": wording.money_exact(sign * amount, own) if isinstance(amount, int) else wording.UNKNOWN,
        "Rate": wording.UNKNOWN
        if own == currency or not isinstance(rate, int)
        else f"{rate / 1e9:.6f} on {row['rate_date']}",
        f"Counted ({currency.upper()})": wording.money_exact(sign * reporting, currency)
        if isinstance(reporting, int)
        else "no rate, not counted",
        "ID": str(row["source_id"] or wording.UNKNOWN),
    }


def _period(start: object, end: object) -> str:
    if not isinstance(start, date | datetime) or not isinstance(end, date | datetime):
        return wording.UNKNOWN
    # Periods exclude their end; a founder reads the last day.
    last = end - timedelta(days=1)
    return wording.day_of(start) if last <= start else f"{wording.day_of(start)} \u2013 {wording.day_of(last)}"


def _cost(usage: pl.DataFrame, month: Month, currency: str) -> None:
    st.markdown(f"#### AI cost: {_money(month.cost_minor, currency)}")
    priced = usage.filter(pl.col("cost_pico_usd").is_not_null())
    unpriced = usage.filter(pl.col("cost_pico_usd").is_null())
    if priced.height == 0:
        st.markdown(":gray[:material/monitoring:] No priced usage in this month.")
    else:
        shown = [_price_row(row) for row in priced.iter_rows(named=True)]
        config = {
            name: st.column_config.TextColumn(name, alignment="right") for name in ("Quantity", UNIT_PRICE, "= cost")
        }
        config["Price entry"] = st.column_config.TextColumn("Price entry", width=150 if reading.is_phone() else 280)
        config["Source"] = st.column_config.LinkColumn("Source", display_text=r"https?://([^/]+)")
        on_a_phone = ("Price entry", "= cost", "Cost by", "Unit", "Quantity", UNIT_PRICE, "Valid", "Source", "Checked")
        with st.container(key="why_usage"):
            st.dataframe(
                pl.DataFrame(shown),
                hide_index=True,
                column_order=on_a_phone if reading.is_phone() else None,
                column_config=config,
                alt="Price entries behind the AI cost",
            )
        exact = wording.escape(wording.usd(sum(int(cost) for cost in priced["cost_pico_usd"])))
        entries = wording.count(priced["price_id"].drop_nulls().n_unique(), "price entry", "price entries")
        st.caption(f"{entries}; the costs add up to {exact}, rounded to cents once.")
    for (provider, model), rows in unpriced.group_by(["provider", "model"], maintain_order=True):
        consumed = ", ".join(
            f"{wording.quantity(row['quantity'])} {_unit(row['bucket'])}" for row in rows.iter_rows(named=True)
        )
        reason = rows["unpriced_reason"][0] or "no price entry"
        st.markdown(
            f":orange[:material/sell: Not priced:] **{wording.escape(f'{provider}/{model}')}**, {wording.escape(consumed)} "
            f":gray[({wording.escape(reason)})]"
        )


def _unit(bucket: str) -> str:
    return bucket.replace("_", " ")


def _per_unit(bucket: str, price: int) -> str:
    if bucket.endswith(TOKEN_BUCKET):
        return f"{wording.unit_price(price)} / 1M"
    return f"{wording.each_price(price)} each"


def _price_row(row: dict[str, Any]) -> dict[str, str]:
    bucket, quantity, price, cost = row["bucket"], row["quantity"], row["unit_price_pico_usd"], row["cost_pico_usd"]
    until = row["valid_to"]
    valid = f"{wording.day_of(row['valid_from'])} \u2013 {wording.day_of(until) if until else 'now'}"
    return {
        "Price entry": str(row["price_key"] or f"{row['provider']}/{row['model']}"),
        "Unit": "events, difference to the list price" if bucket is None else _unit(bucket),
        "Quantity": f"{quantity:,}",
        UNIT_PRICE: wording.UNKNOWN if price is None else _per_unit(str(bucket), price),
        "= cost": wording.usd(cost),
        "Cost by": wording.cost_source(row["cost_source"], row["contract_id"]),
        "Valid": valid if row["valid_from"] else f"until {wording.day_of(until)}" if until else "always",
        "Source": str(row["source_url"] or row["source"] or wording.UNKNOWN),
        "Checked": str(row["checked_on"] or wording.UNKNOWN),
    }
