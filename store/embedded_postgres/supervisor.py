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
from store.embedded_postgres.folders import Folders, hand_over, read_from, write_secret
from store.embedded_postgres.postmaster import live_pid, live_port

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
    with _in_words(folders):
        folders.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _only_one(folders):
            account = choose_account(folders.root)
            if not (folders.data / "PG_VERSION").exists():
                _create(folders, account)
            _refuse_other_version(folders, account)
            return _adopt(folders) or _launch(folders, account, is_durable=is_durable)


def is_running(home: Path) -> bool:
    """Whether the server of this home folder is alive."""
    folders = Folders.below(home)
    with _in_words(folders):
        return live_pid(folders) is not None


def stop(home: Path) -> bool:
    """Stop the server of this home folder and wait until it is gone; False when none was running."""
    folders = Folders.below(home)
    with _in_words(folders):
        if not folders.root.is_dir():
            return False
        with _only_one(folders):
            return _end(folders)


@contextlib.contextmanager
def _in_words(folders: Folders) -> Iterator[None]:
    """What the system refuses is told in a sentence about the folder."""
    try:
        yield
    except OSError as trouble:
        raise explain(str(trouble), folders.root) from trouble


@contextlib.contextmanager
def _only_one(folders: Folders) -> Iterator[None]:
    """Whoever starts or stops does it alone; the lock ends with its process, however that ends."""
    with (folders.root / "lock").open("w", encoding="utf-8") as lock:
        hand_over(folders.root / "lock")

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
        code, said = account.run(
            "initdb", "--pgdata=data.new", f"--username={SUPERUSER}", "--pwfile=password.new", "--auth=scram-sha-256",
            "--data-checksums", "--encoding=UTF8", "--locale=C", "--no-instructions", folder=folders.root,
        )  # fmt: skip
    finally:
        password_file.unlink(missing_ok=True)
    if code != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise explain(said, folders.root)
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
        return live_pid(folders) is None or _answers(folders, live_port(folders))

    if _until(has_settled, WAIT_SECONDS) and live_pid(folders) is not None:
        return _address(folders, live_port(folders))
    if (pid := live_pid(folders)) is not None:
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
    try:
        while True:
            port = _choose_port(folders)
            _configure(folders, account, port, is_durable=is_durable)
            said = _try_to_start(folders, account, port)
            if said is None:
                return _address(folders, port)
            if not any(words in said for words in LEFTOVER_WORDS) or time.monotonic() > deadline:
                raise explain(said, folders.root)
            time.sleep(POLL_SECONDS * 4)
    except KeyboardInterrupt:
        # Whoever gives up while it starts must not leave a server behind that nobody asked for.
        _until(lambda: live_pid(folders) is not None, POLL_SECONDS * 10)
        _end(folders)
        raise


def _try_to_start(folders: Folders, account: Account, port: int) -> str | None:
    """One attempt: None once the server answers, else what it said instead."""
    seen = folders.log.stat().st_size if folders.log.exists() else 0
    # Relative names, because pg_ctl hands them to a shell. It gives the postmaster its own session (setsid).
    wait = f"--timeout={WAIT_SECONDS // 2}"
    code, said = account.run(
        "pg_ctl", "start", "--pgdata=data", "--log=server.log", "--wait", wait, folder=folders.root
    )
    # A long recovery after a crash outlasts pg_ctl's patience; as long as the process lives there is hope.
    is_alive = code == 0 or live_pid(folders) is not None
    if is_alive and _until(partial(_answers, folders, port), WAIT_SECONDS):
        return None
    return said + read_from(folders.log, seen)


def _end(folders: Folders) -> bool:
    """End the living server, whoever started it; False when there is none."""
    pid = live_pid(folders)
    if pid is None:
        return False
    # First "fast" (roll back and shut down), then "immediate" (recover at the next start).
    for order in (signal.SIGINT, signal.SIGQUIT):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, order)
        if _until(lambda: live_pid(folders) is None, WAIT_SECONDS / 4):
            return True
    raise EmbeddedPostgresError(
        f"The embedded Postgres (process {pid}) in {folders.root} does not stop. End that process."
    )


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
        hand_over(remembered)
        return free
    raise EmbeddedPostgresError(
        "No port on 127.0.0.1 is free for the embedded Postgres. Close some programs and try again."
    )


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
