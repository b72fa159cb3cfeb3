"""What a request for intake holds: unpacked within bounds, and read by its type to events and to a reason for everything else."""

import zlib
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import unquote

from api.problems import Refused
from pricing.usage_sources import otel
from pricing.usage_sources.otlp_protobuf import NotProtobuf, trace_request
from pricing.usage_sources.plain_events import read_plainly
from pricing.usage_sources.posted import Posted, moments, read_events, read_spans
from pricing.usage_sources.records import Record, decoded

MAX_SENT_BYTES, MAX_BYTES, MAX_EVENTS = 8 * 2**20, 32 * 2**20, 10_000
# Deflate makes nothing smaller than to a thousandth.
DEFLATE_RATIO = 1_032
LINES = frozenset(
    {
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "application/jsonlines",
    }
)
DOCUMENTS = frozenset({"application/json", "application/cloudevents+json", "application/cloudevents-batch+json"})
PROTOBUF = "application/x-protobuf"
_CLOUD = ("specversion", "id", "source", "type", "subject", "time")


def unpacked(body: bytes, encoding: str) -> bytes:
    """The body as it was before it was compressed. Raises Refused: not gzip, cut off, or larger than MAX_BYTES."""
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise Refused(415, f"Content-Encoding {encoding!r:.40} is not understood: send gzip or nothing.")
    unpack = zlib.decompressobj(wbits=31)
    try:
        plain = unpack.decompress(body, MAX_BYTES)
        if unpack.unconsumed_tail or (not unpack.eof and unpack.decompress(b"", 1)):
            raise Refused(413, f"Unpacked, the body is larger than {MAX_BYTES} bytes: send it in parts.")
    except zlib.error as error:
        raise Refused(400, f"The body is no gzip: {error}.") from None
    if not unpack.eof or unpack.unused_data:
        raise Refused(400, "The gzip is cut off, or something follows it.")
    return plain


def read_at_once(body: bytes, headers: Mapping[str, str], now: datetime) -> Posted | None:
    """The events of a body for `/v1/usage` where they are plain, which takes a moment; None where they want a closer look."""
    media = media_type(headers)
    if (media not in LINES and media != "application/json") or "ce-specversion" in headers:
        return None
    plain = read_plainly(body, moments(now), is_lines=media in LINES)
    if plain is None:
        return None
    ids, texts = plain
    _refuse_too_many(len(ids))
    return Posted(list(range(len(ids))), ids, texts, [], 0)


def read_usage(body: bytes, headers: Mapping[str, str], now: datetime) -> Posted:
    """The events of a body for `/v1/usage`, whichever of the documented types it is. Raises Refused when none of it can be read."""
    media = media_type(headers)
    if media not in LINES | DOCUMENTS:
        raise Refused(415, f"Send {', '.join(sorted(DOCUMENTS | LINES))}; this is {media or 'nothing said'!r:.80}.")
    if "ce-specversion" in headers:
        return read_events([_binary(body, headers)], now)
    plain = read_at_once(body, headers, now)
    if plain is not None:
        return plain
    records = _lines(body) if media in LINES else _document(body)
    _refuse_too_many(len(records))
    return read_events(records, now)


def read_traces(body: bytes, headers: Mapping[str, str], now: datetime) -> Posted:
    """The model calls of an OTLP export of spans, as JSON or protobuf. Raises Refused when it is none."""
    media = media_type(headers)
    try:
        if media == PROTOBUF:
            document: object = trace_request(body)
        elif media == "application/json":
            document = decoded(body)
        else:
            raise Refused(415, f"Send OTLP as application/json or {PROTOBUF}; this is {media or 'nothing said'!r:.80}.")
    except (NotProtobuf, ValueError) as error:
        raise Refused(400, f"The body is no OTLP export: {error}.") from None
    if not isinstance(document, Mapping) or not isinstance(document.get("resourceSpans", []), list):
        raise Refused(400, "The body is no OTLP export: it has no list of resourceSpans.")
    spans = otel.spans({"resourceSpans": document.get("resourceSpans", [])})
    _refuse_too_many(len(spans))
    return read_spans(spans, now)


def media_type(headers: Mapping[str, str]) -> str:
    """What the body says it is, without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def most_bytes(headers: Mapping[str, str]) -> int:
    """How much memory a body may come to, as far as its headers say."""
    said = headers.get("content-length", "")
    sent = int(said) if said.isascii() and said.isdigit() and len(said) < 12 else MAX_SENT_BYTES
    is_packed = headers.get("content-encoding", "identity") != "identity"
    return min(MAX_BYTES, sent * DEFLATE_RATIO) if is_packed else min(sent, MAX_SENT_BYTES)


def _document(body: bytes) -> list[Record | str]:
    """One object, an array, or an object that holds an array under `events`."""
    try:
        found = decoded(body)
    except ValueError as error:
        raise Refused(400, f"The body is no JSON: {error}.") from None
    if isinstance(found, dict) and isinstance(found.get("events"), list):
        found = found["events"]
    rows = found if isinstance(found, list) else [found]
    return [row if isinstance(row, dict) else "this is no JSON object" for row in rows]


def _lines(body: bytes) -> list[Record | str]:
    """An object a line; one that is none is refused alone. Empty lines count for nothing."""
    return [_line(line) for line in body.splitlines() if line.strip()]


def _line(line: bytes) -> Record | str:
    try:
        found = decoded(line)
    except ValueError as error:
        return f"not readable as JSON: {error}"
    return found if isinstance(found, dict) else "this is no JSON object"


def _binary(body: bytes, headers: Mapping[str, str]) -> Record:
    """A CloudEvent whose attributes are headers and whose data are the body."""
    try:
        data = decoded(body)
    except ValueError as error:
        raise Refused(400, f"The event's data are no JSON: {error}.") from None
    named = {name: unquote(headers[f"ce-{name}"]) for name in _CLOUD if f"ce-{name}" in headers}
    return {**named, "data": data}


def _refuse_too_many(events: int) -> None:
    if events > MAX_EVENTS:
        raise Refused(413, f"{events} events in one request are more than {MAX_EVENTS}: send them in parts.")
