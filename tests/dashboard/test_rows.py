"""Rows of the warehouse become rows of tables: states in words, history month by month, unknown as null."""

from datetime import date
from typing import Any

import polars as pl

from dashboard.customer_rows import customer_rows

SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)
DOLLAR = 10**12
Row = dict[str, Any]


def month(customer_id: str | None, net_minor: int | None, dollars: int, *, at: date = OCTOBER, **given: Any) -> Row:
    row: Row = {"month": at, "customer_id": customer_id, "net_revenue_minor": net_minor, "usd_rate_nano": 10**9}
    row |= {"events": 10, "unpriced_events": 0, "tokens": 1_000, "unpriced_tokens": 0}
    row |= dict.fromkeys(("other_events", "unpriced_other_events", "unpriced_other_high_pico_usd"), 0)
    row |= {
        "unpriced_low_pico_usd": 0,
        "unpriced_high_pico_usd": 0,
        "month_matched_pico_usd": None,
        "month_compared_pico_usd": None,
    }
    row |= {"month_logged_pico_usd": 1_000 * DOLLAR, "month_attributed_pico_usd": 1_000 * DOLLAR}
    row["month_nobodys_high_pico_usd"] = 0
    return row | {"cost_pico_usd": dollars * DOLLAR} | given


def rows(*months: Row, **customer: Any) -> list[Row]:
    known: Row = {"customer_id": "cus_a", "name": "Acme", "email": None, "plan": "Team", "is_past_due": False}
    frame = pl.DataFrame(months, infer_schema_length=None)
    return customer_rows(pl.DataFrame([known | customer]), frame, [SEPTEMBER, OCTOBER], "usd").to_dicts()


def test_a_row_is_the_last_month_with_its_move_and_its_history() -> None:
    """October: (100 - 25) / 100 = 75 %; September: (100 - 50) / 100 = 50 %: 25 points more."""
    (row,) = rows(month("cus_a", 100_00, 50, at=SEPTEMBER), month("cus_a", 100_00, 25))
    assert (row["net_revenue_minor"], row["cost_minor"], row["gross_profit_minor"]) == (100_00, 25_00, 75_00)
    assert (row["share"], row["share_move"], row["cost_series"]) == (0.75, 0.25, [50.0, 25.0])
    assert (row["name"], row["plan"], row["state"]) == ("Acme", "Team", "Healthy")


def test_a_month_without_rows_costs_nothing_in_the_history_and_moves_nothing() -> None:
    (row,) = rows(month("cus_a", 100_00, 65))
    assert (row["cost_series"], row["share_move"], row["state"]) == ([0.0, 65.0], None, "At risk")


def test_states_are_worded_and_joined() -> None:
    """989 of 1,000 tokens priced is below 99 %, and above the 95 % from which a state is known."""
    unpriced = {"unpriced_events": 1, "unpriced_tokens": 11}
    (row,) = rows(month("cus_a", 10_00, 20, **unpriced), is_past_due=True)
    assert row["state"] == "Losing money, Past due, Unpriced usage"
    (row,) = rows(month("cus_a", 10_00, 4, unpriced_events=1, unpriced_tokens=10))
    assert row["state"] == "Watch"
    (row,) = rows(month("cus_a", 10_00, 1, unpriced_events=9, unpriced_tokens=51))
    assert row["state"] == "Unknown: 94.9% priced, Unpriced usage"
    (row,) = rows(month("cus_a", 10_00, 1, month_attributed_pico_usd=940 * DOLLAR))
    assert row["state"] == "Unknown: 94.0% attributed"
    (row,) = rows(month("cus_a", 10_00, 1, month_matched_pico_usd=9 * DOLLAR, month_compared_pico_usd=10 * DOLLAR))
    assert row["state"] == "Unknown: 90.0% agrees with bills"


def test_revenue_without_a_rate_leaves_profit_and_margin_unknown() -> None:
    (row,) = rows(month("cus_a", None, 20))
    assert (row["net_revenue_minor"], row["gross_profit_minor"], row["share"]) == (None, None, None)
    assert (row["cost_minor"], row["state"]) == (20_00, "Unknown: no exchange rate")


def test_usage_of_nobody_is_no_customer_and_an_unknown_customer_is_named_by_id() -> None:
    found = rows(month(None, 0, 5), month("cus_z", 5_00, 1))
    assert [(row["customer_id"], row["name"], row["plan"]) for row in found] == [("cus_z", "cus_z", "No plan")]


def test_who_has_neither_revenue_nor_usage_in_the_month_has_no_row() -> None:
    assert rows(month("cus_a", 100_00, 50, at=SEPTEMBER)) == []
