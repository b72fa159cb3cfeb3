"""What every reader of usage files hands on: a bounded number of rows, where each stood, and what could not be read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

# Enough rows for vectorised work, few enough bytes for logs that carry whole prompts.
CHUNK_ROWS = 100_000
CHUNK_BYTES = 32 * 2**20
# A row longer than this is no usage event; without a limit one lost quote or brace would read the file into memory.
ROW_BYTES_MAX = 64 * 2**20
SHOWN_CHARACTERS = 2_000


class UsageFileRefused(Exception):
    """A usage file as a whole cannot be read; the sentence says why and what to do. No row of it was taken."""


Record = Mapping[str, object]


@dataclass(frozen=True)
class Refused:
    """A row that could not be read at all."""

    line: int
    reason: str
    row: str
    event_id: str | None = None


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows: a table (CSV, Parquet) or records (JSON), the line of each, and its text where it has one."""

    rows: pl.DataFrame | list[Record]
    lines: list[int]
    texts: list[str] | None
    refused: list[Refused] = field(default_factory=list)

    @property
    def rows_read(self) -> int:
        """How many rows of the file the chunk took, the refused ones included."""
        return len(self.lines) + len(self.refused)


def row_text(chunk: Chunk, index: int) -> str:
    """A row as a reject file keeps it: its own text, or its values as JSON."""
    if chunk.texts is not None:
        return shortened(chunk.texts[index])
    values = chunk.rows.row(index, named=True) if isinstance(chunk.rows, pl.DataFrame) else chunk.rows[index]
    return shortened(json.dumps(values, default=str, ensure_ascii=False))


def shortened(text: str) -> str:
    """A row's text as a reject file keeps it."""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def not_utf8(line: bytes) -> str | None:
    """Why a line is no text, or None when it is."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} of the line (0x{line[error.start]:02x}) is not UTF-8"
    return None
