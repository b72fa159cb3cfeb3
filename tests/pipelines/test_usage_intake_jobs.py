"""The intake as an operator runs it: a process of its own takes events with a key, and the worker's jobs move them and forget their ids."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import Request, urlopen
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from pipelines import drain_usage, worker
from pipelines.schedule import DRAIN_USAGE, FORGET_USAGE_IDS
from pipelines.supervise import free_port
from store import lake, usage_intake
from store.database import DatabaseUrls, tenant_transaction
from tests.api.intake_door import event, new_key
from tests.pipelines.test_worker import states, work_off


def test_events_taken_by_serve_intake_are_moved_by_the_worker(
    engine: Engine,
    database_urls: DatabaseUrls,
    superuser_url: str,
    tenant: UUID,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port, key = free_port(0, must=False), new_key(engine, tenant)
    settings = {"DATABASE_URL": database_urls.app, "METERING_TENANT": "acme", "METERING_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "pipelines.cli", "serve-intake", "--port", str(port)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, env=os.environ | settings, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert f"http://127.0.0.1:{port}/v1/usage" in process.stdout.readline()
            body = json.dumps([event(number) for number in range(20)]).encode()
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            with urlopen(Request(f"http://127.0.0.1:{port}/v1/usage", body, headers), timeout=30) as answer:
                assert (answer.status, json.load(answer)["accepted"]) == (202, 20)
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    queue = worker.build_queue(engine, database_urls.app, tmp_path / "home", tenant, None)
    work_off(queue, DRAIN_USAGE.name)
    with tenant_transaction(engine, tenant) as connection:
        assert usage_intake.waiting(connection).events == 20  # too young, and too few
    monkeypatch.setattr(drain_usage, "WAIT_AT_MOST", timedelta(0))
    work_off(worker.build_queue(engine, database_urls.app, tmp_path / "home", tenant, None), DRAIN_USAGE.name)
    with tenant_transaction(engine, tenant) as connection:
        assert usage_intake.waiting(connection).events == 0
        assert lake.read_sums(connection).rows == 20
        connection.execute(text("delete from usage_recent where event_id <> 'evt_1'"))
    assert drain_usage.forget_ids(engine, tenant, now=datetime.now(UTC)) == 0
    work_off(worker.build_queue(engine, database_urls.app, tmp_path / "home", tenant, None), FORGET_USAGE_IDS.name)
    assert states(superuser_url, DRAIN_USAGE.name) == states(superuser_url, FORGET_USAGE_IDS.name) == {"succeeded"}
    assert drain_usage.forget_ids(engine, tenant, now=datetime.now(UTC) + timedelta(days=8)) == 1
