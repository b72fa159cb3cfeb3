"""Formats that a founder's accountant would notice."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from dashboard import shell, wording


@pytest.mark.parametrize(
    ("minor", "shown"),
    [
        (323_000_000, "$3.23M"),
        (99_995_000, "$1.00M"),  # 999,950.00 would read $1,000.0K
        (8_420_000, "$84.2K"),
        (999_949, "$9,999"),
        (999_950, "$10.0K"),
        (124_000, "$1,240"),
        (1_234, "$12.34"),
        (0, "$0"),
        (-1_668_439, "\u2212$16.7K"),
    ],
)
def test_money_is_short_in_tiles(minor: int, shown: str) -> None:
    assert wording.money(minor, "usd") == shown


def test_exact_money_keeps_every_minor_unit_and_knows_its_currency() -> None:
    assert wording.money_exact(123_456, "usd") == "$1,234.56"
    assert wording.money_exact(-5, "eur") == "\u2212€0.05"
    assert wording.money_exact(5_000, "jpy") == "¥5,000"  # yen has no minor unit
    assert wording.money_exact(100, "chf") == "CHF 1.00"
    assert wording.money_exact(100, "usd", plus=True) == "+$1.00"


def test_unknown_is_a_dash_and_never_zero() -> None:
    assert wording.money(None) == wording.percent(None) == wording.usd(None) == wording.unit_price(None) == "\u2014"
    assert wording.points(None) is None


def test_usage_cost_shows_as_many_decimals_as_it_needs() -> None:
    assert wording.usd(1_234_560_000_000_000) == "$1,234.56"
    assert wording.usd(4_200_000_000) == "$0.0042"
    assert wording.unit_price(2_500_000) == "$2.5"  # 2.5 µ$ a token is 2.5 $ a million
    assert wording.unit_price(75_000) == "$0.075"
    assert wording.each_price(40_000_000_000) == "$0.04"


def test_a_percentage_never_rounds_up_to_everything() -> None:
    assert wording.percent(Fraction(641, 1000)) == "64.1%"
    assert wording.percent(Fraction(99_996, 100_000)) == "99.9%"
    assert wording.percent(Fraction(1)) == "100.0%"
    assert wording.percent(Fraction(-2_026, 1000)) == "\u2212202.6%"
    assert wording.percent(Fraction(-1, 100_000)) == "0.0%"


def test_a_move_that_rounds_to_nothing_is_no_move() -> None:
    assert wording.points(Fraction(5, 1000)) == "+0.5 pp"
    assert wording.points(Fraction(-5, 1000)) == "\u22120.5 pp"
    assert wording.points(Fraction(4, 10_000)) is None
    assert wording.growth(1_015, 1_000) == "+1.5%"
    assert wording.growth(10_000, 10_001) is None
    assert wording.growth(10, -5) is None  # no percentage on a base that can be negative


def test_the_band_says_when_it_is_closed() -> None:
    assert wording.band(Fraction(61, 100), Fraction(64, 100)) == "range 61.0\u2009\u2013\u200964.0%"
    assert wording.band(Fraction(64, 100), Fraction(64, 100)) == "range below 0.1 pp"
    assert wording.band(None, Fraction(1)) == "range unknown"


def test_ages_are_said_in_the_largest_unit() -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    ages = [0, 4 * 60, 60 * 60, 3 * 3_600, 50 * 3_600]
    said = [wording.ago(now - timedelta(seconds=age), now) for age in ages]
    assert said == ["just now", "4 minutes ago", "60 minutes ago", "3 hours ago", "2 days ago"]
    assert wording.ago(None, now) == "never"


def test_a_customers_name_cannot_format_the_page() -> None:
    """Mallory names her company so that it would draw a link, a formula or a colored badge."""
    assert wording.escape("[x](http://evil) $1$ :red[y]") == r"\[x\]\(http\://evil\) \$1\$ \:red\[y\]"


def test_a_connection_is_called_by_the_name_of_what_it_reads() -> None:
    """A file's bill is told by its provider; a source that nobody has named yet is told as it is."""
    sources = ("stripe", "openai:main", "google_billing:01A2B3", "bill:mistral", "acme:main")
    named = [shell.source_name(source) for source in sources]
    assert named == ["Stripe", "OpenAI", "Google's bill", "Mistral's bill", "acme:main"]
