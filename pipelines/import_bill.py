"""Imports bills that come as files: Google's billing export and any provider's bill as CSV, restated like any report."""

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import polars as pl

from pipelines import read_bill_csv, read_bill_google
from pipelines.import_usage_rejects import append_rejects
from pipelines.pull_usage_client import UsageReportRefused
from pipelines.pull_usage_reports import Line, start_of
from pipelines.read_usage import REJECT_SCHEMA
from pricing.usage_sources.records import Record, decoded
from store import freshness, provider_reports, usage_connections
from store.database import Connection, Engine, tenant_transaction
from store.freshness import Status
from store.provider_reports import COST_SCHEMA, Change, Days
from store.usage_connections import CountsAs, UsageConnection

GOOGLE, GENERIC = "google_billing", "bill"
STREAM = "file"
# A row with its fields, or the text of one that has none.
Row = Record | str


class BillRefused(Exception):
    """A file is no bill that can be read; nothing of it was taken."""


@dataclass(frozen=True)
class BillImport:
    """What became of a bill's rows. `unknown_pico_usd` by line item is cost whose model or unit is not known: kept, and shown."""

    kind: str
    change: Change
    lines: int
    cost_pico_usd: int
    apart_pico_usd: Mapping[str, int]
    unknown_pico_usd: Mapping[str, int]
    ignored: int
    rejects: tuple[str, ...]
    reject_path: Path | None


def import_bill(
    engine: Engine, home: Path, tenant_id: UUID, path: Path, *, principal: str, now: datetime
) -> BillImport:
    """Make the file's rows what its accounts or providers billed for the days it speaks of. Raises BillRefused.

    Days between the file's first and last of an account (or provider) that an earlier file told of and this one does not are
    withdrawn. Rows that cannot be read are told with their reasons and keep no other from being taken.
    """
    kind, rows = _rows(path)
    lines: dict[str, list[Line]] = {}
    refused: list[tuple[int, str, Row]] = []
    ignored = 0
    for number, row in rows:
        if isinstance(row, str):
            refused.append((number, f"the line ({row[:60]!r}) is no JSON object", row))
            continue
        if kind == GOOGLE and not read_bill_google.is_of_models(row):
            ignored += 1
            continue
        try:
            label, line = _line(kind, row)
        except UsageReportRefused as trouble:
            refused.append((number, str(trouble), row))
        else:
            lines.setdefault(label, []).append(line)
    change = Change()
    frames = {label: pl.DataFrame(found, schema=COST_SCHEMA) for label, found in sorted(lines.items())}
    with tenant_transaction(engine, tenant_id) as connection:
        for label, frame in frames.items():
            source = usage_connections.connect(connection, kind, label, CountsAs.BILL, principal=principal, now=now)
            days = Days(min(frame["day"]), max(frame["day"]) + timedelta(days=1))
            for provider in frame["provider"].unique():
                _refuse_a_second_bill(connection, source, provider, days)
            change += provider_reports.replace_costs(connection, source.connection_id, STREAM, days, frame, now=now)
            usage_connections.move_cursor(connection, source.connection_id, STREAM, start_of(days.end))
            usage_connections.note(connection, source.connection_id, trouble=None, now=now)
            newest = start_of(days.end) - timedelta(days=1)
            freshness.record(connection, source.source, status=Status.OK, now=now, latest_record_at=newest)
    return _summary(kind, frames, change, ignored, refused, _reject_file(home, path, refused))


def _refuse_a_second_bill(connection: Connection, source: UsageConnection, provider: str, days: Days) -> None:
    """A provider's bill comes from one kind of source: two of them would be added up. Two accounts at Google are two bills."""
    told = provider_reports.billed_by(connection, provider, days)
    others = {name for name in told if not name.startswith(f"{source.kind}:")}
    if others:
        name = min(others)
        kind, _, label = name.partition(":")
        raise BillRefused(
            f"What {provider} billed from {days.first} to {days.end - timedelta(days=1)} is told by {name} already, and would count twice. "
            f"Leave these days out, or run `metering usage disconnect {kind} --label {label}` first."
        )


