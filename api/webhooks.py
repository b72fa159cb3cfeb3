"""Stripe's webhooks: check the signature over the raw body, store the event once, answer. Nothing is decided here."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from api.one_commit import InOneCommit
from api.problems import BodyTooLarge, problem, read_body
from billing.inbox_rules import NotAnEvent, read_event
from billing.webhook_signature import why_not_signed
from store import inbox
from store.database import DATABASE_FAILED, Engine, tenant_transaction
from store.inbox import Told

log = structlog.get_logger(__name__)

# Stripe's events stay far below; what is larger is not read to its end.
MAX_BODY_BYTES = 256 * 1024
# Stripe sends again for three days what is not answered with a 2xx.
RETRY_AFTER_SECONDS = "30"

OpenBooks = Callable[[], tuple[Engine, UUID]]
"""The database and whose installation this is; raises what the database raises."""


@dataclass(frozen=True)
class Arrival:
    """An event whose signature was right, where it came in and when."""

    event: Told
    endpoint: str
    at: datetime


def routes(secrets: Mapping[str, Sequence[str]], open_books: OpenBooks) -> list[Route]:
    """`POST /webhooks/stripe/{endpoint}`; `secrets` are the signing secrets by endpoint, several while one is rolled.

    200 stored, or was stored before · 400 not signed by Stripe, or no event · 404 no such endpoint · 413 too large ·
    503 the database is away, so that Stripe sends it again.
    """

    store = InOneCommit(functools.partial(_store, open_books))

    async def receive(request: Request) -> JSONResponse:
        endpoint = request.path_params["endpoint"]
        if endpoint not in secrets:
            return problem(404, "There is no webhook endpoint of this name in STRIPE_WEBHOOK_SECRETS.")
        try:
            body = await read_body(request, MAX_BODY_BYTES)
        except BodyTooLarge:
            return problem(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
        now = datetime.now(UTC)
        refusal = why_not_signed(request.headers.get("stripe-signature"), body, secrets[endpoint], now)
        if refusal is not None:
            log.warning("webhook_refused", endpoint=endpoint, reason=refusal)
            return problem(400, refusal)
        return await _answered(store, endpoint, body, now)

    async def guarded(request: Request) -> JSONResponse:
        try:
            return await receive(request)
        except ClientDisconnect:
            return problem(400, "The connection ended before the body did.")

    return [Route("/webhooks/stripe/{endpoint}", guarded, methods=["POST"])]


async def _answered(store: InOneCommit[Arrival, bool], endpoint: str, body: bytes, now: datetime) -> JSONResponse:
    """The answer after the commit; 503 when there was none."""
    try:
        event = read_event(body)
    except NotAnEvent as wrong:
        log.warning("webhook_refused", endpoint=endpoint, reason=str(wrong))
        return problem(400, str(wrong))
    try:
        is_new = await store(Arrival(event, endpoint, now))
    except DATABASE_FAILED as trouble:
        log.warning("webhook_not_stored", endpoint=endpoint, event_id=event.event_id, reason=type(trouble).__name__)
        return problem(
            503, "The event could not be stored now: send it again.", headers={"Retry-After": RETRY_AFTER_SECONDS}
        )
    return JSONResponse({"event": event.event_id, "is_new": is_new})


def _store(open_books: OpenBooks, arrivals: Sequence[Arrival]) -> list[bool]:
    """One short transaction; whether each was new."""
    engine, tenant_id = open_books()
    now = min(arrival.at for arrival in arrivals)
    new: set[str] = set()
    with tenant_transaction(engine, tenant_id) as connection:
        for endpoint in sorted({arrival.endpoint for arrival in arrivals}):
            told = {arrival.event.event_id: arrival.event for arrival in arrivals if arrival.endpoint == endpoint}
            new |= inbox.add(connection, tenant_id, list(told.values()), source="webhook", endpoint=endpoint, now=now)
    answers = []
    for arrival in arrivals:
        answers.append(arrival.event.event_id in new)
        new.discard(arrival.event.event_id)  # of two that came in the same moment the first is the new one
    return answers
