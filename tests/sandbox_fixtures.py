"""The Stripe stand-in for tests: a server per test, or one with the demo company per session, and the official SDK for it."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

import polars as pl
import pytest
import stripe
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.company import build
from sandbox.http.server import build_app
from sandbox.http.service import Exchange, Service
from sandbox.state import State

SEED = 7
# 2026-11-25T00:00:00Z, and where the clock of an empty sandbox starts: 2026-01-01T00:00:00Z.
DEMO_AS_OF = 1_795_564_800
EMPTY_STARTS_AT = 1_767_225_600


@dataclass
class SandboxServer:
    """A running sandbox in this process. Look at `state` only between requests; change it through HTTP."""

    url: str
    service: Service
    usage: pl.DataFrame | None = None

    @property
    def state(self) -> State:
        """Its objects and its clock."""
        return self.service.state

    def control(self, path: str, body: dict[str, Any] | None = None, *, method: str | None = None) -> Any:
        """Speak to the control plane: POST when there is a body, else GET."""
        request = Request(
            f"{self.url}/_sandbox{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method or ("GET" if body is None else "POST"),
        )
        with urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def advance(self, *, seconds: int | None = None, days: int = 0, to: int | str | None = None) -> int:
        """Let time pass; the new time in unix seconds."""
        body = {"to": to} if to is not None else {"seconds": (seconds or 0) + days * 86_400}
        return int(self.control("/clock/advance", body)["now"])

    def record(self) -> list[Exchange]:
        """From now on every request under /v1 and its answer are appended to this list."""
        exchanges: list[Exchange] = []
        self.service.on_exchange = exchanges.append
        return exchanges

    def fail_next(self, kind: str, **order: Any) -> None:
        """Order a fault (see sandbox/http/faults.py) for the next matching requests."""
        self.control("/faults", {"kind": kind, **order})


@dataclass
class Switch:
    """An ASGI application that passes everything on to the one that stands behind it now."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@contextmanager
def listening(app: ASGIApp) -> Iterator[str]:
    """The application on a free port of the loopback address; its URL."""
    # Named TCP, or asyncio would not switch Nagle's algorithm off and each answer would take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()  # so that a request may come before the server has taken its first breath
    config = uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=1)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join()
        listener.close()


@contextmanager
def serving(service: Service, usage: pl.DataFrame | None = None) -> Iterator[SandboxServer]:
    """A server of its own for the service, beside the one of the test: another account at Stripe."""
    with listening(build_app(service)) as url:
        yield SandboxServer(url, service, usage)


@pytest.fixture(scope="session")
def sandbox_switch() -> Iterator[tuple[Switch, str]]:
    """One server for all empty sandboxes, because starting and stopping one takes longer than most tests."""
    switch = Switch(build_app(Service(State())))
    with listening(switch) as url:
        yield switch, url


@pytest.fixture
def sandbox_server(sandbox_switch: tuple[Switch, str]) -> SandboxServer:
    """An empty account for one test; its clock starts at 2026-01-01."""
    switch, url = sandbox_switch
    service = Service(State(SEED, EMPTY_STARTS_AT))
    switch.app = build_app(service)
    return SandboxServer(url, service)


@pytest.fixture(scope="session")
def demo_company_server() -> Iterator[SandboxServer]:
    """The demo company, for tests that only read: it is shared, and nobody may change it."""
    state = State(SEED)
    company = build(state, DEMO_AS_OF)
    with serving(Service(state), company.usage) as server:
        yield server


def stripe_client(url: str, key: str = "sk_test_sandbox", **given: Any) -> stripe.StripeClient:
    """The official SDK, turned to the sandbox. It retries nothing unless `max_network_retries` is given."""
    addresses: Any = dict.fromkeys(("api", "files", "connect", "meter_events"), url)
    return stripe.StripeClient(key, base_addresses=addresses, **given)


@pytest.fixture
def stripe_sdk(sandbox_server: SandboxServer) -> stripe.StripeClient:
    """The SDK for the test's own sandbox."""
    return stripe_client(sandbox_server.url)
