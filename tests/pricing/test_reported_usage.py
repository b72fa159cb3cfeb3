"""Usage that a provider reports by day becomes rows of the cube, priced as short inputs, and never beside calls of the log."""

from datetime import date

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.price_book import load_catalogue
from pricing.reported_usage import ReportedUsage, days_with_calls, reported_usage
from pricing.usage import BUCKETS

MONDAY, TUESDAY = date(2026, 11, 16), date(2026, 11, 17)
LABELS = ("provider", "model", "service_tier", "region", "api_key", "project", "customer_ref")
SCHEMA: dict[str, pl.DataType] = {
    "day": pl.Date(),
    **dict.fromkeys(LABELS, pl.String()),
    **dict.fromkeys((*BUCKETS, "reported_cost_pico_usd"), pl.Int64()),
}
BOOK = load_catalogue()


def line(day: date, model: str, provider: str = "openai", **told: object) -> dict[str, object]:
    return {"day": day, "provider": provider, "model": model, **told}


def counted(
    *lines: dict[str, object], held: set[tuple[str, date]] | None = None, customers: tuple[str, ...] = ()
) -> ReportedUsage:
    return reported_usage(pl.DataFrame(list(lines), schema=SCHEMA), held or set(), customers, BOOK)


def test_a_line_is_priced_by_the_entry_of_its_day() -> None:
    """GPT-5.2 at $1.75 in, $0.175 cached and $14 out per million: 1,000 x 1.75 + 500 x 0.175 + 100 x 14 = 3,237.5 millionths."""
    found = counted(
        line(
            MONDAY,
            "gpt-5.2-2025-12-11",
            input_uncached_tokens=1000,
            cache_read_tokens=500,
            output_text_tokens=100,
            requests=7,
        )
    )
    assert found.sums == {"events": 7, "unpriced_events": 0, "list_cost_pico_usd": 3_237_500_000}
    [row] = found.cube.rows(named=True)
    assert row["price_id"] == found.entries[0].price_id
    assert (row["unpriced_reason"], row["reasoning_tokens"]) == (None, 0)


def test_a_day_of_many_calls_is_not_taken_for_one_long_one() -> None:
    """Two million tokens of Gemini 2.5 Pro in a day cost $1.25 per million, the price of inputs up to 200,000: $2.50."""
    found = counted(line(MONDAY, "gemini-2.5-pro", "google", input_uncached_tokens=2_000_000))
    assert found.sums["list_cost_pico_usd"] == 2_500_000_000_000
    assert found.entries[0].above_input_tokens is None


def test_where_the_log_has_calls_of_the_day_the_log_counts_alone() -> None:
    """The log names no provider on Monday, and its model says whose it is."""
    held = days_with_calls([(None, "gpt-5.2", MONDAY), ("azure", "gpt-5.2", TUESDAY)], BOOK)
    lines = [line(day, "gpt-5.2", input_uncached_tokens=1000) for day in (MONDAY, TUESDAY)]
    found = counted(*lines, held=held)
    assert found.cube["day"].to_list() == [TUESDAY]  # Azure's calls of it are on another bill
    assert found.withheld == {"openai": 1}


def test_a_cost_of_its_own_is_not_computed_again() -> None:
    """OpenRouter tells no cached tokens: its half dollar counts, and no list cost stands beside it."""
    told = line(MONDAY, "openai/gpt-5.2", "openrouter", input_uncached_tokens=9, reported_cost_pico_usd=5 * 10**11)
    found = counted(told)
    [row] = found.cube.rows(named=True)
    assert (row["reported_by"], row["reported_cost_pico_usd"]) == ("provider", str(5 * 10**11))
    assert (row["list_cost_pico_usd"], row["price_id"], row["events"]) == (None, None, 1)


@pytest.mark.parametrize(
    ("told", "whose"),
    [
        ({"api_key": "key_ada", "project": "proj_x"}, "key_ada"),
        ({"api_key": "key_none", "project": "proj_ada"}, "proj_ada"),
        ({"api_key": "key_none", "project": "proj_none"}, "key_none"),
        ({"customer_ref": "cus_ada", "api_key": "key_ada"}, "cus_ada"),
        ({}, None),
    ],
)
def test_the_first_name_that_means_a_customer_says_whose_it_is(told: dict[str, object], whose: str | None) -> None:
    found = counted(line(MONDAY, "gpt-5.2", **told), customers=("key_ada", "proj_ada", "cus_ada"))
    assert found.cube["customer_ref"].to_list() == [whose]


def test_what_has_no_price_is_unknown_and_says_why() -> None:
    found = counted(line(MONDAY, "acme-embed-v0", "acme", input_uncached_tokens=10), line(MONDAY, "gpt-5.2", images=3))
    assert found.cube["list_cost_pico_usd"].to_list() == [None, None]
    assert found.sums["unpriced_events"] == 2
    assert "acme" in found.cube["unpriced_reason"][0]
    assert "images" in found.cube["unpriced_reason"][1]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["gpt-5.2", "gpt-5-mini", "acme-embed-v0"]),
            st.integers(0, 10**12),
            st.none() | st.integers(0, 10**15),
        ),
        max_size=8,
    )
)
def test_the_cubes_sums_are_exact_whatever_is_reported(rows: list[tuple[str, int, int | None]]) -> None:
    lines = [
        line(MONDAY, model, output_text_tokens=tokens, reported_cost_pico_usd=cost) for model, tokens, cost in rows
    ]
    found = counted(*lines)
    with duckdb.connect() as con:
        events, listed, told = (
            found.relation(con)
            .aggregate(
                "coalesce(sum(events), 0), coalesce(sum(list_cost_pico_usd), 0), coalesce(sum(reported_cost_pico_usd), 0)"
            )
            .fetchall()[0]
        )
    assert (events, listed) == (len(rows), found.sums["list_cost_pico_usd"])
    assert told == sum(cost for _, _, cost in rows if cost is not None)
