"""The readers give the sums that pages show: unknown stays null, nothing is lost between lines and months, big sums stay exact."""

from datetime import date, datetime
from fractions import Fraction
from pathlib import Path

import duckdb

from pricing.usage import BUCKETS
from store import warehouse_reads as reads
from store.warehouse_margins import margin_of
from store.warehouse_reads import Warehouse
from tests.store.warehouse_rows import ACME, NOVEMBER, OCTOBER, Row, publish_tables, revenue, usage, with_usage

DOLLAR = 10**12


def opened(home: Path, tables: dict[str, list[Row]]) -> Warehouse:
    publish_tables(home, tables)
    warehouse = reads.open_current(home, ACME)
    assert warehouse is not None
    return warehouse


def test_a_month_sums_revenue_and_usage_of_all_customers_and_of_none(tmp_path: Path) -> None:
    """October: 100.00 + 50.00 - 5.00 net, $30 + $2 + $8 of usage, of which $8 is nobody's; the invoiced basis is not in it."""
    cube = [usage(OCTOBER, "cus_a", 30 * DOLLAR), usage(OCTOBER, "cus_b", 2 * DOLLAR), usage(OCTOBER, None, 8 * DOLLAR)]
    months = [
        revenue(OCTOBER, "cus_a", 100_00),
        revenue(OCTOBER, "cus_b", 45_00, gross_minor=50_00, discounts_minor=5_00),
        revenue(OCTOBER, "cus_a", 999_00, basis="invoiced"),
    ]
    row = reads.months(opened(tmp_path, with_usage(cube, customer_month=months)), "service").row(0, named=True)
    assert row["month"] == OCTOBER
    assert (row["gross_minor"], row["discounts_minor"], row["net_revenue_minor"]) == (150_00, 5_00, 145_00)
    sums = (row["cost_pico_usd"], row["month_logged_pico_usd"], row["month_attributed_pico_usd"])
    assert sums == (40 * DOLLAR, 40 * DOLLAR, 32 * DOLLAR)
    # What is left of 145.00 after 40.00 of AI cost.
    assert margin_of(row, "usd").share == Fraction(105, 145)


def test_nothing_billed_is_zero_and_an_amount_without_a_rate_is_unknown(tmp_path: Path) -> None:
    cube = [usage(OCTOBER, "cus_a", DOLLAR), usage(NOVEMBER, "cus_a", DOLLAR)]
    months = [revenue(NOVEMBER, "cus_a", 10_00), revenue(NOVEMBER, "cus_b", None)]
    warehouse = opened(tmp_path, with_usage(cube, customer_month=months))
    october, november = reads.months(warehouse, "service").rows(named=True)
    assert october["net_revenue_minor"] == 0
    assert november["net_revenue_minor"] is None
    assert margin_of(november, "usd").gross_profit_minor is None
    by_customer = {
        (row["month"], row["customer_id"]): row["net_revenue_minor"]
        for row in reads.customer_months(warehouse, "service", OCTOBER, NOVEMBER).rows(named=True)
    }
    assert by_customer == {(OCTOBER, "cus_a"): 0, (NOVEMBER, "cus_a"): 10_00, (NOVEMBER, "cus_b"): None}


def test_revenue_and_usage_of_nobody_share_a_row(tmp_path: Path) -> None:
    tables = with_usage([usage(OCTOBER, None, DOLLAR)], customer_month=[revenue(OCTOBER, None, 0, fees_minor=2_00)])
    rows = reads.customer_months(opened(tmp_path, tables), "service", OCTOBER, OCTOBER)
    assert rows.select("customer_id", "net_revenue_minor", "cost_pico_usd").rows() == [(None, 0, DOLLAR)]


def test_months_after_the_running_one_are_not_shown(tmp_path: Path) -> None:
    """An annual plan's later months are revenue of later; the version is of 25 November."""
    months = [revenue(NOVEMBER, "cus_a", 10_00), revenue(date(2026, 12, 1), "cus_a", 10_00)]
    assert reads.months(opened(tmp_path, {"customer_month": months}), "service")["month"].to_list() == [NOVEMBER]


def test_usage_without_a_price_may_cost_what_its_provider_lists(tmp_path: Path) -> None:
    """500 tokens at $0.001 to $0.004: $0.50 to $2.00. Nobody lists a page; what it costs is unknown."""
    house = usage(OCTOBER, "cus_a", None, model="house", tokens=500)
    tables = with_usage([house], customer_month=[revenue(OCTOBER, "cus_a", 10_00)])
    found = margin_of(reads.months(opened(tmp_path, tables), "service", "cus_a").row(0, named=True), "usd")
    assert (found.share, found.high, found.low) == (1, Fraction(9_50, 10_00), Fraction(8_00, 10_00))
    assert (found.coverage.priced, found.coverage.attributed) == (0, None)
    tables = with_usage([house | {"pages": 1}], customer_month=[revenue(OCTOBER, "cus_a", 10_00)])
    found = margin_of(reads.months(opened(tmp_path / "2", tables), "service", "cus_a").row(0, named=True), "usd")
    assert (found.share, found.high, found.low) == (1, None, None)


