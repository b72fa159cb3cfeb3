"""Events that were posted: the quick way and the close look come to the same text, and what is no event says why and where."""

import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.usage_sources.kept import events_of, texts_of
from pricing.usage_sources.metering import normalize, table_of
from pricing.usage_sources.plain_events import read_plainly
from pricing.usage_sources.posted import AHEAD, LATE, Posted, moments, read_events, read_spans
from pricing.usage_sources.records import decoded
from pricing.usage_sources.schema import NORMALIZED_SCHEMA

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
PLAIN: dict[str, Any] = {
    "event_id": "evt_1",
    "occurred_at": "2026-11-25T11:59:00Z",
    "customer_id": "cus_1",
    "provider": "openai",
    "model": "gpt-5-mini",
    "input_tokens": 1_200,
    "cache_read_tokens": 200,
    "output_tokens": 300,
    "reasoning_tokens": 100,
}


def closely(*records: Any) -> Posted:
    texts = json.dumps(records)
    read: Any = decoded(texts)
    return read_events(read, NOW)


def test_a_plain_event_is_kept_in_buckets_with_nothing_that_is_zero() -> None:
    """1,200 in of which 200 from cache leave 1,000; 300 out of which 100 reasoning leave 200 of text."""
    quick = read_plainly(json.dumps([PLAIN]).encode(), moments(NOW), is_lines=False)
    assert quick is not None
    ids, (text,) = quick
    assert ids == ["evt_1"]
    assert json.loads(text) == {
        "occurred_at": 1_795_607_940_000_000,
        "customer_ref": "cus_1",
        "provider": "openai",
        "model": "gpt-5-mini",
        "input_uncached_tokens": 1_000,
        "cache_read_tokens": 200,
        "output_text_tokens": 200,
        "reasoning_tokens": 100,
        "requests": 1,
    }
    assert closely(PLAIN).texts == [text]


words = st.one_of(
    st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), max_size=12),
    st.text(max_size=6),
    st.none(),
    st.integers(0, 5),
)
counts = st.one_of(
    st.integers(0, 3_000), st.integers(-2, 2 * 10**12), st.none(), st.booleans(), st.sampled_from(["7", 1200.0, 0.5])
)
seconds = st.integers(-int(LATE.total_seconds()) - 99, int(AHEAD.total_seconds()) + 99)
moments_written = st.one_of(
    seconds.map(lambda at: (NOW + timedelta(seconds=at)).isoformat()),
    seconds.map(lambda at: (NOW + timedelta(seconds=at)).strftime("%Y-%m-%dT%H:%M:%SZ")),
    seconds.map(lambda at: (NOW + timedelta(seconds=at, microseconds=123_456)).isoformat()),
    st.sampled_from(
        [
            "2026-11-25",
            "2026-11-25T11:00:00",
            "2026-11-25 11:00:00Z",
            "2026-02-30T00:00:00Z",
            1795607940,
            "soon",
            "2026-11-25T11:00:00.1234567Z",
            "2026-11-25T12:00:00+01:00",
            "2026-11-25T11:00:60Z",
            "",
        ]
    ),
)
fields = {
    "event_id": words,
    "occurred_at": moments_written,
    "model": words,
    "customer_id": words,
    "feature": words,
    "search_context_size": st.sampled_from(["HIGH", "low", " low", ""]),
    "input_tokens": counts,
    "cache_read_tokens": counts,
    "output_tokens": counts,
    "output_audio_tokens": counts,
    "images": counts,
    "requests": counts,
    "reported_cost_usd": st.one_of(
        st.sampled_from(["0.00125", "1e-7", "", " 1", "x", None, "0x1"]), st.floats(0, 10), st.integers(-1, 9)
    ),
    "request_id": words,
}
likely = {"event_id": st.integers(0, 10**6).map("evt_{}".format), "occurred_at": moments_written, "model": st.just("m")}
records = st.one_of(
    st.fixed_dictionaries(likely, optional={name: fields[name] for name in fields if name not in likely}),
    st.fixed_dictionaries({}, optional=fields),
)


@settings(max_examples=400, deadline=None)
@given(records)
def test_the_quick_way_takes_nothing_that_a_close_look_would_not_take_to_the_same_text(record: dict[str, Any]) -> None:
    body = json.dumps(record).encode()
    for wrapped in (body, b"[" + body + b"]", b'{"events": [' + body + b"]}"):
        quick = read_plainly(wrapped, moments(NOW), is_lines=False)
        if quick is not None:
            closer = closely(record)
            assert (closer.ids, closer.texts, closer.refused) == (*quick, [])


