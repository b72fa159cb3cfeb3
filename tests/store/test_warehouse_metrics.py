"""Segments hold all revenue and all cost, a model's revenue is allocated to the cent, and a period is read as it was billed and used."""

from datetime import date
from fractions import Fraction
from pathlib import Path

from pricing.bridge_story import summarize
from pricing.margin_bridge import bridge
from pricing.money import NANO
from pricing.named_periods import named
from pricing.revenue_drivers import Billed
from store import warehouse_metric_reads as reads
from store import warehouse_reads
from store.warehouse_bridge import period, summary
from store.warehouse_reads import Warehouse
from tests.store.warehouse_rows import ACME, NOVEMBER, OCTOBER, Row, publish_tables, revenue, usage, with_usage

DOLLAR = 10**12


def opened(home: Path, tables: dict[str, list[Row]]) -> Warehouse:
    assert publish_tables(home, tables).is_published
    warehouse = warehouse_reads.open_current(home, ACME)
    assert warehouse is not None
    return warehouse


def stream(month: date, customer_id: str | None, minor: int | None, **given: object) -> Row:
    row: Row = {"month": month, "customer_id": customer_id, "basis": "service", "stream": "plan", "product": ""}
    row |= {"currency": "usd", "quantity_micro": 10**6, "amount_minor": minor or 0, "reporting_minor": minor}
    return row | given


def company(home: Path) -> Warehouse:
    """October: a pays 100.00 and uses $30 on two models, b pays 50.00 and uses nothing, $8 is nobody's."""
    cube = [
        usage(OCTOBER, "cus_a", 20 * DOLLAR, model="dear", feature="chat"),
        usage(OCTOBER, "cus_a", 10 * DOLLAR, model="cheap", feature="chat"),
        usage(OCTOBER, None, 8 * DOLLAR, model="cheap", feature="search"),
    ]
    months = [revenue(OCTOBER, "cus_a", 100_00), revenue(OCTOBER, "cus_b", 50_00)]
    customers = [
        {"customer_id": "cus_a", "name": "A", "plan": "Team", "country": "DE", "currency": "eur"},
        {"customer_id": "cus_b", "name": "B", "plan": "Team", "country": None, "currency": "usd"},
    ]
    traits = [{"customer_id": "cus_a", "segment": "agency", "cohort": date(2026, 3, 1)}]
    tables = with_usage(cube, customer_month=months, customers=customers, customer_traits=traits)
    return opened(home, {name: list(rows) for name, rows in tables.items()})


def test_customers_are_summed_by_what_they_have_in_common(tmp_path: Path) -> None:
    warehouse = company(tmp_path)

    def by(dimension: str) -> dict[str | None, tuple[int, int | None, int | None]]:
        found = reads.segments(warehouse, "service", dimension, [OCTOBER])
        return {each.value: (each.customers, each.net_revenue_minor, each.cost_minor) for each in found}

    nobody = {None: (0, 0, 8_00)}
    assert by("plan") == {"Team": (2, 150_00, 30_00)} | nobody
    assert by("country") == {"DE": (1, 100_00, 30_00), "Unknown country": (1, 50_00, 0)} | nobody
    assert by("currency") == {"EUR": (1, 100_00, 30_00), "USD": (1, 50_00, 0)} | nobody
    assert by("segment") == {"agency": (1, 100_00, 30_00), "No segment": (1, 50_00, 0)} | nobody
    assert by("size") == {"50 to 200": (2, 150_00, 30_00)} | nobody
    assert by("cohort") == {"2026-03": (1, 100_00, 30_00), "Not invoiced yet": (1, 50_00, 0)} | nobody


def test_revenue_is_allocated_to_models_by_their_cost_to_the_cent(tmp_path: Path) -> None:
    """100.00 of a by 20 : 10 is 66.67 and 33.33; b has no AI cost; nobody's usage brings nothing."""
    found = reads.segments(company(tmp_path), "service", "model", [OCTOBER])
    assert {each.value: (each.net_revenue_minor, each.cost_minor) for each in found} == {
        "openai/dear": (66_67, 20_00),
        "openai/cheap": (33_33, 18_00),
        "No AI cost": (50_00, 0),
    }
    features = reads.segments(company(tmp_path), "service", "feature", [OCTOBER])
    assert {each.value: each.share for each in features} == {
        "chat": Fraction(70, 100),
        "No AI cost": 1,
        "search": None,
    }


