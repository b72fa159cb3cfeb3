"""Usage over HTTP: `POST /v1/usage` and OTLP's `POST /v1/traces`, durable before they are answered, many requests in one commit."""

import asyncio
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from api.keys import Caller, Door
from api.one_commit import InOneCommit, TooMuchWaiting
from api.problems import BodyTooLarge, Refused, problem, read_body
from api.usage_bodies import (
    MAX_SENT_BYTES,
    PROTOBUF,
    media_type,
    most_bytes,
    read_at_once,
    read_traces,
    read_usage,
    unpacked,
)
from api.webhooks import OpenBooks
from billing.usage_intake import Arrival, Outcome, keep, quota_wait_seconds
from pricing.usage_sources.posted import NotTaken, Posted
from store import usage_intake
from store.database import DATABASE_AWAY, DATABASE_FAILED, DatabaseUnreachable, tenant_transaction

log = structlog.get_logger(__name__)

# A transaction of so many events takes some 50 ms, so that nobody waits long for the one before theirs.
MOST_AT_ONCE, MOST_WAITING = 4_000, 100_000
# What all requests together may hold in memory.
MOST_HELD_BYTES = 256 * 2**20
# Whoever sends more slowly holds room that others want.
BODY_SECONDS = 30.0
# What is read in a moment is not worth the way to another thread.
READ_AT_ONCE_BYTES = 64 * 1024
BUSY = "More is waiting to be written than may wait. Send the same events again."
CONFLICT = "event_id was sent before with other content, which stays: send a correction under a new id"
TROUBLES = (
    BodyTooLarge,
    ClientDisconnect,
    Refused,
    TimeoutError,
    TooMuchWaiting,
    usage_intake.IntakeUnsteady,
    *DATABASE_FAILED,
)
_json = msgspec.json.Encoder()

Reader = Callable[[bytes, Mapping[str, str], datetime], Posted]
Shaper = Callable[["Taken", str], Response]


@dataclass
class Held:
    """How many bytes the requests that are being read may come to, all together."""

    bytes: int = 0

    @contextmanager
    def room(self, wanted: int) -> Iterator[bool]:
        """Whether there is room for so many more, which is then held for the block."""
        has_room = self.bytes + wanted <= MOST_HELD_BYTES
        self.bytes += wanted if has_room else 0
        try:
            yield has_room
        finally:
            self.bytes -= wanted if has_room else 0


@dataclass(frozen=True)
class Taken:
    """What became of a request's records; each is in one of these."""

    accepted: int
    duplicates: int
    ignored: int
    invalid: Sequence[NotTaken]
    conflicts: Sequence[NotTaken]

    @property
    def errors(self) -> list[NotTaken]:
        """Everything that was not taken, in the order in which it was sent."""
        return sorted((*self.invalid, *self.conflicts), key=lambda one: one.index)


def routes(door: Door, open_books: OpenBooks) -> list[Route]:
    """The intake's addresses; docs/usage-intake.md has them with examples."""
    commit: InOneCommit[Arrival, Outcome] = InOneCommit(
        functools.partial(_write, open_books),
        weigh=lambda arrival: max(1, len(arrival.events)),
        most_at_once=MOST_AT_ONCE,
        most_waiting=MOST_WAITING,
        hopeless=(*DATABASE_AWAY, DatabaseUnreachable),
    )
    held = Held()

    def post(path: str, read: Reader, shape: Shaper) -> Route:
        async def endpoint(request: Request) -> Response:
            caller = await door.enter(request, "usage:write")
            if isinstance(caller, Response):
                return caller
            with held.room(most_bytes(request.headers)) as has_room:
                if not has_room:
                    return problem(429, BUSY, headers={"Retry-After": "1"})
                return await _answered(request, caller, read, shape, commit)

        return Route(path, endpoint, methods=["POST"])

    async def standing(request: Request) -> Response:
        caller = await door.enter(request, "usage:read")
        return caller if isinstance(caller, Response) else await run_in_threadpool(_standing, open_books, caller)

    return [
        post("/v1/usage", read_usage, _usage_answer),
        post("/v1/traces", read_traces, _traces_answer),
        Route("/v1/usage", standing, methods=["GET"]),
    ]


async def _answered(
    request: Request, caller: Caller, read: Reader, shape: Shaper, commit: InOneCommit[Arrival, Outcome]
) -> Response:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await read_body(request, MAX_SENT_BYTES)
        now = datetime.now(UTC)
        is_short = len(body) <= READ_AT_ONCE_BYTES and "content-encoding" not in request.headers
        posted = read_at_once(body, request.headers, now) if is_short and read is read_usage else None
        if posted is None:
            posted = await run_in_threadpool(_unpack_and_read, read, body, request.headers, now)
        taken = await _keep(posted, caller, commit)
    except TROUBLES as trouble:
        return _told(trouble)
    if taken is None:
        assert caller.key is not None, "the installation's own token has no quota"
        said = f"The key {caller.key.key_id} may bring {caller.key.events_per_day:,} new events a UTC day; this would be more. Nothing was kept."
        return problem(429, said, headers={"Retry-After": str(quota_wait_seconds(now))})
    return shape(taken, media_type(request.headers))


