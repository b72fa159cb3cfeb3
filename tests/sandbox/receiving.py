"""A webhook endpoint for tests: a small HTTP server that keeps what it gets and answers as told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import stripe

from tests.sandbox_fixtures import SandboxServer


@dataclass
class Receiver:
    """A webhook endpoint that keeps what it gets. It answers each of `answers` once, and 200 after them."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    got: list[tuple[bytes, str]] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        return [json.loads(body)["type"] for body, _ in self.got]

    @property
    def names(self) -> list[str]:
        return [json.loads(body)["data"]["object"]["name"] for body, _ in self.got]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens on a free port until the end."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name that http.server calls
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.got.append((body, self.headers["Stripe-Signature"]))
            self.send_response(kept.answers.pop(0) if kept.answers else 200)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing on standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}/hooks?from=stripe"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()
    thread.join()


def endpoint(sdk: stripe.StripeClient, receiver: Receiver, *types: str) -> stripe.WebhookEndpoint:
    return sdk.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": list(types) or ["*"]})  # type: ignore[typeddict-item]  # the SDK lists each type as a literal


def sent(server: SandboxServer) -> None:
    """Wait until all that is due by the sandbox's clock has been sent."""
    server.advance(seconds=0)
