"""Events of the documented schema in its plainest JSON, read event by event at the speed of the wire; anything else is left to `posted`."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from metering_client.values import COUNTER_MAX
from pricing.usage_sources.kept import KeptEvent, encode
from pricing.usage_sources.posted import ID_MAX, LABEL_MAX, Moments
from pricing.usage_sources.values import pico_usd

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})\Z"
_Word = Annotated[str, Meta(min_length=1, max_length=LABEL_MAX)]
_Label = Annotated[str, Meta(min_length=1, max_length=LABEL_MAX)] | None
_Count = Annotated[int, Meta(ge=0, le=COUNTER_MAX)]


class _Event(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    event_id: Annotated[str, Meta(min_length=1, max_length=ID_MAX)]
    occurred_at: Annotated[str, Meta(pattern=_MOMENT)]
    model: _Word
    customer_id: _Label = None
    provider: _Label = None
    feature: _Label = None
    api_key: _Label = None
    service_tier: _Label = None
    region: _Label = None
    search_context_size: _Label = None
    input_tokens: _Count = 0
    cache_read_tokens: _Count = 0
    cache_write_5m_tokens: _Count = 0
    cache_write_1h_tokens: _Count = 0
    input_audio_tokens: _Count = 0
    output_tokens: _Count = 0
    reasoning_tokens: _Count = 0
    output_audio_tokens: _Count = 0
    images: _Count = 0
    seconds: _Count = 0
    pages: _Count = 0
    search_requests: _Count = 0
    requests: _Count = 1
    reported_cost_usd: msgspec.Raw = msgspec.Raw()


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    events: list[_Event]


_one, _many = msgspec.json.Decoder(_Event), msgspec.json.Decoder(list[_Event])
_wrapped = msgspec.json.Decoder(_Envelope)


def read_plainly(body: bytes, moments: Moments, *, is_lines: bool) -> tuple[list[str], list[str]] | None:
    """The ids and texts (`kept`) of all events of a body; None when a single one needs a closer look, for whatever reason.

    What it takes, `posted.read_events` takes as well and to the same text; a test holds the two together.
    """
    try:
        events = _decoded(body, is_lines=is_lines)
        texts = [text for event in events if (text := _text(event, moments)) is not None]
    except (msgspec.DecodeError, ValueError):
        return None
    ids = [event.event_id for event in events]
    together, written = "\n".join(ids), "\n".join(texts)
    # Spaces at an end are cut off and characters outside ASCII have rules of their own: both are looked at closely, and so is
    # whatever JSON escapes. Controls would tear ids apart on their way.
    is_plain = (
        len(texts) == len(events)
        and together.isascii()
        and together.replace("\n", "").isprintable()
        and together.count("\n") == max(0, len(ids) - 1)
        and not (" \n" in together or "\n " in together or together[:1] == " " or together[-1:] == " ")
        and written.isascii()
        and "\\" not in written
        and '" ' not in written
        and ' "' not in written
    )
    return (ids, texts) if is_plain else None


def _decoded(body: bytes, *, is_lines: bool) -> list[_Event]:
    if is_lines:
        return _one.decode_lines(body)
    start = body[:64].lstrip()
    if start.startswith(b"["):
        return _many.decode(body)
    return _wrapped.decode(body).events if b'"events"' in start else [_one.decode(body)]


def _text(event: _Event, moments: Moments) -> str | None:
    """The event's text; None when it is one to be looked at closely."""
    since = datetime.fromisoformat(event.occurred_at) - _EPOCH
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    uncached = (
        event.input_tokens
        - event.cache_read_tokens
        - event.cache_write_5m_tokens
        - event.cache_write_1h_tokens
        - event.input_audio_tokens
    )
    written = event.output_tokens - event.reasoning_tokens - event.output_audio_tokens
    if uncached < 0 or written < 0 or not moments.earliest <= micros <= moments.latest:
        return None
    cost = bytes(event.reported_cost_usd)
    reported = pico_usd(cost.decode().strip('"')) if cost else None
    if cost and reported is None:
        return None
    size = event.search_context_size
    kept = KeptEvent(
        micros,
        event.customer_id,
        event.provider,
        event.model,
        event.feature,
        event.api_key,
        event.service_tier,
        event.region,
        size and size.lower(),
        uncached,
        event.cache_read_tokens,
        event.cache_write_5m_tokens,
        event.cache_write_1h_tokens,
        event.input_audio_tokens,
        written,
        event.reasoning_tokens,
        event.output_audio_tokens,
        event.images,
        event.seconds,
        event.pages,
        event.search_requests,
        event.requests,
        reported,
    )
    return encode(kept).decode()
