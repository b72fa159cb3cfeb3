"""`python -m sandbox` as a process: ready when it answers, gone when it is told to go."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import polars as pl
import pytest

from pipelines.supervise import answers, free_port, start_child, stop_children, wait_until


@contextmanager
def running(*arguments: str, log_folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The sandbox started as the demo starts it, once it answers."""
    port = free_port(0, must=False)
    url = f"http://127.0.0.1:{port}"
    child = start_child("sandbox", ["sandbox", "--port", str(port), *arguments], log_folder=log_folder, environment={})
    try:
        wait_until(child, lambda: answers(f"{url}/_sandbox/clock"), timeout_seconds=60)
        yield child.process, url
    finally:
        stop_children([child])


def test_the_company_s_usage_lies_there_whole_when_the_clock_answers(tmp_path: Path) -> None:
    """Fourteen months up to the given moment; no event after it."""
    usage_file = tmp_path / "usage.parquet"
    with running("--as-of", "2026-11-25T00:00:00Z", "--usage-out", str(usage_file), log_folder=tmp_path) as (_, url):
        assert json.loads(urlopen(f"{url}/_sandbox/clock", timeout=5).read()) == {"now": 1_795_564_800}
        events = pl.read_parquet(usage_file)

    assert events.height > 200_000
    assert events["event_id"].n_unique() == events.height
    assert events["occurred_at"].max().timestamp() < 1_795_564_800
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_it_leaves_when_the_one_that_started_it_is_gone(tmp_path: Path) -> None:
    """The pipe to its standard input closes, as it does when the parent is killed."""
    with running("--empty", log_folder=tmp_path) as (process, url):
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)
        with pytest.raises(URLError):
            urlopen(f"{url}/_sandbox/clock", timeout=1)


def test_it_leaves_on_sigterm(tmp_path: Path) -> None:
    with running("--empty", log_folder=tmp_path) as (process, _):
        os.kill(process.pid, signal.SIGTERM)
        process.wait(10)


def test_a_taken_port_is_said_in_one_sentence() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "sandbox", "--empty", "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in done.stderr
