"""Starts, adopts and stops the embedded Postgres: one per home folder, on loopback, alive until it is told to stop."""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg

from store.embedded_postgres.binaries import Account, EmbeddedPostgresError, choose_account, explain
from store.embedded_postgres.folders import Folders, read_from, write_secret

SUPERUSER = "postgres"
DATABASE = "metering"
WAIT_SECONDS = 120
POLL_SECONDS = 0.05
LOG_BYTES_MAX = 10_000_000
# The children of a postmaster killed outright need a moment to notice and to let go of its memory.
LEFTOVER_WORDS = ("pre-existing shared memory block", "Address already in use", "could not bind", "lock file")
QUICK_AND_LOSSY = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"


@dataclass(frozen=True)
class AdminUrl:
    """The superuser's address of a server, and the file that keeps the passwords of its other roles."""

    url: str = field(repr=False)
    credentials: Path | None = None


def start(home: Path, *, is_durable: bool = True) -> AdminUrl:
    """Start the server of this home folder, or adopt the one that lives; returns once it answers.

    `is_durable=False` gives up crash safety for speed: for tests alone.
    """
    folders = Folders.below(home)
    try:
        folders.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _only_one(folders):
            account = choose_account(folders.root)
            if not (folders.data / "PG_VERSION").exists():
                _create(folders, account)
            _refuse_other_version(folders, account)
            return _adopt(folders) or _launch(folders, account, is_durable=is_durable)
    except OSError as trouble:
        raise explain(str(trouble), folders.root) from trouble


def is_running(home: Path) -> bool:
    """Whether the server of this home folder is alive."""
    return _live_pid(Folders.below(home)) is not None


def stop(home: Path) -> bool:
    """Stop the server of this home folder and wait until it is gone; False when none was running."""
    folders = Folders.below(home)
    if not folders.root.is_dir():
        return False
    with _only_one(folders):
        pid = _live_pid(folders)
        if pid is None:
            return False
        # First "fast" (roll back and shut down), then "immediate" (recover at the next start).
        for order in (signal.SIGINT, signal.SIGQUIT):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, order)
            if _until(lambda: _live_pid(folders) is None, WAIT_SECONDS / 4):
                return True
        raise EmbeddedPostgresError(
            f"The embedded Postgres (process {pid}) in {folders.root} does not stop. End that process."
        )


@contextlib.contextmanager
def _only_one(folders: Folders) -> Iterator[None]:
    """Whoever starts or stops does it alone; the lock ends with its process, however that ends."""
    with (folders.root / "lock").open("w", encoding="utf-8") as lock:

        def is_ours() -> bool:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        if not _until(is_ours, WAIT_SECONDS):
            raise EmbeddedPostgresError(
                f"Another process has held {folders.root / 'lock'} for {WAIT_SECONDS} seconds. End it first."
            )
        yield


def _create(folders: Folders, account: Account) -> None:
    """A new cluster: built beside its place and renamed, so that a crash leaves nothing half made."""
    unfinished = folders.root / "data.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    password = secrets.token_urlsafe(24)
    password_file = folders.root / "password.new"
    write_secret(password_file, password)
    account.own(password_file)
    try:
        done = account.run(
            "initdb", "--pgdata=data.new", f"--username={SUPERUSER}", "--pwfile=password.new", "--auth=scram-sha-256",
            "--data-checksums", "--encoding=UTF8", "--locale=C", "--no-instructions", folder=folders.root,
        )  # fmt: skip
    finally:
        password_file.unlink(missing_ok=True)
    if done.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise explain(done.stdout, folders.root)
    with (unfinished / "postgresql.conf").open("a", encoding="utf-8") as configuration:
        configuration.write("\ninclude_if_exists = 'metering.conf'\n")
    write_secret(folders.credentials, json.dumps({SUPERUSER: password}))
    unfinished.rename(folders.data)


def _refuse_other_version(folders: Folders, account: Account) -> None:
    """Data of another major version are neither touched nor started."""
    made_by = (folders.data / "PG_VERSION").read_text(encoding="utf-8").strip()
    ours = account.bin.parent.name.removeprefix("pginstall")
    if ours.isdigit() and made_by != ours:
        raise EmbeddedPostgresError(
            f"{folders.data} was made by Postgres {made_by}, but the installed programs are version {ours}. Install the package "
            "version that made it and dump the data, or set METERING_HOME to a new folder."
        )


