"""The tab *Usage and bills* as its script draws it: a gap with its causes, and nothing claimed where no bill is connected."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from tests.dashboard.conftest import RunPage
from tests.store.warehouse_rows import OCTOBER, publish_tables

DOLLAR = 10**12
DAY = date(2026, 10, 5)
Row = dict[str, Any]


def usage_bills_tab() -> None:
    """The tab alone: AppTest cannot follow the navigation to a page that is a function."""
    from dashboard import usage_bills

    usage_bills.draw()


def words(app: AppTest) -> str:
    texts = [element.value for kind in ("markdown", "caption") for element in app.get(kind)]
    return "\n".join(texts).replace("\\", "")


def month(provider: str, **given: Any) -> Row:
    return {"month": OCTOBER, "provider": provider, "usage_pico_usd": DOLLAR, "state": "no bill connected"} | given


def two_providers() -> dict[str, list[Row]]:
    """OpenAI: $3.00 logged, $4.00 billed, of which $1.00 are searches that no log keeps; acme has no bill."""
    cell = {"month": OCTOBER, "day": DAY, "provider": "openai", "model": "gpt-4o", "is_settled": True}
    billed = {"logged_pico_usd": 3 * DOLLAR, "billed_pico_usd": 4 * DOLLAR, "first_day": DAY, "last_day": DAY}
    billed |= {"matched_pico_usd": 3 * DOLLAR, "compared_pico_usd": 4 * DOLLAR, "state": "open gap"}
    tokens = {"unit": "input_uncached_tokens", "logged_quantity": 1_000, "billed_quantity": 1_000}
    searches = {"unit": "search_requests", "logged_quantity": 0, "billed_quantity": 100}
    charge = {
        "month": OCTOBER,
        "customer_id": "cus_a",
        "invoice_id": "in_1",
        "price": "Tokens",
        "unit_label": "thousand tokens",
    }
    charge |= {"period_start": datetime(2026, 9, 5), "period_end": datetime(2026, 10, 5), "currency": "usd"}
    charge |= {"invoiced_quantity": 990, "logged_quantity": 1_000, "amount_minor": 49_50}
    return {
        "bill_months": [month("openai", **billed), month("acme")],
        "bill_cells": [
            cell | tokens | {"logged_pico_usd": 3 * DOLLAR, "billed_pico_usd": 3 * DOLLAR},
            cell | searches | {"logged_pico_usd": 0, "billed_pico_usd": DOLLAR},
        ],
        "bill_parts": [cell | {"unit": "search_requests", "cause": "missing unit", "part_pico_usd": DOLLAR}],
        "invoiced_units": [charge],
    }


def test_a_gap_has_its_money_its_state_and_a_sentence_for_its_cause(run_page: RunPage, tmp_path: Path) -> None:
    publish_tables(tmp_path, two_providers(), slug="demo")
    app = run_page(tmp_path, usage_bills_tab)
    tiles = {metric.label: metric.value for metric in app.metric}
    assert tiles == {"Billed": "$4.00", "Gap": "+$1.00", "Log and bills agree": "75.0%", "Open gaps": "1"}
    said = words(app)
    assert "Open gap" in said
    assert "+25.0% of the bill" in said
    assert "**Missing unit** +$1.00" in said
    assert "does not keep, searches for example" in said
    assert "No bill is connected for acme." in said
    assert "metering usage connect" in said
    assert "1 charge by quantity: 99.0% of what the usage log has" in said


def test_the_table_goes_down_to_a_days_model_and_unit(run_page: RunPage, tmp_path: Path) -> None:
    publish_tables(tmp_path, two_providers(), slug="demo")
    app = run_page(tmp_path, usage_bills_tab, bill_day="2026-10-05")
    tables = [element.value for element in app.dataframe]
    cells = next(table for table in tables if "Mostly" in table.columns)
    assert cells[["Model", "Unit", "Gap", "Mostly"]].to_numpy().tolist() == [
        ["gpt-4o", "searches", "+$1.00", "missing unit"],
        ["gpt-4o", "input tokens", "$0.00", "agrees"],
    ]


def test_without_any_bill_the_tab_says_how_to_connect_one(run_page: RunPage, tmp_path: Path) -> None:
    publish_tables(tmp_path, {"bill_months": [month("openai")]}, slug="demo")
    app = run_page(tmp_path, usage_bills_tab)
    assert {metric.label: metric.value for metric in app.metric}["Billed"] == "\u2014"
    said = words(app)
    assert "No bill is connected for openai." in said
    assert "Nothing is compared, and nothing is taken as agreed." in said
    assert "No invoice of this month charges by quantity" in said


def test_without_usage_the_tab_says_what_will_stand_here(run_page: RunPage, tmp_path: Path) -> None:
    publish_tables(tmp_path, {}, slug="demo")
    assert "No usage and no bill yet" in words(run_page(tmp_path, usage_bills_tab))
