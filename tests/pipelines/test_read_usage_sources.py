"""The exports of other tools are known by their columns and read by each tool's own rule, from every container."""

import json
from pathlib import Path

import polars as pl
import pytest

from pipelines.read_usage import open_usage
from tests.pipelines.usage_files import json_lines, only_event, read_all, text_file

LITELLM = {
    "request_id": "chatcmpl-1",
    "call_type": "acompletion",
    "api_key": "hash-1",
    "spend": 0.00123,
    "total_tokens": 1300,
    "prompt_tokens": 1000,
    "completion_tokens": 300,
    "startTime": "2026-11-01T12:00:00.250000+00:00",
    "model": "gpt-4o",
    "custom_llm_provider": "openai",
    "end_user": "acme",
    "cache_hit": "False",
    "metadata": {
        "additional_usage_values": {
            "prompt_tokens_details": {"cached_tokens": 400, "audio_tokens": None},
            "completion_tokens_details": {"reasoning_tokens": 50},
        }
    },
}
LANGFUSE = {
    "id": "obs-1",
    "trace_id": "trace-1",
    "type": "GENERATION",
    "start_time": "2026-11-01 12:00:00.250",
    "user_id": "acme",
    "name": "summary",
    "provided_model_name": "gpt-4o",
    "usage_details": {
        "input": 600,
        "input_cached_tokens": 400,
        "output": 250,
        "output_reasoning_tokens": 50,
        "total": 1300,
    },
    "total_cost": "0.00123",
}
HELICONE = {
    "request_id": "req-1",
    "request_created_at": "2026-11-01T12:00:00.250Z",
    "request_user_id": "acme",
    "request_model": "gpt-4o",
    "provider": "OPENAI",
    "prompt_tokens": 600,
    "prompt_cache_read_tokens": 400,
    "prompt_cache_write_tokens": 0,
    "completion_tokens": 250,
    "reasoning_tokens": 50,
    "costUSD": 0.00123,
}
OTEL = {
    "trace_id": "t1",
    "span_id": "s1",
    "name": "chat gpt-4o",
    "start_time": "2026-11-01T12:00:00.250Z",
    "attributes": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.cache_read.input_tokens": 400,
        "gen_ai.usage.output_tokens": 300,
        "gen_ai.usage.reasoning.output_tokens": 50,
        "enduser.id": "acme",
    },
}
EXPORTS = {"litellm": LITELLM, "langfuse": LANGFUSE, "helicone": HELICONE, "otel": OTEL}


@pytest.mark.parametrize("source", EXPORTS)
def test_every_source_says_the_same_call_in_its_own_way(tmp_path: Path, source: str) -> None:
    """1,000 tokens in, 400 of them cached; 300 out, 50 of them reasoning: 600 + 400 and 250 + 50."""
    path = json_lines(tmp_path / "u.jsonl", [EXPORTS[source]])
    event = only_event(path)
    assert open_usage(path).format == source
    assert {name: count for name, count in event.items() if name.endswith("_tokens")} == {
        "input_uncached_tokens": 600,
        "cache_read_tokens": 400,
        "output_text_tokens": 250,
        "reasoning_tokens": 50,
    }
    assert (event["customer_ref"], event["model"]) == ("acme", "gpt-4o")
    assert str(event["occurred_at"]) == "2026-11-01 12:00:00.250000+00:00"
    assert event.get("reported_cost_pico_usd") == (None if source == "otel" else 1_230_000_000)  # 0.00123 $


@pytest.mark.parametrize("source", EXPORTS)
@pytest.mark.parametrize("name", ["u.json", "wrapped.json", "u.csv", "u.parquet"])
def test_every_container_of_a_source_reads_the_same(tmp_path: Path, source: str, name: str) -> None:
    """An array, an API's answer, a CSV with JSON in its cells, a Parquet file with nested columns."""
    record = EXPORTS[source]
    expected = only_event(json_lines(tmp_path / "lines.jsonl", [record]))
    path = tmp_path / name
    if name == "u.json":
        path.write_text(json.dumps([record], indent=2))
    elif name == "wrapped.json":
        path.write_text(json.dumps({"data": [record], "meta": {"page": 1}}, indent=2))
    elif name == "u.csv":
        cells = {key: json.dumps(value) if isinstance(value, dict) else value for key, value in record.items()}
        pl.DataFrame([cells]).write_csv(path)
    else:
        pl.DataFrame([record]).write_parquet(path)
    assert only_event(path) == expected