def test_an_amount_without_a_rate_leaves_its_segment_unknown(tmp_path: Path) -> None:
    rows = [revenue(OCTOBER, "cus_a", None), revenue(OCTOBER, "cus_b", 50_00)]
    customers = [{"customer_id": "cus_a", "plan": "Team"}, {"customer_id": "cus_b", "plan": "Scale"}]
    warehouse = opened(tmp_path, {"customer_month": rows, "customers": customers})
    found = reads.segments(warehouse, "service", "plan", [OCTOBER])
    assert [(each.value, each.net_revenue_minor, each.share) for each in found] == [
        ("Scale", 50_00, 1),
        ("Team", None, None),
    ]
    unknown = opened(tmp_path / "other", {"month_streams": [stream(OCTOBER, "cus_a", None)]})
    assert period(unknown, [OCTOBER], "service").net_revenue_minor is None


def test_a_period_is_read_with_its_streams_models_and_the_bills_gap(tmp_path: Path) -> None:
    """October: $4 for 1,000 tokens, $2 that only the bill knows and $1 of credit; November: $9 for 2,000. 5.00 and 9.00."""
    cube = [
        usage(OCTOBER, "cus_a", 4 * DOLLAR),
        usage(
            OCTOBER, None, 2 * DOLLAR, events=0, requests=0, tokens=0, model=None, price_id=None, cost_source="invoice"
        ),
        usage(
            OCTOBER, None, -DOLLAR, events=0, requests=0, tokens=0, model=None, price_id=None, cost_source="contract"
        ),
        usage(NOVEMBER, "cus_a", 9 * DOLLAR, tokens=2_000, service_tier="batch"),
    ]
    streams = [stream(month, "cus_a", 100_00) for month in (OCTOBER, NOVEMBER)]
    streams.append(stream(NOVEMBER, "cus_a", -7_00, stream="money_back", product="refund", quantity_micro=0))
    prices = [{"price_id": 1, "input_uncached_tokens_pico_usd": 4 * 10**9}]
    tables = with_usage(cube, month_streams=streams, price_entries=prices)
    warehouse = opened(tmp_path, {name: list(rows) for name, rows in tables.items()})
    october, november = period(warehouse, [OCTOBER], "service"), period(warehouse, [NOVEMBER], "service")
    assert (october.net_revenue_minor, october.cost_minor, october.unreconciled_pico_usd) == (100_00, 5_00, 2 * DOLLAR)
    assert october.contracts_pico_usd == -DOLLAR
    assert (november.net_revenue_minor, november.cost_minor) == (93_00, 9_00)
    assert october.customers["cus_a"].streams == {"plan \u00b7 USD": Billed(10**6, 100_00, 100_00)}
    assert list(october.customers["cus_a"].cells) == ["openai/gpt-4o"]
    assert list(november.customers["cus_a"].cells) == ["openai/gpt-4o (batch)"]
    both = period(warehouse, [OCTOBER, NOVEMBER], "service")
    assert (both.net_revenue_minor, both.cost_minor) == (193_00, 14_00)
    found = bridge(october, november)
    assert found is not None
    moved = {step.part: step.profit_minor for step in found.steps if step.profit_minor}
    # All requests went to the batch tier, at what they cost there: $4 to $9; the bill's $2 and the credit are gone, 7.00 was paid back.
    assert moved == {"money_back": -7_00, "model_mix": -5_00, "commitments": -1_00, "unreconciled": 2_00}


