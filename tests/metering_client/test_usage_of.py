"""A provider's answer, however it is wrapped, says what a usage event needs."""

import subprocess
import sys
from pathlib import Path

import pytest

from metering_client import UsageRefused, usage_of

ROOT = Path(__file__).resolve().parent.parent.parent
CHAT = {
    "id": "chatcmpl-1",
    "created": 1_793_534_400,
    "model": "gpt-4o",
    "service_tier": "priority",
    "usage": {
        "prompt_tokens": 1000,
        "prompt_tokens_details": {"cached_tokens": 400},
        "completion_tokens": 300,
        "completion_tokens_details": {"reasoning_tokens": 50},
    },
}


class SdkAnswer:
    """What an SDK hands its caller: an object that can say itself as a map."""

    def model_dump(self) -> dict[str, object]:
        return CHAT


def counted(answer: object, provider: str | None = None) -> dict[str, object]:
    """What is told beside labels."""
    told = usage_of(answer, provider=provider)
    return {name: value for name, value in told.items() if isinstance(value, int)}


def test_an_answer_says_model_tier_moment_and_totals_with_their_parts() -> None:
    assert usage_of(CHAT, provider="openai") == {
        "event_id": "chatcmpl-1",
        "occurred_at": "2026-11-01T12:00:00+00:00",
        "provider": "openai",
        "model": "gpt-4o",
        "service_tier": "priority",
        "input_tokens": 1000,
        "cache_read_tokens": 400,
        "output_tokens": 300,
        "reasoning_tokens": 50,
    }


@pytest.mark.parametrize(
    "wrapped",
    [
        SdkAnswer(),
        {"type": "response.completed", "response": CHAT},
        {"response": {"status_code": 200, "body": CHAT}},
        {"result": {"type": "succeeded", "message": CHAT}},
    ],
)
def test_what_sdks_streams_and_gateways_wrap_it_in_does_not_matter(wrapped: object) -> None:
    assert usage_of(wrapped) == usage_of(CHAT)


def test_a_line_of_a_batch_s_results_is_charged_as_batch() -> None:
    line = {"custom_id": "request-7", "response": {"status_code": 200, "body": CHAT}}
    assert usage_of(line)["service_tier"] == "batch"


def test_xai_counts_reasoning_beside_the_completion_and_openai_within_it() -> None:
    """9 + 91 = 100 at xAI. Where the total is told, it decides: 32 + 9 + 91 = 132, or 32 + 100 = 132."""
    parts = {"prompt_tokens": 32, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 91}}
    assert counted({"usage": parts}, "x_ai")["output_tokens"] == 100
    assert counted({"usage": parts}, "openai")["output_tokens"] == 9
    assert counted({"usage": parts | {"total_tokens": 132}})["output_tokens"] == 100
    assert counted({"usage": parts | {"completion_tokens": 100, "total_tokens": 132}}, "xai")["output_tokens"] == 100


def test_perplexity_s_searches_reasoning_and_citations_are_counted() -> None:
    """10 of text + 5 of reasoning + 3 of citations."""
    told = usage_of(
        {
            "model": "sonar-deep-research",
            "usage": {
                "prompt_tokens": 7,
                "completion_tokens": 10,
                "reasoning_tokens": 5,
                "citation_tokens": 3,
                "num_search_queries": 4,
                "search_context_size": "high",
                "cost": {"total_cost": "0.41"},
            },
        },
        provider="perplexity",
    )
    assert (told["output_tokens"], told["search_requests"], told["search_context_size"]) == (18, 4, "high")
    assert told["reported_cost_usd"] == "0.41"


@pytest.mark.parametrize(("model", "searches"), [("gemini-2.5-pro", 1), ("gemini-3-pro-preview", 2)])
def test_google_bills_grounding_by_prompt_and_from_gemini_3_on_by_query(model: str, searches: int) -> None:
    """Thoughts come on top of the candidates: 20 + 7. A tool's prompt comes on top of the prompt: 100 + 30."""
    usage = {
        "promptTokenCount": 100,
        "toolUsePromptTokenCount": 30,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 7,
    }
    grounded = {"groundingMetadata": {"webSearchQueries": ["weather bern", "weather thun"]}}
    told = counted({"modelVersion": model, "usageMetadata": usage, "candidates": [grounded]})
    assert told == {"input_tokens": 130, "output_tokens": 27, "reasoning_tokens": 7, "search_requests": searches}


def test_a_search_in_openai_s_output_is_counted_and_opening_a_page_is_none() -> None:
    output = [
        {"type": "web_search_call", "action": {"type": "search", "query": "x"}},
        {"type": "web_search_call", "action": {"type": "open_page"}},
        {"type": "message"},
    ]
    assert counted({"usage": {"input_tokens": 5, "output_tokens": 2}, "output": output})["search_requests"] == 1


