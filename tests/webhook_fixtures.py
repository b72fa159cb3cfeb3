"""A real web server that takes webhooks, counts them by their id, and refuses, stalls or hangs up where a test tells it to."""

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass(frozen=True)
class Taken:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """What came, and how the next requests are answered: a status, a status with headers and a body, `hang up`, `stall` or `drip`."""

    port: int = 0
    taken: list[Taken] = field(default_factory=list)
    next_answers: list[int | str | tuple[int, Mapping[str, str], bytes]] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alerts"

    def times(self, webhook_id: object) -> int:
        """How often the message with this id came."""
        return sum(taken.headers.get("webhook-id") == str(webhook_id) for taken in self.taken)


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            receiver.taken.append(Taken(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            answer = receiver.next_answers.pop(0) if receiver.next_answers else 200
            if answer == "stall":
                receiver.is_over.wait(60)
            elif answer == "drip":  # never quite silent, never done
                self.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
                while not receiver.is_over.wait(0.05):
                    self.wfile.write(b".")
            if isinstance(answer, str):
                self.close_connection = True
                return
            status, headers, said = answer if isinstance(answer, tuple) else (answer, {}, b"")
            self.send_response(status)
            for name, value in {"content-length": str(len(said)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST  # noqa: N815 - the base class's name; who follows a redirect would ask so

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    return Handler


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that went away is what some tests are about."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A web server on a free port of this machine."""
    with receiving() as held:
        yield held


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A web server for the length of the block, encrypted where it is given its certificate."""
    held = Receiver()
    server = _Quiet(("127.0.0.1", 0), _handler(held))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    held.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield held
    finally:
        held.is_over.set()
        server.shutdown()
        server.server_close()
        thread.join()