def test_usage_without_a_customer_may_be_anybodys(tmp_path: Path) -> None:
    """$1 of $100 is nobody's: it could be all of cus_a's or all of cus_b's, who has no usage of its own; the company pays it anyway."""
    cube = [usage(OCTOBER, "cus_a", 99 * DOLLAR), usage(OCTOBER, None, DOLLAR)]
    months = [revenue(OCTOBER, "cus_a", 200_00), revenue(OCTOBER, "cus_b", 10_00)]
    warehouse = opened(tmp_path, with_usage(cube, customer_month=months))
    company = margin_of(reads.months(warehouse, "service").row(0, named=True), "usd")
    assert company.low == company.share == company.high == Fraction(210 - 100, 210)
    assert company.coverage.attributed == Fraction(99, 100)
    by_customer = {
        row["customer_id"]: margin_of(row, "usd")
        for row in reads.customer_months(warehouse, "service", OCTOBER, OCTOBER).rows(named=True)
    }
    assert (by_customer["cus_a"].high, by_customer["cus_a"].low) == (Fraction(101, 200), Fraction(100, 200))
    assert (by_customer["cus_b"].high, by_customer["cus_b"].low) == (1, Fraction(9, 10))
    assert by_customer["cus_b"] == margin_of(reads.months(warehouse, "service", "cus_b").row(0, named=True), "usd")
    assert by_customer[None].gross_profit_minor == -1_00


def test_what_has_neither_price_nor_customer_may_be_anybodys_at_its_dearest(tmp_path: Path) -> None:
    """1,000 unpriced tokens of nobody's at $0.004 are $4 at most: between 60 % and 100 % of cus_a's $10."""
    cube = [usage(OCTOBER, None, None)]
    warehouse = opened(tmp_path, with_usage(cube, customer_month=[revenue(OCTOBER, "cus_a", 10_00)]))
    found = margin_of(reads.months(warehouse, "service", "cus_a").row(0, named=True), "usd")
    assert (found.high, found.low) == (1, Fraction(6, 10))


