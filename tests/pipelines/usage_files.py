"""Usage files for the tests of reading: written small, read whole."""

import json
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from pipelines.read_usage import UsageBatch, open_usage, read_batches


def read_all(path: Path, *, format: str | None = None, columns: str | None = None, skip_rows: int = 0) -> UsageBatch:  # noqa: A002 - as the option
    """All batches of a file as one."""
    batches = list(read_batches(open_usage(path, format=format, columns=columns), skip_rows=skip_rows))
    return UsageBatch(
        events=pl.concat([batch.events for batch in batches]),
        lines=pl.concat([batch.lines for batch in batches]),
        rejects=pl.concat([batch.rejects for batch in batches]),
        ignored=sum(batch.ignored for batch in batches),
        rows_done=batches[-1].rows_done,
    )


def only_event(path: Path, *, format: str | None = None) -> dict[str, object]:  # noqa: A002 - as the option
    """The one event of a file in which nothing is refused; buckets that are zero and labels that are null left out."""
    batch = read_all(path, format=format)
    assert batch.rejects.is_empty(), batch.rejects.to_dicts()
    [event] = batch.events.to_dicts()
    return {name: value for name, value in event.items() if value not in (None, 0)}


def json_lines(path: Path, rows: Iterable[object]) -> Path:
    """The rows as one JSON text a line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def text_file(path: Path, text: str) -> Path:
    """A file with that text."""
    path.write_text(text, encoding="utf-8")
    return path
