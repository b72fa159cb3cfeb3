"""Parquet usage files: their columns, and their rows in chunks, row group by row group."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.read_usage_chunks import CHUNK_ROWS, Chunk, UsageFileRefused


def read_columns(path: Path) -> tuple[list[str], int]:
    """The top-level column names and the number of rows."""
    with _opened(path) as file:
        names = file.schema_arrow.names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UsageFileRefused(f"{path} names the columns {', '.join(twice)} more than once.")
        return names, file.metadata.num_rows


def read_chunks(path: Path, columns: Sequence[str], *, skip_rows: int) -> Iterator[Chunk]:
    """The rows of the named columns in chunks; a row's line is its number. Row groups before `skip_rows` are not read."""
    with _opened(path) as file:
        before, groups = 0, list(range(file.num_row_groups))
        while groups and before + file.metadata.row_group(groups[0]).num_rows <= skip_rows:
            before += file.metadata.row_group(groups.pop(0)).num_rows
        done = before
        try:
            for batch in file.iter_batches(CHUNK_ROWS, row_groups=groups, columns=list(columns)) if groups else ():
                # Text is checked to be text here; polars trusts what it is given.
                batch.validate(full=True)
                table = pl.from_arrow(pa.Table.from_batches([batch]))
                if not isinstance(table, pl.DataFrame):
                    raise TypeError(f"a batch of {path} is no table")
                skipped = max(0, min(table.height, skip_rows - done))
                first, done = done + skipped, done + table.height
                if first < done:
                    yield Chunk(table.slice(skipped), list(range(first + 1, done + 1)), None)
        except (pa.ArrowException, OSError) as error:
            raise UsageFileRefused(f"{path} cannot be read after row {done}: {error}. Write the file again.") from error


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise UsageFileRefused(f"{path} is no readable Parquet file: {error}") from error
