"""The demo as a stranger meets it: from an empty folder to a margin table, again, interrupted, and killed."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

METERING = str(Path(sys.executable).parent / "metering")
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder for the demo's data whose Postgres is surely stopped at the end."""
    folder = tmp_path / "metering"
    yield folder
    subprocess.run([METERING, "stop"], env=_environment(folder), cwd=ROOT, check=True, capture_output=True)


def _environment(home: Path) -> dict[str, str]:
    return os.environ | {"METERING_HOME": str(home), "COLUMNS": "160"}


def _run_once(home: Path) -> str:
    done = subprocess.run(
        [METERING, "demo", "--once"], env=_environment(home), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def _start_and_wait_for_url(home: Path) -> tuple[subprocess.Popen[str], str]:
    demo = subprocess.Popen(
        [METERING, "demo"],
        env=_environment(home),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert demo.stdout is not None
    said = []
    for line in demo.stdout:
        said.append(line)
        found = re.search(r"Open (http://127\.0\.0\.1:\d+)", line)
        if found:
            return demo, found.group(1)
    raise AssertionError("the demo ended before it named its URL: " + "".join(said)[-2000:])


def _processes_of(home: Path) -> list[str]:
    """Command lines and environments that name the folder: children inherit METERING_HOME, Postgres has it as an argument."""
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


def _margin_rows(output: str) -> list[str]:
    return [line for line in output.splitlines() if re.search(r"\d %", line)]


@pytest.mark.slow
def test_the_demo_prints_the_margin_table_and_a_second_start_finds_nothing_new(home: Path) -> None:
    first = _run_once(home)
    assert "Coverage" in first
    assert len(_margin_rows(first)) > 40, first
    assert _processes_of(home) == [], "a process was left behind"

    second = _run_once(home)
    assert _margin_rows(second) == _margin_rows(first)
    assert re.search(r"\b0 accepted", second), second


@pytest.mark.slow
def test_ctrl_c_leaves_no_process_and_a_killed_demo_starts_again(home: Path) -> None:
    killed, _ = _start_and_wait_for_url(home)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    if killed.stdout:
        killed.stdout.close()

    again, url = _start_and_wait_for_url(home)
    assert url.startswith("http://127.0.0.1:")
    again.send_signal(signal.SIGINT)
    assert again.wait(60) == 0
    if again.stdout:
        again.stdout.close()
    assert _processes_of(home) == []
