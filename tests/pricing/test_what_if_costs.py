"""Replayed usage costs what plain multiplication says, and says what it cannot know."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.price_book import PriceEntry, entries_frame, listed_prices
from pricing.usage import BUCKETS
from pricing.what_if_costs import TARGET_SCHEMA, CostChange, NoSuchPrices, replayed, target_prices

OLD = PriceEntry(
    provider="openai",
    model="old",
    unit_pico_usd={"input_uncached_tokens": 10, "cache_read_tokens": 2, "output_text_tokens": 40, "images": 900},
)
HALVED_ON = datetime(2026, 10, 16, tzinfo=UTC)
NEW = [
    PriceEntry(provider="acme", model="new", unit_pico_usd=prices, valid_from=start, valid_to=end)
    for prices, start, end in (
        ({"input_uncached_tokens": 4, "cache_read_tokens": 1, "output_text_tokens": 8}, None, HALVED_ON),
        ({"input_uncached_tokens": 2, "cache_read_tokens": 1, "output_text_tokens": 4}, HALVED_ON, None),
    )
]
LONG = [
    PriceEntry(
        provider="acme",
        model="long",
        unit_pico_usd={"input_uncached_tokens": price, "cache_read_tokens": price, "output_text_tokens": price},
        above_input_tokens=above,
        up_to_input_tokens=up_to,
    )
    for price, above, up_to in ((3, None, 1000), (5, 1000, None))
]
BOOK = listed_prices([OLD, *NEW, *LONG])
CUBE = {
    "month": pl.Date(),
    "day": pl.Date(),
    "customer_id": pl.String(),
    "provider": pl.String(),
    "model": pl.String(),
    "service_tier": pl.String(),
    "price_id": pl.Int64(),
    "events": pl.Int64(),
    **dict.fromkeys(BUCKETS, pl.Int64()),
    "list_cost_pico_usd": pl.Int64(),
    "cost_pico_usd": pl.Int64(),
}


def used(day: int = 1, customer: str | None = "cus_1", *, events: int = 1, **given: Any) -> dict[str, Any]:
    """A day's usage of the old model in October at its list price, unless the test says otherwise."""
    row: dict[str, Any] = dict.fromkeys(BUCKETS, 0) | {"requests": events, "events": events, "service_tier": "standard"}
    row |= {"day": date(2026, 10, day), "month": date(2026, 10, 1), "customer_id": customer}
    row |= {"provider": "openai", "model": "old", "price_id": OLD.price_id} | given
    listed = sum(row[bucket] * price for bucket, price in OLD.unit_pico_usd.items() if price)
    return {"list_cost_pico_usd": listed, "cost_pico_usd": listed} | row


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as found:
        yield found


def replay(con: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]], change: CostChange) -> dict[str | None, Any]:
    """The answer's rows by customer."""
    wide = "list_cost_pico_usd::hugeint as list_cost_pico_usd, cost_pico_usd::hugeint as cost_pico_usd"
    cube = con.from_arrow(pl.DataFrame(rows, schema=CUBE).to_arrow()).project(f"* replace ({wide})")
    entries = con.from_arrow(entries_frame([OLD]).to_arrow())
    target = pl.DataFrame(schema=TARGET_SCHEMA)
    if change.to_model is not None:
        target = target_prices(BOOK, change.to_model, {row["service_tier"] for row in rows})
    answer = replayed(con, cube, entries, change, target)
    return {row[1]: dict(zip(answer.columns, row, strict=True)) for row in answer.fetchall()}


def test_another_model_charges_each_unit_at_its_price_of_that_day(con: duckdb.DuckDBPyConnection) -> None:
    """1,000 in, 400 of them cached, 100 out: 600 x 4 + 400 x 1 + 100 x 8 = 3,600; from the 16th 600 x 2 + 400 + 100 x 4 = 2,000."""
    quantities = {"input_uncached_tokens": 600, "cache_read_tokens": 400, "output_text_tokens": 100}
    rows = [used(15, **quantities), used(16, **quantities)]
    found = replay(con, rows, CostChange(to_model=("acme", "new")))["cus_1"]
    assert found["before_pico_usd"] == 2 * (600 * 10 + 400 * 2 + 100 * 40)
    assert found["after_pico_usd"] == found["after_low_pico_usd"] == found["after_high_pico_usd"] == 3600 + 2000


def test_only_the_models_and_customers_asked_about_move(con: duckdb.DuckDBPyConnection) -> None:
    """cus_1's old model moves: 10 x 4; their other model, cus_2 and a bill's difference stay."""
    rows = [
        used(input_uncached_tokens=10),
        used(input_uncached_tokens=10, model="other"),
        used(customer="cus_2", input_uncached_tokens=10),
        used(customer=None, events=0, price_id=None, cost_pico_usd=77, list_cost_pico_usd=None),
    ]
    change = CostChange(customers=("cus_1",), from_models=(("openai", "old"),), to_model=("acme", "new"))
    found = replay(con, rows, change)
    assert {name: row["after_pico_usd"] for name, row in found.items()} == {"cus_1": 40 + 100, "cus_2": 100, None: 77}


