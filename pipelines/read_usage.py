"""Usage files of any supported format to normalized events, batch by batch in bounded memory, from any row on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from pipelines import read_usage_csv, read_usage_json, read_usage_parquet
from pipelines.read_usage_chunks import Chunk, Refused, UsageFileRefused, row_text
from pipelines.read_usage_sources import Source, expanded, source_of, to_table
from pricing.usage import REQUIRED_FIELDS
from pricing.usage_sources.detect import FORMATS, MAPPED_INSIDE, detect_format
from pricing.usage_sources.metering import normalize
from pricing.usage_sources.own_logs import holds_answers
from pricing.usage_sources.schema import (
    NORMALIZED_SCHEMA,
    REJECT_SCHEMA,
    ColumnsRefused,
    check_columns,
    our_fields,
    parse_columns,
)

__all__ = [
    "NORMALIZED_SCHEMA",
    "REJECT_SCHEMA",
    "UsageBatch",
    "UsageFile",
    "UsageFileRefused",
    "open_usage",
    "read_batches",
]

CONTAINERS = {".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".ndjson": "json", ".json": "json", ".parquet": "parquet"}


@dataclass(frozen=True)
class UsageFile:
    """A usage file that can be read: its format (one of FORMATS), how it is stored, and its number of rows if known."""

    path: Path
    format: str
    container: str
    rows_total: int | None
    names: tuple[str, ...]
    mapping: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class UsageBatch:
    """Some consecutive rows of a file.

    `events` has the columns NORMALIZED_SCHEMA and `lines` the line of each event; `rejects` has REJECT_SCHEMA. `ignored` rows
    are no model calls (other spans of a trace). `rows_done` counts the rows of the file up to the end of this batch: handed
    to `read_batches` as `skip_rows`, reading goes on after it.
    """

    events: pl.DataFrame
    lines: pl.Series
    rejects: pl.DataFrame
    ignored: int
    rows_done: int


def open_usage(path: Path, *, format: str | None = None, columns: str | None = None) -> UsageFile:  # noqa: A002 - as the option
    """Find out how to read a file. Raises UsageFileRefused with one sentence when it cannot be.

    `columns` maps names of the file to fields of the documented schema: `theirs=ours,theirs=ours`.
    """
    if format is not None and format not in FORMATS:
        raise UsageFileRefused(f"There is no usage format {format!r}: name one of {', '.join(FORMATS)}.")
    try:
        mapping = parse_columns(columns)
        container = _container(path)
        names, rows_total = _names(path, container)
        found = format or detect_format(names, mapping)
        if found not in MAPPED_INSIDE:
            check_columns(names, mapping)
    except ColumnsRefused as error:
        raise UsageFileRefused(str(error)) from error
    except OSError as error:
        raise UsageFileRefused(f"{path} cannot be read: {error.strerror or error}.") from error
    if found is None:
        raise UsageFileRefused(
            f"The columns of {path} ({_listed(names)}) are of no known usage format. Name it with --format "
            f"({', '.join(FORMATS)}), or map your columns with --columns theirs=ours; needed are {', '.join(REQUIRED_FIELDS)}."
        )
    file = UsageFile(path, found, container, rows_total, tuple(names), mapping)
    absent = [name for name in REQUIRED_FIELDS if found == "metering" and name not in our_fields(names, mapping)]
    # What is not a column may be in the answers, row by row.
    if absent and not holds_answers(names):
        raise UsageFileRefused(
            f"{path} has no column for {', '.join(absent)}; it has {_listed(names)}. Map your columns with --columns theirs=ours."
        )
    return file


def read_batches(file: UsageFile, *, skip_rows: int = 0) -> Iterator[UsageBatch]:
    """The file's events after its first `skip_rows` rows, in their order. Raises UsageFileRefused when it breaks off."""
    done = skip_rows
    source = source_of(file.format, file.names, file.mapping)
    for chunk in _chunks(file, source, skip_rows):
        done += chunk.rows_read
        yield _batch(file, source, chunk, done)


