"""OTLP's spans over HTTP: JSON and protobuf say the same, other spans are passed over, and the answer is what exporters expect."""

import contextlib
import struct
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from starlette.applications import Starlette

from pricing.usage_sources.otlp_protobuf import NotProtobuf, trace_request
from store.database import tenant_transaction
from tests.api.intake_door import intake_app, send

TRACE, SPAN = "5b8aa5a2d2c872e8321cf37308d69df2", "051581bf3cb55c13"
AT = (datetime.now(UTC) - timedelta(minutes=5)).replace(microsecond=0)
CALL: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.response.model": "gpt-5-mini",
    "gen_ai.usage.input_tokens": 120,
    "gen_ai.usage.output_tokens": 30,
}
SPANS = [
    (SPAN, CALL),
    ("051581bf3cb55c14", {"http.method": "GET"}),
    ("051581bf3cb55c15", {**CALL, "gen_ai.usage.input_tokens": -1}),
]


def as_json() -> dict[str, Any]:
    def pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
        kinds = {str: "stringValue", int: "intValue"}  # whole numbers are texts in OTLP's JSON
        return [{"key": key, "value": {kinds[type(held)]: str(held)}} for key, held in attributes.items()]

    spans = [
        {"traceId": TRACE, "spanId": span, "name": "chat", "attributes": pairs(attributes)}
        | {"startTimeUnixNano": str(int(AT.timestamp()) * 10**9)}
        for span, attributes in SPANS
    ]
    resource = {"attributes": pairs({"customer_id": "cus_1"})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "x"}, "spans": spans}]}]}


def varint(number: int) -> bytes:
    parts = bytearray()
    number &= 2**64 - 1
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*parts, number))


def part(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def as_protobuf() -> bytes:
    """The same export, written by the specification's field numbers."""

    def pairs(number: int, attributes: dict[str, Any]) -> bytes:
        values = {
            key: part(1, held.encode()) if isinstance(held, str) else b"\x18" + varint(held)
            for key, held in attributes.items()
        }
        return b"".join(part(number, part(1, key.encode()) + part(2, value)) for key, value in values.items())

    spans = b""
    for span, attributes in SPANS:
        ids = part(1, bytes.fromhex(TRACE)) + part(2, bytes.fromhex(span)) + part(5, b"chat")
        start = b"\x39" + struct.pack("<Q", int(AT.timestamp()) * 10**9)
        spans += part(2, ids + start + pairs(9, attributes) + part(15, b"\x18\x01"))
    scope = part(2, part(1, part(1, b"x")) + spans)
    return part(1, part(1, pairs(1, {"customer_id": "cus_1"})) + scope)


@pytest.fixture
def app(engine: Engine, tenant: UUID) -> Starlette:
    return intake_app(engine, tenant)


def kept(engine: Engine, tenant: UUID) -> list[tuple[str, str]]:
    with tenant_transaction(engine, tenant) as connection:
        return [tuple(row) for row in connection.execute(text("select event_id, event from usage_intake"))]


def test_the_same_export_as_json_and_as_protobuf_is_one_call(
    app: Starlette, engine: Engine, tenant: UUID, mallory: UUID
) -> None:
    said = send(app, as_json(), path="/v1/traces")
    assert said.status_code == 200
    assert said.json()["partialSuccess"]["rejectedSpans"] == "1"
    assert "gen_ai.usage.input_tokens ('-1')" in said.json()["partialSuccess"]["errorMessage"]
    again = send(app, as_protobuf(), path="/v1/traces", content_type="application/x-protobuf")
    assert (again.status_code, again.headers["content-type"]) == (200, "application/x-protobuf")
    message = said.json()["partialSuccess"]["errorMessage"].encode()
    assert again.content == part(1, b"\x08\x01" + part(2, message))
    ((event_id, event),) = kept(engine, tenant)
    assert event_id == f"{TRACE}:{SPAN}"
    assert f'"occurred_at":{int(AT.timestamp()) * 10**6},"customer_ref":"cus_1","provider":"openai"' in event
    assert kept(engine, mallory) == []


def test_an_export_of_nothing_is_a_full_success(app: Starlette) -> None:
    empty: list[tuple[object, str, bytes]] = [({}, "application/json", b"{}"), (b"", "application/x-protobuf", b"")]
    for body, media, expected in empty:
        answer = send(app, body, path="/v1/traces", content_type=media)
        assert (answer.status_code, answer.content) == (200, expected)


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"\xff\xff", "application/x-protobuf", 400),
        (as_protobuf()[:-3], "application/x-protobuf", 400),
        (b"[]", "application/json", 400),
        (b"{", "application/json", 400),
        (b"", "text/plain", 415),
    ],
)
def test_what_is_no_export_is_a_problem(app: Starlette, body: bytes, media: str, status: int) -> None:
    assert send(app, body, path="/v1/traces", content_type=media).status_code == status


@given(st.binary(max_size=60))
def test_any_bytes_are_an_export_or_are_refused(body: bytes) -> None:
    with contextlib.suppress(NotProtobuf):
        assert set(trace_request(body)) == {"resourceSpans"}


def test_numbers_words_and_lists_of_attributes_come_out_of_protobuf() -> None:
    values = [
        (part(1, "é".encode()), {"stringValue": "é"}),
        (b"\x10\x01", {"boolValue": True}),
        (b"\x18" + varint(-5), {"intValue": "-5"}),
        (b"\x21" + struct.pack("<d", 0.25), {"doubleValue": 0.25}),
        (part(5, part(1, part(1, b"a"))), {"arrayValue": {"values": [{"stringValue": "a"}]}}),
        (part(6, part(1, part(1, b"k"))), {"kvlistValue": {"values": [{"key": "k", "value": {}}]}}),
        (part(7, b"\x01"), {"bytesValue": "01"}),
    ]
    for written, expected in values:
        body = part(1, part(1, part(1, part(1, b"key") + part(2, written))))
        (group,) = trace_request(body)["resourceSpans"]  # type: ignore[misc]  # a list, as the test above shows
        assert group["resource"]["attributes"] == [{"key": "key", "value": expected}]