def _adopt(folders: Folders) -> AdminUrl | None:
    """The address of a server that already lives here, whoever started it; None when there is none."""

    def has_settled() -> bool:
        return _live_pid(folders) is None or _answers(folders, _live_port(folders))

    if _until(has_settled, WAIT_SECONDS) and _live_pid(folders) is not None:
        return _address(folders, _live_port(folders))
    if (pid := _live_pid(folders)) is not None:
        raise EmbeddedPostgresError(
            f"The embedded Postgres (process {pid}) in {folders.root} runs but does not answer. See {folders.log}."
        )
    # A pid file whose process is gone, or is by now somebody else's, would keep Postgres from starting.
    (folders.data / "postmaster.pid").unlink(missing_ok=True)
    return None


def _launch(folders: Folders, account: Account, *, is_durable: bool) -> AdminUrl:
    """Start the server in a session of its own, so that Ctrl-C at the terminal does not reach it."""
    if folders.log.exists() and folders.log.stat().st_size > LOG_BYTES_MAX:
        folders.log.replace(folders.log.with_suffix(".log.1"))
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        seen = folders.log.stat().st_size if folders.log.exists() else 0
        port = _choose_port(folders)
        _configure(folders, account, port, is_durable=is_durable)
        # Relative names: pg_ctl hands them to a shell. It gives the postmaster its own session (setsid).
        done = account.run(
            "pg_ctl",
            "start",
            "--pgdata=data",
            "--log=server.log",
            "--wait",
            f"--timeout={WAIT_SECONDS // 2}",
            folder=folders.root,
        )
        if done.returncode == 0 and _until(partial(_answers, folders, port), WAIT_SECONDS / 4):
            return _address(folders, port)
        said = done.stdout + read_from(folders.log, seen)
        if not any(words in said for words in LEFTOVER_WORDS) or time.monotonic() > deadline:
            raise explain(said, folders.root)
        time.sleep(POLL_SECONDS * 4)


def _configure(folders: Folders, account: Account, port: int, *, is_durable: bool) -> None:
    """What differs from Postgres' defaults; written anew at every start."""
    settings = folders.data / "metering.conf"
    settings.write_text(
        f"listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nmax_connections = 100\n"
        "timezone = 'UTC'\nlog_timezone = 'UTC'\nwal_compression = pglz\n" + ("" if is_durable else QUICK_AND_LOSSY),
        encoding="utf-8",
    )
    account.own(settings)


def _choose_port(folders: Folders) -> int:
    """The port of the last start, or a free one where a stranger has taken it."""
    remembered = folders.root / "port"
    wanted = int(remembered.read_text(encoding="utf-8")) if remembered.exists() else 0
    for port in (wanted, 0):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            free: int = trial.getsockname()[1]
        remembered.write_text(str(free), encoding="utf-8")
        return free
    raise EmbeddedPostgresError(
        "No port on 127.0.0.1 is free for the embedded Postgres. Close some programs and try again."
    )


def _pid_file(folders: Folders) -> list[str]:
    """The postmaster's own notes: process, folder, start time, port … ; empty when there are none."""
    try:
        return (folders.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _live_port(folders: Folders) -> int | None:
    """The port that the server listens on; None while it is still starting."""
    notes = _pid_file(folders)
    return int(notes[3]) if len(notes) > 3 and notes[3].strip().isdigit() else None


def _live_pid(folders: Folders) -> int | None:
    """The process of this folder's server; None when it is gone or its number has passed to a stranger."""
    notes = _pid_file(folders)
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


def _answers(folders: Folders, port: int | None) -> bool:
    """Whether our own server, and no stranger, accepts our password on the port."""
    if port is None:
        return False
    try:
        with psycopg.connect(_conninfo(folders, port, SUPERUSER), connect_timeout=5) as connection:
            row = connection.execute("show data_directory").fetchone()
    except psycopg.OperationalError:
        return False
    return row is not None and Path(row[0]) == folders.data


def _conninfo(folders: Folders, port: int, database: str) -> str:
    """The superuser's address in libpq's spelling; the passwords are URL-safe by making."""
    password = json.loads(folders.credentials.read_text(encoding="utf-8"))[SUPERUSER]
    return f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}/{database}"


def _address(folders: Folders, port: int | None) -> AdminUrl:
    """What callers get: the address of the database `metering`, in SQLAlchemy's spelling."""
    assert port is not None, "a server that answers has a port"
    url = _conninfo(folders, port, DATABASE).replace("postgresql://", "postgresql+psycopg://", 1)
    return AdminUrl(url, folders.credentials)


def _until(is_done: Callable[[], bool], seconds: float) -> bool:
    """Ask again and again until it is so; False when the time has run out."""
    deadline = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
