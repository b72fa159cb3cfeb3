"""Customers as rows of the warehouse to the rows that the tables of customers draw."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

import polars as pl

from dashboard import wording
from pricing.coverage import reason_in_short
from pricing.margin import Status
from store.warehouse_margins import margin_of, net_revenue

STATES = {
    Status.HEALTHY: "Healthy",
    Status.WATCH: "Watch",
    Status.AT_RISK: "At risk",
    Status.NEGATIVE: "Losing money",
    Status.UNKNOWN: "Unknown",
}
# Below this share of priced tokens a row is flagged; a trace of unpriced usage is told on the customer's page.
NOTABLY_UNPRICED = Fraction(99, 100)
SCHEMA: dict[str, pl.DataType] = {
    "customer_id": pl.String(),
    "name": pl.String(),
    "email": pl.String(),
    "plan": pl.String(),
    "is_past_due": pl.Boolean(),
    "net_revenue_minor": pl.Int64(),
    "cost_minor": pl.Int64(),
    "gross_profit_minor": pl.Int64(),
    "share": pl.Float64(),
    "share_move": pl.Float64(),
    "events": pl.Int64(),
    "cost_series": pl.List(pl.Float64()),
    "state": pl.String(),
}


def customer_rows(
    customers: pl.DataFrame, customer_months: pl.DataFrame, months: Sequence[date], currency: str
) -> pl.DataFrame:
    """One row (SCHEMA) for each customer with revenue or usage in the last of `months`; the others make the cost's history.

    `customers` and `customer_months` are rows of the warehouse. Shares are for drawing; unknown ones are null.
    """
    by_customer: dict[str, dict[date, Mapping[str, Any]]] = defaultdict(dict)
    for row in customer_months.iter_rows(named=True):
        if row["customer_id"] is not None:
            by_customer[row["customer_id"]][row["month"]] = row
    known = {row["customer_id"]: row for row in customers.iter_rows(named=True)}
    rows = [
        _row(known.get(customer_id, {}), customer_id, history, months, currency)
        for customer_id, history in by_customer.items()
        if months and months[-1] in history
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort("name", "customer_id")


def _row(
    customer: Mapping[str, Any],
    customer_id: str,
    history: Mapping[date, Mapping[str, Any]],
    months: Sequence[date],
    currency: str,
) -> dict[str, Any]:
    this = history[months[-1]]
    now = margin_of(this, currency)
    before = margin_of(history[months[-2]], currency) if len(months) > 1 and months[-2] in history else None
    moved = now.share - before.share if before and now.share is not None and before.share is not None else None
    words = [STATES[now.status]]
    if now.reasons:
        words[0] += f": {', '.join(reason_in_short(reason, wording.percent) for reason in now.reasons)}"
    if customer.get("is_past_due"):
        words.append("Past due")
    if now.priced_share is not None and now.priced_share < NOTABLY_UNPRICED:
        words.append("Unpriced usage")
    costs = [margin_of(history[month], currency).cost_minor if month in history else 0 for month in months]
    return {
        "customer_id": customer_id,
        "name": customer.get("name") or customer_id,
        "email": customer.get("email"),
        "plan": customer.get("plan") or "No plan",
        "is_past_due": bool(customer.get("is_past_due")),
        "net_revenue_minor": net_revenue(this),
        "cost_minor": now.cost_minor,
        "gross_profit_minor": now.gross_profit_minor,
        "share": None if now.share is None else float(now.share),
        "share_move": None if moved is None else float(moved),
        "events": int(this["events"] or 0),
        "cost_series": [wording.major(cost, currency) for cost in costs],
        "state": ", ".join(words),
    }
