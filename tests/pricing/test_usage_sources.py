"""The pure half of reading usage: values of any type to whole numbers, moments and amounts, and whose counters contain which."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering_client.provider_rules import counters
from pricing.usage import (
    BUCKETS,
    COUNTER_MAX,
    COUNTERS,
    INPUT_BUCKETS,
    OUTPUT_BUCKETS,
    InclusiveUsage,
    UsageRefused,
    to_buckets,
)
from pricing.usage_sources import helicone, langfuse, litellm, otel, own_logs
from pricing.usage_sources.detect import detect_format
from pricing.usage_sources.metering import normalize
from pricing.usage_sources.schema import ColumnsRefused, check_columns, our_fields, parse_columns
from pricing.usage_sources.values import moments, pico_usd, usd_text

small = st.integers(0, 1_000_000)


def test_a_span_s_region_is_the_provider_s_and_not_where_the_caller_runs() -> None:
    """The resource's cloud.region says where the company's own servers are: it must not make a call dearer."""
    span = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5, "resource.cloud.region": "europe-west4"}
    read = otel.to_event(span, {}), otel.to_event(span | {"region": "us"}, {})
    assert [event and event["region"] for event in read] == [None, "us"]


def test_a_search_context_size_is_read_in_lower_case_from_a_column_or_a_body() -> None:
    """Perplexity's answer says in its usage by which size the request was charged; the row's own word goes first."""
    body = {"prompt_tokens": 5, "completion_tokens": 7, "search_context_size": "low"}
    own = {"event_id": "e", "occurred_at": "2026-11-01", "model": "sonar", "usage": body}
    rows = [own_logs.to_event(own, {}), own_logs.to_event(own | {"search_context_size": " High "}, {})]
    events, _, _ = normalize(pl.DataFrame(rows), pl.Series([1, 2]))
    assert events["search_context_size"].to_list() == ["low", "high"]


@given(st.integers(0, 2**63 - 1))
def test_an_amount_survives_its_text(pico: int) -> None:
    """Exact decimal dollars say the same pico-USD again, and the same number as a Decimal."""
    assert pico_usd(usd_text(pico)) == pico
    assert Decimal(usd_text(pico)) == Decimal(pico).scaleb(-12)


@given(st.floats(0, 1000, allow_nan=False))
def test_a_float_s_shortest_text_is_the_amount_that_was_meant(dollars: float) -> None:
    """Half a pico-USD is the most that is lost."""
    found = pico_usd(dollars)
    assert found is not None
    assert abs(Decimal(found) - Decimal(repr(dollars)).scaleb(12)) <= Decimal("0.5")


@pytest.mark.parametrize("text", ["-1", "1,5", "1.2.3", "free", "NaN", "inf", "1e30", ".", "0x10", "٣"])
def test_what_is_no_amount_of_zero_or_more_is_none(text: str) -> None:
    assert pico_usd(text) is None


@given(
    st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)),
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["T", " "]),
)
def test_a_written_moment_is_the_instant_of_its_zone(local: datetime, offset_minutes: int, between: str) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    found, bad = moments(pl.Series([moment.isoformat(sep=between)]))
    assert not bad.any()
    assert found.item() == moment.astimezone(UTC)


@given(
    st.fixed_dictionaries(
        dict.fromkeys(COUNTERS, st.integers(-5, 1000) | st.sampled_from([COUNTER_MAX, COUNTER_MAX + 1]))
    )
)
def test_a_table_is_read_as_the_plain_rule_reads_each_event(counted: dict[str, int]) -> None:
    """The vectorised form refuses what the plain one refuses, with the same sentence, and gives the same buckets."""
    row = {"event_id": "e", "occurred_at": "2026-11-01", "model": "gpt-4o", **counted}
    events, places, rejects = normalize(pl.DataFrame([row]), pl.Series([7]))
    refusal, buckets = plainly(InclusiveUsage(**counted))
    assert rejects.rows() == ([] if refusal is None else [(7, "e", refusal)])
    assert events.select(BUCKETS).to_dicts() == ([] if buckets is None else [buckets])
    assert places.to_list() == ([] if buckets is None else [7])


def plainly(usage: InclusiveUsage) -> tuple[str | None, dict[str, int] | None]:
    """Why the plain rule refuses an event, or its buckets."""
    try:
        return None, to_buckets(usage)
    except UsageRefused as refusal:
        return str(refusal), None


@given(small, small, small, small, small)
def test_every_source_counts_all_tokens_of_a_call_once(
    fresh: int, read: int, written: int, text: int, reasoned: int
) -> None:
    """However a source splits a call, the disjoint buckets add up to its tokens."""
    anthropic = {
        "input_tokens": fresh,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "output_tokens": text + reasoned,
    }
    inclusive = {
        "prompt_tokens": fresh + read + written,
        "completion_tokens": text + reasoned,
    }
    details = {
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": reasoned},
    }
    google = {
        "promptTokenCount": fresh + read + written,
        "cachedContentTokenCount": read,
        "candidatesTokenCount": text,
        "thoughtsTokenCount": reasoned,
    }
    exclusive = {"input": fresh, "input_cached_tokens": read, "input_cache_creation": written, "output": text}
    said = [
        counters(anthropic),
        counters(inclusive | details),
        counters(google),
        litellm.to_event(inclusive | {"request_id": "r", "metadata": {"usage_object": details}}),
        langfuse.counters(exclusive | {"output_reasoning_tokens": reasoned}),
        helicone.to_event(
            {
                "prompt_tokens": fresh,
                "prompt_cache_read_tokens": read,
                "prompt_cache_write_tokens": written,
                "completion_tokens": text,
                "reasoning_tokens": reasoned,
            }
        ),
    ]
    for counted in said:
        assert counted is not None
        buckets = to_buckets(InclusiveUsage(**{name: int(str(counted.get(name, 0))) for name in COUNTERS}))
        assert sum(buckets[name] for name in INPUT_BUCKETS) == fresh + read + written
        assert sum(buckets[name] for name in OUTPUT_BUCKETS) == text + reasoned
        assert buckets["cache_read_tokens"] == read


def test_bedrock_and_cohere_say_what_they_bill() -> None:
    """Bedrock's input stands beside its cache; Cohere counts more tokens than it bills."""
    assert counters({"inputTokens": 5, "cacheReadInputTokens": 7, "cacheWriteInputTokens": 1, "outputTokens": 2}) == {
        "input_tokens": 13,  # 5 + 7 + 1
        "cache_read_tokens": 7,
        "cache_write_5m_tokens": 1,
        "cache_write_1h_tokens": 0,
        "output_tokens": 2,
    }
    cohere = counters({"billed_units": {"input_tokens": 1, "output_tokens": 9}, "tokens": {"input_tokens": 496}})
    assert cohere == {"input_tokens": 1, "output_tokens": 9, "images": 0, "search_requests": 0}
    assert counters({"words": 5}) is None


