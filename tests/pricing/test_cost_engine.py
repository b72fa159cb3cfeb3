"""The vectorised engine gives what a plain sum of products gives, and says why where it gives nothing."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import duckdb
import polars as pl
import pytest
from genai_prices import Usage, calc_price
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pricing.catalogue import catalogue_providers, entries_for, model_entries
from pricing.cost_engine import price_usage
from pricing.price_book import PriceEntry, quote
from pricing.usage import BUCKETS, INPUT_BUCKETS

MODELS = [
    ("openai", "gpt-5.4"),
    ("openai", "gpt-4o"),
    ("anthropic", "claude-sonnet-4-5"),
    ("google", "gemini-2.5-pro"),
    ("deepseek", "deepseek-chat"),
    ("mistral", "mistral-large-4"),
]
buckets = st.fixed_dictionaries(
    {
        name: st.integers(min_value=0, max_value=300_000)
        for name in ("input_uncached_tokens", "cache_read_tokens", "output_text_tokens")
    }
)
events = st.tuples(
    st.sampled_from(MODELS),
    st.sampled_from(["standard", "batch", "priority", None]),
    st.datetimes(datetime(2025, 6, 1), datetime(2026, 12, 31)),
    buckets,
)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def frame(*rows: tuple[tuple[str | None, str], str | None, datetime, dict[str, int]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"n": n, "provider": name[0], "model": name[1], "service_tier": tier, "occurred_at": at}
            | dict.fromkeys(BUCKETS, 0)
            | {"requests": 1}
            | used
            for n, (name, tier, at, used) in enumerate(rows)
        ],
        schema_overrides=dict.fromkeys(BUCKETS, pl.Int64) | {"provider": pl.String, "service_tier": pl.String},
    )


def priced(con: duckdb.DuckDBPyConnection, usage: pl.DataFrame) -> list[dict[str, object]]:
    con.register("usage_frame", usage)
    return price_usage(con, con.table("usage_frame")).pl().sort("n").to_dicts()


def entry_in_force(event: tuple[tuple[str, str], str | None, datetime, dict[str, int]]) -> PriceEntry:
    (provider, model), tier, at, used = event
    entries = entries_for(provider, model)
    assert not isinstance(entries, str)
    length = sum(used.get(name, 0) for name in INPUT_BUCKETS)
    minute = at.hour * 60 + at.minute
    moment = at.replace(tzinfo=UTC)
    has_tier = any(entry.service_tier == tier for entry in entries)
    [found] = [
        entry
        for entry in entries
        if entry.service_tier == (tier if has_tier else "standard")
        and (entry.valid_from is None or entry.valid_from <= moment)
        and (entry.valid_to is None or moment < entry.valid_to)
        and length > (-1 if entry.above_input_tokens is None else entry.above_input_tokens)
        and (entry.up_to_input_tokens is None or length <= entry.up_to_input_tokens)
        and (entry.tod_from_minute or 0) <= minute < (1440 if entry.tod_to_minute is None else entry.tod_to_minute)
    ]
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(events, min_size=1, max_size=20))
def test_the_engine_gives_the_sum_of_products_of_the_one_entry_in_force(
    con: duckdb.DuckDBPyConnection, asked: list[tuple[tuple[str, str], str | None, datetime, dict[str, int]]]
) -> None:
    answers = priced(con, frame(*asked))
    assert len(answers) == len(asked), "one row in is one row out"
    for answer, event in zip(answers, asked, strict=True):
        entry = entry_in_force(event)
        assert answer["price_id"] == entry.price_id
        assert answer["cost_pico_usd"] == quote(entry, event[3])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(MODELS), st.datetimes(datetime(2025, 6, 1), datetime(2026, 11, 30)), buckets)
def test_the_engine_agrees_with_the_catalogue_s_own_calculator(
    con: duckdb.DuckDBPyConnection, name: tuple[str, str], at: datetime, used: dict[str, int]
) -> None:
    [answer] = priced(con, frame((name, "standard", at, used)))
    usage = Usage(
        input_tokens=used["input_uncached_tokens"] + used["cache_read_tokens"],
        cache_read_tokens=used["cache_read_tokens"],
        output_tokens=used["output_text_tokens"],
    )
    peer = calc_price(usage, name[1], provider_id=name[0], genai_request_timestamp=at.replace(tzinfo=UTC))
    assert answer["cost_pico_usd"] == peer.total_price * 10**12


def test_a_length_tier_is_a_cliff_for_the_whole_request(con: duckdb.DuckDBPyConnection) -> None:
    """gemini-2.5-pro: $1.25 a million input tokens up to 200,000, $2.50 for all of them above."""
    at = datetime(2026, 11, 1)
    rows = priced(
        con,
        frame(*((("google", "gemini-2.5-pro"), None, at, {"input_uncached_tokens": n}) for n in (200_000, 200_001))),
    )
    assert [row["cost_pico_usd"] for row in rows] == [200_000 * 1_250_000, 200_001 * 2_500_000]


def test_what_has_no_price_is_unpriced_with_its_reason_and_never_free(con: duckdb.DuckDBPyConnection) -> None:
    at = datetime(2026, 11, 1)
    rows = priced(
        con,
        frame(
            (("openai", "acme-embed-v0"), None, at, {"input_uncached_tokens": 10}),
            (("acme", "gpt-4o"), None, at, {"input_uncached_tokens": 10}),
            ((None, "a-model-of-nobody"), None, at, {"input_uncached_tokens": 10}),
            (("openai", "gpt-4o"), None, at, {"input_uncached_tokens": 10, "images": 2}),
        ),
    )
    assert [row["cost_pico_usd"] for row in rows] == [None] * 4
    assert [row["price_id"] for row in rows] == [None] * 4
    reasons = [str(row["unpriced_reason"]) for row in rows]
    assert "no model 'acme-embed-v0' of openai" in reasons[0]
    assert "no provider 'acme'" in reasons[1]
    assert "points to none" in reasons[2]
    assert "no price for 2 images" in reasons[3]


def test_names_of_other_tools_find_the_same_provider(con: duckdb.DuckDBPyConnection) -> None:
    at = datetime(2026, 11, 1)
    names = [("google", "gemini-2.5-flash"), ("gcp.vertex_ai", "gemini-2.5-flash"), (None, "gemini/gemini-2.5-flash")]
    rows = priced(con, frame(*((name, None, at, {"input_uncached_tokens": 1000}) for name in names)))
    assert len({row["price_id"] for row in rows}) == 1
    assert rows[0]["price_id"] is not None


def test_no_two_entries_of_the_whole_catalogue_hold_the_same_moment_tier_and_length() -> None:
    """A range join over entries that overlap would count an event twice."""
    total = 0
    for provider in catalogue_providers():
        for model in provider.models:
            entries = model_entries(provider.id, model.id, with_tiers=True)
            total += len(entries)
            lanes: dict[tuple[object, ...], list[PriceEntry]] = {}
            for entry in entries:
                lanes.setdefault((entry.service_tier, entry.tod_from_minute, entry.valid_from), []).append(entry)
            for lane in lanes.values():
                borders = [(entry.above_input_tokens, entry.up_to_input_tokens) for entry in lane]
                assert borders[0][0] is None
                assert borders[-1][1] is None
                assert all(left[1] == right[0] for left, right in pairwise(borders))
    assert total > 3000


def test_another_price_is_another_id_and_the_same_price_the_same() -> None:
    entry = model_entries("openai", "gpt-4o", with_tiers=True)[0]
    assert replace(entry).price_id == entry.price_id
    dearer = {**entry.unit_pico_usd, "output_text_tokens": 1}
    assert replace(entry, unit_pico_usd=dearer).price_id != entry.price_id
    later = entry.valid_from or datetime(2026, 1, 1, tzinfo=UTC)
    assert replace(entry, valid_from=later + timedelta(days=1)).price_id != entry.price_id