def _batch(file: UsageFile, source: Source | None, chunk: Chunk, done: int) -> UsageBatch:
    chunk = expanded(source, chunk)
    refused = list(chunk.refused)
    if source is None:
        table, places, ignored = _own_table(file, chunk), list(range(len(chunk.lines))), 0
    else:
        table, places, unread, ignored = to_table(source, chunk)
        refused += unread
    events, event_places, rejects = normalize(table, pl.Series("place", places, pl.Int64))
    lines = pl.Series("line", chunk.lines, pl.Int64)
    return UsageBatch(events, lines.gather(event_places), _all_rejects(rejects, refused, chunk), ignored, done)


def _own_table(file: UsageFile, chunk: Chunk) -> pl.DataFrame:
    """The fields of the documented schema as columns, whatever the file calls them."""
    if isinstance(chunk.rows, pl.DataFrame):
        fields = our_fields(chunk.rows.columns, file.mapping)
        return chunk.rows.select(pl.col(theirs).alias(ours) for ours, theirs in fields.items())
    fields = our_fields(dict.fromkeys(name for row in chunk.rows for name in row), file.mapping)
    return pl.DataFrame(
        [
            pl.Series(
                ours, [None if (value := row.get(theirs)) is None else str(value) for row in chunk.rows], pl.String
            )
            for ours, theirs in fields.items()
        ]
    )


def _all_rejects(rejects: pl.DataFrame, refused: list[Refused], chunk: Chunk) -> pl.DataFrame:
    """Every row of the chunk that is no event, by line, each with its text."""
    if rejects.is_empty() and not refused:
        return pl.DataFrame(schema=REJECT_SCHEMA)
    shown = pl.DataFrame(
        [
            (chunk.lines[place], event_id, reason, row_text(chunk, place))
            for place, event_id, reason in rejects.select("place", "event_id", "reason").iter_rows()
        ],
        schema=REJECT_SCHEMA,
        orient="row",
    )
    unread = pl.DataFrame(
        [(each.line, each.event_id, each.reason, each.row) for each in refused], schema=REJECT_SCHEMA, orient="row"
    )
    return pl.concat([shown, unread]).sort("line", maintain_order=True)


def _container(path: Path) -> str:
    """How the file stores its rows. Parquet tells by its first bytes, the others by the end of their names."""
    if path.is_dir():
        raise UsageFileRefused(f"{path} is a folder: name the files in it.")
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise UsageFileRefused(f"{path} is empty.")
    if start == b"PAR1":
        return "parquet"
    if start[:2] == b"\x1f\x8b" or start == b"\x28\xb5\x2f\xfd" or start[:2] == b"PK":
        raise UsageFileRefused(f"{path} is compressed: unpack it first.")
    container = CONTAINERS.get(path.suffix.lower())
    if container is None:
        raise UsageFileRefused(
            f"{path} must end in one of {', '.join(CONTAINERS)}, so that it is clear how to read it."
        )
    return container


def _names(path: Path, container: str) -> tuple[list[str], int | None]:
    """The names of the columns, or of the keys in the first records; and the number of rows where the file says it."""
    if container == "csv":
        return read_usage_csv.read_header(path)[0], None
    if container == "parquet":
        return read_usage_parquet.read_columns(path)
    names = read_usage_json.read_keys(path)
    if not names:
        raise UsageFileRefused(f"{path} has no JSON object that could be an event.")
    return names, None


def _chunks(file: UsageFile, source: Source | None, skip_rows: int) -> Iterator[Chunk]:
    if file.container == "csv":
        return read_usage_csv.read_chunks(file.path, skip_rows=skip_rows)
    if file.container == "json":
        return read_usage_json.read_chunks(file.path, skip_rows=skip_rows)
    wanted = our_fields(file.names, file.mapping).values() if source is None else source.columns
    columns = [name for name in file.names if name in set(wanted) or name.startswith("gen_ai.")]
    return read_usage_parquet.read_chunks(file.path, columns, skip_rows=skip_rows)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (" …" if len(names) > 12 else "")
