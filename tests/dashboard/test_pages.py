"""Every page as its script draws it, on the synthetic company: the numbers add up, unknown is said, a stranger's address is harmless."""

from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import reading
from tests.dashboard.conftest import RunPage, customers_page
from tests.dashboard.published import publish_company
from tests.dashboard.synthetic_company import Company, make_company
from tests.store.warehouse_rows import OCTOBER, publish_tables, revenue, usage, with_usage


def words(app: AppTest) -> str:
    """All that is written on the page, without Markdown's escapes."""
    texts = [element.value for kind in ("markdown", "caption", "warning") for element in app.get(kind)]
    return "\n".join(texts).replace("\\", "")


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_the_overview_tells_the_last_closed_month(run_page: RunPage, synthetic_home: Path) -> None:
    app = run_page(synthetic_home)
    tiles = metrics(app)
    assert list(tiles) == [
        "Gross margin (AI usage only)",
        "Gross profit",
        "AI cost, % of net revenue",
        "Net revenue",
    ]
    margin, cost = (float(tiles[name].rstrip("%")) for name in list(tiles)[::2])
    assert margin + cost == pytest.approx(100.0)
    said = words(app)
    assert "October 2026, the last closed month" in said
    assert "Nov is month to date" in said
    assert "of usage priced" in said
    assert "agreement with the providers' bills not measured, no bill is connected" in said
    assert "drove the steepest rise of the AI bill" in said
    assert "1 dispute to answer · 1 refund request · 1 past due, still burning" in said
    assert "as version 3" in said


def test_the_tiles_are_the_sums_of_the_rows_that_were_published(run_page: RunPage, synthetic_home: Path) -> None:
    rows = [row for row in make_company().tables["customer_month"] if row["month"] == OCTOBER]
    net_minor = sum(row["net_revenue_minor"] for row in rows if row["basis"] == "service")
    shown = metrics(run_page(synthetic_home))["Net revenue"]
    assert shown == f"${round(net_minor / 100 / 1000, 1)}K"


def test_the_basis_in_the_address_is_the_basis_of_the_numbers(run_page: RunPage, tmp_path: Path) -> None:
    tables = {"customer_month": [revenue(OCTOBER, "cus_a", 10_00), revenue(OCTOBER, "cus_a", 70_00, basis="invoiced")]}
    publish_tables(tmp_path, tables, slug="demo")
    assert metrics(run_page(tmp_path))["Net revenue"] == "$10.00"
    assert metrics(run_page(tmp_path, basis="As invoiced"))["Net revenue"] == "$70.00"


def test_below_95_percent_of_a_coverage_the_page_says_why_the_state_is_unknown(
    run_page: RunPage, tmp_path: Path
) -> None:
    """$6 of $100 belong to nobody; every customer's state is unknown with it."""
    cube = [usage(OCTOBER, "cus_a", 94 * 10**12), usage(OCTOBER, None, 6 * 10**12)]
    known = {"customer_id": "cus_a", "name": "Acme", "is_past_due": False}
    tables = with_usage(cube, customer_month=[revenue(OCTOBER, "cus_a", 500_00)], customers=[known])
    publish_tables(tmp_path, tables, slug="demo")
    why = "State unknown: only 94.0% of the AI cost belongs to a known customer (95.0% is needed)."
    assert why in words(run_page(tmp_path))
    customers = run_page(tmp_path, customers_page)
    assert why in words(customers)
    assert customers.dataframe[0].value["state"].to_list() == ["Unknown: 94.0% attributed"]
    assert why in words(run_page(tmp_path, customers_page, customer="cus_a"))


def test_a_company_without_usage_has_a_margin_of_all_it_sold(run_page: RunPage, tmp_path: Path) -> None:
    publish_tables(tmp_path, {"customer_month": [revenue(OCTOBER, "cus_a", 10_00)]}, slug="demo")
    tiles = metrics(run_page(tmp_path))
    assert tiles["Gross margin (AI usage only)"] == "100.0%"
    assert tiles["AI cost, % of net revenue"] == "0.0%"


