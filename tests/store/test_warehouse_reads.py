"""The readers give the sums that pages show: unknown stays null, nothing is lost between lines and months, big sums stay exact."""

from datetime import date, datetime
from fractions import Fraction
from pathlib import Path

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
    assert (row["cost_pico_usd"], row["attributed_pico_usd"]) == (40 * DOLLAR, 32 * DOLLAR)
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


def test_the_dearest_model_of_the_company_bounds_what_a_customers_unpriced_usage_may_cost(tmp_path: Path) -> None:
    """gpt-4o cost $4 for 1,000 tokens, mini $1 for 1,000, images do not count: 500 unpriced tokens cost at most $2."""
    cube = [
        usage(OCTOBER, "cus_b", 4 * DOLLAR),
        usage(OCTOBER, "cus_b", DOLLAR, model="mini"),
        usage(OCTOBER, "cus_b", 90 * DOLLAR, model="painter", images=1),
        usage(OCTOBER, "cus_a", None, model="house", tokens=500),
    ]
    warehouse = opened(tmp_path, with_usage(cube, customer_month=[revenue(OCTOBER, "cus_a", 10_00)]))
    row = reads.months(warehouse, "service", "cus_a").row(0, named=True)
    assert (row["dearest_pico_usd"], row["dearest_tokens"]) == (4 * DOLLAR, 1_000)
    found = margin_of(row, "usd")
    assert (found.high, found.low, found.priced_share) == (1, Fraction(8, 10), 0)


def test_a_sum_beyond_64_bits_stays_exact(tmp_path: Path) -> None:
    """20 million dollars are 2 * 10^19 pico-USD; 64 bits end at 9.2 * 10^18."""
    cube = [usage(OCTOBER, "cus_a", 10_000_000 * DOLLAR + 1, tokens=1), usage(OCTOBER, "cus_a", 10_000_000 * DOLLAR)]
    row = reads.months(opened(tmp_path, with_usage(cube)), "service").row(0, named=True)
    assert row["cost_pico_usd"] == row["attributed_pico_usd"] == row["dearest_pico_usd"] == 2 * 10**19 + 1


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
