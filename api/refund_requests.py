"""The refund queue over HTTP: ask, look, put evidence beside it, approve, decline, take back. What may be is `billing`'s to say."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from api.bearer import Gate
from api.problems import BodyTooLarge, Refused, problem, read_body
from api.refund_shapes import Ask, Decision, Link, Why, decode, detail, evidence_shape, summary
from api.webhooks import OpenBooks
from billing import refunds
from billing.principals import Principal
from billing.refund_states import STATES, NoSuchStep
from billing.refund_steps import RefundNotAllowed, known
from billing.refunds import LARGEST_FILE_BYTES, Wanted
from store import refund_requests, stripe_commands
from store.database import DATABASE_FAILED, Connection, tenant_transaction
from store.refund_requests import RefundRequest
from store.steps import read_steps

log = structlog.get_logger(__name__)

PATH = "/v1/refund_requests"
MAX_JSON_BYTES = 64 * 1024
MAX_KEY_CHARACTERS = 255
PAGE, MAX_PAGE = 20, 100
STATUS = {"role": 403, "unknown": 404, "value": 422, "rule": 409}
# What billing calls a value, and what the caller sent it as.
FIELDS = {"of": "charge", "amount_minor": "amount", "content": "body"}


@dataclass(frozen=True)
class Call:
    """A request that came through the gate; `request_id` where the address names one."""

    tenant_id: UUID
    principal: Principal
    now: datetime
    request_id: UUID
    query: QueryParams
    headers: Headers
    body: bytes

    @property
    def content_type(self) -> str | None:
        """What the body says it is."""
        return self.headers.get("content-type")


Answer = tuple[int, dict[str, Any], dict[str, str]]
Deed = Callable[[Connection, Call], Answer]
"""One thing done in the tenant's open transaction; returns status, JSON and headers. Raises what billing raises, and Refused."""


def routes(gate: Gate, open_books: OpenBooks) -> list[Route]:
    """The queue's addresses under `/v1/refund_requests`; docs/api.md has them with examples."""

    def route(path: str, method: str, deed: Deed, max_bytes: int = MAX_JSON_BYTES) -> Route:
        async def endpoint(request: Request) -> Response:
            refusal = gate.refusal(request.headers.get("authorization"))
            if refusal is not None:
                return refusal
            try:
                body = await read_body(request, max_bytes)
            except BodyTooLarge:
                return problem(413, f"The body is larger than {max_bytes} bytes.")
            except ClientDisconnect:
                return problem(400, "The connection ended before the body did.")
            return await run_in_threadpool(_answer, open_books, gate.principal, deed, request, body)

        return Route(PATH + path, endpoint, methods=[method])

    return [
        route("", "POST", _ask),
        route("", "GET", _list),
        route("/{request_id}", "GET", _show),
        route("/{request_id}/evidence", "POST", _attach, LARGEST_FILE_BYTES),
        route("/{request_id}/approve", "POST", _approve),
        route("/{request_id}/decline", "POST", _decline),
        route("/{request_id}/cancel", "POST", _cancel),
    ]


def _answer(open_books: OpenBooks, principal: Principal, deed: Deed, request: Request, body: bytes) -> Response:
    """One transaction; the answer is given after its commit."""
    try:
        request_id = _id(request.path_params.get("request_id"))
        engine, tenant_id = open_books()
        call = Call(tenant_id, principal, datetime.now(UTC), request_id, request.query_params, request.headers, body)
        with tenant_transaction(engine, tenant_id) as connection:
            status, shape, headers = deed(connection, call)
    except Refused as refused:
        return problem(refused.status, str(refused), errors=refused.errors)
    except RefundNotAllowed as refusal:
        name = FIELDS.get(refusal.field or "", refusal.field)
        errors = [{"field": name, "detail": str(refusal)}] if name else []
        return problem(STATUS[refusal.because], str(refusal), errors=errors)
    except NoSuchStep as too_late:
        return problem(409, str(too_late))
    except DATABASE_FAILED as trouble:
        log.warning("refund_request_not_answered", path=request.url.path, reason=type(trouble).__name__)
        return problem(503, "The database does not answer: try again with the same key.", headers={"Retry-After": "5"})
    return Response(
        msgspec.json.encode(shape),
        status_code=status,
        headers={"Cache-Control": "no-store", **headers},
        media_type="application/json",
    )


def _id(given: str | None) -> UUID:
    """The request that the address names; where it names none, no request has the id zero. Raises Refused."""
    try:
        return UUID(int=0) if given is None else UUID(given)
    except ValueError:
        raise Refused(404, "There is no refund request of this id.") from None


