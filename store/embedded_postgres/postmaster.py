"""What is known of the living server: read from the notes it keeps in its data folder, and doubted until proven."""

import os
from pathlib import Path

from store.embedded_postgres.folders import Folders


def pid_file(folders: Folders) -> list[str]:
    """The postmaster's own notes: process, folder, start time, port … ; empty when there are none."""
    try:
        return (folders.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def live_port(folders: Folders) -> int | None:
    """The port that the server listens on; None while it is still starting."""
    notes = pid_file(folders)
    return int(notes[3]) if len(notes) > 3 and notes[3].strip().isdigit() else None


def live_pid(folders: Folders) -> int | None:
    """The process of this folder's server; None when it is gone or its number has passed to a stranger."""
    notes = pid_file(folders)
    if not notes or not notes[0].strip().isdigit():
        return None
    pid = int(notes[0])
    process = Path("/proc") / str(pid)
    try:
        os.kill(pid, 0)
        # A postmaster works inside its data folder: the surest mark there is. A dead one not yet reaped has no folder.
        if process.parent.joinpath("self").exists() and (process / "cwd").readlink() != folders.data:
            return None
    except (ProcessLookupError, PermissionError, FileNotFoundError):
        return None
    return pid
