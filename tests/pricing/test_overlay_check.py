"""The overlay is examined: what contradicts itself, what the catalogue has caught up with, what was checked too long ago."""

from dataclasses import replace
from datetime import UTC, date, datetime

from pricing.overlay import load_overlay
from pricing.overlay_check import Finding, check_overlay
from pricing.overlay_entries import parse_overlay
from pricing.price_book import PriceEntry, bare_catalogue, listed_prices

CHECKED = date(2026, 11, 22)
LISTED = PriceEntry(
    provider="acme",
    model="m",
    unit_pico_usd={"input_uncached_tokens": 10**6, "output_text_tokens": 2 * 10**6},
)
COMMON = """provider = "acme"
models = ["m"]
valid_from = 2026-01-01
source_url = "https://acme.example/prices"
checked_on = 2026-11-22
"""


def findings(*entries: str, today: date = CHECKED, listed: tuple[PriceEntry, ...] = (LISTED,)) -> list[tuple[str, str]]:
    """What is found about TOML entries laid over listed prices, as kind and place."""
    parsed = parse_overlay({"acme.toml": "\n".join(f"{entry}\n{COMMON}" for entry in entries)})
    found = check_overlay(listed_prices(listed).source, parsed, today=today, max_age_days=90)
    return [(finding.kind, finding.place) for finding in found]


def test_an_entry_that_changes_a_price_is_needed_and_one_that_repeats_it_is_not() -> None:
    """The list has $1 a million tokens in."""
    assert findings("[[price]]\nusd_per_million = { input_uncached_tokens = 3 }") == []
    assert findings("[[price]]\nusd_per_million = { input_uncached_tokens = 1 }") == [
        ("unneeded", "acme.toml, price 1")
    ]
    # In June the list came to $3 by itself: the entry is still needed for the months before.
    june = datetime(2026, 6, 1, tzinfo=UTC)
    until_june = replace(LISTED, valid_to=june)
    since_june = replace(LISTED, valid_from=june, unit_pico_usd={"input_uncached_tokens": 3 * 10**6})
    rule = "[[price]]\nusd_per_million = { input_uncached_tokens = 3 }"
    assert findings(rule, listed=(until_june, since_june)) == []
    assert findings(rule, listed=(since_june,)) == [("unneeded", "acme.toml, price 1")]


def test_an_entry_for_a_model_that_is_not_there_is_unneeded() -> None:
    rule = '[[multiplier]]\nregion = "eu"\nregions = ["eu"]\nfactor = 1.1'
    assert findings(rule) == []
    stranger = parse_overlay({"acme.toml": f"{rule}\n{COMMON}".replace('"m"', '"other"')})
    found = check_overlay(listed_prices([LISTED]).source, stranger, today=CHECKED, max_age_days=90)
    assert [finding.kind for finding in found] == ["unneeded"]


def test_two_entries_for_the_same_price_overlap_and_those_for_different_ones_do_not() -> None:
    dear, cheap = (f"[[price]]\nusd_per_million = {{ input_uncached_tokens = {usd} }}" for usd in (3, 2))
    assert ("overlap", "acme.toml, price 2") in findings(dear, cheap)
    assert findings(dear, "[[price]]\nusd_per_million = { output_text_tokens = 4 }") == []
    assert findings(f"{dear}\nup_to_input_tokens = 1000", f"{cheap}\nabove_input_tokens = 1000") == []


def test_an_entry_that_was_checked_too_long_ago_says_where_to_look() -> None:
    [price] = parse_overlay({"acme.toml": f"[[price]]\nusd_per_million = {{ input_uncached_tokens = 3 }}\n{COMMON}"})
    source = listed_prices([LISTED]).source
    assert check_overlay(source, [price], today=date(2027, 2, 20), max_age_days=90) == ()  # 90 days
    assert check_overlay(source, [price], today=date(2027, 2, 21), max_age_days=90) == (
        Finding(
            "old", "acme.toml, price 1", "it was checked on 2026-11-22: compare it with https://acme.example/prices."
        ),
    )


def test_every_entry_of_the_overlay_that_comes_with_the_program_is_needed_and_none_overlap() -> None:
    assert check_overlay(bare_catalogue().source, load_overlay(), today=date(2026, 11, 29), max_age_days=90) == ()
