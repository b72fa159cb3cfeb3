"""The what-if page on the synthetic company: what the address asks is what is answered, with its units and its doubts."""

import csv
import io
from pathlib import Path

from streamlit.testing.v1 import AppTest

from dashboard.what_if_rows import csv_text, shown, state_words
from pricing.coverage import Coverage
from pricing.margin import Margin, Status
from pricing.what_if import Outcome
from tests.dashboard.conftest import RunPage
from tests.dashboard.test_pages import metrics, words
from tests.store.warehouse_rows import OCTOBER, publish_tables, revenue, usage


def what_if_page() -> None:
    """The page without the navigation around it."""
    from dashboard import what_if

    what_if.draw()


ENTRY = {"price_id": 1, "price_key": "openai/gpt-4o", "provider": "openai", "model": "gpt-4o"}
PRICES = {"input_uncached_tokens_pico_usd": 2_500_000, "cache_read_tokens_pico_usd": 1_250_000}


def publish_two(home: Path) -> None:
    """Acme earns $100 and burns 16 M tokens at $2.50 a million: $40. Beta earns $10 and burns 2 M: $5. Mallory is elsewhere."""
    rows = [
        usage(OCTOBER, "cus_a", 40 * 10**12, tokens=16_000_000, service_tier="standard"),
        usage(OCTOBER, "cus_b", 5 * 10**12, tokens=2_000_000, service_tier="standard"),
    ]
    tables = {
        "usage_cube": rows,
        "price_entries": [ENTRY | PRICES],
        "customer_month": [revenue(OCTOBER, "cus_a", 100_00), revenue(OCTOBER, "cus_b", 10_00)],
        "customers": [
            {"customer_id": "cus_a", "name": "Acme", "plan": "Team"},
            {"customer_id": "cus_b", "name": "=Beta", "plan": "Starter"},
        ],
        "usd_rates": [{"month": OCTOBER, "rate_nano": 10**9}],
        "customer_month_usage": [{"month": OCTOBER, "customer_id": "cus_a", "events": 1, "tokens": 1}],
    }
    publish_tables(home, tables, slug="demo")


def test_nothing_asked_says_what_can_be(run_page: RunPage, tmp_path: Path) -> None:
    publish_two(tmp_path)
    app = run_page(tmp_path, what_if_page)
    assert "Nothing is different yet" in words(app)
    assert metrics(app) == {}


def test_a_higher_bill_turns_customers_negative_and_they_are_named(run_page: RunPage, tmp_path: Path) -> None:
    """Twice the price is $90 for both; at half the revenue Acme has $50 against $80 and Beta $5 against $10."""
    publish_two(tmp_path)
    app = run_page(tmp_path, what_if_page, off="-100")
    assert metrics(app)["AI cost"] == "$90.00"  # twice $45
    assert metrics(app)["Customers losing money"] == "0"
    app = run_page(tmp_path, what_if_page, off="-100", price="-50")
    assert metrics(app)["Gross profit"] == "\u2212$35.00"  # $55 - $90
    assert metrics(app)["Customers losing money"] == "2"
    assert "2 customers turn negative: Acme, =Beta" in words(app).replace("**", "")


def test_a_cache_rate_moves_the_input_to_the_cache_s_price(run_page: RunPage, tmp_path: Path) -> None:
    """Half of 18 M tokens at $1.25 in place of $2.50: $45 - $11.25."""
    publish_two(tmp_path)
    app = run_page(tmp_path, what_if_page, cache="50")
    assert metrics(app)["AI cost"] == "$33.75"


def test_another_model_is_charged_by_the_price_book(run_page: RunPage, tmp_path: Path) -> None:
    """gpt-4o-mini's input is $0.15 a million: 16 M are $2.40 for Acme alone, Beta's $5 stay."""
    publish_two(tmp_path)
    app = run_page(tmp_path, what_if_page, model="openai/gpt-4o-mini", who="Acme (cus_a)")
    assert metrics(app)["AI cost"] == "$7.40"
    assert "Same calls and same token counts" in words(app)


def test_a_plan_of_another_price_is_paid_by_its_customers_alone(run_page: RunPage, tmp_path: Path) -> None:
    publish_two(tmp_path)
    app = run_page(tmp_path, what_if_page, monthly="4", who="Plan Starter")
    assert metrics(app)["Net revenue"] == "$104"
    assert "1 customer turns negative: =Beta" in words(app).replace("**", "")


def test_a_model_without_prices_is_refused_in_a_sentence(run_page: RunPage, tmp_path: Path) -> None:
    """The address may name anything; what the list does not have is not chosen."""
    publish_two(tmp_path)
    assert "Nothing is different yet" in words(run_page(tmp_path, what_if_page, model="acme/none'; drop table meta"))


def test_the_synthetic_company_answers_for_every_customer(run_page: RunPage, synthetic_home: Path) -> None:
    app: AppTest = run_page(synthetic_home, what_if_page, model="openai/gpt-4o-mini", **{"from": "Aug 2026"})
    assert "18 customers, who turns negative first" in words(app)
    assert "of usage priced" in words(app)


def outcome(customer_id: str, before: int, after: int) -> Outcome:
    """$100 of revenue and that much of cost, in cents."""
    sides = [
        Margin(
            cost_minor=cost,
            gross_profit_minor=10_000 - cost,
            share=None,
            low=None,
            high=None,
            coverage=Coverage(),
            status=Status.NEGATIVE if cost > 10_000 else Status.HEALTHY,
            reasons=(),
        )
        for cost in (before, after)
    ]
    return Outcome(
        customer_id=customer_id,
        months=1,
        net_before_minor=10_000,
        net_after_minor=10_000,
        before=sides[0],
        after=sides[1],
        break_even_minor=after,
        target_minor=None,
        partly_priced_events=0,
    )


def test_who_turns_negative_stands_first_and_each_view_keeps_its_own() -> None:
    falls, turns, lost = outcome("falls", 0, 9_000), outcome("turns", 9_999, 10_001), outcome("lost", 11_000, 12_000)
    every = [falls, lost, turns]
    assert [each.customer_id for each in shown(every, "all")] == ["turns", "falls", "lost"]
    assert [each.customer_id for each in shown(every, "changed")] == ["turns"]
    assert [each.customer_id for each in shown(every, "negative")] == ["turns", "lost"]
    assert state_words(turns) == "Healthy → Losing money"


def test_the_file_has_exact_amounts_with_their_currency_and_no_formula() -> None:
    [row] = csv.DictReader(io.StringIO(csv_text([outcome("b", 1, 12_345)], {"b": "=HYPERLINK()"}, "usd")))
    assert (row["ai_cost_before_usd"], row["ai_cost_after_usd"], row["gross_profit_after_usd"]) == (
        "0.01",
        "123.45",
        "-23.45",
    )
    assert (row["customer"], row["margin_after"], row["state_after"]) == ("'=HYPERLINK()", "", "negative")
