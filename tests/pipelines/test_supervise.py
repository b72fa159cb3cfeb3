"""Processes start, are waited for, and leave with the one that started them."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pipelines.supervise import PortTaken, ProcessDied, free_port, start_child, stop_children, wait_until


def test_a_child_that_dies_is_reported_with_its_last_words(tmp_path: Path) -> None:
    """`python -m no_such_module` says what is wrong on its last line; that line reaches the person."""
    child = start_child("worker", ["no_such_module"], log_folder=tmp_path, environment={})
    with pytest.raises(ProcessDied, match=r"The worker stopped before it was ready: .*no_such_module"):
        wait_until(child, lambda: False, timeout_seconds=30)
    stop_children([child])


def test_a_taken_port_is_a_sentence_when_it_must_be_that_one_and_another_port_otherwise() -> None:
    with socket.socket() as other_program:
        other_program.bind(("127.0.0.1", 0))
        other_program.listen()
        taken = other_program.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {taken} on 127.0.0.1 is in use"):
            free_port(taken, must=True)
        assert free_port(taken, must=False) not in {0, taken}


def test_children_leave_when_the_one_that_started_them_is_killed(tmp_path: Path) -> None:
    """The parent is ended by SIGKILL and can tidy nothing up; its pipe closes and the child goes by itself."""
    (tmp_path / "sleeper.py").write_text(
        "import time\nfrom pipelines.supervise import leave_when_stdin_ends\nleave_when_stdin_ends()\ntime.sleep(600)\n"
    )
    parent_code = textwrap.dedent(f"""
        import time
        from pathlib import Path
        from pipelines.supervise import start_child
        child = start_child("sleeper", ["sleeper"], log_folder=Path({str(tmp_path)!r}), environment={{"PYTHONPATH": {str(tmp_path)!r}}})
        print(child.process.pid, flush=True)
        time.sleep(600)
    """)
    parent = subprocess.Popen([sys.executable, "-c", parent_code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child_pid = int(parent.stdout.readline())
    os.kill(child_pid, 0)  # it is there

    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    pidfd = _wait_handle(child_pid)
    if pidfd is not None:
        import select

        assert select.select([pidfd], [], [], 30)[0], "the child outlived its parent by 30 s"
        os.close(pidfd)


def _wait_handle(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None