def test_mrr_is_read_with_its_movements(tmp_path: Path) -> None:
    tables: dict[str, list[Row]] = {
        "mrr_months": [
            {"month": OCTOBER, "mrr_minor": 100_00, "customers": 1},
            {"month": NOVEMBER, "mrr_minor": 120_00, "customers": 2},
        ],
        "customer_movements": [
            {"month": NOVEMBER, "customer_id": "cus_a", "movement": "contraction", "moved_minor": -10_00},
            {"month": NOVEMBER, "customer_id": "cus_b", "movement": "new", "moved_minor": 30_00},
        ],
        "retention": [
            {"month": NOVEMBER, "months": 1, "customers": 1, "customers_kept": 1, "start_minor": 100_00, "now_minor": 90_00,
             "capped_minor": 90_00}
        ],
        "month_streams": [stream(OCTOBER, "cus_a", 5_00, stream="usage", product="Tokens")],
    }  # fmt: skip
    warehouse = opened(tmp_path, tables)
    first, second = reads.mrr_months(warehouse)
    assert (first.mrr_minor, first.customers_before) == (100_00, 1)
    assert (second.moved_minor, second.customers_before) == ({"contraction": -10_00, "new": 30_00}, 1)
    assert reads.retention(warehouse)[NOVEMBER, 1].nrr == Fraction(9, 10)
    assert [each.movement for each in reads.movements(warehouse, NOVEMBER)] == ["new", "contraction"]
    assert reads.usage_revenue(warehouse) == {OCTOBER: 5_00}


def test_cohorts_are_followed_month_by_month(tmp_path: Path) -> None:
    months = [revenue(month, "cus_a", 100_00) for month in (OCTOBER, NOVEMBER)]
    traits = [{"customer_id": "cus_a", "cohort": OCTOBER}]
    cube = [usage(NOVEMBER, "cus_a", 40 * DOLLAR)]
    tables = with_usage(cube, customer_month=months, customer_traits=traits, customers=[{"customer_id": "cus_a"}])
    warehouse = opened(tmp_path, {name: list(rows) for name, rows in tables.items()})
    assert [(each.month, each.share) for each in reads.cohorts(warehouse, "service")] == [
        (OCTOBER, 1),
        (NOVEMBER, Fraction(60, 100)),
    ]


def test_another_currency_is_converted_and_sums_to_the_company(tmp_path: Path) -> None:
    """Three models of $0.01 at 0.5: 0.5 cents each, 1.5 together, shown as 2: one each for the first two."""
    cube = [usage(OCTOBER, "cus_a", DOLLAR // 100, model=name) for name in "xyz"]
    tables = {
        name: list(rows) for name, rows in with_usage(cube, customer_month=[revenue(OCTOBER, "cus_a", 3)]).items()
    }
    tables["usd_rates"] = [{"month": OCTOBER, "rate_nano": NANO // 2}]
    found = reads.segments(opened(tmp_path, tables), "service", "model", [OCTOBER])
    assert sum(each.cost_minor or 0 for each in found) == 2
    assert sum(each.net_revenue_minor or 0 for each in found) == 3


def test_the_bridge_that_the_page_shows_first_is_kept_with_the_version(tmp_path: Path) -> None:
    """September and October have ended at 25 November; what is kept is what would be worked out."""
    september = date(2026, 9, 1)
    cube = [usage(month, "cus_a", cost * DOLLAR) for month, cost in ((september, 4), (OCTOBER, 9), (NOVEMBER, 1))]
    months = [revenue(month, "cus_a", 100_00) for month in (september, OCTOBER, NOVEMBER)]
    streams = [stream(month, "cus_a", 100_00) for month in (september, OCTOBER, NOVEMBER)]
    tables = with_usage(cube, customer_month=months, month_streams=streams)
    warehouse = opened(tmp_path, {name: list(rows) for name, rows in tables.items()})
    kept = warehouse.rows("select before, after, basis from bridges where basis = 'service'").rows()
    assert kept == [("2026-09", "2026-10", "service")]
    found = summary(warehouse, named("2026-09"), named("2026-10"), "service")
    worked_out = bridge(period(warehouse, [september], "service"), period(warehouse, [OCTOBER], "service"))
    assert worked_out is not None
    assert found == summarize(worked_out)
    other = summary(warehouse, named("2026-10"), named("2026-11"), "service")
    assert other is not None
    assert sum(step.profit_minor for step in other.steps) == 8_00
