"""A price may be of a region or of a search-context size, and events that say neither are priced as before."""

import duckdb

from pricing.cost_engine import joined_prices, price_usage
from pricing.price_book import AskedName, PriceEntry, listed_prices
from pricing.price_entry import entries_frame
from tests.pricing.usage_tables import price_rows, usage_frame, usage_row


def entry(price: int, **given: str) -> PriceEntry:
    """A price of Acme's only model in pico-USD a token."""
    return PriceEntry(provider="acme", model="m", unit_pico_usd={"input_uncached_tokens": price}, **given)  # type: ignore[arg-type] # the text fields


EVERYWHERE, IN_EUROPE, WIDE = entry(100), entry(110, region="eu"), entry(130, search_context_size="high")
BOOK = listed_prices([EVERYWHERE, IN_EUROPE, WIDE])


def test_the_event_s_region_and_size_choose_its_price() -> None:
    rows = [
        usage_row("m", provider="acme", input_uncached_tokens=10),
        usage_row("m", provider="acme", input_uncached_tokens=10, region="eu"),
        usage_row("m", provider="acme", input_uncached_tokens=10, region="mars"),
        usage_row("m", provider="acme", input_uncached_tokens=10, size="high"),
    ]
    answers = price_rows(rows, BOOK)
    assert [answer["cost_pico_usd"] for answer in answers] == [10 * 100, 10 * 110, 10 * 100, 10 * 130]
    assert [answer["price_id"] for answer in answers] == [
        each.price_id for each in (EVERYWHERE, IN_EUROPE, EVERYWHERE, WIDE)
    ]


def test_an_entry_s_name_says_its_region_and_size() -> None:
    names = [EVERYWHERE.price_key, IN_EUROPE.price_key, WIDE.price_key]
    assert names == ["acme/m", "acme/m eu", "acme/m search high"]
    assumed = PriceEntry(
        provider="acme", model="m", unit_pico_usd={}, search_context_size="low", is_size_assumed=True, region="eu"
    )
    assert assumed.price_key == "acme/m eu search low (assumed)"


def test_an_entry_of_neither_keeps_the_id_that_it_always_had() -> None:
    """Priced usage names its entry for ever: what a later version can say besides must not move it."""
    assert entry(100).price_id == 906449780098528930


def test_usage_without_the_columns_is_usage_that_says_nothing() -> None:
    frame = usage_frame([usage_row("m", provider="acme", input_uncached_tokens=10)])
    with duckdb.connect() as con:
        usage = con.from_arrow(frame.drop("region", "search_context_size").to_arrow())
        priced = price_usage(con, usage, BOOK)
        assert set(priced.columns) == {*usage.columns, "price_id", "cost_pico_usd", "unpriced_reason"}
        assert priced.pl()["cost_pico_usd"].item() == 1000


def test_regions_that_decide_nothing_do_not_multiply_the_prices_that_are_joined() -> None:
    names = [AskedName("acme", "m", None, region) for region in (None, "eu", "us", "mars")]
    plain = joined_prices(names, listed_prices([EVERYWHERE]))
    assert plain["price_id"].to_list() == [EVERYWHERE.price_id]
    assert plain["asked_region"].to_list() == [None]
    assert joined_prices(names, BOOK).height == len(names)
    strangers = joined_prices([AskedName("acme", "x", None, region) for region in ("eu", "us")], BOOK)
    assert strangers["unknown_reason"].to_list() == ["the price book has no model 'x' of acme"]


def test_a_frame_of_entries_names_region_and_size() -> None:
    frame = entries_frame([IN_EUROPE, WIDE])
    assert frame.select("region", "search_context_size").rows() == [("eu", None), (None, "high")]
