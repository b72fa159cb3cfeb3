"""Whole answers of providers, as a log keeps them one a line, become priced events."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from sqlalchemy import Engine

from pipelines.read_usage import open_usage
from pricing.price_book import load_catalogue
from pricing.usage import BUCKETS
from tests.pipelines.imported_usage import import_one, lake_events
from tests.pipelines.usage_files import json_lines, only_event, read_all
from tests.pricing.provider_bodies import EXCEPTIONS, PRICED_AT, Reading, answers, readings

CHAT = {
    "id": "chatcmpl-1",
    "created": 1_793_534_400,
    "model": "gpt-4o",
    "usage": {"prompt_tokens": 1000, "prompt_tokens_details": {"cached_tokens": 400}, "completion_tokens": 300},
}
GEMINI = {
    "responseId": "r1",
    "createTime": "2026-11-01T12:00:00Z",
    "modelVersion": "gemini-2.5-flash",
    "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 7},
}


@pytest.mark.parametrize(("answer", "out"), [(CHAT, 300), (GEMINI, 12)], ids=["openai", "gemini"])
def test_a_line_may_be_the_answer_itself(tmp_path: Path, answer: dict[str, object], out: int) -> None:
    """Id, moment and model are the answer's."""
    path = json_lines(tmp_path / "u.jsonl", [answer])
    event = only_event(path)
    assert open_usage(path).format == "metering"
    assert str(event["occurred_at"]) == "2026-11-01 12:00:00+00:00"
    assert event["event_id"] == answer.get("id", "r1")
    assert sum(count for name, count in event.items() if name in {"output_text_tokens", "reasoning_tokens"}) == out


def test_a_line_may_hold_the_answer_beside_fields_of_its_own(tmp_path: Path) -> None:
    """What the row says goes before what the answer says; a batch's line is charged as batch."""
    row = {"event_id": "mine", "customer_id": "acme", "response": {"custom_id": "x", "response": {"body": CHAT}}}
    event = only_event(json_lines(tmp_path / "u.jsonl", [row]))
    assert (event["event_id"], event["customer_ref"], event["service_tier"]) == ("mine", "acme", "batch")
    assert (event["input_uncached_tokens"], event["cache_read_tokens"]) == (600, 400)


def test_a_row_that_counts_for_itself_may_keep_the_model_s_words_as_its_response(tmp_path: Path) -> None:
    row = {"event_id": "a", "occurred_at": "2026-11-01", "model": "gpt-4o", "input_tokens": 7, "response": "{no json"}
    assert only_event(json_lines(tmp_path / "u.jsonl", [row]))["input_uncached_tokens"] == 7


def test_an_answer_without_counters_is_rejected_and_the_others_are_kept(tmp_path: Path) -> None:
    rows = [CHAT, CHAT | {"id": "b", "usage": {"words": 5}}, {"id": "c", "model": "m", "response": {"error": "busy"}}]
    batch = read_all(json_lines(tmp_path / "u.jsonl", rows))
    assert batch.events.height == 1
    assert batch.rejects.select("line", "event_id", "reason").rows() == [
        (2, "b", "the answer has none of the counters that are known, but words"),
        (3, "c", "the row has no counters, and no answer of a provider that has some"),
    ]


@pytest.mark.shared
def test_all_real_answers_are_imported_and_cost_what_the_reference_says(
    engine: Engine, tenant: UUID, tmp_path: Path, shared: Path
) -> None:
    """Each as a provider that may have sent it, one with a known cost if there is one, at the prices of its date."""
    cases = answers(shared)
    chosen = [_chosen(number, case) for number, case in enumerate(cases)]
    rows = [
        {
            "event_id": f"{number:03d}",
            "occurred_at": _priced_at(case).isoformat(),
            "provider": reading.provider,
            "model": case.get("model") or "not told",
            "response": case["body"],
        }
        for number, (case, reading) in enumerate(zip(cases, chosen, strict=True))
    ]
    summary = import_one(engine, tmp_path, tenant, json_lines(tmp_path / "answers.jsonl", rows))
    assert (summary.accepted, summary.rejected, summary.conflict) == (788, 0, 0)
    events = lake_events(engine, tmp_path, tenant).select("event_id", "cost_pico_usd", *BUCKETS)
    expected = pl.DataFrame(
        {
            "event_id": [f"{each.body:03d}" for each in chosen if each.is_equal and each.expected_usd is not None],
            "expected": [
                int(each.expected_usd.scaleb(12)) for each in chosen if each.is_equal and each.expected_usd is not None
            ],
        }
    )
    compared = events.join(expected, on="event_id")
    print(f"\n{compared.height} imported answers with a known cost")
    assert compared.height > 600
    assert compared.filter(pl.col("cost_pico_usd").ne_missing(pl.col("expected"))).is_empty()


def _chosen(number: int, case: dict[str, object]) -> Reading:
    found = list(readings(number, case, load_catalogue()))
    return max(found, key=lambda each: (each.is_equal, each.expected_usd is not None))


def _priced_at(case: dict[str, object]) -> datetime:
    day = EXCEPTIONS["priced_on"].get(case.get("model"))
    return PRICED_AT if day is None else datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
