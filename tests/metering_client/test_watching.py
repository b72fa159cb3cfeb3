"""Watched clients: plain, async and streamed calls of the three SDKs' shapes are reported once, and their callers see no difference."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from metering_client import Metering, watch_anthropic, watch_google, watch_openai, watched


class Kept(Metering):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9", "mtr_x")
        self.told: list[dict[str, object]] = []

    def _put(self, event: dict[str, object]) -> None:
        self.told.append(event)


CHAT = {"id": "c1", "model": "gpt-5-mini", "usage": {"prompt_tokens": 12, "completion_tokens": 5}}
CHUNKS = [
    {"id": "c2", "model": "gpt-5-mini", "choices": [{"delta": "a"}], "usage": None},
    CHAT | {"id": "c2", "choices": []},
]
DONE = {
    "type": "response.completed",
    "response": {"id": "r1", "model": "gpt-5", "usage": {"input_tokens": 7, "output_tokens": 3}},
}
CLAUDE = [
    {"type": "message_start", "message": {"id": "m1", "model": "claude-sonnet-4-5", "usage": {"input_tokens": 20, "output_tokens": 1}}},
    {"type": "content_block_delta", "delta": {"text": "a"}},
    {"type": "message_delta", "usage": {"output_tokens": 9, "cache_read_input_tokens": 4, "input_tokens": None}},
    {"type": "message_stop"},
]  # fmt: skip
GEMINI = [
    {"response_id": "g1", "model_version": "gemini-2.5-flash", "usage_metadata": {"prompt_token_count": 8}},
    {
        "response_id": "g1",
        "model_version": "gemini-2.5-flash",
        "usage_metadata": {"prompt_token_count": 8, "candidates_token_count": 6, "thoughts_token_count": 2},
    },
]


def as_object(value: Any) -> Any:
    """As an SDK's object: parts are attributes, and `model_dump` gives the map back."""
    if not isinstance(value, dict):
        return value
    made = SimpleNamespace(**{name: as_object(held) for name, held in value.items()})
    made.model_dump = lambda: value
    return made


def plain(answer: Any) -> Any:
    return lambda **_named: as_object(answer)


def streamed(events: list[Any]) -> Any:
    def call(**_named: object) -> Iterator[Any]:
        yield from map(as_object, events)

    return call


def awaited(answer: Any) -> Any:
    async def call(**_named: object) -> Any:
        return as_object(answer)

    return call


def awaited_stream(events: list[Any]) -> Any:
    async def call(**_named: object) -> Any:
        async def stream() -> AsyncIterator[Any]:
            for event in events:
                yield as_object(event)

        return stream()

    return call


def counters(metering: Kept) -> list[tuple[object, ...]]:
    names = ("event_id", "provider", "input_tokens", "output_tokens")
    return [tuple(event.get(name) for name in names) for event in metering.told]


def test_openai_plain_and_streamed() -> None:
    metering = Kept()
    client: Any = SimpleNamespace(
        chat=SimpleNamespace(completions=SimpleNamespace(create=plain(CHAT))),
        responses=SimpleNamespace(create=streamed([{"type": "response.created"}, DONE])),
    )
    assert watch_openai(metering, client, feature="chat") is client
    with metering.about(customer_id="cus_1"):
        answer = client.chat.completions.create(model="gpt-5-mini")
        assert answer.usage.prompt_tokens == 12
        stream = client.responses.create(stream=True)
    assert [event.type for event in stream] == ["response.created", "response.completed"]
    assert counters(metering) == [("c1", "openai", 12, 5), ("r1", "openai", 7, 3)]
    assert {(event["customer_id"], event["feature"]) for event in metering.told} == {("cus_1", "chat")}


def test_openai_async_and_its_chat_stream_with_usage() -> None:
    metering = Kept()
    create, chunks = awaited(CHAT), awaited_stream(CHUNKS)
    client: Any = SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create=create)))
    watch_openai(metering, client, provider="openrouter")
    stream = watched(metering, chunks, provider="openai")

    async def calls() -> int:
        await client.chat.completions.create()
        seen = 0
        async with await stream() as events:
            async for _ in events:
                seen += 1
        return seen

    assert asyncio.run(calls()) == 2
    assert counters(metering) == [("c1", "openrouter", 12, 5), ("c2", "openai", 12, 5)]


def test_anthropic_stream_says_its_input_first_and_its_output_last() -> None:
    """20 tokens of input and 4 from the cache on top; of the output the last word counts, 9."""
    metering = Kept()
    client: Any = SimpleNamespace(messages=SimpleNamespace(create=streamed(CLAUDE)))
    watch_anthropic(metering, client)
    with client.messages.create(stream=True) as events:
        assert len(list(events)) == 4
    assert counters(metering) == [("m1", "anthropic", 24, 9)]


def test_google_plain_async_and_streams() -> None:
    """Thoughts come on top of the candidates: 6 + 2."""
    metering = Kept()
    models = SimpleNamespace(generate_content=plain(GEMINI[-1]), generate_content_stream=streamed(GEMINI))
    aio = SimpleNamespace(generate_content=awaited(GEMINI[-1]), generate_content_stream=awaited_stream(GEMINI))
    client: Any = SimpleNamespace(models=models, aio=SimpleNamespace(models=aio))
    watch_google(metering, client)
    client.models.generate_content()
    assert len(list(client.models.generate_content_stream())) == 2

    async def calls() -> int:
        await client.aio.models.generate_content()
        return len([event async for event in await client.aio.models.generate_content_stream()])

    assert asyncio.run(calls()) == 2
    assert counters(metering) == [("g1", "google", 8, 8)] * 4


def test_a_stream_that_is_let_go_or_breaks_is_reported_once_with_what_it_told() -> None:
    metering = Kept()

    def breaking() -> Iterator[Any]:
        yield as_object(CLAUDE[0])
        raise ConnectionError("gone")

    events = watched(metering, breaking, provider="anthropic")()
    next(events)
    with pytest.raises(ConnectionError):
        next(events)
    left = watched(metering, streamed(CLAUDE), provider="anthropic")()
    next(left)
    left.close()
    left.close()
    assert counters(metering) == [("m1", "anthropic", 20, 1)] * 2


def test_the_callers_errors_are_their_own_and_ours_are_not_theirs() -> None:
    metering = Kept()

    def failing() -> None:
        raise RuntimeError("the provider is away")

    with pytest.raises(RuntimeError, match="away"):
        watched(metering, failing, provider="openai")()
    assert watched(metering, lambda: "no answer at all", provider="openai")() == "no answer at all"
    strange: Any = SimpleNamespace()
    assert watch_openai(metering, strange) is strange
    assert (metering.told, metering.counts().unread) == ([], 1)
