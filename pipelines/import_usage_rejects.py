"""The reject file of an import: every row that was not taken, with its line and the reason, exactly once whatever crashes."""

import os
from pathlib import Path
from uuid import UUID

import polars as pl

from pipelines.read_usage import NORMALIZED_SCHEMA, REJECT_SCHEMA


def reject_path(home: Path, import_id: UUID, file_name: str) -> Path:
    """Where the rows lie that an import did not take; there is a file only if there are such rows."""
    # The end of a name that no file system would take with the id before it is enough to know it by.
    return home / "rejects" / f"{import_id}-{file_name[-100:]}.csv"


def append_rejects(path: Path, rejects: pl.DataFrame, *, after_bytes: int) -> int:
    """Write rejects (REJECT_SCHEMA) after the first `after_bytes` of the file, durably, and return how long it is then.

    What a killed import wrote beyond them is cut off: its rows are read again.
    """
    if rejects.is_empty():
        return after_bytes
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        # A file that somebody took away begins anew; there is nothing left to keep of it.
        file.truncate(min(after_bytes, file.tell()))
        file.seek(0, os.SEEK_END)
        rejects.select(list(REJECT_SCHEMA)).write_csv(file, include_header=file.tell() == 0)
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


def conflicts_as_rejects(conflicts: pl.DataFrame) -> pl.DataFrame:
    """Contradicting events as rejects; `conflicts` has NORMALIZED_SCHEMA, `line` and `kept_line` (null: kept before this part)."""
    content = pl.struct(name for name in NORMALIZED_SCHEMA)
    kept = (
        pl.when(pl.col("kept_line").is_null())
        .then(pl.lit("an event kept earlier"))
        .otherwise(pl.format("line {}", pl.col("kept_line")))
    )
    return conflicts.select(
        "line",
        "event_id",
        pl.format("the event_id {} is that of {} with other content, which stays", pl.col("event_id"), kept).alias(
            "reason"
        ),
        content.struct.json_encode().alias("row"),
    )
