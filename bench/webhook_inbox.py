"""Webhooks in and dead letters out, on a durable Postgres, as ratios to bare inserts of the same events in the same run."""

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg
import uvicorn
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, text
from starlette.applications import Starlette

from api import webhooks
from billing import dead_letters
from billing.inbox_rules import read_event
from billing.principals import SYSTEM
from pipelines.handle_inbox import handle_due
from pipelines.pull_stripe_client import Raw, StripeReader
from store import embedded_postgres, inbox
from store.database import DatabaseUrls, migrate, open_engine, prepare_roles, tenant_transaction
from store.tenants import ensure_tenant

RESULTS = Path(__file__).parent / "results" / "webhook_inbox.json"
SECRET = "whsec_bench"
HANDS = 16
EVENTS = 4_000
LETTERS = 1_000
WORKERS = 2
POOL = 8


class MemoryReader:
    """Stands in for a Stripe without a wire: every customer is there, at once. What is measured is our own part."""

    def find(self, path: str, _parameters: Mapping[str, Any]) -> Raw:
        """The customer at that path."""
        return customer(path.rsplit("/", 1)[1])


def customer(id_: str) -> Raw:
    """A customer as Stripe shows one, with the fields that the mirror keeps."""
    return {"id": id_, "object": "customer", "created": 1_767_225_600, "name": f"Customer {id_}", "metadata": {}}


def event(number: int, *, prefix: str = "evt") -> bytes:
    """An event of some 1,200 bytes, as most of Stripe's are."""
    about = customer(f"cus_{number:06d}") | {"description": "x" * 900}
    body = {"id": f"{prefix}_{number:08d}", "object": "event", "type": "customer.updated", "created": 1_767_225_600}
    return json.dumps(body | {"data": {"object": about}}).encode()


def bare_inserts(urls: DatabaseUrls, tenant_id: UUID) -> tuple[float, float]:
    """The floor: the same rows, one durable transaction each, from as many connections; events per second and p95 in ms."""
    statement = (
        "insert into stripe_inbox (tenant_id, event_id, source, event_type, payload, payload_sha256, received_at, state, next_attempt_at) "
        "values (%s, %s, 'webhook', 'customer.updated', %s, %s, now(), 'received', now())"
    )
    address = urls.app.replace("postgresql+psycopg://", "postgresql://", 1)

    def work(hand: int) -> list[float]:
        waits = []
        with psycopg.connect(address) as connection:
            for number in range(hand, EVENTS, POOL):
                body = event(number, prefix="bare").decode()
                began = time.perf_counter()
                connection.execute("select set_config('app.tenant_id', %s, true)", [str(tenant_id)])
                connection.execute(
                    statement, [tenant_id, f"bare_{number}", body, hashlib.sha256(body.encode()).hexdigest()]
                )
                connection.commit()
                waits.append(time.perf_counter() - began)
        return waits

    began = time.perf_counter()
    with ThreadPoolExecutor(POOL) as hands:
        waits = [wait for of_hand in hands.map(work, range(POOL)) for wait in of_hand]
    return EVENTS / (time.perf_counter() - began), _p95_ms(waits)