def _rows(path: Path) -> tuple[str, Iterator[tuple[int, Row]]]:
    """Which kind of bill it is, and its rows with their lines in the file."""
    try:
        if path.suffix in {".jsonl", ".ndjson", ".json"}:
            return GOOGLE, _json_rows(path)
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = [name.strip() for name in next(csv.reader(file), [])]
    except OSError as trouble:
        raise BillRefused(f"{path} cannot be read: {trouble.strerror or trouble}.") from trouble
    except UnicodeDecodeError:
        raise BillRefused(f"{path} is no text in UTF-8.") from None
    if {"sku.description", "sku_description"} & set(names):
        return GOOGLE, _csv_rows(path)
    absent = [name for name in read_bill_csv.REQUIRED if name not in names]
    if absent:
        raise BillRefused(
            f"{path} has no column {', '.join(absent)}; it has {', '.join(names[:12]) or 'none'}. A bill has {', '.join(read_bill_csv.COLUMNS)} "
            "(the first three are needed), or is Google's billing export."
        )
    return GENERIC, _csv_rows(path)


def _json_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """An object on each line; the text itself where it is none."""
    with path.open("rb") as file:
        for number, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                found = decoded(text)
            except ValueError:
                found = None
            yield number, found if isinstance(found, dict) else text.decode("utf-8", "replace").strip()


def _csv_rows(path: Path) -> Iterator[tuple[int, Row]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, skipinitialspace=True)
        for row in reader:
            yield reader.line_num, {str(name).strip(): value for name, value in row.items() if name is not None}


def _line(kind: str, row: Record) -> tuple[str, Line]:
    """The label of the connection that a row belongs to, and the row as a line."""
    if kind == GOOGLE:
        return read_bill_google.account_of(row), read_bill_google.to_line(row)
    line = read_bill_csv.to_line(row)
    return str(line["provider"]), line


def _summary(
    kind: str,
    frames: Mapping[str, pl.DataFrame],
    change: Change,
    ignored: int,
    refused: Sequence[tuple[int, str, Row]],
    reject_path: Path | None,
) -> BillImport:
    every = pl.concat([pl.DataFrame(schema=COST_SCHEMA), *frames.values()])
    apart = every.filter(pl.col("charge_category").is_in(("tax", "adjustment")))
    plain = every.filter(~pl.col("charge_category").is_in(("tax", "adjustment")))
    unknown = plain.filter(pl.col("model").is_null() | pl.col("unit").is_null())
    return BillImport(
        kind=kind,
        change=change,
        lines=every.height,
        cost_pico_usd=_sum(plain),
        apart_pico_usd={
            str(key[0]): _sum(part) for key, part in sorted(apart.partition_by("charge_category", as_dict=True).items())
        },
        unknown_pico_usd={
            str(key[0]): _sum(part) for key, part in sorted(unknown.partition_by("line_item", as_dict=True).items())
        },
        ignored=ignored,
        rejects=tuple(f"line {number}: {reason}" for number, reason, _ in refused),
        reject_path=reject_path,
    )


def _sum(lines: pl.DataFrame) -> int:
    """Wider than 64 bits on the way: many lines may be more than one can hold."""
    return int(lines["cost_pico_usd"].cast(pl.Int128).sum())


def _reject_file(home: Path, path: Path, refused: Sequence[tuple[int, str, Row]]) -> Path | None:
    """The rows that were not taken, in a file of their own; the same bill again writes the same file."""
    if not refused:
        return None
    with path.open("rb") as file:
        mark = hashlib.file_digest(file, "sha256").hexdigest()[:12]
    rejects = home / "rejects" / f"bill-{mark}-{path.name[-100:]}.csv"
    rows = [(number, None, reason, msgspec.json.encode(row).decode()) for number, reason, row in refused]
    append_rejects(rejects, pl.DataFrame(rows, schema=REJECT_SCHEMA, orient="row"), after_bytes=0)
    return rejects
