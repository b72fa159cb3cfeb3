"""What an import of usage files came to, file by file and together."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID


@dataclass(frozen=True)
class FileSummary:
    """What became of one file's rows, those of an earlier, killed run of the same import included.

    `unpriced` and `unattributed` are among the accepted; `unattributed` is None while no customer of Stripe is known.
    """

    path: Path
    format: str
    import_id: UUID
    accepted: int
    duplicate: int
    conflict: int
    rejected: int
    ignored: int
    unpriced: int
    unattributed: int | None
    reject_path: Path | None


@dataclass(frozen=True)
class ImportSummary:
    """What became of all files, and the sums over them."""

    files: tuple[FileSummary, ...]

    @property
    def accepted(self) -> int:
        """Events that are in the lake because of these files."""
        return sum(file.accepted for file in self.files)

    @property
    def duplicate(self) -> int:
        """Events that were known already, with the same content."""
        return sum(file.duplicate for file in self.files)

    @property
    def conflict(self) -> int:
        """Events whose id was known with other content; they are in a reject file."""
        return sum(file.conflict for file in self.files)

    @property
    def rejected(self) -> int:
        """Rows that are no valid event; they are in a reject file."""
        return sum(file.rejected for file in self.files)

    @property
    def unpriced(self) -> int:
        """Accepted events without a price."""
        return sum(file.unpriced for file in self.files)

    @property
    def unattributed(self) -> int | None:
        """Accepted events of no known customer; None while no customer of Stripe is known."""
        counts = [file.unattributed for file in self.files if file.unattributed is not None]
        return sum(counts) if len(counts) == len(self.files) else None

    @property
    def reject_paths(self) -> tuple[Path, ...]:
        """Where the rows lie that were not taken."""
        return tuple(file.reject_path for file in self.files if file.reject_path is not None)
