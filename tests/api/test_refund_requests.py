"""The refund queue over HTTP: asked for once whatever is repeated, decided by who may, and closed to everybody else."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import Engine
from starlette.applications import Starlette

from api import refund_requests as api
from api.bearer import Gate
from billing.principals import Principal, Role
from pipelines.send_commands import send_due
from store import audit, refund_requests
from store.database import DatabaseUnreachable, tenant_transaction
from tests.pipelines.refund_desk import FAY, SAM, Desk, open_desk
from tests.sandbox_fixtures import SandboxServer

TOKEN = "0123456789abcdef0123456789abcdef"
PATH = "/v1/refund_requests"


class Caller:
    """A program that calls the API with the token, in one role."""

    def __init__(self, engine: Engine, tenant: UUID, role: Role = "support", token: str | None = TOKEN) -> None:
        gate = Gate(token, Principal("api", role))
        self.app = Starlette(routes=api.routes(gate, lambda: (engine, tenant)))

    async def call(self, method: str, path: str, **sent: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {TOKEN}"} | sent.pop("headers", {})
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://metering") as client:
            return await client.request(method, path, headers=headers, **sent)

    def get(self, path: str = "", **sent: Any) -> httpx.Response:
        return asyncio.run(self.call("GET", PATH + path, **sent))

    def post(self, path: str = "", **sent: Any) -> httpx.Response:
        return asyncio.run(self.call("POST", PATH + path, **sent))

    def ask(self, key: str | None, **body: Any) -> httpx.Response:
        return self.post(json=body, headers={} if key is None else {"Idempotency-Key": key})


@pytest.fixture
def desk(engine: Engine, tenant: UUID, sandbox_server: SandboxServer) -> Iterator[Desk]:
    with open_desk(engine, tenant, sandbox_server) as opened:
        yield opened


@pytest.fixture
def caller(desk: Desk) -> Caller:
    return Caller(desk.engine, desk.tenant)


def send(desk: Desk) -> None:
    """What the worker does; the API writes commands down at this machine's time, not at the sandbox's."""
    assert send_due(desk.engine, desk.tenant, desk.gateway, now=datetime.now(UTC)) == 1


def is_problem(answer: httpx.Response, status: int, words: str, field: str | None = None) -> bool:
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert (answer.status_code, body["status"], body["type"]) == (status, status, "about:blank"), answer.text
    assert words in body["detail"], body
    assert [error["field"] for error in body.get("errors", [])] == ([] if field is None else [field]), body
    return True


def test_a_refund_is_asked_for_shown_approved_and_sent(desk: Desk, caller: Caller, mallory: UUID) -> None:
    charge = desk.charge()
    wanted = {"charge": charge, "amount": 3_000, "currency": "usd", "reason": "duplicate", "note": "twice"}
    made = caller.ask("k-1", **wanted, external_id="ticket-7")
    assert (made.status_code, made.headers["location"]) == (201, f"{PATH}/{made.json()['id']}")
    assert made.headers["cache-control"] == "no-store"
    at = f"/{made.json()['id']}"
    shown = made.json()
    assert [shown[name] for name in ("object", "state", "charge", "amount", "currency", "source", "requested_by")] == [
        "refund_request", "requested", charge, 3_000, "usd", "api", "api (support)",
    ]  # fmt: skip
    assert is_problem(caller.post(f"{at}/approve"), 409, "is requested, so it cannot become decided")
    desk.check()
    file = caller.post(f"{at}/evidence", params={"name": "mail.txt"}, content=b"twice!", headers={"Content-Type": "text/plain"})  # fmt: skip
    link = caller.post(f"{at}/evidence", json={"link": "https://help.example.com/7"})
    assert (file.status_code, link.status_code) == (201, 201)
    # printf twice! | sha256sum
    assert file.json()["sha256"] == "1c03c2311d2bf7ef2f0d620a800e5791e783c8ed619c2c1149c4623a9b953ffe"
    approved = caller.post(f"{at}/approve", json={"why": "twice indeed"})
    assert (approved.status_code, approved.json()["state"]) == (200, "decided")
    assert approved.json()["command"]["state"] == "waiting"
    send(desk)
    done = caller.get(at).json()
    assert (done["state"], done["command"]["state"], desk.refunded(charge)) == ("settled", "succeeded", [3_000])
    assert [step["step"] for step in done["steps"]] == [
        "requested", "checked", "evidence", "evidence", "decided", "sent", "settled",
    ]  # fmt: skip
    assert [(one["name"], one["link"]) for one in done["evidence"]] == [
        ("mail.txt", None),
        ("https://help.example.com/7", "https://help.example.com/7"),
    ]
    assert is_problem(caller.post(f"{at}/cancel"), 409, "on its way to Stripe already")
    outsider = Caller(desk.engine, mallory)
    assert is_problem(outsider.get(at), 404, "no refund request")
    assert is_problem(outsider.post(f"{at}/approve"), 404, "no refund request")
    assert outsider.get().json() == {"data": [], "has_more": False, "next_cursor": None}
    assert is_problem(outsider.ask("k-1", **wanted), 422, "No paid charge is known", "charge")


def test_a_repeated_call_finds_the_first_request_and_another_body_is_refused(desk: Desk, caller: Caller) -> None:
    charge = desk.charge()
    first = caller.ask("k-1", charge=charge, reason="duplicate")
    again = caller.ask("k-1", charge=charge, reason="duplicate", note=None)
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert again.headers["idempotency-replayed"] == "true"
    assert is_problem(caller.ask("k-1", charge=charge, reason="fraudulent"), 409, "stands for another refund")
    named = caller.ask(None, charge=charge, reason="duplicate", external_id="t-1")
    assert caller.ask(None, charge=charge, reason="duplicate", external_id="t-1").json()["id"] == named.json()["id"]
    assert caller.ask("k-2", charge=charge, reason="duplicate", external_id="t-1").json()["id"] == named.json()["id"]
    assert is_problem(caller.ask(None, charge=charge, reason="fraudulent", external_id="t-1"), 409, "another refund")
    # All that was left is refunded by now: the first call, repeated late, is answered all the same.
    desk.check()
    assert caller.post(f"/{first.json()['id']}/approve").status_code == 403  # the other one asks for the same amount
    desk.approve(desk.see(next(iter(found(desk, "k-1")))), FAY, override_reason="checked with both")
    send(desk)
    desk.pull()
    late = caller.ask("k-1", charge=charge, reason="duplicate")
    assert (late.status_code, late.json()["state"]) == (200, "settled")


def found(desk: Desk, key: str) -> list[refund_requests.RefundRequest]:
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        return [one for one in refund_requests.newest(connection) if one.idempotency_key == key]


def test_twenty_calls_at_once_are_one_request(desk: Desk, caller: Caller, mallory: UUID) -> None:
    body = {"charge": desk.charge(), "amount": 500, "currency": "USD", "reason": "requested_by_customer"}

    async def all_at_once() -> list[httpx.Response]:
        calls = (caller.call("POST", PATH, json=body, headers={"Idempotency-Key": "k"}) for _ in range(20))
        return await asyncio.gather(*calls)

    answers = asyncio.run(all_at_once())
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        assert len(refund_requests.newest(connection)) == 1
        assert audit.verify(connection).rows == 1  # one step, written down once
    with tenant_transaction(desk.engine, mallory) as connection:
        assert refund_requests.newest(connection) == []


def test_the_gate_asks_for_the_token_and_is_shut_without_one(engine: Engine, tenant: UUID) -> None:
    caller = Caller(engine, tenant)
    for wrong in ("", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer " + "é" * 32):
        answer = caller.get(headers={"Authorization": wrong.encode()})
        assert is_problem(answer, 401, "Send the API's token")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert TOKEN not in answer.text
    assert caller.get(headers={"Authorization": f"bearer {TOKEN}"}).status_code == 200
    assert is_problem(Caller(engine, tenant, token=None).get(), 404, "METERING_API_TOKEN is not set")


def test_a_role_may_what_it_may_on_the_page(desk: Desk, caller: Caller) -> None:
    charge = desk.charge(60_000)
    viewer, finance = (Caller(desk.engine, desk.tenant, role) for role in ("viewer", "finance"))  # type: ignore[arg-type]  # both are roles
    assert is_problem(viewer.ask("k", charge=charge, reason="duplicate"), 403, "A viewer asks for no refunds")
    asked = desk.ask(charge, None, SAM)
    desk.check()
    at = f"/{asked.request_id}"
    assert viewer.get(at).json()["state"] == "checked"
    assert is_problem(viewer.post(f"{at}/evidence", json={"link": "https://x.example"}), 403, "A viewer adds no")
    assert is_problem(caller.post(f"{at}/approve"), 403, "60000 usd (minor units) is above the 50000")
    assert is_problem(finance.post(f"{at}/approve"), 403, "A finance does not approve refunds")
    assert is_problem(finance.post(f"{at}/decline", json={"why": "no"}), 403, "does not decide")
    assert is_problem(caller.post(f"{at}/cancel"), 403, "Only sam (support), a lead or a founder")
    assert is_problem(caller.post(f"{at}/decline"), 422, "Say why it is declined", "why")
    declined = caller.post(f"{at}/decline", json={"why": "used up"})
    assert (declined.json()["state"], declined.json()["outcome"]) == ("declined", "used up")
    own = caller.ask("k", charge=charge, reason="duplicate", amount=100, currency="usd").json()["id"]
    assert caller.post(f"/{own}/cancel", json={"why": "wrong one"}).json()["state"] == "canceled"


UNFIT: list[tuple[Any, int, str, str | None]] = [
    ({"reason": "duplicate"}, 422, "missing required field `charge`", "charge"),
    ({"charge": "CHARGE", "reason": "because"}, 422, "Invalid enum value 'because'", "reason"),
    ({"charge": "CHARGE", "reason": "duplicate", "amount": "5"}, 422, "Expected `int", "amount"),
    ({"charge": "CHARGE", "reason": "duplicate", "amount": 1.5, "currency": "usd"}, 422, "Expected `int", "amount"),
    ({"charge": "CHARGE", "reason": "duplicate", "amount": 0, "currency": "usd"}, 422, ">= 1", "amount"),
    ({"charge": "CHARGE", "reason": "duplicate", "amount": 5}, 422, "An amount needs its currency", "currency"),
    ({"charge": "CHARGE", "reason": "duplicate", "amount": 5, "currency": "eur"}, 422, "not in eur", "currency"),
    ({"charge": "CHARGE", "reason": "duplicate", "amount": 10**6, "currency": "usd"}, 422, "1000000 usd", "amount"),
    ({"charge": "CHARGE", "reason": "duplicate", "ammount": 5}, 422, "unknown field `ammount`", "ammount"),
    ({"charge": "ch_nothing", "reason": "duplicate"}, 422, "No paid charge is known", "charge"),
    ({"charge": "ch_\0", "reason": "duplicate"}, 422, "matching regex", "charge"),
    ([], 422, "Expected `object`", None),
    (b"{", 400, "The body is no JSON", None),
    (b'{"charge": "\xff"}', 400, "The body is no JSON", None),
    (b"x" * (64 * 1024 + 1), 413, "larger than 65536 bytes", None),
]


def test_what_does_not_fit_is_named_and_asks_for_nothing(desk: Desk, caller: Caller) -> None:
    charge = desk.charge()
    for body, status, words, field in UNFIT:
        content = body if isinstance(body, bytes) else json.dumps(body).replace("CHARGE", charge).encode()
        headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
        assert is_problem(caller.post(content=content, headers=headers), status, words, field)
    assert caller.get().json()["data"] == []


def test_calls_that_cannot_be_meant_are_refused(desk: Desk, caller: Caller) -> None:
    charge = desk.charge()
    body = {"charge": charge, "reason": "duplicate"}
    assert is_problem(caller.ask(None, **body), 400, "Send an `Idempotency-Key` header")
    assert is_problem(caller.ask("k" * 256, **body), 400, "more than 255 characters")
    assert is_problem(caller.post(content=json.dumps(body), headers={"Idempotency-Key": "k"}), 415, "Send JSON")
    asked = caller.ask("k", **body).json()["id"]
    for path in ("/nothing", f"/{uuid4()}", f"/{UUID(int=0)}"):
        assert is_problem(caller.get(path), 404, "no refund request")
    assert is_problem(caller.post(f"/{asked}/evidence", json={"link": "https://x"}), 409, "cannot become evidence")
    desk.check()
    at = f"/{asked}/evidence"
    assert is_problem(caller.post(at, json={"link": "ftp://x"}), 422, "is no web address", "link")
    assert is_problem(caller.post(at, params={"name": "a.txt"}, content=b""), 422, "has 0 bytes", "body")
    assert is_problem(caller.post(at, params={"name": ""}, content=b"x"), 422, "name must have", "name")
    assert is_problem(caller.post(at, params={"name": "a"}, content=b"x" * 5_000_001), 413, "larger than 5000000")

    def away() -> tuple[Engine, UUID]:
        raise DatabaseUnreachable("nobody answers")

    caller.app = Starlette(routes=api.routes(Gate(TOKEN, SAM), away))
    lost = caller.ask("k-2", **body)
    assert is_problem(lost, 503, "try again with the same key")
    assert lost.headers["retry-after"] == "5"


def test_the_list_goes_from_page_to_page_by_state(desk: Desk, caller: Caller, mallory: UUID) -> None:
    charge = desk.charge()
    asked = [desk.ask(charge, amount) for amount in (1, 2, 3, 4, 5)]
    caller.post(f"/{asked[1].request_id}/cancel")
    Caller(desk.engine, desk.tenant, "founder").post(f"/{asked[1].request_id}/cancel")
    seen, cursor = [], None
    while True:
        page = caller.get(params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen.append([one["amount"] for one in page["data"]])
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert seen == [[5, 4], [3, 2], [1]]
    assert cursor is None
    by_state = {state: [one["amount"] for one in caller.get(params={"state": state}).json()["data"]] for state in
                ("canceled", "requested", "canceled,requested")}  # fmt: skip
    assert by_state == {"canceled": [2], "requested": [5, 4, 3, 1], "canceled,requested": [5, 4, 3, 2, 1]}
    for wrong in ({"limit": 0}, {"limit": "101"}, {"limit": "-1"}, {"state": "lost"}, {"cursor": "x"}):
        assert is_problem(caller.get(params=wrong), 422, "must be", next(iter(wrong)))
    theirs = Caller(desk.engine, mallory).get(params={"cursor": str(asked[0].request_id)})
    assert is_problem(theirs, 422, "must be the next_cursor", "cursor")
