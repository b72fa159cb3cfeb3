"""CloudEvents, one a line or in a batch, and spans whose customer has a name of the tenant's own, become usage events."""

import base64
import json
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine

from pipelines.read_usage import open_usage
from tests.pipelines.imported_usage import import_one
from tests.pipelines.usage_files import json_lines, only_event, read_all, text_file

EVENT = {
    "specversion": "1.0",
    "id": "call-1",
    "source": "https://shop.example/chat",
    "type": "llm.call",
    "subject": "acme",
    "time": "2026-11-01T12:00:00.250Z",
    "data": {
        "provider": "openai",
        "model": "gpt-4o",
        "input_tokens": 1000,
        "cache_read_tokens": 400,
        "output_tokens": 300,
        "feature": "summary",
    },
}


def test_an_event_s_subject_is_the_customer_and_its_data_are_the_usage(tmp_path: Path) -> None:
    """1,000 - 400 = 600 tokens are not from the cache."""
    path = json_lines(tmp_path / "u.jsonl", [EVENT])
    event = only_event(path)
    assert open_usage(path).format == "cloudevents"
    assert event["event_id"] == "https://shop.example/chat call-1"
    assert (event["customer_ref"], event["feature"], event["provider"]) == ("acme", "summary", "openai")
    assert (event["input_uncached_tokens"], event["cache_read_tokens"], event["output_text_tokens"]) == (600, 400, 300)
    assert str(event["occurred_at"]) == "2026-11-01 12:00:00.250000+00:00"


@pytest.mark.parametrize("indent", [None, 1])
def test_a_batch_is_an_array_of_events(tmp_path: Path, indent: int | None) -> None:
    batch = [EVENT, EVENT | {"id": "call-2"}]
    assert read_all(text_file(tmp_path / "u.json", json.dumps(batch, indent=indent))).events.height == 2


def test_the_same_id_of_another_source_is_another_event(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path
) -> None:
    """Source and id together name an event: two of these four are repetitions, for this tenant alone."""
    rows = [EVENT, EVENT | {"source": "https://shop.example/search"}]
    path = json_lines(tmp_path / "u.jsonl", rows + rows)
    summary = import_one(engine, tmp_path, tenant, path)
    assert (summary.accepted, summary.duplicate) == (2, 2)
    assert import_one(engine, tmp_path, mallory, path).accepted == 2


def test_data_may_be_a_provider_s_answer_json_text_or_packed(tmp_path: Path) -> None:
    """100 + 7 thoughts at Gemini."""
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 100, "thoughtsTokenCount": 7}
    answer = {"provider": "google", "response": {"modelVersion": "gemini-2.5-flash", "usageMetadata": usage}}
    packed = base64.b64encode(json.dumps(answer).encode()).decode()
    bare = {name: value for name, value in EVENT.items() if name != "data"}
    rows = [bare | {"data": answer}, bare | {"data": json.dumps(answer)}, bare | {"data_base64": packed}]
    events = read_all(json_lines(tmp_path / "u.jsonl", rows)).events
    assert events.select("model", "output_text_tokens", "reasoning_tokens").rows() == [("gemini-2.5-flash", 100, 7)] * 3


def test_openmeter_s_two_events_of_a_call_are_one_request(tmp_path: Path) -> None:
    """Its listing wraps each event; a prompt of 50 tokens and an answer of 20."""
    sides = [
        {"event": EVENT | {"id": side, "type": "prompt", "data": data}, "ingestedAt": "2026-11-01T12:00:01Z"}
        for side, data in {
            "in": {"tokens": "50", "model": "gpt-4o", "type": "input"},
            "out": {"tokens": 20, "model": "gpt-4o", "type": "output"},
        }.items()
    ]
    events = read_all(json_lines(tmp_path / "u.jsonl", sides)).events
    assert events.select("input_uncached_tokens", "output_text_tokens", "requests").rows() == [(50, 0, 0), (0, 20, 1)]


def test_other_events_are_ignored_and_broken_ones_rejected_beside_good_ones(tmp_path: Path) -> None:
    rows = [
        EVENT,
        EVENT | {"type": "user.signed_up", "data": {"plan": "pro"}},
        EVENT | {"id": "old", "specversion": "0.3"},
        EVENT | {"id": None},
        EVENT | {"id": "silent", "data": {"model": "gpt-4o"}},
        EVENT | {"id": "timeless", "time": None},
        EVENT | {"id": "odd", "data": "no object"},
    ]
    batch = read_all(json_lines(tmp_path / "u.jsonl", rows))
    assert (batch.events.height, batch.ignored) == (1, 1)
    assert batch.rejects.select("line", "reason").rows() == [
        (3, "specversion ('0.3') must be 1.0"),
        (4, "id must be set: source and id together name a CloudEvent"),
        (5, "the data of llm.call names a model and counts nothing"),
        (6, "occurred_at is missing"),
        (7, "data ('no object') is no JSON object"),
    ]


def test_the_data_s_own_names_are_mapped(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "u.jsonl", [EVENT | {"data": {"llm": "gpt-4o", "tokens_in": 5}}])
    [event] = read_all(path, columns="llm=model,tokens_in=input_tokens").events.to_dicts()
    assert (event["model"], event["input_uncached_tokens"]) == ("gpt-4o", 5)


@pytest.mark.parametrize("place", ["span", "resource"])
def test_a_span_s_customer_may_be_an_attribute_of_your_own(tmp_path: Path, place: str) -> None:
    """`app.tenant` goes before the names that are looked for otherwise."""
    own = {"app.tenant": "acme", "app.part": "search"}
    span = {
        "trace_id": "t1",
        "span_id": "s1",
        "start_time": "2026-11-01T12:00:00Z",
        "attributes": {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": 5,
            "user.id": "somebody",
        },
    }
    if place == "span":
        span["attributes"] |= own
    else:
        span["resource"] = {"attributes": own}
    path = json_lines(tmp_path / "u.jsonl", [span])
    columns = "app.tenant=customer_id,app.part=feature"
    assert open_usage(path, columns=columns).format == "otel"
    [event] = read_all(path, columns=columns).events.to_dicts()
    assert (event["customer_ref"], event["feature"]) == ("acme", "search")
