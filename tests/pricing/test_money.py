"""Money stays whole: parts sum to the total, halves go away from zero, currencies do not mix."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.money import (
    NANO,
    PICO_USD_PER_CENT,
    Money,
    MoneyError,
    allocate,
    charge_step,
    convert_minor,
    convert_parts,
    divide_half_away,
    exponent,
    payout_step,
    pico_usd_to_minor,
)

amounts = st.integers(-(10**15), 10**15)
weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=40).filter(any)
currencies = st.sampled_from(["usd", "eur", "jpy", "kwd"])
rates_nano = st.integers(1, 10**13)


@given(amounts, weights)
def test_parts_sum_to_the_total(total: int, shares: list[int]) -> None:
    assert sum(allocate(total, shares)) == total


@given(amounts, weights)
def test_each_part_is_its_exact_share_rounded_down_or_up(total: int, shares: list[int]) -> None:
    for part, weight in zip(allocate(total, shares), shares, strict=True):
        assert abs(part - Fraction(total * weight, sum(shares))) < 1


@given(amounts, weights)
def test_a_refund_splits_like_its_charge(total: int, shares: list[int]) -> None:
    assert allocate(-total, shares) == [-part for part in allocate(total, shares)]


def test_the_unit_left_over_goes_where_the_most_was_cut_off() -> None:
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]  # a tie: the earliest
    assert allocate(49_00, [12, 19]) == [18_97, 30_03]  # 1896.77 and 3003.23
    assert allocate(1, [0, 5]) == [0, 1]
    assert allocate(0, [3, 4]) == [0, 0]


@pytest.mark.parametrize("shares", [[], [0, 0], [1, -1, 5]])
def test_a_split_by_nothing_or_less_is_refused(shares: list[int]) -> None:
    with pytest.raises(MoneyError, match="Weights must be zero or more"):
        allocate(100, shares)


@given(amounts, st.integers(-(10**9), 10**9).filter(bool))
def test_the_nearest_integer_is_at_most_a_half_away(numerator: int, denominator: int) -> None:
    quotient = Fraction(numerator, denominator)
    nearest = divide_half_away(numerator, denominator)
    assert abs(nearest - quotient) <= Fraction(1, 2)
    assert divide_half_away(-numerator, denominator) == -nearest


@pytest.mark.parametrize(
    ("numerator", "expected"), [(5, 3), (-5, -3), (4, 2), (3, 2), (-3, -2), (1, 1), (-1, -1), (0, 0)]
)
def test_a_half_goes_away_from_zero(numerator: int, expected: int) -> None:
    assert divide_half_away(numerator, 2) == expected


@given(st.lists(amounts, max_size=20), currencies, currencies, rates_nano)
def test_converted_parts_sum_to_the_converted_whole(parts: list[int], base: str, quote: str, nano: int) -> None:
    assert sum(convert_parts(parts, base, quote, nano)) == convert_minor(sum(parts), base, quote, nano)


def test_parts_converted_one_by_one_would_make_a_cent_out_of_nothing() -> None:
    nano = 1_080_100_000
    assert convert_minor(18_97 + 30_03, "eur", "usd", nano) == 52_92  # 52.9249
    assert convert_minor(18_97, "eur", "usd", nano) + convert_minor(30_03, "eur", "usd", nano) == 20_49 + 32_44
    assert convert_parts([18_97, 30_03], "eur", "usd", nano) == [20_49, 52_92 - 20_49]


@given(amounts, currencies)
def test_a_rate_of_one_changes_nothing(amount: int, currency: str) -> None:
    assert convert_minor(amount, currency, currency, NANO) == amount


def test_currencies_that_count_decimals_differently_convert_by_their_major_units() -> None:
    assert convert_minor(1_000, "jpy", "usd", 6_500_000) == 6_50  # 1000 yen at 0.0065 dollars
    assert convert_minor(6_50, "usd", "jpy", 153_846_153_846) == 1_000
    assert convert_minor(1_500, "kwd", "usd", 3_250_000_000) == 4_88  # 1.5 dinars at 3.25: 4.875, a half goes up


@pytest.mark.parametrize("nano", [0, -1])
def test_a_rate_that_is_not_positive_is_refused(nano: int) -> None:
    with pytest.raises(MoneyError, match="more than zero"):
        convert_minor(1, "eur", "usd", nano)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(1_234, "usd", "12.34 USD"), (-5, "usd", "-0.05 USD"), (500, "jpy", "500 JPY"), (1_234, "kwd", "1.234 KWD")],
)
def test_an_amount_reads_in_its_own_decimals(minor: int, currency: str, text: str) -> None:
    assert str(Money(minor, currency)) == text


def test_dollars_and_euros_are_never_added() -> None:
    with pytest.raises(MoneyError, match=r"0\.01 USD and 0\.02 EUR are different currencies"):
        Money(1, "usd") + Money(2, "eur")
    with pytest.raises(MoneyError):
        _ = Money(1, "usd") < Money(2, "eur")


def test_a_currency_has_three_lower_case_letters() -> None:
    for wrong in ("USD", "us", "dollar", ""):
        with pytest.raises(MoneyError, match="three lower-case letters"):
            Money(1, wrong)


def test_stripe_charges_some_currencies_in_steps() -> None:
    assert [charge_step(currency) for currency in ("usd", "isk", "kwd", "jpy")] == [1, 100, 10, 1]
    assert [payout_step(currency) for currency in ("usd", "huf", "twd", "isk")] == [1, 100, 100, 100]
    assert [exponent(currency) for currency in ("usd", "isk", "ugx", "jpy", "bhd")] == [2, 2, 2, 0, 3]


@given(amounts)
def test_usage_cost_is_rounded_to_cents_once(cents: int) -> None:
    assert pico_usd_to_minor(cents * PICO_USD_PER_CENT) == cents
    assert pico_usd_to_minor(PICO_USD_PER_CENT // 2) == 1
    assert pico_usd_to_minor(-PICO_USD_PER_CENT // 2) == -1
    assert pico_usd_to_minor(PICO_USD_PER_CENT // 2 - 1) == 0
