"""Keys at the door: let in by scope and pace, remembered for seconds, and strangers are not listened to for long."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.bearer import Gate
from api.keys import KNOWN_SECONDS, Door
from api.throttles import WRONG_MAX, WRONG_WINDOW_SECONDS
from billing import api_keys
from billing.principals import OPERATOR, Principal
from store import api_keys as kept
from store.database import DatabaseUnreachable, tenant_transaction

TOKEN = "t" * 32


class Hands:
    """A steady clock that a test moves."""

    at = 1_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def hands() -> Hands:
    return Hands()


def key_of(engine: Engine, tenant: UUID, *, scopes: tuple[str, ...] = ("usage:write",), pace: int | None = None) -> str:
    now = datetime.now(UTC)
    with tenant_transaction(engine, tenant) as connection:
        return api_keys.create(
            connection, name="gateway", scopes=scopes, expires_at=now + timedelta(days=1), events_per_day=None,
            requests_per_second=pace, principal=OPERATOR, now=now,
        ).text  # fmt: skip


def app_of(engine: Engine, tenant: UUID, hands: Hands, role: str = "support") -> Starlette:
    door = Door(Gate(TOKEN, Principal("api", role)), lambda: (engine, tenant), hands)  # type: ignore[arg-type]  # a role

    async def who(request: Request) -> Response:
        caller = await door.enter(request, "usage:write")
        return caller if isinstance(caller, Response) else JSONResponse({"tenant": str(caller.tenant_id)})

    return Starlette(routes=[Route("/", who)])


def ask(app: Starlette, key: str | None, *, times: int = 1, address: str = "203.0.113.7") -> list[httpx.Response]:
    async def all_of_them() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app, client=(address, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://metering") as client:
            headers = {} if key is None else {"Authorization": f"Bearer {key}"}
            return [await client.get("/", headers=headers) for _ in range(times)]

    return asyncio.run(all_of_them())


def test_a_key_finds_its_tenant_and_the_installations_token_goes_on_working(
    engine: Engine, tenant: UUID, mallory: UUID, hands: Hands
) -> None:
    app = app_of(engine, tenant, hands)
    for given, whose in ((key_of(engine, tenant), tenant), (key_of(engine, mallory), mallory), (TOKEN, tenant)):
        (answer,) = ask(app, given)
        assert (answer.status_code, answer.json()) == (200, {"tenant": str(whose)})
    (refused,) = ask(app_of(engine, tenant, hands, role="viewer"), TOKEN)
    assert (refused.status_code, "may read alone" in refused.json()["detail"]) == (403, True)


def test_without_the_scope_or_without_a_key_nobody_comes_in(engine: Engine, tenant: UUID, hands: Hands) -> None:
    app = app_of(engine, tenant, hands)
    (reader,) = ask(app, key_of(engine, tenant, scopes=("usage:read",)))
    assert (reader.status_code, "this takes usage:write" in reader.json()["detail"]) == (403, True)
    for given in (None, "", "mtr_acme_x", "x" * 32, key_of(engine, tenant)[:-1]):
        (answer,) = ask(app, given)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_revoked_key_is_refused_within_seconds(engine: Engine, tenant: UUID, hands: Hands) -> None:
    app, key = app_of(engine, tenant, hands), key_of(engine, tenant)
    assert ask(app, key)[0].status_code == 200
    named = api_keys.read(key)
    assert named is not None
    with tenant_transaction(engine, tenant) as connection:
        used = kept.find(connection, named.key_id)
        assert used is not None
        assert used.last_used_at is not None
        api_keys.revoke(connection, named.key_id, principal=OPERATOR, now=datetime.now(UTC))
    assert ask(app, key)[0].status_code == 200  # remembered
    hands.at += KNOWN_SECONDS
    assert ask(app, key)[0].status_code == 401


def test_a_key_sends_as_many_requests_a_second_as_it_may(engine: Engine, tenant: UUID, hands: Hands) -> None:
    app, key = app_of(engine, tenant, hands), key_of(engine, tenant, pace=3)
    answers = ask(app, key, times=5)
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].headers["retry-after"] == "1"
    hands.at += 0.7  # 2.1 of 3 are back
    assert [answer.status_code for answer in ask(app, key, times=3)] == [200, 200, 429]


def test_an_address_that_guesses_is_not_listened_to_for_a_minute(engine: Engine, tenant: UUID, hands: Hands) -> None:
    app, key = app_of(engine, tenant, hands), key_of(engine, tenant)
    assert ask(app, key)[0].status_code == 200
    guesses = [ask(app, f"{'g' * 40}{number}")[0] for number in range(WRONG_MAX + 1)]
    assert [guess.status_code for guess in guesses] == [401] * WRONG_MAX + [429]
    assert int(guesses[-1].headers["retry-after"]) <= WRONG_WINDOW_SECONDS
    hands.at += KNOWN_SECONDS + 1
    assert ask(app, key)[0].status_code == 200  # who was let in before is not shut out by a neighbor
    assert ask(app, "x" * 40, address="198.51.100.1")[0].status_code == 401  # nor is another address
    hands.at += WRONG_WINDOW_SECONDS
    assert ask(app, "g" * 40)[0].status_code == 401


def test_with_the_database_away_a_caller_is_asked_to_come_again(engine: Engine, tenant: UUID, hands: Hands) -> None:
    def away() -> tuple[Engine, UUID]:
        raise DatabaseUnreachable("nobody answers")

    door = Door(Gate(None, OPERATOR), away, hands)

    async def who(request: Request) -> Response:
        caller = await door.enter(request, "usage:write")
        assert isinstance(caller, Response)
        return caller

    (answer,) = ask(Starlette(routes=[Route("/", who)]), key_of(engine, tenant))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
