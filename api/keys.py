"""Who calls: a program with a key of its tenant, or the one with the installation's token; looked up once in a few seconds."""

import asyncio
import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

from api.bearer import CHALLENGE, Gate
from api.problems import problem
from api.throttles import Pace, WrongKeys
from api.webhooks import OpenBooks
from billing import api_keys
from store import api_keys as kept
from store.api_keys import ApiKey
from store.database import DATABASE_FAILED, tenant_transaction
from store.tenants import find_tenant

log = structlog.get_logger(__name__)

# A revoked key opens nothing after so long, in every process.
KNOWN_SECONDS = 5.0
KNOWN_MAX = 1_000
# The last use of a key is written down this often at most.
USE_NOTED = timedelta(minutes=1)
WRONG = "This key opens nothing: it has ended, was revoked, or was not copied whole. `metering keys list` shows those there are."
MISSING = "Send a key: `Authorization: Bearer mtr_…`. `metering keys create` makes one."


@dataclass(frozen=True)
class Caller:
    """Whose data a request is about, and the key that it came with; None for the installation's own token."""

    tenant_id: UUID
    key: ApiKey | None


class Door:
    """Lets callers in by their keys. A key is compared in constant time by its hash, and remembered for KNOWN_SECONDS."""

    def __init__(self, gate: Gate, open_books: OpenBooks, clock: Callable[[], float] = time.monotonic) -> None:
        self._gate, self._open_books, self._clock = gate, open_books, clock
        self._known: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[Caller | None]] = {}
        self._pace, self._wrong = Pace(), WrongKeys()

    async def enter(self, request: Request, scope: str) -> Caller | JSONResponse:
        """The caller, where the key may do what `scope` names (one of billing.api_keys.SCOPES); else the answer that says why not."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        text = given.strip()
        if scheme.lower() != "bearer" or not text:
            return problem(401, MISSING, headers=CHALLENGE)
        address, at = request.client.host if request.client else "", self._clock()
        digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
        known = self._known.get(digest)
        if known is None or known[1] <= at:
            # Who was let in before is looked up again however many wrong keys come from behind the same address.
            wait = 0.0 if known is not None else self._wrong.wait_seconds(address, at)
            if wait:
                return _later(f"{request.client.host if request.client else 'You'} sent too many wrong keys.", wait)
            try:
                caller = await self._looked_up(digest, text)
            except DATABASE_FAILED as trouble:
                log.warning("key_not_looked_up", reason=type(trouble).__name__)
                return problem(503, "The database does not answer: send the same again.", headers={"Retry-After": "5"})
            if caller is None:
                self._known.pop(digest, None)
                self._wrong.note(address, at)
                return problem(401, WRONG, headers=CHALLENGE)
        else:
            caller = known[0]
        return self._refusal(caller, scope, at) or caller

    def _refusal(self, caller: Caller, scope: str, at: float) -> JSONResponse | None:
        """What a known caller may not: another scope, or more requests than agreed."""
        key = caller.key
        if key is None:
            if scope.endswith(":write") and not self._gate.principal.ranks_at_least("support"):
                return problem(403, f"METERING_API_TOKEN acts as {self._gate.principal.role}, which may read alone.")
            return None
        if scope not in key.scopes:
            return problem(403, f"The key {key.key_id} may {' and '.join(key.scopes)}; this takes {scope}.")
        if key.requests_per_second is not None:
            wait = self._pace.wait_seconds(key.key_id, key.requests_per_second, at)
            if wait:
                return _later(f"The key {key.key_id} may send {key.requests_per_second} requests a second.", wait)
        return None

    async def _looked_up(self, digest: bytes, text: str) -> Caller | None:
        """Asks the database once for all that come with the same key at the same time."""
        asking = self._asking.get(digest)
        if asking is None:
            asking = asyncio.create_task(run_in_threadpool(self._caller, text))
            self._asking[digest] = asking
            asking.add_done_callback(lambda _: self._asking.pop(digest, None))
        caller = await asyncio.shield(asking)
        if caller is not None:
            self._known[digest] = (caller, self._clock() + KNOWN_SECONDS)
            self._known.move_to_end(digest)
            if len(self._known) > KNOWN_MAX:
                self._known.popitem(last=False)
        return caller

    def _caller(self, text: str) -> Caller | None:
        named = api_keys.read(text)
        if named is None:
            if self._gate.token is None or self._gate.refusal(f"Bearer {text}") is not None:
                return None
            return Caller(self._open_books()[1], None)
        engine, _ = self._open_books()
        tenant_id, now = find_tenant(engine, named.tenant_slug), datetime.now(UTC)
        if tenant_id is None:
            return None
        with tenant_transaction(engine, tenant_id) as connection:
            key = api_keys.proven(connection, named, text, now=now)
            if key is None:
                return None
            if key.last_used_at is None or now - key.last_used_at > USE_NOTED:
                kept.note_use(connection, key.key_id, now)
        return Caller(tenant_id, key)


def _later(why: str, wait_seconds: float) -> JSONResponse:
    return problem(429, f"{why} Send the same again later.", headers={"Retry-After": str(math.ceil(wait_seconds))})
