"""Watches the clients of OpenAI, Anthropic and Google: each answer's usage is reported, plain, awaited or as a stream; the answer is not touched."""

import functools
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from metering_client.reporting import Metering
from metering_client.streams import Gathered

log = logging.getLogger(__name__)

Client = TypeVar("Client")
Report = Callable[[object], None]
# Where the SDKs keep the calls that are billed; what a client does not have is passed over.
OPENAI = ("chat.completions.create", "responses.create", "embeddings.create")
ANTHROPIC = ("messages.create", "beta.messages.create")
GOOGLE = (
    "models.generate_content",
    "models.generate_content_stream",
    "aio.models.generate_content",
    "aio.models.generate_content_stream",
)


def watch_openai(metering: Metering, client: Client, *, provider: str = "openai", **labels: object) -> Client:
    """The same client, plain or async, whose calls are reported. `provider` where its address is another's (openrouter, azure, …).

    A chat that is streamed tells its usage only with `stream_options={"include_usage": True}`.
    """
    return _watch(metering, client, OPENAI, provider, labels)


def watch_anthropic(metering: Metering, client: Client, *, provider: str = "anthropic", **labels: object) -> Client:
    """The same client, plain or async, whose `messages.create` is reported, streamed or not."""
    return _watch(metering, client, ANTHROPIC, provider, labels)


def watch_google(metering: Metering, client: Client, *, provider: str = "google", **labels: object) -> Client:
    """The same `google.genai` client, whose `models` and `aio.models` are reported, streamed or not."""
    return _watch(metering, client, GOOGLE, provider, labels)


def watched(metering: Metering, call: Callable[..., Any], *, provider: str, **labels: object) -> Callable[..., Any]:
    """A function that calls a model, plain, async, or returning a stream: the same function, and what it returns is reported.

    Labels given here go before those of `metering.about` around the call.
    """

    @functools.wraps(call)
    def called(*positional: Any, **named: Any) -> Any:
        around = metering.labels()

        def report(answer: object) -> None:
            metering.answer(answer, **{"provider": provider, **around, **labels})

        return _observed(call(*positional, **named), report)

    return called


def _watch(
    metering: Metering, client: Client, paths: tuple[str, ...], provider: str, labels: Mapping[str, object]
) -> Client:
    found = 0
    for path in paths:
        *steps, name = path.split(".")
        holder: Any = client
        for step in steps:
            holder = getattr(holder, step, None)
        call = getattr(holder, name, None)
        if callable(call):
            setattr(holder, name, watched(metering, call, provider=provider, **labels))
            found += 1
    if not found:
        log.warning("%s has none of the calls that are known: nothing of it is reported", type(client).__name__)
    return client


def _observed(result: Any, report: Report) -> Any:
    """What the caller gets: the result itself, or the same awaited or streamed."""
    if inspect.isawaitable(result):
        return _awaited(result, report)
    if hasattr(result, "__anext__"):
        return _AsyncStream(result, report)
    if hasattr(result, "__next__"):
        return _Stream(result, report)
    report(result)
    return result


async def _awaited(result: Awaitable[Any], report: Report) -> Any:
    return _observed(await result, report)


class _Passing:
    """A stream in the hands of its caller; reported once, when it ends or is let go."""

    def __init__(self, stream: Any, report: Report) -> None:
        self._stream, self._report = stream, report
        self._gathered, self._is_done = Gathered(), False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _take(self, event: object) -> None:
        try:
            self._gathered.take(event)
        except Exception as trouble:  # noqa: BLE001 - the stream goes on, whatever an event looks like
            log.warning("An event of a stream was not understood: %s", trouble)

    def _done(self) -> None:
        if not self._is_done:
            self._is_done = True
            self._report(self._gathered.body if self._gathered.body is not None else {})


class _Stream(_Passing):
    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            event = next(self._stream)
        except BaseException:
            self._done()
            raise
        self._take(event)
        return event

    def __enter__(self) -> Self:
        enter = getattr(self._stream, "__enter__", None)
        if enter is not None:
            enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        self._done()
        leave = getattr(self._stream, "__exit__", None)
        return leave(kind, error, trace) if leave is not None else None

    def close(self) -> None:
        """Let the stream go."""
        self._done()
        self._stream.close()


class _AsyncStream(_Passing):
    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            event = await anext(self._stream)
        except BaseException:
            self._done()
            raise
        self._take(event)
        return event

    async def __aenter__(self) -> Self:
        enter = getattr(self._stream, "__aenter__", None)
        if enter is not None:
            await enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        self._done()
        leave = getattr(self._stream, "__aexit__", None)
        return await leave(kind, error, trace) if leave is not None else None