def test_revenue_without_a_rate_is_a_dash_and_a_sentence(run_page: RunPage, tmp_path: Path) -> None:
    rows = [revenue(OCTOBER, "cus_a", 10_00), revenue(OCTOBER, "cus_b", None)]
    publish_tables(tmp_path, {"customer_month": rows}, slug="demo")
    app = run_page(tmp_path)
    assert metrics(app)["Net revenue"] == metrics(app)["Gross profit"] == "\u2014"
    assert "no exchange rate" in words(app)
    assert "1 without an exchange rate and in no sum" in words(run_page(tmp_path, customers_page))


def test_the_customers_page_lists_everyone_and_filters_by_the_address(run_page: RunPage, synthetic_home: Path) -> None:
    everyone = run_page(synthetic_home, customers_page)
    assert "18 customers shown" in words(everyone)
    losing = run_page(synthetic_home, customers_page, view="Unprofitable")
    assert "3 customers shown" in words(losing)
    nobody = run_page(synthetic_home, customers_page, search="zzz")
    assert "No customer matches these filters." in words(nobody)
    assert [button.label for button in nobody.button] == ["Clear filters"]


def test_a_customers_page_takes_every_number_apart(run_page: RunPage, synthetic_home: Path) -> None:
    app = run_page(synthetic_home, customers_page, customer="cus_0003")
    said = words(app)
    assert "# Beacon Foods" in said
    assert "Every amount below adds up to the one above it" in said
    assert "Not priced:" in said
    assert "internal/house-7b" in said
    tables = [frame.value for frame in app.dataframe]
    priced = next(pl.from_pandas(frame) for frame in tables if "Price entry" in frame.columns)
    parts = sum(float(text.strip("$").replace(",", "")) for text in priced["= cost"])
    total = said.split("#### AI cost: $")[1].split("\n")[0]
    assert parts == pytest.approx(float(total.replace(",", "")), abs=0.01 * priced.height)


def test_a_badge_says_what_waits_with_the_customer(run_page: RunPage, synthetic_home: Path) -> None:
    assert "Dispute to answer" in words(run_page(synthetic_home, customers_page, customer="cus_0010"))
    assert "past due" in words(run_page(synthetic_home, customers_page, customer="cus_0004"))


def test_an_unknown_customer_is_a_page(run_page: RunPage, synthetic_home: Path) -> None:
    app = run_page(synthetic_home, customers_page, customer="cus_of_mallory'; drop table meta")
    assert "No such customer" in words(app)


def test_nothing_published_says_what_to_do(run_page: RunPage, tmp_path: Path) -> None:
    for page in (None, customers_page):
        app = run_page(tmp_path, page)
        assert "No margins published yet" in words(app)
        assert app.code[0].value == "metering refresh"


def test_a_refused_version_is_told_on_every_page(run_page: RunPage, tmp_path: Path) -> None:
    publish_company(tmp_path, source_invoices=0)
    assert "nothing is shown, because its sums differ" in words(run_page(tmp_path))
    publish_company(tmp_path, version=4)
    publish_company(tmp_path, version=5, source_invoices=0)
    for page, address in ((None, {}), (customers_page, {}), (customers_page, {"customer": "cus_0000"})):
        said = words(run_page(tmp_path, page, **address))
        assert "version 4 stays, because its sums differ" in said
        assert "as version 4" in said


def test_customers_words_are_data(run_page: RunPage, tmp_path: Path) -> None:
    """A name that is Markdown, HTML and a formula is shown as it is written."""
    company: Company = make_company()
    name = "**Bold** <img src=x> $1 [a](b)"
    company.tables["customers"][0]["name"] = name
    publish_company(tmp_path, company)
    app = run_page(tmp_path, customers_page, customer="cus_0000")
    head = next(element.value for element in app.markdown if element.value.startswith("# "))
    assert "\\*\\*Bold\\*\\* \\<img src=x\\> \\$1 \\[a\\]\\(b\\)" in head


def test_the_probe_of_health_is_the_version_that_is_shown(run_page: RunPage, synthetic_home: Path) -> None:
    run_page(synthetic_home)
    assert reading.published_version() == 3
