"""The intake, the worker or Postgres killed in the middle of a load: what was acknowledged is in the lake, and nothing twice."""

import contextlib
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import UUID

import pytest
from sqlalchemy import Engine

from pipelines.drain_usage import drain
from store import duck, embedded_postgres, lake, usage_imports, usage_intake
from store.database import DatabaseUrls, migrate, open_engine, prepare_roles, tenant_transaction
from store.embedded_postgres.folders import Folders
from store.embedded_postgres.postmaster import live_pid
from store.tenants import ensure_tenant
from tests.api.intake_door import new_key
from tests.journeys.drain_process import drain_for_ever

SENDERS, BATCHES, BATCH = 4, 24, 20
TOKENS = 1_000
KILLS = 3


@dataclass
class Load:
    """What the senders have sent and what was acknowledged; whoever waits for progress is told of it."""

    url: str
    key: str
    acknowledged: list[str] = field(default_factory=list)
    tries: int = 0
    progress: threading.Condition = field(default_factory=threading.Condition)

    def send(self, sender: int) -> None:
        """Send each batch until it is acknowledged; every third is sent once more."""
        at = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
        for batch in range(BATCHES):
            ids = [f"{sender}-{batch}-{number}" for number in range(BATCH)]
            told = {"occurred_at": at, "provider": "openai", "model": "gpt-5-mini", "input_tokens": TOKENS}
            body = json.dumps([told | {"event_id": each} for each in ids]).encode()
            for _ in range(2 if batch % 3 == 0 else 1):
                while not self._is_acknowledged(body):
                    threading.Event().wait(0.02)
            with self.progress:
                self.acknowledged += ids
                self.progress.notify_all()

    def _is_acknowledged(self, body: bytes) -> bool:
        self.tries += 1
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            with urlopen(Request(self.url, body, headers), timeout=20) as answer:
                said = json.load(answer)
                assert said["errors"] == []
                return said["accepted"] + said["duplicates"] == BATCH
        except HTTPError as refused:
            if refused.code not in (429, 503):
                raise
            return False
        except OSError:
            return False

    def wait_for(self, events: int) -> None:
        """Until so many are acknowledged."""
        with self.progress:
            assert self.progress.wait_for(lambda: len(self.acknowledged) >= events, timeout=120)


@dataclass
class Installation:
    """A durable Postgres and an intake that runs; both may be killed."""

    home: Path
    urls: DatabaseUrls
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start_intake(self) -> None:
        """Start the intake and wait until it listens."""
        settings = {"DATABASE_URL": self.urls.app, "METERING_HOME": str(self.home), "METERING_TENANT": "main"}
        command = [sys.executable, "-m", "api.intake_process", "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=os.environ | settings)
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self.process.poll() is None, "the intake ended"
            threading.Event().wait(0.05)

    def kill_intake(self) -> None:
        """As by kill -9, and start it again."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.start_intake()

    def kill_postgres(self) -> None:
        """An immediate shutdown: every connection breaks, nothing is written out; recovery at the next start."""
        pid = live_pid(Folders.below(self.home))
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)
        while live_pid(Folders.below(self.home)) is not None:
            threading.Event().wait(0.01)
        embedded_postgres.start(self.home)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("intake-home")
    try:
        urls = prepare_roles(embedded_postgres.start(home))
        migrate(urls.owner)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        running = Installation(home, urls, port)
        running.start_intake()
        yield running
        assert running.process is not None
        running.process.terminate()
        running.process.wait(20)
    finally:
        embedded_postgres.stop(home)


def start_drain(installation: Installation, tenant: UUID) -> ForkServerProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([drain_for_ever.__module__])
    process = context.Process(target=drain_for_ever, args=(installation.urls.app, installation.home, tenant))
    process.start()
    return process


def ids_and_tokens(engine: Engine, home: Path, tenant: UUID) -> tuple[list[str], int]:
    """The ids that the lake holds, each as often as it does, and the tokens of all."""
    with tenant_transaction(engine, tenant) as connection:
        paths = [file.path for file in lake.read_manifest(connection)]
        assert usage_imports.lake_is_whole(connection)
        assert usage_intake.waiting(connection).events == 0
    with duck.connect() as con:
        events = lake.lake_relation(con, home, tenant, paths).pl()
    return events["event_id"].to_list(), int(events["input_uncached_tokens"].sum())


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["intake", "worker", "postgres"])
def test_killed_in_the_middle_of_a_load_nothing_acknowledged_is_lost_and_nothing_is_there_twice(
    installation: Installation, victim: str
) -> None:
    """4 senders x 24 batches x 20 events = 1,920, every third batch sent twice; a kill at every 480 acknowledged."""
    engine = open_engine(installation.urls.app)
    tenant = ensure_tenant(engine, victim, victim, "usd")
    outsider = ensure_tenant(engine, "mallory", "Mallory", "usd")
    load = Load(f"http://127.0.0.1:{installation.port}/v1/usage", new_key(engine, tenant))
    worker = start_drain(installation, tenant)
    senders = [threading.Thread(target=load.send, args=(sender,), daemon=True) for sender in range(SENDERS)]
    for sender in senders:
        sender.start()
    everything = SENDERS * BATCHES * BATCH
    for kill in range(1, KILLS + 1):
        load.wait_for(everything * kill // (KILLS + 1))
        if victim == "intake":
            installation.kill_intake()
        elif victim == "postgres":
            installation.kill_postgres()
        else:
            worker.kill()
            worker.join()
            worker = start_drain(installation, tenant)
    for sender in senders:
        sender.join(120)
        assert not sender.is_alive()
    worker.kill()
    worker.join()
    engine.dispose()
    drain(engine, installation.home, tenant, now=datetime.now(UTC))
    held, tokens = ids_and_tokens(engine, installation.home, tenant)
    assert len(load.acknowledged) == len(set(load.acknowledged)) == everything == 1_920
    assert set(load.acknowledged) - set(held) == set()  # none is lost
    assert len(held) == len(set(held)) == everything  # none is there twice
    assert tokens == everything * TOKENS
    assert load.tries >= SENDERS * (BATCHES + len(range(0, BATCHES, 3)))
    assert ids_and_tokens(engine, installation.home, outsider) == ([], 0)
    engine.dispose()
