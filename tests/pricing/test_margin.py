"""A margin says how sure it is: a range for what has no price, coverage, and unknown where too little is known."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.coverage import Coverage, Doubt, Reason
from pricing.margin import (
    DEFINITIONS_VERSION,
    Margin,
    Status,
    UsageCost,
    cost_bounds_pico_usd,
    cost_minor,
    margin,
    status,
)
from pricing.money import NANO

DOLLAR = 10**12
WHOLE = Coverage(priced=Fraction(1), attributed=Fraction(1))


def usage(**given: Any) -> UsageCost:
    """45.90 dollars, all priced, unless given."""
    return UsageCost(**({"cost_pico_usd": 45_900_000_000_000, "coverage": WHOLE} | given))


def of(net_minor: int | None, **given: Any) -> Margin:
    return margin(net_minor, usage(**given), "usd", NANO)


def test_the_worked_example_leaves_70_percent() -> None:
    month = of(153_00)
    assert (month.cost_minor, month.gross_profit_minor) == (45_90, 153_00 - 45_90)
    assert month.share == Fraction(107_10, 153_00) == Fraction(70, 100)
    assert (month.low, month.high, month.priced_share) == (month.share, month.share, 1)
    assert (month.status, month.reasons) == (Status.HEALTHY, ())


def test_the_worked_example_of_a_range_prices_the_unpriced_at_both_ends_of_the_list() -> None:
    """300,000 tokens at $0.30 to $15 a million: 45.90 + 0.09 and 45.90 + 4.50."""
    month = of(153_00, unpriced_low_pico_usd=90_000_000_000, unpriced_high_pico_usd=4_500_000_000_000)
    assert month.high == Fraction(153_00 - 45_99, 153_00)
    assert month.low == Fraction(153_00 - 50_40, 153_00)
    assert month.share == Fraction(70, 100)  # of what is known
    assert (f"{float(month.low):.1%}", f"{float(month.high):.1%}") == ("67.1%", "69.9%")


def test_the_worked_example_of_a_customers_range_holds_all_cost_without_a_customer() -> None:
    """$1.84 is nobody's. If it were all this customer's: 45.90 + 1.84 = 47.74."""
    month = of(153_00, unattributed_high_pico_usd=1_840_000_000_000)
    assert (month.high, month.low) == (Fraction(70, 100), Fraction(153_00 - 47_74, 153_00))
    assert f"{float(month.low):.1%}" == "68.8%"


@pytest.mark.parametrize("net_minor", [0, -5_00])
def test_without_revenue_there_is_no_margin_but_a_loss(net_minor: int) -> None:
    month = of(net_minor)
    assert (month.share, month.low, month.high) == (None, None, None)
    assert month.gross_profit_minor == net_minor - 45_90
    assert month.status == Status.NEGATIVE


def test_a_month_of_nothing_is_unknown_not_zero() -> None:
    month = of(0, cost_pico_usd=0, coverage=Coverage())
    assert (month.share, month.priced_share, month.gross_profit_minor) == (None, None, 0)
    assert (month.status, month.reasons) == (Status.UNKNOWN, (Reason(Doubt.NOTHING_SOLD),))


def test_unknown_revenue_makes_everything_behind_it_unknown() -> None:
    month = of(None)
    assert (month.gross_profit_minor, month.share, month.low, month.high) == (None, None, None, None)
    assert (month.cost_minor, month.status, month.reasons) == (45_90, Status.UNKNOWN, (Reason(Doubt.NO_RATE),))


def test_cost_in_another_currency_needs_a_rate() -> None:
    assert cost_minor(45_900_000_000_000, "eur", 900_000_000) == 41_31  # 45.90 x 0.9
    assert cost_minor(45_900_000_000_000, "jpy", 150 * NANO) == 6_885
    month = margin(153_00, usage(), "eur", None)
    assert (month.cost_minor, month.gross_profit_minor, month.share) == (None, None, None)
    assert month.status == Status.UNKNOWN


def test_cost_is_rounded_to_cents_once() -> None:
    assert cost_minor(5 * 10**9, "usd", NANO) == 1  # half a cent
    assert cost_minor(5 * 10**9 - 1, "usd", NANO) == 0


def test_what_nobody_lists_a_price_for_leaves_the_range_unknown() -> None:
    month = of(153_00, unpriced_low_pico_usd=None, unpriced_high_pico_usd=None)
    assert (month.share, month.low, month.high) == (Fraction(70, 100), None, None)


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        (30_00, "healthy"),
        (30_01, "watch"),
        (60_00, "watch"),
        (60_01, "at risk"),
        (100_00, "at risk"),
        (100_01, "negative"),
    ],
)
def test_a_status_begins_at_70_at_40_and_at_0_percent(cost: int, expected: str) -> None:
    assert of(100_00, cost_pico_usd=cost * DOLLAR // 100).status == expected


@pytest.mark.parametrize("doubt", [Doubt.PRICED, Doubt.ATTRIBUTED, Doubt.RECONCILED])
@pytest.mark.parametrize("profit", [90, -10])
def test_below_95_percent_of_any_coverage_the_status_is_unknown_whatever_the_margin(doubt: Doubt, profit: int) -> None:
    share, too_little = Fraction(profit, 100), Fraction(9_499, 10_000)
    enough = Coverage(**{doubt.value: Fraction(95, 100)})
    assert status(share, enough, profit)[1] == ()
    assert status(share, Coverage(**{doubt.value: too_little}), profit) == (
        Status.UNKNOWN, (Reason(doubt, too_little),)
    )  # fmt: skip


def test_what_was_not_measured_makes_nothing_unknown() -> None:
    assert status(Fraction(9, 10), Coverage(), 90) == (Status.HEALTHY, ())


@given(
    net=st.integers(1, 10**9),
    cost=st.integers(0, 10**18),
    low=st.integers(0, 10**18),
    wider=st.integers(0, 10**18),
    nobodys=st.integers(0, 10**18),
    place=st.fractions(0, 1, max_denominator=1000),
    theirs=st.fractions(0, 1, max_denominator=1000),
)
def test_the_true_margin_lies_in_the_range(
    net: int, cost: int, low: int, wider: int, nobodys: int, place: Fraction, theirs: Fraction
) -> None:
    """Wherever between the two ends unpriced usage costs, and however much of nobody's cost is this customer's."""
    month = of(
        net,
        cost_pico_usd=cost,
        unpriced_low_pico_usd=low,
        unpriced_high_pico_usd=low + wider,
        unattributed_high_pico_usd=nobodys,
    )
    truth = of(net, cost_pico_usd=cost + low + int(wider * place) + int(nobodys * theirs))
    assert month.low is not None
    assert month.high is not None
    assert truth.share is not None
    assert month.low <= truth.share <= month.high


def test_without_unpriced_usage_the_bounds_are_the_cost() -> None:
    assert cost_bounds_pico_usd(usage()) == (45_900_000_000_000, 45_900_000_000_000)


def test_the_page_of_definitions_is_of_this_version() -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert f"Definitions, version **{DEFINITIONS_VERSION}**" in page
