"""From a request to Stripe's answer: who asks, what for, whether it was asked before, and the fault that was ordered for it."""

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field

import msgspec

from sandbox.billing.meter_events import is_session
from sandbox.errors import StripeError
from sandbox.http.expand import expand
from sandbox.http.faults import SILENT, Fault, Kind, error_of, too_many_requests
from sandbox.http.forms import MULTIPART, decode, decode_multipart
from sandbox.http.idempotency import NOT_BEGUN, Saved
from sandbox.http.keys import key_of, refuse_what_the_key_may_not
from sandbox.http.operations import Operation, answer_of, find
from sandbox.http.parameters import checked
from sandbox.http.service import Service
from sandbox.http.shown import shown
from sandbox.http.v2 import PATH as V2
from sandbox.http.v2 import STREAM
from sandbox.objects import StripeObject

RETRY_HELPS = {"lock_timeout", "idempotency_key_in_use"}
# What is kept about meter events is changed by single steps, after all checks.
KEPT_APART = {"billing.meter_event", "billing.meter_event_adjustment"}
BEFORE = {Kind.SERVER_ERROR, Kind.RATE_LIMIT, Kind.LOCK_TIMEOUT, Kind.TIMEOUT_BEFORE}


@dataclass(frozen=True)
class Asked:
    """A request as it arrived; header names in lower case."""

    request_id: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    sent: bytes

    @property
    def idempotency_key(self) -> str | None:
        """Stripe looks at it on POST alone."""
        return (self.headers.get("idempotency-key") or None) if self.method == "POST" else None


@dataclass(frozen=True)
class Answer:
    """What goes back: status, JSON, and the headers beyond those that every answer has."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class NoAnswer(Exception):
    """The connection is to be closed without a word."""


async def answer(service: Service, asked: Asked, at: float) -> Answer:
    """The answer to a request that arrived `at` (seconds of any clock). Raises NoAnswer when a fault wants silence."""
    fault = None
    try:
        key = _key(service, asked)
        if not service.pace.lets_through(at):
            raise too_many_requests()
        operation = find(asked.method, asked.path)
        refuse_what_the_key_may_not(key, asked.method, operation.kind)
        fault = service.faults.strike(asked.method, asked.path)
        if fault is not None and fault.kind in BEFORE:
            await _fail_before(service, asked, fault)
        params = checked(operation.name, _params(asked), asked.headers.get("stripe-version"))
        found = await _answer_once(service, asked, operation, params, fault)
    except StripeError as refusal:
        found = _refusal(refusal)
        _note(service, asked, found)
    if fault is not None and fault.should_retry is not None:
        return Answer(
            found.status, found.body, {**found.headers, "Stripe-Should-Retry": str(fault.should_retry).lower()}
        )
    return found


def _key(service: Service, asked: Asked) -> str:
    """Who asks. The stream of meter events takes the token of a session, and nothing else does."""
    if asked.path != STREAM:
        return key_of(asked.headers.get("authorization"))
    token = (asked.headers.get("authorization") or "").removeprefix("Bearer ")
    if not is_session(service.state, token):
        raise StripeError(
            status=401, type="invalid_request_error", message="The session's token is unknown or expired."
        )
    return token


def _params(asked: Asked) -> StripeObject:
    content_type = asked.headers.get("content-type", "")
    if content_type.startswith(MULTIPART):
        return decode(asked.query) | decode_multipart(content_type, asked.sent)
    if asked.path.startswith(V2) and asked.sent:
        try:
            return decode(asked.query) | msgspec.json.decode(asked.sent, type=dict)
        except msgspec.DecodeError as broken:
            raise StripeError(status=400, type="invalid_request_error", message=f"Invalid JSON: {broken}") from None
    if content_type.startswith("application/json") and asked.sent:
        raise StripeError(
            status=400,
            type="invalid_request_error",
            message="Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have "
            "questions, we can help at https://support.stripe.com/.",
        )
    return decode("&".join(filter(None, (asked.query, asked.sent.decode()))))


def _refusal(refusal: StripeError) -> Answer:
    headers = {}
    if refusal.code in RETRY_HELPS:
        headers["Stripe-Should-Retry"] = "true"
    elif refusal.status in {400, 402, 403, 404}:
        headers["Stripe-Should-Retry"] = "false"
    elif refusal.status == 429:
        headers["Stripe-Rate-Limited-Reason"] = "global-rate"
    elif refusal.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Stripe"'
    return Answer(refusal.status, msgspec.json.encode(refusal.body()), headers)


async def _fail_before(service: Service, asked: Asked, fault: Fault) -> None:
    """Nothing is done; a saved 500 is what the key's later requests will be told too."""
    await asyncio.sleep(fault.delay_seconds)
    if fault.kind in SILENT:
        _note(service, asked, None)
        raise NoAnswer
    error = error_of(fault.kind)
    assert error is not None, f"{fault.kind} is an error"
    if fault.saved and asked.idempotency_key:
        params = checked(find(asked.method, asked.path).name, _params(asked), asked.headers.get("stripe-version"))
        _save(service, asked, params, _refusal(error))
    raise error


