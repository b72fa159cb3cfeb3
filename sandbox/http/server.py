"""The ASGI application: Stripe's API under /v1, the providers' under /providers, the control plane under /_sandbox."""

import asyncio

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from sandbox.errors import StripeError
from sandbox.http import control
from sandbox.http.answering import Answer, Asked, NoAnswer, answer
from sandbox.http.service import Exchange, Service
from sandbox.providers.routes import build_provider_app

ACCOUNT_VERSION = "2026-03-25.dahlia"  # what the account speaks to whoever names no version


def build_app(service: Service) -> Starlette:
    """The application around one service. Everything runs on one event loop, which keeps each change whole."""
    waiting: set[asyncio.Task[None]] = set()

    async def stripe(request: Request) -> Response:
        asked = Asked(
            request_id=service.state.new_id("req"),
            method=request.method,
            path=request.url.path,
            query=request.url.query,
            headers=dict(request.headers),
            sent=await request.body(),
        )
        try:
            found = await answer(service, asked, asyncio.get_running_loop().time())
        except NoAnswer:
            await _hang_up(request)
            found = Answer(500, b"")
        if asked.method != "GET":
            # Webhooks go out while the caller already has the answer, as at Stripe.
            task = asyncio.create_task(service.changed())
            waiting.add(task)
            task.add_done_callback(waiting.discard)
        if service.on_exchange is not None:
            service.on_exchange(
                Exchange(asked.method, asked.path, asked.query, asked.headers, asked.sent, found.status, found.body)
            )
        return _response(asked, found)

    methods = ["GET", "POST", "DELETE"]
    beside = [Mount("/providers", build_provider_app(service.providers))] if service.providers else []
    routes = [*control.routes(service), *beside, Route("/{path:path}", stripe, methods=methods)]
    return Starlette(routes=routes, exception_handlers={Exception: _broken})


def _response(asked: Asked, found: Answer) -> Response:
    headers = {
        "Request-Id": asked.request_id,
        "Stripe-Version": asked.headers.get("stripe-version", ACCOUNT_VERSION),
        **found.headers,
    }
    return Response(found.body, found.status, headers, media_type="application/json")


async def _hang_up(request: Request) -> None:
    """Close the connection under the request, as a broken network does."""
    # The server's cycle of request and response holds the transport; ASGI itself has no word for this.
    cycle = getattr(request.receive, "__self__", None)
    transport = getattr(cycle, "transport", None)
    assert isinstance(transport, asyncio.Transport), "faults that close the connection need uvicorn"
    transport.abort()
    await request.receive()  # returns when the connection is gone, after which the server sends nothing more


async def _broken(_request: Request, problem: Exception) -> Response:
    """A mistake in the sandbox itself; uvicorn logs the traceback."""
    said = StripeError(status=500, type="api_error", message=f"The sandbox failed: {problem!r}")
    return Response(msgspec.json.encode(said.body()), 500, media_type="application/json")
