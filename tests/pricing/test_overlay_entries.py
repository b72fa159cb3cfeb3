"""An overlay file that is wrong is refused with its place and its fault; a right one is read exactly."""

from fractions import Fraction

import pytest

from pricing.overlay import OverlaidPrices
from pricing.overlay_entries import Multiplier, OverlayRefused, Price, parse_overlay
from pricing.price_book import PriceBook, PriceEntry, listed_prices
from pricing.price_entry import REMAINDER_PARTS

GOOD = """
[[price]]
provider = "acme"
models = ["m"]
usd_per_million = { input_uncached_tokens = 1.25 }
usd_per_thousand = { requests = 5 }
valid_from = 2026-01-01
source_url = "https://acme.example/prices"
checked_on = 2026-11-22
"""


def test_prices_are_read_without_a_float_between() -> None:
    """1.25 USD a million tokens is 1,250,000 pico-USD each; 5 USD a thousand requests is 5 * 10^9."""
    [price] = parse_overlay({"acme.toml": GOOD})
    assert isinstance(price, Price)
    assert price.unit_parts == {
        "input_uncached_tokens": 1_250_000 * REMAINDER_PARTS,
        "requests": 5 * 10**9 * REMAINDER_PARTS,
    }
    assert price.place == "acme.toml, price 1"


@pytest.mark.parametrize(
    ("was", "now", "fault"),
    [
        ("1.25", "-1", "input_uncached_tokens (-1) must be a number above 0"),
        ("1.25", '"1.25"', "input_uncached_tokens ('1.25') must be a number above 0"),
        ("1.25", "0.00000000000000001", "is no whole number of 1/3600 pico-USD"),
        ("input_uncached_tokens", "tokens", "there is no bucket tokens"),
        ("valid_from = 2026-01-01\n", "", "valid_from is missing"),
        ("2026-01-01", '"2026-01-01"', "valid_from ('2026-01-01') must be a date such as 2026-11-22"),
        ("2026-01-01", "2026-01-01\nvalid_to = 2026-01-01", "valid_to (2026-01-01) must be after valid_from"),
        ("https://", "http://", "source_url ('http://acme.example/prices') must be an https:// address"),
        ('["m"]', "[]", "models (()) must be a list of names in lower case"),
        ('["m"]', '["M"]', "models (('M',)) must be a list of names in lower case"),
        ("checked_on", "checked", "checked is no field of it"),
        ("valid_from", 'service_tiers = ["turbo"]\nvalid_from', "there is no service tier turbo"),
        ("valid_from", 'search_context_size = "vast"\nvalid_from', "there is no search_context_size vast"),
        ("valid_from", "is_assumed = true\nvalid_from", "is_assumed needs a search_context_size"),
        ("[[price]]", "[[discount]]", "acme.toml has discount, which is none of [[price]]"),
        ("[[price]]", "[[multiplier]]", "usd_per_million is no field of it"),
        ("[[price]]", "[[price", "acme.toml is no TOML"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_place_and_its_fault(was: str, now: str, fault: str) -> None:
    assert was in GOOD
    with pytest.raises(OverlayRefused) as refused:
        parse_overlay({"acme.toml": GOOD.replace(was, now, 1)})
    assert fault in str(refused.value)
    assert str(refused.value).startswith("acme.toml")


def test_a_multiplier_needs_a_region_or_a_tier_other_than_the_standard_one() -> None:
    text = GOOD.replace("[[price]]", "[[multiplier]]").replace("usd_per_million = { input_uncached_tokens = 1.25 }", "")
    text = text.replace("usd_per_thousand = { requests = 5 }", "factor = 1.1")
    with pytest.raises(OverlayRefused, match="it needs a region, or service_tiers without the standard tier"):
        parse_overlay({"acme.toml": text})
    [rule] = parse_overlay({"acme.toml": text + 'region = "eu"\nregions = ["eu", "eu-*"]\n'})
    assert isinstance(rule, Multiplier)
    assert rule.factor == Fraction(11, 10)


def test_an_entry_of_the_source_is_cut_at_the_days_of_the_overlay_and_nowhere_else() -> None:
    """One price for ever, of which the overlay changes the year 2026."""
    listed = PriceEntry(
        provider="acme", model="m", unit_pico_usd={"input_uncached_tokens": 10, "output_text_tokens": 20}
    )
    overlay = parse_overlay({"acme.toml": GOOD.replace("2026-01-01", "2026-01-01\nvalid_to = 2027-01-01")})
    source = listed_prices([listed])._source
    entries = sorted(PriceBook(OverlaidPrices(source, overlay)).entries, key=lambda entry: entry.price_key)
    assert [(entry.price_key, entry.unit_pico_usd.get("input_uncached_tokens")) for entry in entries] == [
        ("acme/m", 10),
        ("acme/m@2026-01-01", 1_250_000),
        ("acme/m@2027-01-01", 10),
    ]
    assert [entry.unit_pico_usd["output_text_tokens"] for entry in entries] == [20, 20, 20]
    assert [entry.source for entry in entries] == ["", "overlay/acme.toml", ""]