async def _answer_once(
    service: Service, asked: Asked, operation: Operation, params: StripeObject, fault: Fault | None
) -> Answer:
    """Do what is asked, or give the answer that its key already has."""
    key = asked.idempotency_key
    if key is None:
        found = _do(service, asked, operation, params)
        _note(service, asked, found)
        return await _late(found, fault)
    earlier = service.keys.earlier(key, asked.method, asked.path, params, service.state.now)
    if earlier is not None:
        headers = {"Idempotency-Key": key, "Idempotent-Replayed": "true", "Original-Request": earlier.request_id}
        found = Answer(earlier.status, earlier.body, headers)
        _note(service, asked, found, replayed=True)
        return await _late(found, fault)
    service.keys.in_flight.add(key)
    try:
        found = _do(service, asked, operation, params)
        _note(service, asked, found)
        keeps_failure = fault is not None and fault.kind is Kind.SERVER_ERROR_AFTER and fault.saved
        _save(service, asked, params, _failed(Kind.SERVER_ERROR_AFTER) if keeps_failure else found)
        found = await _late(found, fault)
    finally:
        service.keys.in_flight.discard(key)
    return Answer(found.status, found.body, {**found.headers, "Idempotency-Key": key})


def _note(service: Service, asked: Asked, found: Answer | None, *, replayed: bool = False) -> None:
    """Put it into the log of changes, with what was done, which is not always what the caller will hear of it."""
    service.requests.note(
        asked.request_id,
        asked.method,
        asked.path,
        asked.idempotency_key,
        at=service.state.now,
        status=None if found is None else found.status,
        body=b"" if found is None else found.body,
        replayed=replayed,
    )


def _failed(kind: Kind) -> Answer:
    error = error_of(kind)
    assert error is not None, f"{kind} is an error"
    return _refusal(error)


async def _late(found: Answer, fault: Fault | None) -> Answer:
    """What a fault makes of an answer after the deed."""
    if fault is None:
        return found
    await asyncio.sleep(fault.delay_seconds)
    if fault.kind in SILENT:
        raise NoAnswer
    return _failed(fault.kind) if fault.kind is Kind.SERVER_ERROR_AFTER else found


def _save(service: Service, asked: Asked, params: StripeObject, found: Answer) -> None:
    key = asked.idempotency_key
    if key is None or found.status in {409, 429} or _not_begun(found):
        return
    service.keys.saved[key] = Saved(
        method=asked.method,
        path=asked.path,
        params=params,
        status=found.status,
        body=found.body,
        request_id=asked.request_id,
        at=service.state.now,
    )


def _not_begun(found: Answer) -> bool:
    return found.status == 400 and msgspec.json.decode(found.body)["error"].get("code") in NOT_BEGUN


def _do(service: Service, asked: Asked, operation: Operation, params: StripeObject) -> Answer:
    """The deed itself. It never awaits, so requests that come together are done one after the other, each as a whole."""
    state = service.state
    state.request_id, state.idempotency_key = asked.request_id, asked.idempotency_key
    try:
        # What is only read, or written by one single addition, needs no way back.
        changes_much = asked.method != "GET" and operation.kind not in KEPT_APART
        with state.whole_or_nothing() if changes_much else nullcontext():
            subject = state.objects[operation.kind].get(operation.id or "")
            if asked.method != "GET" and subject is not None and "expand" in params:
                # A bad `expand` is refused before anything is changed.
                expand(state, shown(state, subject), params)
            done = answer_of(state, operation, params)
            return Answer(200, msgspec.json.encode(expand(state, done, params)))
    except StripeError as refusal:
        return _refusal(refusal)
    finally:
        state.request_id = state.idempotency_key = None
