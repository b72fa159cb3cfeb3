"""Every answer carries the security headers, the page is ours, and health tells the truth."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

import serve
from api import health
from api.process import listen
from dashboard.front_door import SECURITY_HEADERS, FrontDoor

PAGE = '<title>Streamlit</title><script type="module" src="x.js"></script>'


async def page(_request: Request) -> HTMLResponse:
    return HTMLResponse(PAGE, headers={"etag": '"1"'})


async def text(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("plain", headers={"x-frame-options": "SAMEORIGIN"})


def client(probe: Callable[[], int | None] = lambda: 3) -> TestClient:
    routes = [Route("/page", page), Route("/text", text), *health.routes(probe)]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(FrontDoor)]))


def test_the_page_carries_our_name_and_its_own_address() -> None:
    answer = client().get("/page", headers={"accept": "text/html"})
    assert "<title>Metering</title>" in answer.text
    assert answer.text.index("window.__streamlit=") < answer.text.index('<script type="module"')
    assert "etag" not in answer.headers
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_every_answer_carries_the_headers_but_keeps_its_own() -> None:
    answer = client().get("/text")
    assert answer.text == "plain"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    missing = [name for name in SECURITY_HEADERS if name not in answer.headers]
    assert missing == []


def test_health_is_about_the_process_and_readiness_about_what_can_be_read() -> None:
    assert client().get("/healthz").json() == {"status": "ok"}
    assert client().get("/readyz").json() == {"status": "ready", "warehouse_version": 3}
    fresh = client(lambda: None).get("/readyz")
    assert (fresh.status_code, fresh.json()["status"]) == (200, "nothing published yet")


def test_an_unreadable_warehouse_is_not_ready_and_tells_no_path() -> None:
    def broken() -> int:
        raise OSError("/secret/place cannot be read")

    answer = client(broken).get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unreadable", "reason": "OSError"}
    assert client(broken).get("/healthz").status_code == 200


def test_a_taken_port_is_one_sentence_and_exit_2(tmp_path: Path) -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, serve.__file__, "--port", str(port)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"Port {port}" in done.stderr


def test_two_servers_cannot_share_a_port() -> None:
    with listen(0) as taken, pytest.raises(OSError, match="in use"):
        listen(taken.getsockname()[1])
