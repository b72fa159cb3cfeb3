"""Answers in every shape that was seen: line items with tiers, audio and pictures, amounts as floats and text, waits as dates."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pipelines import pull_usage_anthropic, pull_usage_openai
from pipelines.pull_usage_client import Access, ReportClient, UsageReportRefused, _asked_patience
from pipelines.pull_usage_reports import DayStream, Report, Source, pico
from store.provider_reports import Days
from tests.pipelines.usage_sources_connected import Connected
from tests.provider_fixtures import Providers, providers
from tests.sandbox_fixtures import listening

__all__ = ["providers"]

DAY = date(2026, 11, 17)
START = int(datetime(2026, 11, 17, tzinfo=UTC).timestamp())


@contextmanager
def answering(answer: dict[str, Any]) -> Iterator[ReportClient]:
    """A source that answers this to everything."""

    async def told(_request: Request) -> JSONResponse:
        return JSONResponse(answer)

    with (
        listening(Starlette(routes=[Route("/{path:path}", told)])) as url,
        ReportClient(Access("The source", url, "METERING_KEY", {}), sleep=lambda _: None) as client,
    ):
        yield client


def read(source: Source, stream: str, answer: dict[str, Any]) -> Report:
    """What a stream makes of an answer about DAY."""
    [found] = [each for each in source.streams if each.name == stream]
    assert isinstance(found, DayStream)
    with answering(answer) as client:
        return found.read(client, Days(DAY, date(2026, 11, 18)))


def bucket(*results: dict[str, Any]) -> dict[str, Any]:
    """OpenAI's page with one day."""
    return {"object": "page", "data": [{"start_time": START, "results": list(results)}], "has_more": False}


@pytest.mark.parametrize(
    ("line_item", "quantity", "told"),
    [
        ("gpt-5.5-2026-04-23, cached input", 12.0, ("gpt-5.5-2026-04-23", "standard", "cache_read_tokens", 12)),
        ("priority | gpt-5.6-sol, output, long context", 7, ("gpt-5.6-sol", "priority", "output_text_tokens", 7)),
        (
            "gpt-audio-mini-2025-12-15 audio, input",
            9,
            ("gpt-audio-mini-2025-12-15", "standard", "input_audio_tokens", 9),
        ),
        ("gpt-image-2.5-flare image, output", 3, ("gpt-image-2.5-flare", "standard", None, 3)),
        ("gpt-5.2, input", 0.5, ("gpt-5.2", "standard", "input_uncached_tokens", None)),
        ("web search tool calls", 4, (None, None, "search_requests", None)),
        ("Code interpreter sessions", None, (None, None, None, None)),
    ],
)
def test_line_items_of_openai_are_read_as_far_as_they_are_understood(
    line_item: str, quantity: float | None, told: tuple[object, ...]
) -> None:
    result = {
        "amount": {"value": 1.5, "currency": "usd"},
        "line_item": line_item,
        "quantity": quantity,
        "quantity_unit": "tokens",
    }
    found = read(pull_usage_openai.SOURCE, "costs", bucket(result)).costs
    assert found is not None
    assert found.select("model", "service_tier", "unit", "quantity").rows() == [told]
    assert found["line_item"].to_list() == [line_item]


def test_an_amount_is_what_its_shortest_text_means() -> None:
    """0.1 and "0.8958740000000000" are exact; a third of a cent is rounded to the nearest 10^-12 dollar."""
    assert pico(0.1) == 100_000_000_000
    assert pico("0.8958740000000000") == 895_874_000_000
    assert pico("0.3333333333333333", scale=10**10) == 3_333_333_333
    assert pico("-1e-12") == -1
    with pytest.raises(UsageReportRefused, match="much"):
        pico("much")


