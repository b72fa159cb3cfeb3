"""A shelf of Stripe objects behind HTTP, for what a test must control to the letter: pages, refusals, lost cursors, clocks."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pipelines.pull_stripe import StripeConfig
from pipelines.pull_stripe_streams import BY_NAME

Answer = tuple[int, dict[str, Any]]
Query = dict[str, str]


def refusal(status: int, code: str, message: str = "", **more: str) -> Answer:
    """An error as Stripe words it."""
    return status, {"error": {"type": "invalid_request_error", "code": code, "message": message, **more}}


@dataclass
class Shelf:
    """Objects by kind, newest first when listed. `interfere(path, query)` may answer in place of the shelf."""

    url: str = ""
    kinds: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    requests: list[tuple[str, Query]] = field(default_factory=list)
    interfere: Callable[[str, Query], Answer | None] = lambda path, query: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, kind: str, id_: str, created: int, **given: Any) -> dict[str, Any]:
        """Place an object, or replace the one with this id."""
        raw = {"id": id_, "object": kind, "created": created, **given}
        self.kinds.setdefault(kind, {})[id_] = raw
        return raw

    def happen(self, id_: str, created: int, type_: str, subject: dict[str, Any]) -> None:
        """Place an event about an object."""
        self.put("event", id_, created, type=type_, data={"object": subject})

    def config(self, **given: Any) -> StripeConfig:
        """How to reach the shelf, fast and without long waits."""
        return StripeConfig(
            "rk_test_shelf", self.url, **{"requests_per_second": 2_000, "first_wait_seconds": 0.001, **given}
        )

    def answer(self, path: str, query: Query) -> Answer:
        """What Stripe would say."""
        with self.lock:
            self.requests.append((path, query))
        if interfered := self.interfere(path, query):
            return interfered
        # Some lists lie a level deeper: radar/early_fraud_warnings.
        name, *rest = path.removeprefix("/v1/").replace("radar/", "radar:", 1).split("/")
        if rest and rest[-1] == "lines":
            return page(self.kinds["invoice"][rest[0]]["all_lines"], query)
        kind = BY_NAME[name.replace(":", "/")].kind
        if rest:
            found = self.kinds.get(kind, {}).get(rest[0])
            return (200, shown(found)) if found else refusal(404, "resource_missing", "No such object", param="id")
        listed = sorted(self.kinds.get(kind, {}).values(), key=lambda raw: -raw["created"])
        listed = [raw for raw in listed if not raw.get("deleted") and within(raw["created"], query)]
        return page([shown(raw) for raw in listed], query)


def shown(raw: dict[str, Any]) -> dict[str, Any]:
    """The object without what the shelf keeps for itself."""
    return {key: value for key, value in raw.items() if key != "all_lines"}


def within(created: int, query: Query) -> bool:
    """Whether a time passes the filters `created[gte]`, `created[lt]` and `created[lte]`."""
    is_before_end = created < int(query.get("created[lt]", 2**40)) and created <= int(query.get("created[lte]", 2**40))
    return int(query.get("created[gte]", 0)) <= created and is_before_end


def page(listed: list[dict[str, Any]], query: Query) -> Answer:
    """One page of a list, as `limit`, `starting_after` and `ending_before` ask for it."""
    limit = int(query.get("limit", 10))
    ids = [raw["id"] for raw in listed]
    for cursor in ("starting_after", "ending_before"):
        if cursor in query and query[cursor] not in ids:
            return refusal(400, "resource_missing", f"No such object: {query[cursor]}", param=cursor)
    if "ending_before" in query:
        newer = listed[: ids.index(query["ending_before"])]
        return 200, {"object": "list", "data": newer[-limit:], "has_more": len(newer) > limit}
    older = listed[ids.index(query["starting_after"]) + 1 :] if "starting_after" in query else listed
    return 200, {"object": "list", "data": older[:limit], "has_more": len(older) > limit}


@contextmanager
def serving() -> Iterator[Shelf]:
    """A shelf on a free port of the loopback address."""
    shelf = Shelf()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(address.query).items()}
            status, body = shelf.answer(address.path, query)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing: the requests are kept in a list."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    shelf.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield shelf
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
