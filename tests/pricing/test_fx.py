"""A rate is a dated fact: the latest up to a day holds, a stale one does not, and none is better than a wrong one."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from pricing.fx import AGE_MAX, WAIT_MAX, RateTable, minor_rate_nano, rate_nano
from pricing.money import NANO, MoneyError, convert_minor
from tests.pricing.books import rate

JANUARY_5, JANUARY_20 = date(2026, 1, 5), date(2026, 1, 20)
EUROS = RateTable([rate(1_100_000_000, JANUARY_20), rate(1_080_100_000, JANUARY_5)])


def found(table: RateTable, on: date) -> int | None:
    holding = table.find("eur", "usd", on)
    return None if holding is None else holding.rate_nano


def test_the_latest_rate_up_to_the_day_holds() -> None:
    assert found(EUROS, JANUARY_5) == 1_080_100_000
    assert found(EUROS, JANUARY_20 - timedelta(days=1)) == 1_080_100_000
    assert found(EUROS, JANUARY_20) == 1_100_000_000
    assert found(EUROS, JANUARY_20 + timedelta(days=9)) == 1_100_000_000


def test_a_rate_says_which_day_it_is_of() -> None:
    holding = EUROS.find("eur", "usd", date(2026, 1, 31))
    assert holding is not None
    assert holding.rate_date == JANUARY_20


def test_a_rate_older_than_45_days_does_not_hold() -> None:
    assert timedelta(days=45) == AGE_MAX
    assert found(EUROS, JANUARY_20 + AGE_MAX) == 1_100_000_000
    assert found(EUROS, JANUARY_20 + AGE_MAX + timedelta(days=1)) is None


def test_before_the_first_rate_the_next_one_holds_for_14_days() -> None:
    """A first invoice is finalized before its payment brings the first rate."""
    assert timedelta(days=14) == WAIT_MAX
    assert found(EUROS, JANUARY_5 - WAIT_MAX) == 1_080_100_000
    assert found(EUROS, JANUARY_5 - WAIT_MAX - timedelta(days=1)) is None


def test_after_a_gap_the_next_rate_is_nearer_than_a_stale_one() -> None:
    gap = RateTable([rate(1_080_100_000, JANUARY_5), rate(1_200_000_000, date(2026, 6, 10))])
    assert found(gap, date(2026, 6, 1)) == 1_200_000_000
    assert found(gap, date(2026, 4, 1)) is None


def test_a_currency_is_worth_one_of_itself() -> None:
    same = RateTable([]).find("usd", "usd", JANUARY_5)
    assert same is not None
    assert (same.rate_nano, same.rate_date) == (NANO, JANUARY_5)


def test_no_rate_is_turned_around_or_crossed() -> None:
    assert EUROS.find("usd", "eur", JANUARY_20) is None
    assert EUROS.find("gbp", "usd", JANUARY_20) is None


def test_of_two_rates_for_a_day_the_last_given_counts() -> None:
    assert found(RateTable([rate(1, JANUARY_5), rate(2, JANUARY_5)]), JANUARY_5) == 2


def test_a_rate_is_kept_in_billionths() -> None:
    assert rate_nano(Decimal("1.0801")) == 1_080_100_000
    assert rate_nano(Decimal("0.0000000015")) == 2  # a half goes up
    with pytest.raises(MoneyError, match="more than zero"):
        rate_nano(Decimal("0.0000000001"))


def test_stripe_states_rates_between_minor_units() -> None:
    """1000 yen became 650 cents at 0.65; the usual rate is 0.0065 dollars a yen. Dinars have a decimal more than dollars."""
    yen = minor_rate_nano(Decimal("0.65"), "jpy", "usd")
    assert yen == 6_500_000
    assert convert_minor(1_000, "jpy", "usd", yen) == 650
    dinars = minor_rate_nano(Decimal("0.325"), "kwd", "usd")
    assert convert_minor(1_000, "kwd", "usd", dinars) == 325
    assert minor_rate_nano(Decimal("1.0801"), "eur", "usd") == 1_080_100_000
