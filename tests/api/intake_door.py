"""An intake for tests: its app on a fresh database, keys, and requests as programs send them."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import Engine, text
from starlette.applications import Starlette

from api import usage_intake
from api.bearer import Gate
from api.keys import Door
from billing import api_keys
from billing.principals import OPERATOR, Principal
from store.database import tenant_transaction

TOKEN = "t" * 32


def intake_app(engine: Engine, tenant: UUID) -> Starlette:
    door = Door(Gate(TOKEN, Principal("api", "support")), lambda: (engine, tenant))
    return Starlette(routes=usage_intake.routes(door, lambda: (engine, tenant)))


def new_key(engine: Engine, tenant: UUID, *, events_per_day: int | None = None, pace: int | None = None) -> str:
    now = datetime.now(UTC)
    with tenant_transaction(engine, tenant) as connection:
        return api_keys.create(
            connection, name="gateway", scopes=["usage:write", "usage:read"], expires_at=None,
            events_per_day=events_per_day, requests_per_second=pace, principal=OPERATOR, now=now,
        ).text  # fmt: skip


def event(number: int, **fields: object) -> dict[str, Any]:
    """A call of a minute ago with 100 + number tokens in and 10 out."""
    at = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
    told = {"event_id": f"evt_{number}", "occurred_at": at.isoformat(), "customer_id": "cus_1", "provider": "openai"}
    return told | {"model": "gpt-5-mini", "input_tokens": 100 + number, "output_tokens": 10} | fields


def send(app: Starlette, body: object, key: str = TOKEN, *, path: str = "/v1/usage", **headers: str) -> httpx.Response:
    """Post a body (bytes as they are, else as JSON); a header's name has _ for -."""
    (answer,) = send_all(app, [body], key, path=path, **headers)
    return answer


def send_all(
    app: Starlette, bodies: list[object], key: str = TOKEN, *, path: str = "/v1/usage", **headers: str
) -> list[httpx.Response]:
    """Post several at the same time."""
    given = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}

    async def all_of_them() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://metering") as client:
            contents = [body if isinstance(body, bytes) else json.dumps(body).encode() for body in bodies]
            return await asyncio.gather(*(client.post(path, content=each, headers=given) for each in contents))

    return asyncio.run(all_of_them())


def waiting_ids(engine: Engine, tenant: UUID) -> list[str]:
    with tenant_transaction(engine, tenant) as connection:
        return list(connection.execute(text("select event_id from usage_intake order by event_id")).scalars())
