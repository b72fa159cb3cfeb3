"""Three coverages, each of its own: tokens by number, what has no tokens by money, and nothing measured where nothing can be."""

from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pricing.coverage import (
    Coverage,
    Doubt,
    Measured,
    Reason,
    attributed_share,
    priced_share,
    reason_in_short,
    reason_words,
    reconciled_share,
    too_low,
)

DOLLAR = 10**12


def percent(share: Fraction) -> str:
    return f"{float(share):.1%}"


def priced(**given: Any) -> Fraction | None:
    """$9.50 for 10 million tokens in 1,000 events, all priced, unless given."""
    plain = {"cost_pico_usd": 19 * DOLLAR // 2, "events": 1_000, "unpriced_events": 0, "tokens": 10_000_000}
    return priced_share(Measured(**(plain | {"unpriced_tokens": 0} | given)))


def test_tokens_are_priced_by_their_number() -> None:
    assert priced(unpriced_events=30, unpriced_tokens=300_000) == Fraction(97, 100)
    assert priced() == 1


def test_images_without_a_price_are_measured_by_the_most_they_may_cost() -> None:
    """$9.50 is known, 10 images may cost $0.50: 95 % of $10.00. One image beside it hides nothing, ten thousand hide everything."""
    assert priced(other_events=20, unpriced_other_events=10, unpriced_other_high_pico_usd=DOLLAR // 2) == Fraction(
        95, 100
    )
    one = priced(other_events=1, unpriced_other_events=1, unpriced_other_high_pico_usd=DOLLAR // 20)
    assert one == Fraction(190, 191)
    many = priced(other_events=1, unpriced_other_events=1, unpriced_other_high_pico_usd=500 * DOLLAR)
    assert many is not None
    assert many < Fraction(2, 100)


def test_the_lower_of_the_two_shares_counts() -> None:
    images = {"other_events": 20, "unpriced_other_events": 10, "unpriced_other_high_pico_usd": DOLLAR // 2}
    assert priced(unpriced_events=500, unpriced_tokens=1_000_000, **images) == Fraction(90, 100)


def test_what_nobody_lists_a_price_for_is_counted_by_events() -> None:
    assert priced(other_events=4, unpriced_other_events=1, unpriced_other_high_pico_usd=None) == Fraction(3, 4)
    assert priced(events=4, unpriced_events=1, tokens=0) == Fraction(3, 4)
    assert priced(events=0, tokens=0) is None


def test_the_attributed_share_is_of_cost() -> None:
    assert attributed_share(44_064 * 10**9, 45_900 * 10**9) == Fraction(96, 100)
    assert attributed_share(0, 0) is None


def test_log_and_bill_agree_in_the_smaller_of_the_larger() -> None:
    """Logged 90 of 100 billed, or 100 where 90 are billed: 90 % either way. Without a bill nothing is compared."""
    assert reconciled_share(90, 100) == Fraction(90, 100)
    assert reconciled_share(None, None) is None
    assert reconciled_share(0, 0) is None
    assert reconciled_share(0, 100) == 0


def test_a_reason_says_its_number() -> None:
    low = Coverage(priced=Fraction(90, 100), attributed=Fraction(95, 100), reconciled=Fraction(1, 2))
    reasons = too_low(low)
    assert reasons == (Reason(Doubt.PRICED, Fraction(90, 100)), Reason(Doubt.RECONCILED, Fraction(1, 2)))
    assert reason_words(reasons[0], percent) == "only 90.0% of the usage has a price (95.0% is needed)"
    assert [reason_in_short(reason, percent) for reason in reasons] == ["90.0% priced", "50.0% agrees with bills"]
    assert reason_words(Reason(Doubt.NOTHING_SOLD), percent) == "nothing was sold"


@given(
    tokens=st.integers(0, 10**12),
    unpriced=st.integers(0, 10**12),
    other=st.integers(0, 10**6),
    unpriced_other=st.integers(0, 10**6),
    most=st.none() | st.integers(0, 10**15),
    cost=st.integers(0, 10**15),
)
def test_a_share_lies_between_nothing_and_all_and_is_all_only_if_nothing_is_missing(
    tokens: int, unpriced: int, other: int, unpriced_other: int, most: int | None, cost: int
) -> None:
    unpriced, unpriced_other = min(unpriced, tokens), min(unpriced_other, other)
    share = priced(
        cost_pico_usd=cost, tokens=tokens, unpriced_tokens=unpriced, unpriced_events=unpriced_other,
        events=other + 1, other_events=other, unpriced_other_events=unpriced_other, unpriced_other_high_pico_usd=most,
    )  # fmt: skip
    assert share is not None
    assert 0 <= share <= 1
    assert share < 1 or unpriced == 0
