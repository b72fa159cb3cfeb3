"""JSON usage files: one object a line, an array of objects, or whole documents; numbers with a point stay their own text."""

import codecs
import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from pipelines.read_usage_chunks import (
    CHUNK_BYTES,
    CHUNK_ROWS,
    ROW_BYTES_MAX,
    Chunk,
    Record,
    Refused,
    not_utf8,
    shortened,
)
from pricing.usage_sources.records import decoded

_documents = json.JSONDecoder()
_BETWEEN = re.compile(r"[ \t\r\n,\[\]]*")
_PIECE = 2**20
_SAMPLE_ROWS = 200
_BOM = b"\xef\xbb\xbf"

_Row = tuple[int, str, Record]


def read_chunks(path: Path, *, skip_rows: int) -> Iterator[Chunk]:
    """The objects of a file in chunks. A line (or what follows a broken object of an array) that is none is refused."""
    with path.open("rb") as file:
        rows = _line_rows(file) if is_by_line(path) else _document_rows(file)
        remaining = islice(rows, skip_rows, None)
        while True:
            chunk = _take(remaining)
            if chunk is None:
                return
            yield chunk


def read_keys(path: Path) -> list[str]:
    """The keys of the first objects, those inside a wrapping document among them."""
    with path.open("rb") as file:
        rows = _line_rows(file) if is_by_line(path) else _document_rows(file)
        found = [row[2] for row in islice(rows, _SAMPLE_ROWS) if not isinstance(row, Refused)]
    return list(dict.fromkeys(name for record in found for inner in unwrapped(record) for name in inner))


def unwrapped(record: Record) -> list[Record]:
    """What an answer of an API wraps as `{"data": […]}` (Langfuse, Helicone, LiteLLM), or the record alone."""
    inner = record.get("data")
    if isinstance(inner, list) and all(isinstance(each, dict) for each in inner):
        return inner
    return [record]


def is_by_line(path: Path) -> bool:
    """Whether every line is an object of its own, rather than the file one array or document."""
    with path.open("rb") as file:
        for line in file:
            text = line.removeprefix(_BOM).strip()
            if text:
                break
        else:
            return True
    if text.startswith(b"["):
        return False
    if path.suffix.lower() != ".json":
        return True
    try:
        return isinstance(decoded(text), dict)
    except ValueError:
        return False


def _take(rows: Iterator[_Row | Refused]) -> Chunk | None:
    """The next chunk; None at the end."""
    records: list[Record] = []
    lines: list[int] = []
    texts: list[str] = []
    refused: list[Refused] = []
    size = 0
    for row in islice(rows, CHUNK_ROWS):
        if isinstance(row, Refused):
            refused.append(row)
            continue
        lines.append(row[0])
        texts.append(shortened(row[1]))
        records.append(row[2])
        size += len(row[1])
        if size >= CHUNK_BYTES:
            break
    return Chunk(records, lines, texts, refused) if lines or refused else None


def _line_rows(file: BinaryIO) -> Iterator[_Row | Refused]:
    number = 0
    while line := file.readline(ROW_BYTES_MAX):
        number += 1
        line = line.removeprefix(_BOM).strip()
        if line:
            yield _object(number, line)


def _object(number: int, line: bytes) -> _Row | Refused:
    """The object in a line, or why there is none."""
    reason = not_utf8(line)
    text = line.decode("utf-8", "replace")
    if reason is None:
        try:
            found = decoded(line)
        except ValueError as error:
            reason = f"not readable as JSON: {error}"
        else:
            if isinstance(found, dict):
                return number, text, found
            reason = "this is no JSON object"
    return Refused(number, reason, shortened(text))


def _document_rows(file: BinaryIO) -> Iterator[_Row | Refused]:
    """The elements of an array, or documents one after another, held in memory one at a time."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
    buffer, start, line = "", 0, 1
    while True:
        piece = file.read(max(_PIECE, len(buffer) - start))
        buffer, start = buffer[start:] + decoder.decode(piece, final=not piece), 0
        while (begin := _next_value(buffer, start)) < len(buffer):
            line += buffer.count("\n", start, begin)
            start = begin
            end = _end_of_value(buffer, start)
            # A number or word at the end of what was read may go on in the next piece; objects end with their brace.
            if end is None:
                break
            text = buffer[start:end]
            yield _object(line, text.encode("utf-8", "surrogateescape"))
            line += text.count("\n")
            start = end
        else:
            line += buffer.count("\n", start)
            start = len(buffer)
        is_too_long = len(buffer) - start > ROW_BYTES_MAX
        if start < len(buffer) and (is_too_long or not piece):
            what = (
                f"a value of more than {ROW_BYTES_MAX >> 20} MB: write JSON Lines"
                if is_too_long
                else "no readable JSON"
            )
            yield Refused(line, f"from here on there is {what}", _shown(buffer[start:]))
            return
        if not piece:
            return


def _shown(text: str) -> str:
    """The beginning of a text with what was no UTF-8 in it marked."""
    return shortened(text[:_PIECE].encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def _next_value(buffer: str, start: int) -> int:
    """Where the next value begins, past spaces and what separates the elements of an array."""
    found = _BETWEEN.match(buffer, start)
    return found.end() if found else start


def _end_of_value(buffer: str, start: int) -> int | None:
    """Where the value that begins here ends; None when it is cut off or no JSON."""
    try:
        return _documents.raw_decode(buffer, start)[1]
    except (json.JSONDecodeError, RecursionError):
        return None