def test_an_hour_s_cache_writes_are_told_from_the_five_minutes_ones() -> None:
    """Anthropic wrote 100: 60 for an hour, 40 for five minutes."""
    counted = counters(
        {
            "input_tokens": 10,
            "cache_creation_input_tokens": 100,
            "cache_creation": {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 60},
            "output_tokens": 1,
            "server_tool_use": {"web_search_requests": 3},
        }
    )
    assert counted == {
        "input_tokens": 110,
        "cache_read_tokens": 0,
        "cache_write_5m_tokens": 40,
        "cache_write_1h_tokens": 60,
        "output_tokens": 1,
        "reasoning_tokens": 0,
        "search_requests": 3,
    }


def test_columns_are_found_by_their_name_an_alias_or_a_mapping() -> None:
    """The own name wins over an alias, the mapping over both; a column that is mapped is not taken a second time."""
    assert our_fields(["Event-ID", "id", "AS_OF "], {}) == {"event_id": "Event-ID", "occurred_at": "AS_OF "}
    assert our_fields(["event_id", "model", "llm"], {"model": "llm"})["model"] == "llm"
    assert our_fields(["id", "model"], {"customer_id": "id"}) == {"customer_id": "id", "model": "model"}
    assert parse_columns(" case_id=event_id ,as_of=occurred_at") == {"event_id": "case_id", "occurred_at": "as_of"}
    assert parse_columns(None) == {}
    for mapping in ("case_id", "=event_id", "a=event_id,b=event_id"):
        with pytest.raises(ColumnsRefused):
            parse_columns(mapping)
    with pytest.raises(ColumnsRefused, match="names b, but the file has only: a"):
        check_columns(["a"], {"event_id": "b"})


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"event_id", "occurred_at", "model"}, "metering"),
        ({"id", "timestamp", "model", "usage"}, "metering"),
        ({"modelVersion", "usageMetadata", "candidates"}, "metering"),
        ({"when", "who", "response"}, "metering"),
        ({"request_id", "startTime", "spend", "model"}, "litellm"),
        ({"id", "startTime", "providedModelName", "usageDetails"}, "langfuse"),
        ({"request_id", "request_created_at", "request_model"}, "helicone"),
        ({"resourceSpans"}, "otel"),
        ({"traceId", "spanId", "attributes"}, "otel"),
        ({"gen_ai.request.model"}, "otel"),
        ({"date", "spend", "custom_llm_provider"}, None),
    ],
)
def test_a_source_is_known_by_its_columns(names: set[str], expected: str | None) -> None:
    assert detect_format(names, {}) == expected