def test_litellm_counts_anthropic_s_cache_within_the_prompt_and_splits_its_writes(tmp_path: Path) -> None:
    """1,000 in: 300 read, 100 written, of these 60 for an hour; 600 are left."""
    record = LITELLM | {
        "custom_llm_provider": "anthropic",
        "metadata": {
            "additional_usage_values": {
                "cache_read_input_tokens": 300,
                "cache_creation_input_tokens": 100,
                "prompt_tokens_details": {
                    "cached_tokens": 300,
                    "cache_creation_token_details": {"ephemeral_1h_input_tokens": 60},
                },
                "server_tool_use": {"web_search_requests": 2},
            }
        },
    }
    event = only_event(json_lines(tmp_path / "u.jsonl", [record]))
    assert event["input_uncached_tokens"] == 600  # 1,000 - 300 - 100
    assert (event["cache_read_tokens"], event["cache_write_5m_tokens"], event["cache_write_1h_tokens"]) == (300, 40, 60)
    assert event["search_requests"] == 2


def test_an_answer_from_litellm_s_own_cache_consumed_nothing(tmp_path: Path) -> None:
    event = only_event(json_lines(tmp_path / "u.jsonl", [LITELLM | {"cache_hit": "True", "spend": 0}]))
    assert not any(name.endswith("_tokens") for name in event)
    assert "requests" not in event


def test_langfuse_s_buckets_stand_beside_each_other(tmp_path: Path) -> None:
    """10 + 20 image tokens are plain input; 5 cached, 6 + 7 written and 8 heard stand beside them."""
    details = {
        "input": 10,
        "input_image_tokens": 20,
        "cache_read_input_tokens": 5,
        "input_cache_creation_5m": 6,
        "input_cache_creation_1h": 7,
        "input_audio_tokens": 8,
        "output": 9,
        "output_audio_tokens": 1,
        "web_search_queries": 2,
    }
    event = only_event(json_lines(tmp_path / "u.jsonl", [LANGFUSE | {"usage_details": details}]))
    assert {name: event[name] for name in event if name.endswith(("_tokens", "_requests"))} == {
        "input_uncached_tokens": 30,
        "cache_read_tokens": 5,
        "cache_write_5m_tokens": 6,
        "cache_write_1h_tokens": 7,
        "input_audio_tokens": 8,
        "output_text_tokens": 9,
        "output_audio_tokens": 1,
        "search_requests": 2,
    }


def test_langfuse_passes_a_provider_s_own_counters_through(tmp_path: Path) -> None:
    """Gemini's thoughts come on top of its candidates."""
    details = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 40,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 7,
    }
    event = only_event(json_lines(tmp_path / "u.jsonl", [LANGFUSE | {"usage_details": details}]))
    assert (event["input_uncached_tokens"], event["output_text_tokens"], event["reasoning_tokens"]) == (60, 20, 7)


def test_langfuse_s_steps_are_ignored_and_unknown_units_rejected(tmp_path: Path) -> None:
    rows = [
        LANGFUSE,
        LANGFUSE | {"id": "step", "type": "SPAN"},
        LANGFUSE | {"id": "failed", "level": "ERROR", "usage_details": {}},
        LANGFUSE | {"id": "silent", "usage_details": {}},
        LANGFUSE | {"id": "odd", "usage_details": {"input": 1, "parsecs": 3}},
    ]
    batch = read_all(json_lines(tmp_path / "u.jsonl", rows))
    assert (batch.events.height, batch.ignored) == (1, 2)
    assert batch.rejects.select("line", "event_id", "reason").rows() == [
        (4, "silent", "the observation has no usage_details"),
        (5, "odd", "usage_details has parsecs (3), which is no unit that is known"),
    ]


def test_a_langfuse_parquet_file_keeps_usage_in_a_map(tmp_path: Path) -> None:
    """A map column of Parquet is a list of pairs to a reader."""
    pairs = [{"key": name, "value": count} for name, count in LANGFUSE["usage_details"].items()]
    pl.DataFrame([LANGFUSE | {"usage_details": pairs}]).write_parquet(tmp_path / "u.parquet")
    assert only_event(tmp_path / "u.parquet")["cache_read_tokens"] == 400


