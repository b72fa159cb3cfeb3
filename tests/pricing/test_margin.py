"""A margin says how sure it is: a range for what has no price, coverage, and unknown where too little is known."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.margin import (
    DEFINITIONS_VERSION,
    Margin,
    Status,
    UsageCost,
    attributed_share,
    cost_minor,
    dearest_token,
    highest_cost_pico_usd,
    margin,
    priced_share,
    status,
)
from pricing.money import NANO

DOLLAR = 10**12
FIFTEEN_PER_MILLION = Fraction(15 * DOLLAR, 1_000_000)


def usage(**given: Any) -> UsageCost:
    """45.90 dollars for 10 million tokens, all priced, unless given."""
    fields = {
        "cost_pico_usd": 45_900_000_000_000,
        "events": 1_000,
        "unpriced_events": 0,
        "tokens": 10_000_000,
        "unpriced_tokens": 0,
        "dearest_pico_usd_per_token": FIFTEEN_PER_MILLION,
    }
    return UsageCost(**(fields | given))


def of(net_minor: int | None, **given: Any) -> Margin:
    return margin(net_minor, usage(**given), "usd", NANO)


def test_the_worked_example_leaves_70_percent() -> None:
    month = of(153_00)
    assert (month.cost_minor, month.gross_profit_minor) == (45_90, 153_00 - 45_90)
    assert month.share == Fraction(107_10, 153_00) == Fraction(70, 100)
    assert (month.low, month.high, month.priced_share) == (month.share, month.share, 1)
    assert month.status == Status.HEALTHY


def test_the_worked_example_of_a_range_prices_the_unpriced_at_the_dearest() -> None:
    """45.90 + 300,000 x $15 / 1,000,000 = 50.40."""
    month = of(153_00, unpriced_events=30, unpriced_tokens=300_000)
    assert month.low == Fraction(153_00 - 50_40, 153_00)
    assert month.high == month.share == Fraction(70, 100)
    assert month.priced_share == Fraction(97, 100)
    assert f"{float(month.low):.1%}" == "67.1%"


@pytest.mark.parametrize("net_minor", [0, -5_00])
def test_without_revenue_there_is_no_margin_but_a_loss(net_minor: int) -> None:
    month = of(net_minor)
    assert (month.share, month.low, month.high) == (None, None, None)
    assert month.gross_profit_minor == net_minor - 45_90
    assert month.status == Status.NEGATIVE


def test_a_month_of_nothing_is_unknown_not_zero() -> None:
    month = of(0, cost_pico_usd=0, events=0, tokens=0)
    assert (month.share, month.priced_share, month.gross_profit_minor) == (None, None, 0)
    assert month.status == Status.UNKNOWN


def test_unknown_revenue_makes_everything_behind_it_unknown() -> None:
    month = of(None)
    assert (month.gross_profit_minor, month.share, month.low, month.high) == (None, None, None, None)
    assert (month.cost_minor, month.status) == (45_90, Status.UNKNOWN)


def test_cost_in_another_currency_needs_a_rate() -> None:
    assert cost_minor(45_900_000_000_000, "eur", 900_000_000) == 41_31  # 45.90 x 0.9
    assert cost_minor(45_900_000_000_000, "jpy", 150 * NANO) == 6_885
    month = margin(153_00, usage(), "eur", None)
    assert (month.cost_minor, month.gross_profit_minor, month.share) == (None, None, None)
    assert month.status == Status.UNKNOWN


def test_cost_is_rounded_to_cents_once() -> None:
    assert cost_minor(5 * 10**9, "usd", NANO) == 1  # half a cent
    assert cost_minor(5 * 10**9 - 1, "usd", NANO) == 0


def test_where_nothing_was_priced_the_low_end_is_unknown() -> None:
    month = of(
        153_00, cost_pico_usd=0, unpriced_events=1_000, unpriced_tokens=10_000_000, dearest_pico_usd_per_token=None
    )
    assert (month.low, month.high, month.priced_share) == (None, 1, 0)
    assert month.status == Status.UNKNOWN


def test_unpriced_images_have_no_token_to_go_by() -> None:
    images_alone = of(153_00, cost_pico_usd=0, events=4, unpriced_events=1, tokens=0)
    assert (images_alone.low, images_alone.high) == (None, 1)
    assert images_alone.priced_share == Fraction(3, 4)  # by events, for want of tokens


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


def test_below_95_percent_priced_the_status_is_unknown_whatever_the_margin() -> None:
    assert status(Fraction(9, 10), Fraction(95, 100), 90) == Status.HEALTHY
    assert status(Fraction(9, 10), Fraction(9_499, 10_000), 90) == Status.UNKNOWN
    assert status(Fraction(-1, 10), Fraction(1, 2), -10) == Status.UNKNOWN


def test_the_dearest_token_is_the_highest_average_price_of_a_model() -> None:
    """$6 for 2 million, $15 for 1 million; a model without tokens has no price of one."""
    assert dearest_token([(6 * DOLLAR, 2_000_000), (15 * DOLLAR, 1_000_000), (4 * DOLLAR, 0)]) == FIFTEEN_PER_MILLION
    assert dearest_token([]) is None


def test_the_attributed_share_is_of_cost() -> None:
    assert attributed_share(44_064 * 10**9, 45_900 * 10**9) == Fraction(96, 100)
    assert attributed_share(0, 0) is None


@given(
    net=st.integers(1, 10**9),
    cost=st.integers(0, 10**18),
    tokens=st.integers(1, 10**12),
    unpriced=st.integers(0, 10**12),
    paid=st.fractions(0, 10**9, max_denominator=10**6),
)
def test_the_true_margin_lies_in_the_range(net: int, cost: int, tokens: int, unpriced: int, paid: Fraction) -> None:
    """Whatever each unpriced token had cost, up to the dearest."""
    unpriced = min(unpriced, tokens)
    month = of(
        net, cost_pico_usd=cost, tokens=tokens, unpriced_tokens=unpriced, unpriced_events=unpriced,
        dearest_pico_usd_per_token=10**9,
    )  # fmt: skip
    truth = of(net, cost_pico_usd=cost + int(unpriced * paid))
    assert month.low is not None
    assert month.high is not None
    assert truth.share is not None
    assert month.low <= truth.share <= month.high
    known = priced_share(usage(tokens=tokens, unpriced_tokens=unpriced))
    assert known is not None
    assert 0 <= known <= 1


def test_without_unpriced_usage_the_highest_cost_is_the_cost() -> None:
    assert highest_cost_pico_usd(usage(dearest_pico_usd_per_token=None)) == 45_900_000_000_000


def test_the_page_of_definitions_is_of_this_version() -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert f"Definitions, version **{DEFINITIONS_VERSION}**" in page