def test_images_without_a_price_count_by_what_they_may_cost(tmp_path: Path) -> None:
    """10 images at $0.05 at most beside $9.50 of priced usage: 9.50 of 10.00 are priced, whatever the number of events."""
    images = usage(OCTOBER, "cus_a", None, model="painter", tokens=0, images=10, events=1_000)
    cube = [usage(OCTOBER, "cus_a", 9_500 * DOLLAR // 1_000), images]
    warehouse = opened(tmp_path, with_usage(cube, customer_month=[revenue(OCTOBER, "cus_a", 100_00)]))
    found = margin_of(reads.months(warehouse, "service").row(0, named=True), "usd")
    assert found.coverage.priced == Fraction(95, 100)
    assert (found.low, found.high) == (Fraction(90, 100), Fraction(90_30, 100_00))


def test_a_sum_beyond_64_bits_stays_exact(tmp_path: Path) -> None:
    """20 million dollars are 2 * 10^19 pico-USD; 64 bits end at 9.2 * 10^18."""
    cube = [usage(OCTOBER, "cus_a", 10_000_000 * DOLLAR + 1, tokens=1), usage(OCTOBER, "cus_a", 10_000_000 * DOLLAR)]
    row = reads.months(opened(tmp_path, with_usage(cube)), "service").row(0, named=True)
    assert row["cost_pico_usd"] == row["month_logged_pico_usd"] == row["month_attributed_pico_usd"] == 2 * 10**19 + 1


def test_a_customers_month_is_taken_apart_into_units_and_price_entries(tmp_path: Path) -> None:
    """1,000 x $0.000003 + 200 x $0.000015 = $0.006; a unit that costs nothing is left out, one without a price is not."""
    prices = {f"{bucket}_pico_usd": None for bucket in BUCKETS}
    prices |= {"input_uncached_tokens_pico_usd": 3_000_000, "output_text_tokens_pico_usd": 15_000_000}
    entry = {"price_id": 1, "price_key": "openai/gpt-4o", "valid_from": datetime(2026, 1, 1), **prices}
    cube = [
        usage(OCTOBER, "cus_a", 6_000_000_000, output_text_tokens=200, requests=7),
        usage(OCTOBER, "cus_a", None, model="house", requests=0, unpriced_reason="no price entry"),
        usage(OCTOBER, "cus_b", 3_000_000_000),
        usage(NOVEMBER, "cus_a", 3_000_000_000),
    ]
    units = reads.priced_units(opened(tmp_path, with_usage(cube, price_entries=[entry])), "cus_a", OCTOBER)
    names = ("model", "bucket", "quantity", "unit_price_pico_usd", "cost_pico_usd", "price_key", "unpriced_reason")
    assert units.select(names).rows() == [
        ("gpt-4o", "input_uncached_tokens", 1_000, 3_000_000, 3_000_000_000, "openai/gpt-4o", None),
        ("gpt-4o", "output_text_tokens", 200, 15_000_000, 3_000_000_000, "openai/gpt-4o", None),
        ("house", "input_uncached_tokens", 1_000, None, None, None, "no price entry"),
    ]


def test_a_month_whose_provider_reports_another_cost_says_so_and_still_adds_up(tmp_path: Path) -> None:
    """At the list 1,000 x $0.000003 = $0.003, by the provider $0.002: -$0.001 beside it. Without a price the report stands alone."""
    prices = {f"{bucket}_pico_usd": None for bucket in BUCKETS} | {"input_uncached_tokens_pico_usd": 3_000_000}
    entry = {"price_id": 1, "price_key": "openai/gpt-4o", **prices}
    said = {"cost_source": "reported"}
    cube = [
        usage(OCTOBER, "cus_a", 2_000_000_000, list_cost_pico_usd=3_000_000_000, **said),
        usage(OCTOBER, "cus_a", 5, model="house", price_id=None, list_cost_pico_usd=None, **said),
    ]
    units = reads.priced_units(opened(tmp_path, with_usage(cube, price_entries=[entry])), "cus_a", OCTOBER)
    names = ("model", "bucket", "quantity", "cost_pico_usd", "price_key", "cost_source")
    assert units.select(names).rows() == [
        ("gpt-4o", "input_uncached_tokens", 1_000, 3_000_000_000, "openai/gpt-4o", "reported"),
        ("house", None, 1, 5, None, "reported"),
        ("gpt-4o", None, 1, -1_000_000_000, "openai/gpt-4o", "reported"),
    ]


def test_failed_payments_sum_by_month_and_class_without_what_has_no_rate(tmp_path: Path) -> None:
    """October, later: 10.00 + 20.00, of which 20.00 came in; the third has no rate and is in no sum."""
    failures = [
        {"month": OCTOBER, "decline_class": "later", "reporting_minor": 10_00, "is_recovered": False},
        {"month": OCTOBER, "decline_class": "later", "reporting_minor": 20_00, "is_recovered": True},
        {"month": OCTOBER, "decline_class": "later", "reporting_minor": None, "is_recovered": True},
        {"month": NOVEMBER, "decline_class": "never", "reporting_minor": 5_00, "is_recovered": False},
    ]
    rows = reads.failed_payments(opened(tmp_path, {"failed_payments": failures})).rows()
    assert rows == [(OCTOBER, "later", 30_00, 20_00), (NOVEMBER, "never", 5_00, 0)]


def test_models_and_lists_of_a_customer_are_theirs_alone(tmp_path: Path) -> None:
    cube = [usage(OCTOBER, "cus_a", 5), usage(NOVEMBER, "cus_a", None, model="house"), usage(OCTOBER, "cus_b", 7)]
    invoices = [{"invoice_id": "in_1", "customer_id": "cus_a"}, {"invoice_id": "in_2", "customer_id": "cus_b"}]
    warehouse = opened(tmp_path, with_usage(cube, invoices=invoices, plan_changes=[{"customer_id": "cus_b"}]))
    models = reads.models(warehouse, "cus_a").select("model", "events", "tokens", "cost_pico_usd")
    assert models.rows() == [("gpt-4o", 1, 1_000, 5), ("house", 1, 1_000, None)]
    assert reads.invoices(warehouse, "cus_a")["invoice_id"].to_list() == ["in_1"]
    assert reads.plan_changes(warehouse, "cus_a").is_empty()


def test_a_version_of_an_earlier_release_is_not_shown_and_says_what_to_do(tmp_path: Path) -> None:
    """An upgrade finds a file without the tables that it reads: a sentence, and no traceback."""
    publish_tables(tmp_path)
    file = next((tmp_path / "warehouse" / str(ACME)).glob("v*.duckdb"))
    with duckdb.connect(str(file)) as con:
        con.execute("drop table segment_month")
    assert reads.open_current(tmp_path, ACME) is None
    assert reads.refusal(tmp_path, ACME) == reads.OUTDATED
    publish_tables(tmp_path, version=2)
    assert reads.open_current(tmp_path, ACME) is not None
    assert reads.refusal(tmp_path, ACME) is None