def test_cached_audio_is_a_cache_read_and_no_audio() -> None:
    """Realtime: 100 in, 40 of them heard, 30 of these from the cache together with 20 of text."""
    details = {"audio_tokens": 40, "cached_tokens": 50, "cached_tokens_details": {"audio_tokens": 30}}
    usage = {"input_tokens": 100, "input_token_details": details, "output_tokens": 9}
    told = counted({"type": "response.done", "response": {"usage": usage}})
    assert (told["cache_read_tokens"], told["input_audio_tokens"]) == (50, 10)


def test_a_compaction_is_billed_beside_anthropic_s_totals() -> None:
    """180 in and 8 out for the message, 100 + 900 written and 82 out for the compaction."""
    message = {"type": "message", "input_tokens": 180, "output_tokens": 8}
    compaction = {
        "type": "compaction",
        "input_tokens": 100,
        "cache_creation": {"ephemeral_1h_input_tokens": 900},
        "output_tokens": 82,
    }
    usage = {"input_tokens": 180, "cache_read_input_tokens": 0, "output_tokens": 8, "iterations": [compaction, message]}
    assert counted({"usage": usage}) == {"input_tokens": 1180, "cache_write_1h_tokens": 900, "output_tokens": 90}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"model": "mistral-ocr-latest", "usage_info": {"pages_processed": 29}}, {"pages": 29}),
        ({"usage": {"type": "duration", "seconds": 9}}, {"seconds": 9}),
        ({"text": "…", "duration": "8.47"}, {"seconds": 8}),
        ({"data": [{"url": "https://…"}, {"b64_json": "…"}]}, {"images": 2}),
        ({"meta": {"billed_units": {"search_units": 1}}}, {"search_requests": 1}),
        ({"usage": {"total_tokens": 12}}, {"input_tokens": 12}),
        ({"embedding": [0.5], "inputTextTokenCount": 6}, {"input_tokens": 6}),
        ({"prompt_token_count": 5, "generation_token_count": 4}, {"input_tokens": 5, "output_tokens": 4}),
        (
            {
                "usage": {
                    "inputTokens": 3,
                    "cacheWriteInputTokens": 9,
                    "cacheDetails": [{"ttl": "1h", "inputTokens": 9}],
                }
            },
            {"input_tokens": 12, "cache_write_1h_tokens": 9},
        ),
    ],
    ids=lambda value: next(iter(value)),
)
def test_other_units_than_a_chat_s_are_told(answer: dict[str, object], told: dict[str, int]) -> None:
    assert counted(answer) == told


def test_drawn_pictures_are_pictures_and_no_text() -> None:
    """1,310 tokens out, of which 1,290 are a picture."""
    details = [{"modality": "IMAGE", "tokenCount": 1290}, {"modality": "TEXT", "tokenCount": 20}]
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 1310, "candidatesTokensDetails": details}
    told = {"input_tokens": 9, "output_tokens": 20, "images": 1}
    assert counted({"usageMetadata": usage}) == told
    gateway = {"prompt_tokens": 9, "completion_tokens": 1310, "completion_tokens_details": {"image_tokens": 1290}}
    assert counted({"usage": gateway}) == told


@pytest.mark.parametrize(
    "answer",
    [
        {
            "data": [{"b64_json": "…"}, {"b64_json": "…"}],
            "usage": {
                "input_tokens": 30,
                "input_tokens_details": {"text_tokens": 10, "image_tokens": 20},
                "output_tokens": 2112,
            },
        },
        {
            "candidates": [{"content": {"parts": [{"text": "two"}, {"inlineData": {}}, {"inlineData": {}}]}}],
            "usageMetadata": {
                "promptTokenCount": 30,
                "candidatesTokenCount": 2580,
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 2580}],
            },
        },
    ],
    ids=["openai", "gemini"],
)
def test_each_drawn_picture_is_counted_where_the_answer_shows_them(answer: dict[str, object]) -> None:
    """A picture's tokens cost many times what text does: as text they would look cheap."""
    assert counted(answer) == {"input_tokens": 30, "images": 2}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"error": {"message": "overloaded"}}, "none of the counters that are known, but error"),
        ({"usage": {"words": 5}}, "none of the counters that are known, but words"),
        ({"usage": {"prompt_tokens": "many"}}, r"prompt_tokens \('many'\) must be a whole number"),
        ({"usage": {"prompt_tokens": 10**13}}, r"prompt_tokens \(10000000000000\) must be a whole number"),
        ("text", "but this is a str"),
    ],
)
def test_what_cannot_be_counted_is_refused_with_the_reason(answer: object, reason: str) -> None:
    with pytest.raises(UsageRefused, match=reason):
        usage_of(answer)


def test_the_client_needs_nothing_but_the_standard_library() -> None:
    """-S: no packages are installed for this interpreter."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from metering_client import usage_of; print(usage_of({CHAT!r}))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert "'input_tokens': 1000" in done.stdout, done.stderr
