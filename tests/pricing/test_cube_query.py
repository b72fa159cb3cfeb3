"""The portable queries give what the engine gave event by event, and price the cube anew at other prices."""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction

import duckdb
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.cost_engine import price_usage
from pricing.cube_query import cost_by, day_cube, repriced, unit_prices
from pricing.price_book import PriceBook, PriceEntry, listed_prices, load_catalogue
from pricing.usage import BUCKETS
from tests.pricing.usage_tables import usage_frame, usage_row

BOOK = load_catalogue()
CUSTOMER_AND_DAY = {"customer_ref": "u.customer_ref", "day": "u.day"}
events = st.builds(
    lambda customer, model, at, tokens: (
        usage_row(model[1], provider=model[0], at=at, **tokens) | {"customer_ref": customer, "feature": None}
    ),
    st.sampled_from(["ada", "mallory", None]),
    st.sampled_from(
        [
            ("openai", "gpt-5.4"),
            ("google", "gemini-2.5-pro"),
            ("openrouter", "google/gemini-3.7-flash"),
            ("perplexity", "sonar-pro"),
            ("nobody", "unknown-model"),
        ]
    ),
    st.datetimes(datetime(2026, 9, 1), datetime(2026, 11, 30)),
    st.fixed_dictionaries(dict.fromkeys(BUCKETS[:8], st.integers(0, 300_000)) | {"search_requests": st.integers(0, 2)}),
)


def priced_table(con: duckdb.DuckDBPyConnection, rows: Sequence[dict[str, object]], book: PriceBook) -> pl.DataFrame:
    """The rows as the table `events`, priced; returns their unit prices, which are the table `prices`."""
    frame = usage_frame(list(rows))
    price_usage(con, con.from_arrow(frame.to_arrow()), book).create("events")
    ids = [row[0] for row in con.sql("select distinct price_id from events where price_id is not null").fetchall()]
    prices = unit_prices(book.by_id(ids))
    con.from_arrow(prices.to_arrow()).create("prices")
    return prices


@settings(max_examples=10, deadline=None)
@given(st.lists(events, min_size=1, max_size=20))
def test_the_cube_is_the_sum_of_the_events_costs_and_keeps_what_has_no_price_apart(
    rows: list[dict[str, object]],
) -> None:
    with duckdb.connect() as con:
        prices = priced_table(con, rows, BOOK)
        con.sql(day_cube("events", "prices", prices)).create("cube")
        of_events = con.sql("""select customer_ref, price_id, occurred_at::date, count(*), sum(output_text_tokens), sum(cost_pico_usd)
            from events group by all order by all""").fetchall()
        of_cube = con.sql("""select customer_ref, price_id, day, sum(events), sum(output_text_tokens), sum(cost_pico_usd)
            from cube group by all order by all""").fetchall()
        asked = con.sql(cost_by("events", "prices", prices, {"customer_ref": "u.customer_ref"})).fetchall()
        stored = con.sql(
            "select customer_ref, sum(cost_pico_usd) from events where price_id is not null group by all"
        ).fetchall()
    assert of_cube == of_events
    assert sorted(asked, key=str) == sorted(stored, key=str)


@settings(max_examples=10, deadline=None)
@given(st.lists(events, min_size=1, max_size=20))
def test_the_cube_priced_anew_at_the_same_prices_costs_the_same(rows: list[dict[str, object]]) -> None:
    """To the half pico-USD an event where an entry's price is a repeating decimal, and exactly everywhere else."""
    with duckdb.connect() as con:
        prices = priced_table(con, rows, BOOK)
        con.sql(day_cube("events", "prices", prices)).create("cube")
        exact = prices.filter(~pl.any_horizontal(pl.col("^.*_remainder$") > 0))["price_id"].to_list()
        anew = dict(con.sql(repriced("cube", "prices", prices, {"price_id": "u.price_id"})).fetchall())
        kept = con.sql(
            "select price_id, sum(cost_pico_usd), sum(events) from cube where price_id > 0 group by 1"
        ).fetchall()
    assert set(anew) == {price_id for price_id, _, _ in kept}
    for price_id, cost, count in kept:
        apart = abs(anew[price_id] - cost)
        assert apart == 0 if price_id in exact else apart <= Fraction(count + 1, 2)


def test_a_corrected_price_changes_only_what_was_priced_by_it() -> None:
    """Ada's 1,000 tokens at 5 pico-USD and Mallory's 2,000 at 7; corrected to 6, Ada's cost 6,000 and Mallory's stay 14,000."""
    wrong, other = (
        PriceEntry(provider="acme", model=model, unit_pico_usd={"input_uncached_tokens": price})
        for model, price in (("roadrunner", 5), ("coyote", 7))
    )
    rows = [
        usage_row("roadrunner", provider="acme", input_uncached_tokens=1_000)
        | {"customer_ref": "ada", "feature": "chat"},
        usage_row("coyote", provider="acme", input_uncached_tokens=2_000)
        | {"customer_ref": "mallory", "feature": "chat"},
    ]
    with duckdb.connect() as con:
        prices = priced_table(con, rows, listed_prices([wrong, other]))
        con.sql(day_cube("events", "prices", prices)).create("cube")
        corrected = prices.with_columns(
            pl.when(pl.col("price_id") == wrong.price_id)
            .then(6)
            .otherwise("input_uncached_tokens_pico_usd")
            .alias("input_uncached_tokens_pico_usd")
        )
        con.from_arrow(corrected.to_arrow()).create("corrected")
        anew = con.sql(repriced("cube", "corrected", corrected, CUSTOMER_AND_DAY)).fetchall()
    assert sorted((customer, cost) for customer, _, cost in anew) == [("ada", 6_000), ("mallory", 14_000)]


def test_a_day_that_costs_more_than_63_bits_hold_is_summed_and_priced_anew_exactly() -> None:
    """$9 M an event, three of them on one day: 27 * 10^18 pico-USD, where 63 bits end at 9.2 * 10^18."""
    dear = PriceEntry(provider="acme", model="oracle", unit_pico_usd={"output_text_tokens": 3 * 10**12})
    row = usage_row("oracle", provider="acme", output_text_tokens=3_000_000) | {"customer_ref": "ada", "feature": None}
    with duckdb.connect() as con:
        prices = priced_table(con, [row] * 3, listed_prices([dear]))
        con.sql(day_cube("events", "prices", prices)).create("cube")
        assert con.sql("select cost_pico_usd from cube").fetchall() == [(27 * 10**18,)]
        anew = con.sql(repriced("cube", "prices", prices, CUSTOMER_AND_DAY)).fetchall()
    assert [cost for _, _, cost in anew] == [27 * 10**18]


def test_nothing_priced_gives_a_cube_of_what_is_unpriced() -> None:
    row = usage_row("unknown-model", provider="nobody") | {"customer_ref": "ada", "feature": None}
    with duckdb.connect() as con:
        prices = priced_table(con, [row], BOOK)
        assert con.sql(f"select events, cost_pico_usd from ({day_cube('events', 'prices', prices)})").fetchall() == [
            (1, None)
        ]
