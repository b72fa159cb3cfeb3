"""OTLP's export of spans from protobuf to the form of its JSON: the few messages that it is made of, by their field numbers."""

import struct
from collections.abc import Iterator

from pricing.usage_sources.records import Record

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DEEPEST = 32

Value = int | bytes


class NotProtobuf(ValueError):
    """Bytes that are no message of this kind. Sending the same again will not help."""


def trace_request(body: bytes) -> Record:
    """`ExportTraceServiceRequest` as OTLP's JSON spells it (ids in hex), with the fields that usage is read from. Raises NotProtobuf."""
    return {"resourceSpans": [_resource_spans(part) for part in _messages(body, 1)]}


def _resource_spans(message: bytes) -> Record:
    resource = [{"attributes": _attributes(part, 1)} for part in _messages(message, 1)]
    scopes = [{"spans": [_span(span) for span in _messages(part, 2)]} for part in _messages(message, 2)]
    return {"resource": resource[-1] if resource else {}, "scopeSpans": scopes}


def _span(message: bytes) -> Record:
    span: dict[str, object] = {"attributes": _attributes(message, 9)}
    for number, value in _fields(message):
        match number, value:
            case 1, bytes():
                span["traceId"] = value.hex()
            case 2, bytes():
                span["spanId"] = value.hex()
            case 5, bytes():
                span["name"] = _text(value)
            case 7, int():
                span["startTimeUnixNano"] = str(value)
            case 15, bytes():
                codes = [code for at, code in _fields(value) if at == 3]
                span["status"] = {"code": codes[-1] if codes else 0}
    return span


def _attributes(message: bytes, number: int) -> list[Record]:
    return [_pair(part) for part in _messages(message, number)]


def _pair(message: bytes, depth: int = 0) -> Record:
    held: dict[str, object] = {"key": "", "value": {}}
    for number, value in _fields(message):
        if number == 1 and isinstance(value, bytes):
            held["key"] = _text(value)
        elif number == 2 and isinstance(value, bytes):
            held["value"] = _any(value, depth)
    return held


def _any(message: bytes, depth: int) -> Record:
    """A value with the name of its kind, as the JSON has it."""
    if depth > _DEEPEST:
        raise NotProtobuf(f"values are nested more than {_DEEPEST} deep")
    found: Record = {}
    for number, value in _fields(message):
        match number, value:
            case 1, bytes():
                found = {"stringValue": _text(value)}
            case 2, int():
                found = {"boolValue": bool(value)}
            case 3, int():
                found = {"intValue": str(value - 2**64 if value >= 2**63 else value)}
            case 4, int():
                found = {"doubleValue": struct.unpack("<d", value.to_bytes(8, "little"))[0]}
            case 5, bytes():
                found = {"arrayValue": {"values": [_any(part, depth + 1) for part in _messages(value, 1)]}}
            case 6, bytes():
                found = {"kvlistValue": {"values": [_pair(part, depth + 1) for part in _messages(value, 1)]}}
            case 7, bytes():
                found = {"bytesValue": value.hex()}
    return found


def _messages(message: bytes, number: int) -> list[bytes]:
    return [value for at, value in _fields(message) if at == number and isinstance(value, bytes)]


def _fields(message: bytes) -> Iterator[tuple[int, Value]]:
    """Each field's number and value, whatever it means."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind, number = tag & 7, tag >> 3
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if kind == _BYTES:
            length, place = _varint(message, place)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise NotProtobuf(f"byte {place} begins a field of the unknown kind {kind}")
        part = message[place : place + length]
        if len(part) < length:
            raise NotProtobuf(f"it ends within the field that begins at byte {place}")
        place += length
        yield number, part if kind == _BYTES else int.from_bytes(part, "little")


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message) and shift < 70:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value & (2**64 - 1), place
    raise NotProtobuf(f"the number at byte {place} has no end")


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise NotProtobuf(f"a text is not UTF-8: {error.reason}") from None
