"""Limits: the narrowest that is set counts, money is converted, and what is written reads back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.finding import DETECTORS, Subject
from pricing.money import NANO
from pricing.watch_limits import KINDS, Limits, limit_words, parse_limit
from pricing.watch_words import money, percent, points

ADA, COMPANY = Subject(scope="customer", customer_id="cus_ada"), Subject(scope="company")


def test_every_detector_but_that_of_spikes_has_a_limit() -> None:
    assert {*KINDS, "cost_spike"} == set(DETECTORS)


def test_the_narrowest_limit_counts() -> None:
    defaults = Limits("usd", NANO)
    assert (defaults.of("margin_floor", ADA), defaults.of("margin_floor", COMPANY)) == (200_000, 500_000)
    given_ones = {("margin_floor", ""): 1, ("margin_floor", "customer"): 2, ("margin_floor", ADA.key): 3}
    limits = Limits("usd", NANO, given_ones)  # type: ignore[arg-type] # literals of the detectors
    other = Subject(scope="customer", customer_id="cus_bob")
    assert [limits.of("margin_floor", subject) for subject in (ADA, other, COMPANY)] == [3, 2, 1]


def test_defaults_of_money_are_dollars_in_the_reporting_currency() -> None:
    """$10.00 at 150 yen a dollar are 1,500 yen; without a rate nobody knows."""
    assert Limits("jpy", 150 * NANO).of("turned_unprofitable", ADA) == 1_500
    assert Limits("jpy", None).of("turned_unprofitable", ADA) is None
    assert Limits("jpy", None).of("margin_floor", ADA) == 200_000
    assert Limits("jpy", None, {("turned_unprofitable", ""): 9}).of("turned_unprofitable", ADA) == 9


@given(
    detector=st.sampled_from(sorted(KINDS)),
    value=st.integers(min_value=1, max_value=1_000_000),
    currency=st.sampled_from(["usd", "jpy", "kwd"]),
)
def test_a_limit_in_words_is_the_same_limit(detector: str, value: int, currency: str) -> None:
    name = next(known for known in KINDS if known == detector)
    written = limit_words(name, value, currency).removesuffix(f" {currency.upper()}")
    assert parse_limit(detector, written, currency) == (name, value)


@pytest.mark.parametrize(
    ("minor", "currency", "words"),
    [(123_450, "usd", "$1,234.50"), (-3_00, "eur", "-€3.00"), (1_200, "jpy", "¥1,200"), (12_00, "chf", "12.00 CHF"), (5, "kwd", "0.005 KWD")],
)  # fmt: skip
def test_amounts_in_words(minor: int, currency: str, words: str) -> None:
    assert money(minor, currency) == words


def test_shares_in_words_are_never_rounded_to_all_or_nothing() -> None:
    assert [percent(ppm) for ppm in (0, 200_000, 123_456, 999_999, 1_000_000, 12, -12, -314_000)] == [
        "0 %", "20 %", "12.3 %", "99.9 %", "100 %", "0.0012 %", "-0.0012 %", "-31.4 %",
    ]  # fmt: skip
    assert points(32_000) == "3.2 points"
