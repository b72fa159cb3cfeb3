"""Who works on a data folder: one running installation at most, and of all that use it the last one puts out the light.

Locks are the system's own, which it frees when their holder is gone, however it went.
"""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


class AlreadyRunning(Exception):
    """The same folder is in use by another running installation."""


class FolderRefused(Exception):
    """The folder for the product's data cannot be written to."""


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold `<home>/running.lock` for the block. Raises AlreadyRunning, or FolderRefused when the folder is read-only."""
    with _lock_file(home, "running.lock") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            raise AlreadyRunning(
                f"`metering demo` or `metering up` is already running on {home.resolve()}: use that one, "
                "or set METERING_HOME to another folder."
            ) from held
        yield


@contextmanager
def last_one_out(home: Path, leave: Callable[[], object]) -> Iterator[None]:
    """Be among the users of the folder for the block; whoever is the last to end calls `leave`, while nobody new may begin."""
    with _lock_file(home, "users.lock") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        try:
            yield
        finally:
            # Asking for the whole lock gives our share up, so of two that end at once the second is the last.
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # somebody else is still at work
            else:
                leave()


def _lock_file(home: Path, name: str) -> TextIO:
    try:
        home.mkdir(parents=True, exist_ok=True)
        return (home / name).open("w", encoding="utf-8")
    except OSError as refused:
        raise FolderRefused(
            f"{home.resolve()} cannot be written to ({refused.strerror}): set METERING_HOME to a folder of your own."
        ) from refused
