"""The provider APIs as one ASGI application, and the control plane that makes them late, wrong or out of order."""

import asyncio
import json
from collections.abc import Callable
from datetime import date, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.providers import anthropic, gateways, openai
from sandbox.providers.account import Accounts, Correction, Trouble
from sandbox.providers.answers import Answer, Asked, Refusal

Answering = Callable[[Accounts, Asked], Answer]


def _openai(answering: Answering) -> Answering:
    def answer(accounts: Accounts, asked: Asked) -> Answer:
        openai.let_in(asked)
        return answering(accounts, asked)

    return answer


def _anthropic(answering: Answering) -> Answering:
    def answer(accounts: Accounts, asked: Asked) -> Answer:
        anthropic.let_in(asked)
        return answering(accounts, asked)

    return answer


def _openai_usage(accounts: Accounts, asked: Asked) -> Answer:
    return openai.usage(accounts, asked, asked.path.rsplit("/", 1)[-1])


def build_provider_app(accounts: Accounts) -> Starlette:
    """The application around one company's accounts; below the path where it is mounted each API has its own paths."""
    table: list[tuple[str, str, Answering]] = [
        ("GET", "/v1/organization/usage/{kind}", _openai(_openai_usage)),
        ("GET", "/v1/organization/costs", _openai(openai.costs)),
        ("GET", "/v1/organizations/usage_report/messages", _anthropic(anthropic.usage)),
        ("GET", "/v1/organizations/cost_report", _anthropic(anthropic.cost)),
        ("GET", "/api/v1/activity", gateways.activity),
        ("GET", "/spend/logs/v2", gateways.spend_logs),
        ("GET", "/api/public/v2/observations", gateways.observations),
        ("POST", "/v1/request/query-clickhouse", gateways.requests),
    ]
    routes = [Route(path, _endpoint(accounts, answering), methods=[method]) for method, path, answering in table]
    return Starlette(routes=[*routes, *_control(accounts)])


def _endpoint(accounts: Accounts, answering: Answering) -> Callable[[Request], object]:
    async def endpoint(request: Request) -> Response:
        query: dict[str, list[str]] = {}
        for name, value in request.query_params.multi_items():
            query.setdefault(name.removesuffix("[]"), []).append(value)
        asked = Asked(request.url.path, query, dict(request.headers), gateways.sent(await request.body()))
        accounts.asked.append(f"{asked.path}?{request.url.query}" if request.url.query else asked.path)
        trouble = accounts.strike(asked.path)
        try:
            if trouble is not None and trouble.kind in {"rate_limit", "server_error"}:
                raise _refused(asked, trouble)
            if not accounts.pace.lets_through(asyncio.get_running_loop().time()):
                raise _refused(asked, Trouble("", "rate_limit", retry_after_seconds=1))
            body = json.dumps(answering(accounts, asked)).encode()
        except Refusal as refusal:
            return Response(
                json.dumps(refusal.body), refusal.status, dict(refusal.headers), media_type="application/json"
            )
        if trouble is not None:  # an answer that breaks off, or that a proxy in between made into something else
            body = body[: len(body) // 2] if trouble.kind == "cut_off" else b"<html>upstream connect error</html>"
        return Response(body, media_type="application/json")

    return endpoint


def _refused(asked: Asked, trouble: Trouble) -> Refusal:
    if trouble.kind == "server_error":
        return Refusal(503, {"error": {"message": "The server is overloaded or not ready yet."}})
    too_many = anthropic.too_many if "/organizations/" in asked.path else openai.too_many
    return too_many(trouble.retry_after_seconds)


def _control(accounts: Accounts) -> list[Route]:
    async def troubles(request: Request) -> Response:
        order = json.loads(await request.body())
        accounts.troubles.append(Trouble(**order))
        return Response(status_code=204)

    async def corrections(request: Request) -> Response:
        order = json.loads(await request.body())
        day, known_from = date.fromisoformat(order["day"]), datetime.fromisoformat(order["known_from"])
        accounts.corrections.append(Correction(order["provider"], day, int(order["percent"]), known_from))
        return Response(status_code=204)

    return [
        Route("/_sandbox/troubles", troubles, methods=["POST"]),
        Route("/_sandbox/corrections", corrections, methods=["POST"]),
    ]
