"""Usage over HTTP on a durable Postgres: events a second at saturation and at a steady pace, as ratios to a bare COPY in the same run."""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
from rich.console import Console
from rich.table import Table
from sqlalchemy import make_url

from billing import api_keys
from billing.principals import OPERATOR
from pricing.usage_sources.plain_events import read_plainly
from pricing.usage_sources.posted import moments
from store import embedded_postgres
from store.database import migrate, open_engine, prepare_roles, tenant_transaction
from store.tenants import ensure_tenant

RESULTS = Path(__file__).parent / "results" / "usage_intake.json"
CONNECTIONS, BATCH = 64, 100
REQUESTS, WARM_REQUESTS = 3_000, 300
PACED_A_SECOND, PACED_SECONDS = 50, 15


def batches(count: int, mark: str) -> list[bytes]:
    """Bodies of BATCH events of some 330 bytes, with random ids, as gateways send them."""
    chance = random.Random(mark)
    at = datetime.now(UTC) - timedelta(hours=1)

    def event(number: int) -> dict[str, object]:
        return {
            "event_id": f"req_{chance.getrandbits(96):024x}",
            "occurred_at": (at + timedelta(milliseconds=number)).isoformat(),
            "customer_id": f"cus_{chance.randrange(5_000):06d}",
            "provider": "openai",
            "model": chance.choice(("gpt-5-mini", "gpt-5", "gpt-4.1-nano")),
            "feature": chance.choice(("chat", "search", "summaries")),
            "api_key": "key_production",
            "input_tokens": chance.randrange(500, 9_000),
            "cache_read_tokens": chance.randrange(400),
            "output_tokens": chance.randrange(200, 900),
            "reasoning_tokens": chance.randrange(200),
        }

    return [json.dumps([event(BATCH * place + n) for n in range(BATCH)]).encode() for place in range(count)]


def bare_copy(admin_url: str, tenant_id: UUID, bodies: list[bytes]) -> float:
    """The floor: the same rows by one COPY into a table with the same columns and key and no row security; events a second."""
    rows: list[str] = []
    for body in bodies:
        read = read_plainly(body, moments(datetime.now(UTC)), is_lines=False)
        assert read is not None
        rows += [f"{tenant_id}\t{event_id}\t{event}\tnow\n" for event_id, event in zip(*read, strict=True)]
    text = "".join(rows).encode()
    with psycopg.connect(_plain(admin_url)) as connection:
        connection.execute("create table bare_intake (like metering.usage_intake including all)")
        connection.commit()
        began = time.perf_counter()
        with connection.cursor().copy("copy bare_intake from stdin") as copy:
            copy.write(text)
        connection.commit()
        seconds = time.perf_counter() - began
        connection.execute("drop table bare_intake")
    return len(rows) / seconds


async def saturated(port: int, key: str, bodies: list[bytes]) -> tuple[float, float]:
    """All bodies from CONNECTIONS connections, each sending the next as soon as it is answered; events a second, p95 in ms."""
    waits: list[float] = []
    left = iter(bodies)

    async def hand() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        waits.extend([await _post(reader, writer, key, body) for body in left])
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(hand() for _ in range(CONNECTIONS)))
    return len(bodies) * BATCH / (time.perf_counter() - began), _p95_ms(waits)


async def paced(port: int, key: str, bodies: list[bytes]) -> float:
    """One body every 20 ms whatever the answers do, over eight connections in turn; p95 in ms."""
    waits: list[float] = []
    hands = [await asyncio.open_connection("127.0.0.1", port) for _ in range(8)]
    locks = [asyncio.Lock() for _ in hands]

    async def one(place: int, body: bytes, due: float) -> None:
        async with locks[place % 8]:
            await _post(*hands[place % 8], key, body)
        waits.append(asyncio.get_running_loop().time() - due)

    start = asyncio.get_running_loop().time()
    tasks = []
    for place, body in enumerate(bodies):
        due = start + place / PACED_A_SECOND
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        tasks.append(asyncio.create_task(one(place, body, due)))
    await asyncio.gather(*tasks)
    for _, writer in hands:
        writer.close()
    return _p95_ms(waits)


