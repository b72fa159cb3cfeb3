"""CSV usage files: their header, and their rows in chunks of text columns, past any row that is broken."""

import csv
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import polars as pl

from pipelines.read_usage_chunks import (
    CHUNK_BYTES,
    CHUNK_ROWS,
    ROW_BYTES_MAX,
    Chunk,
    Refused,
    UsageFileRefused,
    not_utf8,
    shortened,
)

_BOM = b"\xef\xbb\xbf"
# A cell with line breaks is a prompt of some lines. A quote that is not closed within these many is a lost one.
_ROW_LINES_MAX = 10_000


def read_header(path: Path) -> tuple[list[str], str]:
    """The column names and the delimiter: a comma, or a semicolon or tab where the header has no comma."""
    with path.open("rb") as file:
        first = file.readline(ROW_BYTES_MAX).removeprefix(_BOM)
    reason = not_utf8(first)
    if reason:
        raise UsageFileRefused(f"The header of {path} cannot be read: {reason}. Save the file as UTF-8.")
    text = first.decode().rstrip("\r\n")
    delimiter = next((mark for mark in (",", ";", "\t") if mark in text), ",")
    names = [
        name.strip() or f"column_{place}" for place, name in enumerate(next(csv.reader([text], delimiter=delimiter)), 1)
    ]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageFileRefused(
            f"The header of {path} names {', '.join(twice)} more than once. Give each column its own name."
        )
    return names, delimiter


def read_chunks(path: Path, *, skip_rows: int) -> Iterator[Chunk]:
    """The rows after the header in chunks; blank lines are no rows. A row that cannot be read is refused with its line."""
    names, delimiter = read_header(path)
    csv.field_size_limit(ROW_BYTES_MAX)
    with path.open("rb") as file:
        file.readline()
        rows = islice(_rows(_Lines(file), len(names), delimiter), skip_rows, None)
        while True:
            chunk = _take(rows, names)
            if chunk is None:
                return
            yield chunk


_Row = tuple[int, str, list[str]]


def _take(rows: Iterator[_Row | Refused], names: list[str]) -> Chunk | None:
    """The next chunk; None at the end."""
    cells: list[list[str]] = []
    lines: list[int] = []
    texts: list[str] = []
    refused: list[Refused] = []
    size = 0
    for row in islice(rows, CHUNK_ROWS):
        if isinstance(row, Refused):
            refused.append(row)
            continue
        line, text, values = row
        lines.append(line)
        texts.append(text)
        cells.append(values)
        size += len(text)
        if size >= CHUNK_BYTES:
            break
    if not lines and not refused:
        return None
    columns = zip(*cells, strict=True) if cells else [[] for _ in names]
    table = pl.DataFrame([pl.Series(name, column, pl.String) for name, column in zip(names, columns, strict=True)])
    return Chunk(table, lines, texts, refused)


class _Lines:
    """The lines of a file after its header with their numbers, of which the last ones read may be given back."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._given_back: deque[bytes] = deque()
        self._number = 1

    def next(self) -> tuple[int, bytes] | None:
        """The next line without its end; None at the end of the file."""
        line = self._given_back.popleft() if self._given_back else self._file.readline(ROW_BYTES_MAX)
        if not line:
            return None
        self._number += 1
        return self._number, line

    def give_back(self, lines: list[bytes]) -> None:
        self._given_back.extendleft(reversed(lines))
        self._number -= len(lines)


def _rows(lines: _Lines, width: int, delimiter: str) -> Iterator[_Row | Refused]:
    """Each row with its first line, its text and its cells."""
    while (numbered := lines.next()) is not None:
        number, first = numbered
        if not first.strip():
            continue
        has_quotes = b'"' in first
        if not has_quotes:
            # Nearly every row of nearly every file: no quotes, text, as many cells as the header.
            plain = first.decode("utf-8", "replace").rstrip("\r\n")
            cells = plain.split(delimiter)
            if len(cells) == width and "\ufffd" not in plain:
                yield number, plain, cells
                continue
        parts = _until_quotes_close(lines, first) if has_quotes else [first]
        raw = b"".join(parts)
        reason = not_utf8(raw) or _broken_quote(raw)
        text = raw.decode("utf-8", "replace").rstrip("\r\n")
        cells = []
        if reason is None:
            try:
                cells = (
                    next(csv.reader([text], delimiter=delimiter, strict=True)) if '"' in text else text.split(delimiter)
                )
            except csv.Error as error:
                reason = f"not readable as CSV: {error}"
        if reason is None and len(cells) != width:
            reason = f"the row has {len(cells)} columns, the header {width}"
        if reason is None:
            yield number, text, cells
        else:
            # What follows a lost quote may be good rows: only the line with the quote is given up.
            lines.give_back(parts[1:])
            yield Refused(number, reason, shortened(parts[0].decode("utf-8", "replace").rstrip("\r\n")))


def _until_quotes_close(lines: _Lines, first: bytes) -> list[bytes]:
    """The lines of the row that begins with `first`: an odd number of quotes so far means that a cell goes on."""
    parts, is_open, size = [first], first.count(b'"') % 2 == 1, len(first)
    while is_open and len(parts) < _ROW_LINES_MAX and size < ROW_BYTES_MAX:
        numbered = lines.next()
        if numbered is None:
            break
        parts.append(numbered[1])
        size += len(numbered[1])
        is_open ^= numbered[1].count(b'"') % 2 == 1
    return parts


def _broken_quote(raw: bytes) -> str | None:
    return "a quote is opened and not closed" if raw.count(b'"') % 2 else None
