"""The demo as a stranger starts it, once for the whole run: from an empty folder with `--once`, then again to be served."""

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from store import embedded_postgres
from store.database import open_engine, prepare_roles
from store.tenants import list_tenants

ROOT = Path(__file__).resolve().parent.parent
METERING = str(Path(sys.executable).parent / "metering")
DEMO_READY_SECONDS = 240.0
# Wide enough for every column of the margin table on one line.
TERMINAL = {"COLUMNS": "200", "NO_COLOR": "1"}


@dataclass(frozen=True)
class DemoHome:
    """The data folder after a first `metering demo --once`, what that printed, and the processes that it left (none)."""

    folder: Path
    printed: str
    left_behind: list[str]


@dataclass(frozen=True)
class ServedDemo:
    """A second `metering demo` on the same folder, running: its page, its Stripe, and what it printed on the way."""

    folder: Path
    url: str
    sandbox_url: str
    printed: str

    def at_stripe(self, path: str, **changes: str) -> Any:
        """What the sandbox answers to a read, or to a change."""
        form = urllib.parse.urlencode(changes).encode() if changes else None
        headers = {"Authorization": "Bearer sk_test_sandbox"}
        request = urllib.request.Request(f"{self.sandbox_url}{path}", form, headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)


def free_port() -> int:
    """A port of the loopback interface that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """This process's environment without settings of the product, but for the data folder and those given."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("METERING_", "STRIPE_", "DATABASE_"))
    }
    return {**kept, "METERING_HOME": str(home), "PYTHONUNBUFFERED": "1", **more}


def metering(home: Path, *arguments: str, **environment: str) -> str:
    """Run one `metering` command to its end and return what it printed; it must succeed."""
    done = subprocess.run(
        [METERING, *arguments],
        env=clean_environment(home, **TERMINAL, **environment),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def processes_of(home: Path) -> list[str]:
    """Command lines of what belongs to the folder: children inherit METERING_HOME, Postgres has it as an argument."""
    own = str(os.getpid())
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or folder.name == own:
            continue
        try:
            words = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if str(home).encode() in words:
            found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoHome]:
    """The demo after its first start, from nothing to the margin table."""
    folder = tmp_path_factory.mktemp("demo") / "home"
    try:
        printed = metering(folder, "demo", "--once", METERING_SANDBOX_PORT=str(free_port()))
        yield DemoHome(folder, printed, processes_of(folder))
    finally:
        metering(folder, "stop")


@pytest.fixture(scope="session")
def running_demo(demo_home: DemoHome) -> Iterator[ServedDemo]:
    """The demo's second start, left running, and stopped with Ctrl-C's signal."""
    port, sandbox_port = free_port(), free_port()
    process = subprocess.Popen(
        [METERING, "demo", "--port", str(port)],
        cwd=ROOT,
        env=clean_environment(demo_home.folder, METERING_SANDBOX_PORT=str(sandbox_port), **TERMINAL),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        heard = _heard_until(process, url)
        yield ServedDemo(demo_home.folder, url, f"http://127.0.0.1:{sandbox_port}", heard)
    finally:
        process.send_signal(2)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@pytest.fixture(scope="session")
def served_demo(running_demo: ServedDemo) -> str:
    """The address of the running demo's pages."""
    return running_demo.url


@pytest.fixture
def books(running_demo: ServedDemo) -> Iterator[tuple[Engine, UUID]]:
    """The running demo's Postgres as the application's role, and its tenant."""
    engine = open_engine(prepare_roles(embedded_postgres.start(running_demo.folder)).app)
    yield engine, next(tenant.tenant_id for tenant in list_tenants(engine) if tenant.slug == "demo")
    engine.dispose()


def _heard_until(process: "subprocess.Popen[str]", words: str) -> str:
    """What the process prints up to the line with these words; afterwards it is read on, so that it never has to wait."""
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_listen, args=(process, lines), daemon=True).start()
    deadline = time.monotonic() + DEMO_READY_SECONDS
    heard: list[str] = []
    while not heard or words not in heard[-1]:
        line = lines.get(timeout=max(0.1, deadline - time.monotonic()))
        assert line is not None, "the demo stopped:\n" + "".join(heard[-40:])
        heard.append(line)
    return "".join(heard)


def _listen(process: "subprocess.Popen[str]", lines: "queue.Queue[str | None]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    process.stdout.close()
    lines.put(None)
