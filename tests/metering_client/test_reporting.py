"""Reporting from inside a program: against the real intake over HTTP, which may be away, busy or begin again; the caller never notices."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
import uvicorn
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.process import listen
from metering_client import Metering
from metering_client.reporting import Counts
from metering_client.sending import Sender
from tests.api.intake_door import intake_app, new_key, waiting_ids

ANSWER = {
    "id": "chatcmpl-1",
    "created": 0,
    "model": "gpt-5-mini",
    "usage": {"prompt_tokens": 9, "completion_tokens": 4},
}


class Server:
    """An app on a port of its own, which may be stopped and started again."""

    def __init__(self, app: Starlette, port: int = 0) -> None:
        self.app, self.port = app, port
        self.start()

    def start(self) -> None:
        listener = listen(self.port)
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(self.app, log_level="error", access_log=False, timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [listener]}, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def server(engine: Engine, tenant: UUID) -> Iterator[Server]:
    running = Server(intake_app(engine, tenant))
    yield running
    running.stop()


def reporting(url: str, key: str, **options: float) -> Metering:
    return Metering(url, key, every_seconds=0.02, first_wait_seconds=0.02, **options)  # type: ignore[arg-type]  # whole numbers


def answer(number: int) -> dict[str, object]:
    return ANSWER | {"id": f"chatcmpl-{number}", "created": int(datetime.now(UTC).timestamp())}


def test_answers_and_events_arrive_once_with_their_labels(
    server: Server, engine: Engine, tenant: UUID, mallory: UUID
) -> None:
    metering = reporting(server.url, new_key(engine, tenant), batch=10)
    with metering.about(customer_id="cus_1", feature="chat"):
        for number in (*range(25), 3):  # one of them twice
            metering.answer(answer(number), provider="openai")
    metering.event(event_id="own", model="gpt-5-mini", input_tokens=5)
    metering.event(event_id="bad", model="gpt-5-mini", input_tokens=-5)
    assert metering.flush(30)
    assert metering.counts() == Counts(accepted=26, duplicates=1, refused=1)
    assert waiting_ids(engine, tenant) == sorted(["own", *(f"chatcmpl-{number}" for number in range(25))])
    assert waiting_ids(engine, mallory) == []
    metering.close()


def test_a_server_that_is_away_and_comes_again_gets_everything(server: Server, engine: Engine, tenant: UUID) -> None:
    metering = reporting(server.url, new_key(engine, tenant), batch=5)
    server.stop()
    for number in range(12):
        metering.answer(answer(number), provider="openai")
    assert not metering.flush(0.2)
    assert metering.counts() == Counts(waiting=12)
    server.start()
    assert metering.flush(30)
    assert metering.counts() == Counts(accepted=12)
    server.stop()  # the connection that was kept open is gone; the next batch opens another
    server.start()
    metering.answer(answer(99), provider="openai")
    assert metering.flush(30)
    assert len(waiting_ids(engine, tenant)) == 13
    metering.close()


def test_an_answer_that_is_lost_on_its_way_costs_no_event_and_doubles_none(engine: Engine, tenant: UUID) -> None:
    """Every other request is kept and then answered 503, as a proxy does whose server answers too late; some are told to wait."""
    inner = intake_app(engine, tenant)
    asked: list[int] = []

    async def app(scope: dict[str, object], receive: object, send: object) -> None:
        asked.append(len(asked))
        if scope["type"] != "http" or len(asked) % 3 == 0:
            await inner(scope, receive, send)  # type: ignore[arg-type]  # an ASGI app is called as it was
        elif len(asked) % 3 == 1:
            await Response(status_code=429, headers={"Retry-After": "0"})(scope, receive, send)  # type: ignore[arg-type]  # as above
        else:

            async def nowhere(_message: object) -> None:
                return

            await inner(scope, receive, nowhere)  # type: ignore[arg-type]  # as above
            await Response(status_code=503)(scope, receive, send)  # type: ignore[arg-type]  # as above

    server = Server(app)  # type: ignore[arg-type]  # as above
    metering = reporting(server.url, new_key(engine, tenant), batch=4)
    for number in range(20):
        metering.answer(answer(number), provider="openai")
    assert metering.flush(60)
    counts = metering.counts()
    assert counts.accepted + counts.duplicates == 20
    assert counts.duplicates > 0
    assert len(waiting_ids(engine, tenant)) == 20
    metering.close()
    server.stop()


def test_a_full_buffer_counts_what_it_drops_and_nothing_reaches_the_caller(engine: Engine, tenant: UUID) -> None:
    metering = reporting("http://127.0.0.1:9", "mtr_x", buffered_max=5)  # nobody listens on port 9
    for number in range(8):
        metering.answer(answer(number), provider="openai")
    for broken in (None, 7, {"usage": "much"}, {"model": "m"}, object()):
        metering.answer(broken, provider="openai")
    assert metering.counts() == Counts(dropped=3, unread=5, waiting=5)
    metering.close(0.1)
    metering.event(model="m")
    assert metering.counts() == Counts(dropped=3 + 5 + 1, unread=5)


def test_a_batch_that_is_too_large_is_sent_in_parts() -> None:
    taken: list[int] = []

    async def picky(request: Request) -> Response:
        import gzip
        import json

        body = await request.body()
        events = json.loads(gzip.decompress(body) if "content-encoding" in request.headers else body)
        if len(events) > 3 or any(event["event_id"] == "7" for event in events):
            return JSONResponse({"detail": "too large"}, status_code=413)
        taken.extend(int(event["event_id"]) for event in events)
        return JSONResponse({"accepted": len(events), "duplicates": 0, "errors": []}, status_code=202)

    server = Server(Starlette(routes=[Route("/v1/usage", picky, methods=["POST"])]))
    metering = reporting(server.url, "mtr_x", batch=8)
    for number in range(16):
        metering.event(event_id=str(number), model="m")
    assert metering.flush(30)
    assert sorted(taken) == [number for number in range(16) if number != 7]
    assert metering.counts() == Counts(accepted=15, refused=1)
    metering.close()
    server.stop()


def test_a_wrong_address_is_said_at_once_and_a_path_before_ours_is_kept() -> None:
    for wrong in ("metering.example.com", "ftp://x", ""):
        with pytest.raises(ValueError, match="must look like"):
            Sender(wrong, "mtr_x")
    assert Sender("https://example.com/metering/", "mtr_x")._path == "/metering/v1/usage"


def test_what_is_left_is_sent_when_the_program_ends(server: Server, engine: Engine, tenant: UUID) -> None:
    program = (
        "import os, sys\nfrom metering_client import Metering\n"
        "metering = Metering(sys.argv[1], sys.argv[2], every_seconds=60)\n"
        "metering.event(event_id='parent', model='gpt-5-mini')\n"
        "child = os.fork()\n"
        "if child:\n    os.waitpid(child, 0)\n"
        "else:\n    metering.event(event_id='child', model='gpt-5-mini')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, server.url, new_key(engine, tenant)],
        env=os.environ, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert waiting_ids(engine, tenant) == ["child", "parent"]