def test_a_length_tier_that_the_cube_cannot_tell_widens_the_range(con: duckdb.DuckDBPyConnection) -> None:
    """3 up to 1,000 tokens of input, 5 beyond. 900 in one call are surely short; of 1,500 in two calls one may be long."""
    sure = replay(con, [used(input_uncached_tokens=900)], CostChange(to_model=("acme", "long")))["cus_1"]
    assert [sure[f"after{end}_pico_usd"] for end in ("_low", "", "_high")] == [2700, 2700, 2700]
    unsure = replay(con, [used(events=2, input_uncached_tokens=1500)], CostChange(to_model=("acme", "long")))["cus_1"]
    assert [unsure[f"after{end}_pico_usd"] for end in ("_low", "", "_high")] == [4500, 4500, 7500]
    long = replay(con, [used(input_uncached_tokens=2000)], CostChange(to_model=("acme", "long")))["cus_1"]
    assert [long[f"after{end}_pico_usd"] for end in ("_low", "", "_high")] == [6000, 10000, 10000]


def test_a_unit_that_the_new_model_has_no_price_for_counts_at_the_most_what_it_costs_today(
    con: duckdb.DuckDBPyConnection,
) -> None:
    """10 tokens at 4, and 2 images that nobody draws there: 40, at the most 40 + 2 x 900."""
    found = replay(con, [used(input_uncached_tokens=10, images=2)], CostChange(to_model=("acme", "new")))["cus_1"]
    assert (found["after_pico_usd"], found["after_low_pico_usd"], found["after_high_pico_usd"]) == (40, 40, 1840)
    assert found["partly_priced_events"] == 0
    unknown = used(input_uncached_tokens=10, pages=2, price_id=None, cost_pico_usd=None, list_cost_pico_usd=None)
    found = replay(con, [unknown], CostChange(to_model=("acme", "new")))["cus_1"]
    assert (found["after_pico_usd"], found["after_high_pico_usd"], found["partly_priced_events"]) == (40, None, 1)
    assert (found["unpriced_tokens_before"], found["unpriced_tokens_after"]) == (10, 0)


def test_a_cache_rate_moves_input_between_its_two_prices(con: duckdb.DuckDBPyConnection) -> None:
    """Of 1,000 in, 25 % cached are 250 x 2 + 750 x 10 = 8,000; a contract at half the list price halves what moves."""
    plain = used(input_uncached_tokens=600, cache_read_tokens=400)
    found = replay(con, [plain], CostChange(cache_percent=25))["cus_1"]
    assert (found["before_pico_usd"], found["after_pico_usd"]) == (6800, 8000)
    found = replay(con, [plain | {"cost_pico_usd": 3400}], CostChange(cache_percent=25))["cus_1"]
    assert (found["before_pico_usd"], found["after_pico_usd"]) == (3400, 4000)


def test_a_discount_is_taken_off_what_the_provider_charges_afterwards(con: duckdb.DuckDBPyConnection) -> None:
    """100 and 100; 15 % off OpenAI's; after the move it is another provider who charges 40."""
    rows = [used(input_uncached_tokens=10), used(input_uncached_tokens=10, provider="azure")]
    off = CostChange(discount_basis_points=1500, discount_provider="openai")
    assert replay(con, rows, off)["cus_1"]["after_pico_usd"] == 85 + 100
    moved = CostChange(discount_basis_points=1500, discount_provider="acme", to_model=("acme", "new"))
    assert replay(con, rows, moved)["cus_1"]["after_pico_usd"] == 2 * 40 * 85 // 100
    assert replay(con, rows, CostChange(discount_basis_points=-1000))["cus_1"]["after_pico_usd"] == 220


quantities = st.integers(0, 10**9)
days = st.builds(
    used,
    st.integers(1, 31),
    st.sampled_from(["cus_1", "cus_2", None]),
    events=st.integers(1, 50),
    input_uncached_tokens=quantities,
    cache_read_tokens=quantities,
    output_text_tokens=quantities,
)


@settings(max_examples=30)
@given(st.lists(days, min_size=1, max_size=12))
def test_summing_before_pricing_changes_nothing(rows: list[dict[str, Any]]) -> None:
    """Row by row by hand, and all at once by the query: the same to the pico-dollar, for each customer and together."""
    with duckdb.connect() as con:
        found = replay(con, rows, CostChange(to_model=("acme", "new")))
        same = replay(con, rows, CostChange())
    for customer, answer in found.items():
        own = [row for row in rows if row["customer_id"] == customer]
        by_hand = sum(
            row[bucket] * (NEW[0] if row["day"] < HALVED_ON.date() else NEW[1]).unit_pico_usd[bucket]
            for row in own
            for bucket in ("input_uncached_tokens", "cache_read_tokens", "output_text_tokens")
        )
        assert answer["after_pico_usd"] == by_hand
        assert same[customer]["after_pico_usd"] == answer["before_pico_usd"] == sum(row["cost_pico_usd"] for row in own)


def test_a_model_without_a_price_is_refused_by_name() -> None:
    with pytest.raises(NoSuchPrices, match="Usage cannot be moved to acme/none: the price book has no model 'none'"):
        target_prices(BOOK, ("acme", "none"), [None])
