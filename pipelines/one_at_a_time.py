"""One running installation per folder: a lock that the system frees when its holder is gone, however it went."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyRunning(Exception):
    """The same folder is in use by another running command."""


class FolderRefused(Exception):
    """The folder for the product's data cannot be written to."""


@contextmanager
def only_one(home: Path, name: str) -> Iterator[None]:
    """Hold `<home>/<name>.lock` for the block. Raises AlreadyRunning, or FolderRefused when the folder is read-only."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        handle = (home / f"{name}.lock").open("w")
    except OSError as refused:
        raise FolderRefused(
            f"{home.resolve()} cannot be written to ({refused.strerror}): set METERING_HOME to a folder of your own."
        ) from refused
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            raise AlreadyRunning(
                f"`metering {name}` is already running on {home.resolve()}: use that one, or set METERING_HOME to another folder."
            ) from held
        yield