def intake(port: int) -> tuple[float, float]:
    """Signed events over HTTP, from sixteen connections that are kept open; events per second and p95 in ms."""
    waits: list[float] = []

    async def hand(start: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(start, EVENTS, HANDS):
            body, at = event(number), int(time.time())
            signature = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
            head = (
                f"POST /webhooks/stripe/main HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n"
                f"Stripe-Signature: t={at},v1={signature}\r\n\r\n"
            )
            began = time.perf_counter()
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            waits.append(time.perf_counter() - began)
            assert answer.startswith(b"HTTP/1.1 200"), answer
        writer.close()

    async def all_hands() -> float:
        began = time.perf_counter()
        await asyncio.gather(*(hand(start) for start in range(HANDS)))
        return time.perf_counter() - began

    return EVENTS / asyncio.run(all_hands()), _p95_ms(waits)


def _p95_ms(waits: list[float]) -> float:
    return statistics.quantiles(waits, n=20)[-1] * 1_000


def replay(engine: Engine, tenant_id: UUID) -> tuple[float, float]:
    """A thousand dead letters about as many customers, let go again and handled by two workers; letters per second, seconds."""
    bodies = [event(number, prefix="dead") for number in range(LETTERS)]
    now = datetime.now(UTC)
    with tenant_transaction(engine, tenant_id) as connection:
        told = [read_event(body) for body in bodies]
        inbox.add(connection, tenant_id, told, source="webhook", endpoint="main", now=now)
        connection.execute(text("update stripe_inbox set state = 'dead' where event_id like 'dead_%'"))
        connection.execute(text("update stripe_inbox set state = 'handled' where state = 'received'"))
    reader = cast("StripeReader", MemoryReader())
    now += timedelta(seconds=1)

    def work() -> None:
        while handle_due(engine, tenant_id, reader, now=now, limit=250, threads=1):
            pass

    began = time.perf_counter()
    with tenant_transaction(engine, tenant_id) as connection:
        let_go = dead_letters.retry(connection, principal=SYSTEM, now=now)
    assert let_go == LETTERS
    workers = [threading.Thread(target=work) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - began
    with tenant_transaction(engine, tenant_id) as connection:
        handled = connection.scalar(
            text("select count(*) from stripe_inbox where event_id like 'dead_%' and state = 'handled'")
        )
        mirrored = connection.scalar(text("select count(*) from stripe_customers"))
    assert (handled, mirrored) == (LETTERS, LETTERS)
    return LETTERS / seconds, seconds


def serve(app_url: str, tenant_id: UUID, port: int) -> None:
    """The webhook route alone, in a process of its own."""
    engine = open_engine(app_url, pool_size=POOL)
    app = Starlette(routes=webhooks.routes({"main": (SECRET,)}, lambda: (engine, tenant_id)))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def run(home: Path) -> list[dict[str, object]]:
    """The floor, the intake and the replay on one fresh database."""
    urls = prepare_roles(embedded_postgres.start(home))
    migrate(urls.owner)
    engine = open_engine(urls.app)
    try:
        tenant_id = ensure_tenant(engine, "bench", "Bench", "usd")
        floor, floor_p95 = bare_inserts(urls, tenant_id)
        taken, taken_p95 = _intake_of_a_server(urls.app, tenant_id)
        replayed, seconds = replay(engine, tenant_id)
    finally:
        engine.dispose()
        embedded_postgres.stop(home)
    return [
        _row("bare insert, one durable commit each", EVENTS, floor, floor_p95, floor),
        _row("signed webhook over HTTP, durable", EVENTS, taken, taken_p95, floor),
        _row(f"dead letters replayed ({seconds:.2f} s)", LETTERS, replayed, None, floor),
    ]


def _intake_of_a_server(app_url: str, tenant_id: UUID) -> tuple[float, float]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "bench.webhook_inbox", "--serve", str(port), "--tenant", str(tenant_id)]
    process = subprocess.Popen(command, env=os.environ | {"BENCH_DATABASE_URL": app_url})
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        return intake(port)
    finally:
        process.terminate()
        process.wait(20)


def _row(name: str, events: int, per_second: float, p95_ms: float | None, floor: float) -> dict[str, object]:
    return {
        "name": name,
        "events": events,
        "per_second": round(per_second),
        "ratio_to_floor": round(per_second / floor, 2),
        "p95_ms": "" if p95_ms is None else round(p95_ms, 1),
    }


def main() -> int:
    """Measure, print the table and keep the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--tenant", type=UUID, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(os.environ["BENCH_DATABASE_URL"], options.tenant, options.serve)
        return 0
    with tempfile.TemporaryDirectory(prefix="bench-webhook-inbox-") as folder:
        measures = run(Path(folder))
    machine = {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "load_1_minute": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
    }
    result = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine, "measures": measures}
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    table = Table(title="Webhooks in, dead letters out")
    for heading in measures[0]:
        table.add_column(heading.replace("_", " "), justify="left" if heading == "name" else "right")
    for measure in measures:
        table.add_row(*(str(value) for value in measure.values()))
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
