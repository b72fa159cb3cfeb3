"""Stripe's webhooks over HTTP: stored once and answered 2xx, or answered so that Stripe knows what to do."""

import hashlib
import hmac
import json
import time
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine, text
from starlette.applications import Starlette

from api import webhooks
from store import inbox
from store.database import DatabaseUnreachable, tenant_transaction

SECRETS = {"main": ("whsec_new", "whsec_old"), "other": ("whsec_other",)}
EVENT = {"id": "evt_1", "object": "event", "type": "customer.updated", "created": 1_764_072_000}
EVENT |= {"data": {"object": {"id": "cus_1", "object": "customer"}}}


def signed(body: bytes, secret: str = "whsec_new", at: int | None = None) -> dict[str, str]:
    at = int(time.time()) if at is None else at
    signature = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={signature}"}


async def post(app: Starlette, body: bytes, headers: dict[str, str], endpoint: str = "main") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://metering") as client:
        return await client.post(f"/webhooks/stripe/{endpoint}", content=body, headers=headers)


@pytest.fixture
def app(engine: Engine, tenant: UUID) -> Starlette:
    return Starlette(routes=webhooks.routes(SECRETS, lambda: (engine, tenant)))


def stored(engine: Engine, tenant: UUID) -> list[inbox.InboxEvent]:
    with tenant_transaction(engine, tenant) as connection:
        return inbox.newest(connection, states=("received", "handled", "dead", "discarded"))


def run(coroutine: object) -> httpx.Response:
    import asyncio

    return asyncio.run(coroutine)  # type: ignore[arg-type,no-any-return]  # a coroutine of a response


def test_an_event_is_stored_as_it_came_once_however_often_it_comes(
    app: Starlette, engine: Engine, tenant: UUID, mallory: UUID
) -> None:
    body = json.dumps(EVENT, indent=2).encode()  # the signature is over these very bytes
    answers = [run(post(app, body, signed(body, secret))) for secret in ("whsec_new", "whsec_old", "whsec_new")]
    assert [(answer.status_code, answer.json()["is_new"]) for answer in answers] == [
        (200, True),
        (200, False),
        (200, False),
    ]
    (kept,) = stored(engine, tenant)
    assert (kept.payload.encode(), kept.state, kept.source, kept.endpoint) == (body, "received", "webhook", "main")
    assert (kept.event_type, kept.object_kind, kept.object_id) == ("customer.updated", "customer", "cus_1")
    assert kept.payload_sha256 == hashlib.sha256(body).hexdigest()
    assert stored(engine, mallory) == []


def test_a_thin_event_is_stored_as_well(app: Starlette, engine: Engine, tenant: UUID) -> None:
    thin = {"id": "evt_t", "object": "v2.core.event", "type": "v1.customer.updated", "created": "2026-11-25T12:00:00Z"}
    body = json.dumps(thin | {"related_object": {"id": "cus_1", "type": "customer"}}).encode()
    assert run(post(app, body, signed(body))).status_code == 200
    assert [(kept.event_id, kept.object_id) for kept in stored(engine, tenant)] == [("evt_t", "cus_1")]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("nothing signed", 400),
        ("another endpoint's secret", 400),
        ("an old signature", 400),
        ("another body", 400),
        ("no event", 400),
        ("an unknown endpoint", 404),
        ("too large a body", 413),
    ],
)
def test_what_is_not_stripes_is_refused_and_not_stored(
    app: Starlette, engine: Engine, tenant: UUID, change: str, status: int
) -> None:
    body = json.dumps(EVENT).encode()
    headers, endpoint = signed(body), "main"
    if change == "nothing signed":
        headers = {}
    elif change == "another endpoint's secret":
        headers = signed(body, "whsec_other")
    elif change == "an old signature":
        headers = signed(body, at=int(time.time()) - 900)
    elif change == "another body":
        body += b" "
    elif change == "no event":
        body = b'{"hello": "world"}'
        headers = signed(body)
    elif change == "an unknown endpoint":
        endpoint = "nobody"
    else:
        body = b'{"id": "' + b"x" * webhooks.MAX_BODY_BYTES + b'"}'
        headers = signed(body)
    answer = run(post(app, body, headers, endpoint))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert "whsec" not in answer.text
    assert stored(engine, tenant) == []


def test_with_the_database_away_stripe_is_asked_to_send_it_again(
    app: Starlette, engine: Engine, tenant: UUID, superuser_url: str
) -> None:
    body = json.dumps(EVENT).encode()

    def away() -> tuple[Engine, UUID]:
        raise DatabaseUnreachable("nobody answers")

    lost = run(post(Starlette(routes=webhooks.routes(SECRETS, away)), body, signed(body)))
    assert (lost.status_code, lost.headers["retry-after"]) == (503, "30")
    with engine.connect() as connection:  # one that refuses the row is no better
        connection.execute(text("select 1"))
    other = UUID(int=1)  # no such tenant: the foreign key refuses it
    refused = run(post(Starlette(routes=webhooks.routes(SECRETS, lambda: (engine, other))), body, signed(body)))
    assert refused.status_code == 503
    assert run(post(app, body, signed(body))).json()["is_new"]  # and when it is back, nothing was lost