def test_helicone_s_own_table_counts_cost_in_billionths(tmp_path: Path) -> None:
    """1,230,000 x 10^-9 $ are 0.00123 $."""
    record = {name: value for name, value in HELICONE.items() if name not in {"request_model", "costUSD"}}
    path = json_lines(tmp_path / "u.jsonl", [record | {"model": "gpt-4o", "cost": 1_230_000}])
    assert only_event(path)["reported_cost_pico_usd"] == 1_230_000_000


def otlp(attributes: dict[str, object], **span: object) -> dict[str, object]:
    """One span as the OTLP JSON exporter writes it."""
    kinds = {str: "stringValue", int: "intValue"}
    listed = [{"key": name, "value": {kinds[type(value)]: str(value)}} for name, value in attributes.items()]
    return {"traceId": "t1", "spanId": "s1", "startTimeUnixNano": "1793534400250000000", "attributes": listed} | span


def test_an_otlp_export_holds_many_spans_and_only_model_calls_count(tmp_path: Path) -> None:
    """An agent's span repeats the tokens of the calls within it; the customer may stand on the resource."""
    attributes = OTEL["attributes"]
    assert isinstance(attributes, dict)
    call = {name: value for name, value in attributes.items() if name != "enduser.id"}
    spans = [
        otlp(call),
        otlp({"http.request.method": "GET"}, spanId="s2"),
        otlp(call | {"gen_ai.operation.name": "invoke_agent"}, spanId="s3"),
        otlp({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "error.type": "timeout"}, spanId="s4"),
        otlp({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}, spanId="s5"),
    ]
    resource = {"attributes": [{"key": "customer_id", "value": {"stringValue": "acme"}}]}
    document = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}
    batch = read_all(json_lines(tmp_path / "u.jsonl", [document]))
    pretty = read_all(text_file(tmp_path / "u.json", json.dumps(document, indent=1)))
    assert batch.events.equals(pretty.events)
    assert batch.events.select("event_id", "customer_ref", "cache_read_tokens").rows() == [("t1:s1", "acme", 400)]
    assert str(batch.events["occurred_at"][0]) == "2026-11-01 12:00:00.250000+00:00"
    assert batch.ignored == 3
    assert batch.rejects.select("event_id", "reason").rows() == [
        ("t1:s5", "the span has no gen_ai.usage.input_tokens and no gen_ai.usage.output_tokens")
    ]
    assert batch.rows_done == 1


def test_older_names_of_the_convention_are_understood(tmp_path: Path) -> None:
    """One cache write under its old and its new name is one: 1,000 - 100 = 900."""
    attributes = {
        "gen_ai.system": "anthropic",
        "gen_ai.response.model": "claude-sonnet-4-5",
        "gen_ai.usage.prompt_tokens": 1000,
        "gen_ai.usage.completion_tokens": 5,
        "gen_ai.usage.cache_creation.input_tokens": 100,
        "gen_ai.usage.cache_write.input_tokens": 100,
    }
    path = json_lines(
        tmp_path / "u.jsonl", [{"trace_id": "t", "span_id": "s", "start_time": "2026-11-01T12:00:00Z", **attributes}]
    )
    event = only_event(path)
    assert (event["input_uncached_tokens"], event["cache_write_5m_tokens"]) == (900, 100)
    assert event["provider"] == "anthropic"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (
            LITELLM | {"prompt_tokens": "many"},
            "prompt_tokens ('many') must be a whole number between 0 and 1000000000000",
        ),
        (LITELLM | {"prompt_tokens": -1}, "prompt_tokens (-1) must be a whole number between 0 and 1000000000000"),
        (LITELLM | {"metadata": "{'a'"}, "metadata (\"{'a'\") is no JSON object"),
        (LITELLM | {"startTime": None}, "occurred_at is missing"),
        (LITELLM | {"prompt_tokens": 300}, "(400) cannot exceed input_tokens (300)"),
        (LITELLM | {"spend": -0.1}, "reported_cost_usd ('-0.1') must be an amount in USD of 0 or more such as 0.00125"),
    ],
)
def test_a_record_that_cannot_be_read_is_rejected_beside_the_good_ones(
    tmp_path: Path, record: dict[str, object], reason: str
) -> None:
    batch = read_all(json_lines(tmp_path / "u.jsonl", [LITELLM, record, LITELLM]))
    assert batch.lines.to_list() == [1, 3]
    [rejected] = batch.rejects.to_dicts()
    assert (rejected["line"], rejected["event_id"]) == (2, "chatcmpl-1")
    assert rejected["reason"].endswith(reason)
    assert json.loads(rejected["row"]) == record