def _ask(connection: Connection, call: Call) -> Answer:
    body = decode(call.body, call.content_type, Ask)
    key = call.headers.get("idempotency-key", "").strip() or None
    if key is None and body.external_id is None:
        raise Refused(400, "Send an `Idempotency-Key` header or an external_id, so that a repeated call asks once.")
    if key is not None and len(key) > MAX_KEY_CHARACTERS:
        raise Refused(400, f"The Idempotency-Key has more than {MAX_KEY_CHARACTERS} characters.")
    if body.amount is not None and body.currency is None:
        missing = {"field": "currency", "detail": "An amount needs its currency."}
        raise Refused(422, missing["detail"], [missing])
    wanted = Wanted(
        body.charge, body.amount, body.reason, body.note, body.external_id, body.currency, idempotency_key=key
    )
    made, is_new = refunds.request(
        connection, call.tenant_id, wanted, source="api", principal=call.principal, now=call.now
    )
    headers = {"Location": f"{PATH}/{made.request_id}"} | ({} if is_new else {"Idempotency-Replayed": "true"})
    return 201 if is_new else 200, _shape(connection, made), headers


def _list(connection: Connection, call: Call) -> Answer:
    limit_said = call.query.get("limit", str(PAGE))
    limit = int(limit_said) if limit_said.isascii() and limit_said.isdigit() and len(limit_said) < 4 else 0
    if not 1 <= limit <= MAX_PAGE:
        said = f"limit must be a whole number from 1 to {MAX_PAGE}."
        raise Refused(422, said, [{"field": "limit", "detail": said}])
    states = [state for given in call.query.getlist("state") for state in given.split(",")]
    if not set(states) <= set(STATES):
        said = f"state must be of {', '.join(STATES)}; several with commas."
        raise Refused(422, said, [{"field": "state", "detail": said}])
    found = refund_requests.newest(connection, states=states or None, limit=limit + 1, before=_cursor(connection, call))
    page = found[:limit]
    has_more = len(found) > limit
    shape = {
        "data": [summary(asked) for asked in page],
        "has_more": has_more,
        "next_cursor": page[-1].request_id if has_more else None,
    }
    return 200, shape, {}


def _cursor(connection: Connection, call: Call) -> UUID | None:
    """The last request of the page before, which must be one of this tenant's."""
    given = call.query.get("cursor")
    if given is None:
        return None
    try:
        return known(connection, _id(given)).request_id
    except (RefundNotAllowed, Refused):
        said = "cursor must be the next_cursor of the page before."
        raise Refused(422, said, [{"field": "cursor", "detail": said}]) from None


def _show(connection: Connection, call: Call) -> Answer:
    return 200, _shape(connection, known(connection, call.request_id)), {}


def _attach(connection: Connection, call: Call) -> Answer:
    """With a `name` in the address the body is a file, of whatever type; without one it is a link in JSON."""
    name = call.query.get("name")
    if name is None:
        body = decode(call.body, call.content_type, Link)
        name, link, content, media_type = body.name or body.link, body.link, None, None
    else:
        link, content, media_type = None, call.body, call.content_type
    if not 0 < len(name) <= 2_000 or "\0" in name:
        raise Refused(422, "name must have 1 to 2000 characters.", [{"field": "name", "detail": "It names the file."}])
    kept = refunds.attach(
        connection,
        call.tenant_id,
        call.request_id,
        name=name,
        link=link,
        content=content,
        media_type=media_type,
        principal=call.principal,
        now=call.now,
    )
    return 201, evidence_shape(kept), {}


def _approve(connection: Connection, call: Call) -> Answer:
    body = decode(call.body, call.content_type, Decision)
    moved = refunds.approve(
        connection,
        call.tenant_id,
        call.request_id,
        principal=call.principal,
        now=call.now,
        why=body.why,
        override_reason=body.override_reason,
    )
    return 200, _shape(connection, moved), {}


def _decline(connection: Connection, call: Call) -> Answer:
    why = decode(call.body, call.content_type, Why).why or ""
    moved = refunds.decline(
        connection, call.tenant_id, call.request_id, principal=call.principal, why=why, now=call.now
    )
    return 200, _shape(connection, moved), {}


def _cancel(connection: Connection, call: Call) -> Answer:
    why = decode(call.body, call.content_type, Why).why
    moved = refunds.cancel(connection, call.tenant_id, call.request_id, principal=call.principal, why=why, now=call.now)
    return 200, _shape(connection, moved), {}


def _shape(connection: Connection, asked: RefundRequest) -> dict[str, Any]:
    return detail(
        asked,
        read_steps(connection, "refund", asked.request_id),
        refund_requests.evidence(connection, asked.request_id),
        None if asked.command_id is None else stripe_commands.find(connection, asked.command_id),
    )