def test_audio_tokens_are_apart_from_text_and_the_rest_adds_up() -> None:
    """1,000 in = 300 cached (100 of them audio) + 200 more audio + 500 others; 400 out = 150 audio + 250 text."""
    result = {
        "input_tokens": 1000,
        "input_cached_tokens": 300,
        "input_cached_audio_tokens": 100,
        "input_audio_tokens": 300,
        "output_tokens": 400,
        "output_audio_tokens": 150,
        "num_model_requests": 2,
        "model": "gpt-audio",
        "batch": False,
        "service_tier": "default",
    }
    found = read(pull_usage_openai.SOURCE, "completions", bucket(result)).usage
    assert found is not None
    told = (
        "input_uncached_tokens",
        "cache_read_tokens",
        "input_audio_tokens",
        "output_text_tokens",
        "output_audio_tokens",
    )
    assert found.select(told).rows() == [(500, 300, 200, 250, 150)]


def test_parts_that_exceed_their_total_are_refused_with_the_numbers() -> None:
    result = {"input_tokens": 10, "input_cached_tokens": 30, "model": "gpt-5.2"}
    with pytest.raises(UsageReportRefused, match=r"parts \(30, 0, 0\) that exceed their total \(10\)"):
        read(pull_usage_openai.SOURCE, "completions", bucket(result))


@pytest.mark.parametrize("answer", [{"data": None}, {"data": [{"start_time": START}]}, {"items": []}])
def test_an_answer_of_another_shape_is_told_and_not_taken_for_nothing(answer: dict[str, Any]) -> None:
    with pytest.raises(UsageReportRefused, match="shape"):
        read(pull_usage_openai.SOURCE, "costs", answer)


def test_priority_tier_and_searches_of_anthropic_are_told_as_what_they_are() -> None:
    usage = {
        "uncached_input_tokens": 5,
        "cache_creation": {"ephemeral_1h_input_tokens": 2},
        "server_tool_use": {"web_search_requests": 3},
        "model": "claude-opus-5",
        "service_tier": "priority",
        "inference_geo": "us",
    }
    page = {"data": [{"starting_at": "2026-11-17T00:00:00Z", "results": [usage]}], "has_more": False, "next_page": None}
    found = read(pull_usage_anthropic.SOURCE, "messages", page).usage
    assert found is not None
    told = ("service_tier", "region", "cache_write_1h_tokens", "search_requests", "requests")
    assert found.select(told).rows() == [("priority", "us", 2, 3, None)]
    search = {
        "amount": "1000",
        "currency": "USD",
        "cost_type": "web_search",
        "description": "Web Search Usage",
        "model": None,
    }
    page["data"] = [{"starting_at": "2026-11-17T00:00:00Z", "results": [search]}]
    costs = read(pull_usage_anthropic.SOURCE, "cost_report", page).costs
    assert costs is not None
    assert costs.select("unit", "cost_pico_usd").rows() == [("search_requests", 10 * 10**12)]  # 1,000 cents


def test_another_currency_is_refused_and_never_taken_for_dollars() -> None:
    result = {"amount": {"value": 1, "currency": "eur"}, "line_item": "gpt-5.2, input"}
    with pytest.raises(UsageReportRefused, match="EUR"):
        read(pull_usage_openai.SOURCE, "costs", bucket(result))


def test_a_wait_may_be_a_date_which_the_sources_own_clock_explains() -> None:
    told = {"date": "Tue, 17 Nov 2026 10:00:00 GMT", "retry-after": "Tue, 17 Nov 2026 10:00:42 GMT"}
    assert _asked_patience(httpx.Headers(told)) == 42.0
    assert _asked_patience(httpx.Headers({"retry-after": "1.5"})) == 1.5
    assert _asked_patience(httpx.Headers({"retry-after": "soon"})) is None


def test_two_pulls_at_once_come_one_after_the_other(
    engine: Engine, tenant: UUID, tmp_path: Path, providers: Providers
) -> None:
    connected = Connected(engine, tenant, tmp_path, providers)
    connected.connect("anthropic")
    pull: Callable[[], object] = connected.pull
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(pull) for _ in range(2)]:
            done.result()
    costs = connected.costs()
    assert costs.height == costs.unique(["day", "line_item"]).height > 0