@settings(max_examples=100, deadline=None)
@given(st.lists(records, max_size=6))
def test_every_record_is_kept_or_told_why_not_and_comes_back_as_it_was_read(sent: list[dict[str, Any]]) -> None:
    posted = closely(*sent)
    assert sorted([*posted.indexes, *(one.index for one in posted.refused)]) == list(range(len(sent)))
    assert all(one.detail for one in posted.refused)
    if posted.ids:
        told = [sent[index] for index in posted.indexes]
        read: Any = decoded(json.dumps(told))
        direct, _, rejects = normalize(table_of([_renamed(one) for one in read]), pl.Series(range(len(told))))
        assert rejects.is_empty()
        assert events_of(posted.ids, posted.texts).equals(direct)
        assert texts_of(events_of(posted.ids, posted.texts)) == posted.texts
        assert dict(direct.schema) == NORMALIZED_SCHEMA


def _renamed(record: dict[str, Any]) -> dict[str, Any]:
    """An alias stands for the id where there is none of ours."""
    return record if "event_id" in record else record | {"event_id": record.get("request_id")}


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"model": None}, "model", "model is missing"),
        ({"event_id": " "}, "event_id", "event_id is missing"),
        ({"event_id": "a\u001eb"}, "event_id", "control characters"),
        ({"event_id": "x" * 513}, "event_id", "513 characters"),
        ({"input_tokens": "many"}, "input_tokens", "must be a whole number"),
        ({"input_tokens": -5}, "input_tokens", "must be between 0"),
        ({"cache_read_tokens": 1_300}, "input_tokens", r"\(1300\) cannot exceed input_tokens \(1200\)"),
        ({"occurred_at": "soon"}, "occurred_at", "must be a moment"),
        ({"occurred_at": "2026-10-21T11:59:59Z"}, "occurred_at", "more than 35 days ago"),
        ({"occurred_at": "2026-11-25T12:05:01Z"}, "occurred_at", "5 minutes ahead"),
        ({"reported_cost_usd": "free"}, "reported_cost_usd", "amount in USD"),
        ({"feature": "x" * 1_001}, None, "1001 characters"),
    ],
)
def test_a_wrong_event_names_its_field_and_the_one_beside_it_is_kept(
    change: dict[str, Any], field: str | None, sentence: str
) -> None:
    posted = closely(PLAIN | change, PLAIN | {"event_id": "good"})
    assert (posted.ids, posted.indexes) == (["good"], [1])
    (refused,) = posted.refused
    assert (refused.index, refused.field) == (0, field)
    assert re.search(sentence, refused.detail)


def test_events_on_the_edges_of_time_are_taken() -> None:
    edges = ["2026-10-21T12:00:00Z", "2026-11-25T12:05:00Z"]
    events = [PLAIN | {"event_id": at, "occurred_at": at} for at in edges]
    assert closely(*events).ids == edges
    assert read_plainly(json.dumps(events).encode(), moments(NOW), is_lines=False) is not None


def test_a_providers_answer_and_a_cloudevent_are_read_as_files_are() -> None:
    answer = {"usage": {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}, "model": "gpt-5-mini"}
    own = {"event_id": "own", "occurred_at": "2026-11-25T11:00:00Z", "response": answer}
    cloud = {"specversion": "1.0", "id": "7", "source": "/gateway", "type": "call", "subject": "cus_1"}
    cloud |= {"time": "2026-11-25T11:00:00Z", "data": {"model": "gpt-5-mini", "input_tokens": 10, "output_tokens": 4}}
    other = cloud | {"id": "8", "data": {"clicked": True}}
    posted = closely(own, cloud, other)
    assert (posted.ids, posted.refused, posted.ignored) == (["own", "/gateway 7"], [], 1)
    assert [json.loads(text)["output_text_tokens"] for text in posted.texts] == [4, 4]


def test_an_empty_body_of_events_is_nothing() -> None:
    assert closely() == Posted([], [], [], [], 0)
    assert read_plainly(b"[]", moments(NOW), is_lines=False) == ([], [])
    assert read_plainly(gzip.compress(b"[]"), moments(NOW), is_lines=False) is None
    assert read_spans([], NOW) == Posted([], [], [], [], 0)