async def _post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str, body: bytes) -> float:
    began = time.perf_counter()
    writer.write(
        f"POST /v1/usage HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    answer = await reader.readuntil(b"\r\n\r\n")
    length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    said = await reader.readexactly(length)
    assert answer.startswith(b"HTTP/1.1 202"), answer + said
    assert said.startswith(b'{"accepted":100,'), said
    return time.perf_counter() - began


def _p95_ms(waits: list[float]) -> float:
    return statistics.quantiles(waits, n=20)[-1] * 1_000


@contextmanager
def intake(app_url: str, home: Path) -> Iterator[int]:
    """The intake as `metering serve-intake` runs it, in a process of its own; yields its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"DATABASE_URL": app_url, "METERING_HOME": str(home), "METERING_TENANT": "bench"}
    process = subprocess.Popen(
        [sys.executable, "-m", "api.intake_process", "--port", str(port)], env=os.environ | settings
    )
    try:
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, "the intake ended"
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def run(home: Path) -> list[dict[str, object]]:
    """The floor, saturation and the steady pace on one fresh database; every event is counted in the end."""
    admin = embedded_postgres.start(home)
    urls = prepare_roles(admin)
    migrate(urls.owner)
    engine = open_engine(urls.app)
    try:
        tenant_id = ensure_tenant(engine, "bench", "Bench", "usd")
        with tenant_transaction(engine, tenant_id) as connection:
            key = api_keys.create(
                connection, name="bench", scopes=["usage:write"], expires_at=None, events_per_day=None,
                requests_per_second=None, principal=OPERATOR, now=datetime.now(UTC),
            ).text  # fmt: skip
        admin_url = make_url(admin.url).set(database=make_url(urls.app).database).render_as_string(hide_password=False)
        floor = bare_copy(admin_url, tenant_id, batches(REQUESTS, "floor"))
        with intake(urls.app, home) as port:
            asyncio.run(saturated(port, key, batches(WARM_REQUESTS, "warm")))
            taken, taken_p95 = asyncio.run(saturated(port, key, batches(REQUESTS, "rush")))
            paced_p95 = asyncio.run(paced(port, key, batches(PACED_A_SECOND * PACED_SECONDS, "pace")))
        with psycopg.connect(_plain(admin_url)) as plain:
            row = plain.execute("select count(*) from metering.usage_intake").fetchone()
        assert row == ((WARM_REQUESTS + REQUESTS + PACED_A_SECOND * PACED_SECONDS) * BATCH,), row
    finally:
        engine.dispose()
        embedded_postgres.stop(home)
    return [
        _row("bare COPY into the same table with its key", floor, None, floor),
        _row(f"{CONNECTIONS} connections, {BATCH} events a request, saturated", taken, taken_p95, floor),
        _row(f"{PACED_A_SECOND} requests a second", PACED_A_SECOND * BATCH, paced_p95, floor),
    ]


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def _row(name: str, per_second: float, p95_ms: float | None, floor: float) -> dict[str, object]:
    return {
        "name": name,
        "events_per_second": round(per_second),
        "ratio_to_floor": round(per_second / floor, 2),
        "p95_ms": "" if p95_ms is None else round(p95_ms, 1),
    }


def main() -> int:
    """Measure, print the table and keep the result as JSON."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-usage-intake-") as folder:
        measures = run(Path(folder))
    machine = {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "load_1_minute": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
    }
    result = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine, "measures": measures}
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    table = Table(title="Usage over HTTP")
    for heading in measures[0]:
        table.add_column(heading.replace("_", " "), justify="left" if heading == "name" else "right")
    for measure in measures:
        table.add_row(*(str(value) for value in measure.values()))
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
