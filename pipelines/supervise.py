"""Starts and stops the processes of one installation so that none outlives the one that started it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

LOOPBACK = "127.0.0.1"
# A disk with less room than this counts as full: not even the demo company's usage file would fit.
FULL_BELOW_BYTES = 4_000_000


class ProcessDied(Exception):
    """A process that the product needs ended before it was ready; its last log line says why."""


class PortTaken(Exception):
    """Another program listens on the port that was asked for; name another one."""


@dataclass(frozen=True)
class Child:
    """One running process, its name for people and the file its words go to."""

    name: str
    process: subprocess.Popen[bytes]
    log_path: Path

    def last_words(self) -> str:
        """The last line it logged, or its exit code when it said nothing, which on a full disk it could not."""
        lines = self.log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        if lines:
            return lines[-1]
        room = shutil.disk_usage(self.log_path.parent).free
        is_full = "; its disk is full" if room < FULL_BELOW_BYTES else ""
        return f"exit code {self.process.poll()}{is_full}"


def start_child(
    name: str, module_and_arguments: Sequence[str], *, log_folder: Path, environment: dict[str, str]
) -> Child:
    """Start `python -m MODULE … --watch-stdin`.

    The child reads its standard input and leaves at its end: when this process dies, even by SIGKILL, the pipe closes
    and the child goes too. It has a session of its own, so that Ctrl-C reaches it in our order, not the terminal's.
    """
    log_folder.mkdir(parents=True, exist_ok=True)
    log_path = log_folder / f"{name}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own modules, arguments from settings, no shell
            [sys.executable, "-m", *module_and_arguments, "--watch-stdin"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | environment,
        )
    return Child(name, process, log_path)


def wait_until(child: Child, is_ready: Callable[[], bool], *, timeout_seconds: float) -> None:
    """Return when the child is ready; raise ProcessDied with its last words when it ended or took too long."""
    give_up_at = time.monotonic() + timeout_seconds
    while not is_ready():
        if child.process.poll() is not None:
            raise ProcessDied(
                f"The {child.name} stopped before it was ready: {child.last_words()} (see {child.log_path})."
            )
        if time.monotonic() > give_up_at:
            raise ProcessDied(f"The {child.name} was not ready after {timeout_seconds:.0f} s (see {child.log_path}).")
        time.sleep(0.05)


def answers(url: str) -> bool:
    """Whether a GET of the URL is answered with a success."""
    try:
        with urlopen(url, timeout=2) as answer:  # noqa: S310 - a loopback address of our own
            return int(answer.status) < 400
    except (URLError, OSError):
        return False


def stop_children(children: Sequence[Child], *, grace_seconds: float = 8) -> None:
    """End them in reverse order: ask by SIGTERM, then make sure by SIGKILL."""
    for child in reversed(children):
        if child.process.poll() is None:
            child.process.send_signal(signal.SIGTERM)
    for child in reversed(children):
        try:
            child.process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()
        if child.process.stdin:
            child.process.stdin.close()


def free_port(preferred: int, *, must: bool) -> int:
    """The preferred port when it is free; else another free one, or PortTaken when it must be this one."""
    for port in (preferred, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError as taken:
                if must:
                    raise PortTaken(
                        f"Port {preferred} on {LOOPBACK} is in use by another program: stop it or choose another with --port."
                    ) from taken
                continue
            return int(probe.getsockname()[1])
    raise PortTaken(f"No free port was found on {LOOPBACK}: stop a program that holds many and try again.")


def interrupt_on_sigterm() -> None:
    """Let SIGTERM and a closed terminal end the program by the same path as Ctrl-C, so that everything is stopped.

    SIGINT as well: a shell without job control starts what it puts into the background with SIGINT ignored.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def leave_when_stdin_ends() -> None:
    """Ask this process to stop (SIGTERM to itself) when the one that started it is gone."""

    def watch() -> None:
        # The descriptor itself: a buffered reader's lock, held by this thread, would break the interpreter's last breath.
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True, name="watch-stdin").start()
