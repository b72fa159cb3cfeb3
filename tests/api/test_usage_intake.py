"""Usage over HTTP: durable before it is answered, each id once, the good ones kept beside the bad, and never more than there is room for."""

import asyncio
import gzip
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine
from starlette.applications import Starlette

from api import usage_intake
from api.bearer import Gate
from api.keys import Door
from api.usage_bodies import MAX_BYTES, MAX_EVENTS, MAX_SENT_BYTES
from billing.principals import OPERATOR
from store.database import DatabaseUnreachable
from tests.api.intake_door import TOKEN, event, intake_app, new_key, send, send_all, waiting_ids


@pytest.fixture
def app(engine: Engine, tenant: UUID) -> Starlette:
    return intake_app(engine, tenant)


def cloud(number: int) -> dict[str, object]:
    told = event(number)
    data = {name: told[name] for name in ("provider", "model", "input_tokens", "output_tokens")}
    attributes = {"specversion": "1.0", "id": str(number), "source": "/gateway", "type": "call"}
    return attributes | {"time": told["occurred_at"], "subject": told["customer_id"], "data": data}


def lines(*events: object) -> bytes:
    return "\n".join(json.dumps(each) for each in events).encode()


BODIES = [
    ("one event", event(1), {}, ["evt_1"]),
    ("an array", [event(1), event(2)], {}, ["evt_1", "evt_2"]),
    ("an envelope", {"events": [event(1), event(2)]}, {}, ["evt_1", "evt_2"]),
    ("lines", lines(event(1), event(2)), {"content_type": "application/x-ndjson"}, ["evt_1", "evt_2"]),
    ("gzip", gzip.compress(lines(event(1))), {"content_type": "application/jsonl", "content_encoding": "gzip"}, ["evt_1"]),
    ("a CloudEvent", cloud(1), {"content_type": "application/cloudevents+json"}, ["/gateway 1"]),
    ("CloudEvents", [cloud(1), cloud(2)], {"content_type": "application/cloudevents-batch+json"}, ["/gateway 1", "/gateway 2"]),
    (
        "a binary CloudEvent",
        {"model": "gpt-5-mini", "input_tokens": 5},
        {
            "ce_specversion": "1.0",
            "ce_id": "9",
            "ce_source": "/gate%20way",
            "ce_type": "call",
            "ce_time": event(1)["occurred_at"],
        },
        ["/gate way 9"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("_name", "body", "headers", "ids"), BODIES, ids=[each[0] for each in BODIES])
def test_each_form_is_kept_once_however_often_it_comes(
    app: Starlette, engine: Engine, tenant: UUID, mallory: UUID, _name: str, body: object, headers: dict[str, str], ids: list[str]
) -> None:  # fmt: skip
    key = new_key(engine, tenant)
    first, second = (send(app, body, key, **headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == {"accepted": len(ids), "duplicates": 0, "ignored": 0, "errors": []}
    assert second.json() == {"accepted": 0, "duplicates": len(ids), "ignored": 0, "errors": []}
    assert waiting_ids(engine, tenant) == ids
    assert waiting_ids(engine, mallory) == []


def test_two_tenants_may_use_the_same_id(app: Starlette, engine: Engine, tenant: UUID, mallory: UUID) -> None:
    for key in (new_key(engine, tenant), new_key(engine, mallory)):
        assert send(app, event(1), key).json()["accepted"] == 1
    assert waiting_ids(engine, tenant) == waiting_ids(engine, mallory) == ["evt_1"]


def test_the_good_ones_are_kept_and_each_other_is_told_its_place_field_and_reason(
    app: Starlette, engine: Engine, tenant: UUID
) -> None:
    send(app, event(1))
    body = [event(2), event(3, input_tokens=-1), event(1, input_tokens=7), event(4), event(4), event(4, feature="x")]
    answer = send(app, body)
    assert answer.status_code == 202
    told = answer.json()
    assert (told["accepted"], told["duplicates"]) == (2, 1)
    assert [(one["index"], one["event_id"], one["field"]) for one in told["errors"]] == [
        (1, "evt_3", "input_tokens"),
        (2, "evt_1", "event_id"),
        (5, "evt_4", "event_id"),
    ]
    assert "other content" in told["errors"][1]["detail"]
    assert waiting_ids(engine, tenant) == ["evt_1", "evt_2", "evt_4"]


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ([event(1, model=None), 7], 422, "None of the events could be taken"),
        (event(0, input_tokens=1), 409, "other content"),
        (b"{", 400, "no JSON"),
        ([event(1)] * (MAX_EVENTS + 1), 413, "more than 10000"),
        (b" " * (MAX_SENT_BYTES + 1), 413, "larger than"),
    ],
    ids=["nothing good", "a contradiction", "no JSON", "too many", "too large"],
)
def test_what_cannot_be_taken_at_all_is_a_problem_with_a_sentence(
    app: Starlette, engine: Engine, tenant: UUID, body: object, status: int, sentence: str
) -> None:
    send(app, event(0))
    answer = send(app, body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert sentence in answer.json()["detail"]
    assert waiting_ids(engine, tenant) == ["evt_0"]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (gzip.compress(b" " * (MAX_BYTES + 1)), {"content_encoding": "gzip"}, 413),
        (gzip.compress(b"[]")[:-4], {"content_encoding": "gzip"}, 400),
        (b"[]", {"content_encoding": "gzip"}, 400),
        (b"[]", {"content_encoding": "br"}, 415),
        (b"[]", {"content_type": "text/csv"}, 415),
    ],
    ids=["a bomb", "cut off", "not gzip", "another encoding", "another type"],
)
def test_a_body_is_unpacked_within_bounds(app: Starlette, body: bytes, headers: dict[str, str], status: int) -> None:
    assert send(app, body, **headers).status_code == status


def test_a_line_that_cannot_be_read_is_refused_alone(app: Starlette, engine: Engine, tenant: UUID) -> None:
    body = lines(event(1)) + b"\n{oops\n\n" + lines(event(2))
    answer = send(app, body, content_type="application/jsonl").json()
    assert (answer["accepted"], [one["index"] for one in answer["errors"]]) == (2, [1])


def test_many_at_once_that_share_ids_are_each_counted_once(app: Starlette, engine: Engine, tenant: UUID) -> None:
    """20 requests of 50 events, of which each id comes in two: 500 new, 500 known, whoever was first; one contradicts."""
    bodies: list[object] = [[event(50 * (batch // 2) + n) for n in range(50)] for batch in range(20)]
    bodies.append([event(0, model="another")])
    answers = [answer.json() for answer in send_all(app, bodies)]
    assert sum(answer.get("accepted", 0) for answer in answers) in (500, 501)
    assert sum(answer.get("duplicates", 0) for answer in answers) in (500, 499)
    clashes = sum(len(answer.get("errors", [])) for answer in answers)
    assert clashes in (1, 2)  # the one that came first stays: the other one, or both of the first kind, are told so
    assert len(waiting_ids(engine, tenant)) == 500


def test_a_quota_is_kept_to_the_event_and_counts_new_events_alone(app: Starlette, engine: Engine, tenant: UUID) -> None:
    key = new_key(engine, tenant, events_per_day=5)
    assert send(app, [event(1), event(2), event(3)], key).json()["accepted"] == 3
    assert send(app, [event(1), event(2)], key).json()["duplicates"] == 2  # known ones cost nothing
    over = send(app, [event(4), event(5), event(6)], key)
    assert (over.status_code, "Nothing was kept" in over.json()["detail"]) == (429, True)
    assert 0 < int(over.headers["retry-after"]) <= 86_401
    assert send(app, [event(4), event(5)], key).json()["accepted"] == 2
    assert send(app, event(7), key).status_code == 429
    assert send(app, event(7), new_key(engine, tenant)).status_code == 202  # another key has its own
    assert len(waiting_ids(engine, tenant)) == 6


def test_what_waits_and_what_a_key_has_brought_can_be_asked(app: Starlette, engine: Engine, tenant: UUID) -> None:
    key = new_key(engine, tenant, events_per_day=5)
    send(app, [event(1), event(2)], key)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://metering") as client:
            return await client.get("/v1/usage", headers={"authorization": f"Bearer {key}"})

    told = asyncio.run(ask()).json()
    assert (told["waiting"], told["events_today"], told["events_per_day"]) == (2, 2, 5)
    assert datetime.fromisoformat(told["oldest_received_at"]).astimezone(UTC) <= datetime.now(UTC)


def test_more_than_may_wait_is_sent_away_before_it_is_held(
    app: Starlette, engine: Engine, tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_intake, "MOST_WAITING", 100)
    small = intake_app(engine, tenant)
    bodies: list[object] = [[event(60 * batch + n) for n in range(60)] for batch in range(10)]
    answers = send_all(small, bodies)
    taken = [answer for answer in answers if answer.status_code == 202]
    full = [answer for answer in answers if answer.status_code == 429]
    assert len(taken) + len(full) == 10
    assert full
    assert {answer.headers["retry-after"] for answer in full} == {"1"}
    assert len(waiting_ids(engine, tenant)) == 60 * len(taken)
    monkeypatch.setattr(usage_intake, "MOST_HELD_BYTES", 100)
    assert send(app, bodies[0]).status_code == 429


def test_a_body_that_does_not_come_is_not_waited_for(
    app: Starlette, engine: Engine, tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender stops in the middle of its first event; the room that it held is given back."""
    monkeypatch.setattr(usage_intake, "BODY_SECONDS", 0.05)
    told: list[dict[str, Any]] = []
    begun = iter([{"type": "http.request", "body": b'{"event_id": "evt_', "more_body": True}])
    headers = [(b"authorization", f"Bearer {TOKEN}".encode()), (b"content-type", b"application/json")]
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/v1/usage",
        "query_string": b"",
        "headers": headers,
    }

    async def receive() -> dict[str, Any]:
        for message in begun:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    async def send_back(message: Any) -> None:
        told.append(message)

    asyncio.run(app(scope | {"client": None, "server": None, "scheme": "http", "root_path": ""}, receive, send_back))
    assert (told[0]["status"], b"did not come within" in told[1]["body"]) == (408, True)
    assert waiting_ids(engine, tenant) == []


def test_with_the_database_away_the_sender_is_asked_to_send_it_again(engine: Engine, tenant: UUID) -> None:
    opened = iter([(engine, tenant)])

    def books() -> tuple[Engine, UUID]:
        for found in opened:
            return found
        raise DatabaseUnreachable("nobody answers")

    app = Starlette(routes=usage_intake.routes(Door(Gate(TOKEN, OPERATOR), books), books))
    answers = send_all(app, [event(1), event(2), event(3)])
    assert [(answer.status_code, answer.headers["retry-after"]) for answer in answers] == [(503, "5")] * 3
    assert waiting_ids(engine, tenant) == []
