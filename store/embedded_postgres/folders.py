"""Where the embedded Postgres keeps its things below the home folder, and how its secrets are written."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folders:
    """The places below `<home>/postgres`."""

    root: Path

    @classmethod
    def below(cls, home: Path) -> "Folders":
        """The places of this home folder, by their real names."""
        return cls(home.resolve() / "postgres")

    @property
    def data(self) -> Path:
        """The cluster itself."""
        return self.root / "data"

    @property
    def credentials(self) -> Path:
        """The passwords of all roles; only its owner may read it."""
        return self.root / "credentials"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.root / "server.log"


def credentials_file(home: Path) -> Path:
    """Where the passwords of the database roles of this home folder are kept."""
    return Folders.below(home).credentials


def write_secret(path: Path, secret: str) -> None:
    """Write a file that only its owner may read, complete or not at all; it belongs to whom the folder belongs."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    hand_over(unfinished)
    unfinished.replace(path)


def read_from(path: Path, offset: int) -> str:
    """What was written to the file since it had that many bytes."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read().decode(errors="replace")


def hand_over(path: Path) -> None:
    """Give what root made to whom its folder belongs, who will want to use it without root."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