def _told(trouble: Exception) -> Response:
    """Why nothing of a request was kept."""
    match trouble:
        case Refused():
            return problem(trouble.status, str(trouble))
        case BodyTooLarge():
            return problem(413, f"The body is larger than {MAX_SENT_BYTES} bytes: send it in parts.")
        case ClientDisconnect():
            return problem(400, "The connection ended before the body did.")
        case TimeoutError():
            return problem(408, f"The body did not come within {BODY_SECONDS:.0f} seconds. Send the same again.")
        case TooMuchWaiting():
            return problem(429, BUSY, headers={"Retry-After": "1"})
    log.warning("usage_not_kept", reason=type(trouble).__name__)
    return problem(503, "The database does not answer: send the same again.", headers={"Retry-After": "5"})


def _unpack_and_read(read: Reader, body: bytes, headers: Headers, now: datetime) -> Posted:
    return read(unpacked(body, headers.get("content-encoding", "").strip().lower()), headers, now)


async def _keep(posted: Posted, caller: Caller, commit: InOneCommit[Arrival, Outcome]) -> Taken | None:
    """Keep what can be kept; None when it is more than the key's quota."""
    events: dict[str, str] = {}
    repeated, conflicts = 0, []
    for index, event_id, event in zip(posted.indexes, posted.ids, posted.texts, strict=True):
        if events.setdefault(event_id, event) is not event:
            if events[event_id] == event:
                repeated += 1
            else:
                conflicts.append(NotTaken(index, event_id, "event_id", CONFLICT))
    outcome = await commit(Arrival(caller.tenant_id, caller.key, events)) if events else Outcome({})
    if outcome.over_quota:
        return None
    if outcome.known:
        clashing = {event_id for event_id, is_same in outcome.known.items() if not is_same}
        repeated += len(outcome.known) - len(clashing)
        for index, event_id, event in zip(posted.indexes, posted.ids, posted.texts, strict=True):
            if event_id in clashing and events[event_id] is event:
                conflicts.append(NotTaken(index, event_id, "event_id", CONFLICT))
    return Taken(len(events) - len(outcome.known), repeated, posted.ignored, posted.refused, conflicts)


def _write(open_books: OpenBooks, arrivals: Sequence[Arrival]) -> Sequence[Outcome]:
    return keep(open_books()[0], arrivals, datetime.now(UTC))


def _usage_answer(taken: Taken, _media: str) -> Response:
    errors = [vars(one) for one in taken.errors]
    if errors and not taken.accepted + taken.duplicates + taken.ignored:
        status = 422 if taken.invalid else 409
        said = "None of the events could be taken." if len(errors) > 1 else errors[0]["detail"]
        return problem(status, said, errors=errors)
    shape: dict[str, Any] = {"accepted": taken.accepted, "duplicates": taken.duplicates, "ignored": taken.ignored}
    return _answer(202, shape | {"errors": errors})


def _traces_answer(taken: Taken, media: str) -> Response:
    """As OTLP wants it: 200, and how many spans were not taken with the first reason. Their sender does not send them again."""
    errors = taken.errors
    said = f"{errors[0].detail} (span {errors[0].event_id})" if errors else ""
    if media == PROTOBUF:
        return Response(_partial_success(len(errors), said), media_type=PROTOBUF)
    return _answer(200, {"partialSuccess": {"rejectedSpans": str(len(errors)), "errorMessage": said}} if errors else {})


def _partial_success(rejected: int, said: str) -> bytes:
    """`ExportTraceServiceResponse` in protobuf: partial_success = 1 {rejected_spans = 1, error_message = 2}."""
    if not rejected:
        return b""
    text = said.encode()
    inside = b"\x08" + _varint(rejected) + b"\x12" + _varint(len(text)) + text
    return b"\x0a" + _varint(len(inside)) + inside


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*parts, number))


def _standing(open_books: OpenBooks, caller: Caller) -> Response:
    """What waits for the lake, and what the key has brought today."""
    today = datetime.now(UTC).date()
    try:
        with tenant_transaction(open_books()[0], caller.tenant_id) as connection:
            waits = usage_intake.waiting(connection)
            key = caller.key
            brought = usage_intake.counted(connection, key.key_id, today) if key and key.events_per_day else None
    except DATABASE_FAILED as trouble:
        log.warning("usage_standing_not_read", reason=type(trouble).__name__)
        return problem(503, "The database does not answer: ask again.", headers={"Retry-After": "5"})
    shape = {"waiting": waits.events, "oldest_received_at": waits.oldest_received_at}
    quota = None if key is None else key.events_per_day
    return _answer(200, shape | {"events_today": brought, "events_per_day": quota})


def _answer(status: int, shape: Mapping[str, Any]) -> Response:
    return Response(
        _json.encode(shape), status_code=status, headers={"Cache-Control": "no-store"}, media_type="application/json"
    )
