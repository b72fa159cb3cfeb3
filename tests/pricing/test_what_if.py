"""Who turns negative, at which price nothing is left, and that the company is the sum of its customers."""

from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from pricing.coverage import Coverage
from pricing.margin import Status
from pricing.what_if import Answer, Outcome, PriceChange, outcomes, price_for

NANO = 10**9
SEVENTY = Fraction(7, 10)


def month(customer_id: str | None, net_minor: int | None, before: int, after: int, **given: Any) -> dict[str, Any]:
    """A customer-month in dollars; costs in cents."""
    row: dict[str, Any] = {"month": date(2026, 10, 1), "customer_id": customer_id, "net_revenue_minor": net_minor}
    row |= {"events": 10, "tokens": 1000, "usd_rate_nano": NANO, "partly_priced_events": 0}
    row |= {f"unpriced_{what}_{when}": 0 for what in ("tokens", "events") for when in ("before", "after")}
    row |= {"unpriced_low_pico_usd": 0, "unpriced_high_pico_usd": 0}
    row |= {"before_pico_usd": before * 10**10, "after_pico_usd": after * 10**10}
    return {f"after_{end}_pico_usd": after * 10**10 for end in ("low", "high")} | row | given


def answer(rows: list[dict[str, Any]], price: PriceChange | None = None) -> Answer:
    return outcomes(rows, "usd", price or PriceChange(), SEVENTY, Coverage(attributed=Fraction(1)))


def only(rows: list[dict[str, Any]], price: PriceChange | None = None) -> Outcome:
    [found] = answer(rows, price).customers
    return found


def test_a_cost_above_the_revenue_turns_a_customer_negative() -> None:
    """$100 of revenue; $40 of cost leave 60 %, $130 lose 30 %."""
    found = only([month("a", 10_000, 4_000, 13_000)])
    assert (found.before.share, found.before.status) == (Fraction(6, 10), Status.WATCH)
    assert (found.after.share, found.after.status) == (Fraction(-3, 10), Status.NEGATIVE)
    assert found.turns_negative
    assert not found.turns_positive


def test_the_break_even_price_is_the_cost_a_month_and_the_target_s_leaves_its_share() -> None:
    """$130 and $70 are $100 a month; 70 % are left of $333.34, rounded up to the cent."""
    rows = [month("a", 10_000, 0, 13_000), month("a", 10_000, 0, 7_000, month=date(2026, 11, 1))]
    found = only(rows)
    assert (found.months, found.break_even_minor, found.target_minor) == (2, 10_000, 33_334)
    assert price_for(0, 0, SEVENTY) is None
    assert price_for(None, 2, SEVENTY) is None


@pytest.mark.parametrize(
    ("price", "net", "turns_positive"),
    [
        (PriceChange(basis_points=1_000), 11_000, False),
        (PriceChange(basis_points=-500), 9_500, False),
        (PriceChange(monthly_minor=20_000), 20_000, True),
        (PriceChange(customers=frozenset({"b"}), monthly_minor=20_000), 10_000, False),
    ],
)
def test_another_price_changes_what_the_customers_asked_about_pay(
    price: PriceChange, net: int, turns_positive: bool
) -> None:
    """$100 against $120 of cost: 10 % more are $110, 5 % less $95, a plan of $200 a month is $200."""
    found = only([month("a", 10_000, 12_000, 12_000)], price)
    assert (found.net_before_minor, found.net_after_minor, found.turns_positive) == (10_000, net, turns_positive)


def test_the_company_is_the_sum_of_its_customers_and_of_nobody_s_cost() -> None:
    """$100 + $50 of revenue, $30 + $20 + $5 of cost: 95/150 are left."""
    rows = [month("a", 10_000, 3_000, 3_000), month("b", 5_000, 2_000, 2_000), month(None, 0, 500, 500)]
    company = answer(rows).company
    assert company.before.share == Fraction(15_000 - 5_500, 15_000)
    assert company.break_even_minor is None


def test_what_the_new_model_has_no_price_for_is_a_range_and_what_stays_unpriced_makes_the_state_unknown() -> None:
    """$40, at the most $60: between 40 % and 60 % of $100. 100 of 1,000 tokens without a price are too many for a state."""
    ranged = only([month("a", 10_000, 4_000, 4_000, after_high_pico_usd=6_000 * 10**10)])
    assert (ranged.after.low, ranged.after.share, ranged.after.high) == (
        Fraction(4, 10),
        Fraction(6, 10),
        Fraction(6, 10),
    )
    unpriced = {"unpriced_tokens_after": 100, "unpriced_events_after": 1, "unpriced_high_pico_usd": None}
    unknown = only([month("a", 10_000, 4_000, 4_000, **unpriced)])
    assert (unknown.before.status, unknown.after.status, unknown.after.low) == (Status.WATCH, Status.UNKNOWN, None)


def test_revenue_without_an_exchange_rate_is_unknown_before_and_after() -> None:
    found = only([month("a", None, 4_000, 4_000)], PriceChange(basis_points=1_000))
    assert (found.net_after_minor, found.after.share, found.after.status) == (None, None, Status.UNKNOWN)
    assert found.break_even_minor == 4_000


def test_no_months_are_no_customers_and_an_unknown_company() -> None:
    nothing = answer([])
    assert (nothing.customers, nothing.company.after.share) == ((), None)
