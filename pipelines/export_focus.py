"""Writes a month's AI cost as a FOCUS file, CSV or Parquet, out of the published warehouse."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import islice
from pathlib import Path
from uuid import UUID

import polars as pl
import pyarrow.parquet as pq

from pricing.focus import COSTS, QUANTITIES, UNIT_PRICES, VERSIONS, BillingAccount, Charge, charges, columns
from pricing.service_period import next_month
from store import warehouse_focus
from store import warehouse_reads as reads

_ROWS_AT_ONCE = 20_000
_TYPES = {
    **dict.fromkeys(COSTS, pl.Decimal(38, 12)),
    **dict.fromkeys(UNIT_PRICES, pl.Decimal(38, 24)),
    **dict.fromkeys(QUANTITIES, pl.Decimal(38, 6)),
}


class ExportRefused(Exception):
    """There is nothing to export, or it cannot be written as asked; the sentence says why and what to do."""


@dataclass
class Exported:
    """What was written: charges, their effective cost, and the events that are in no charge because nobody knows their price."""

    path: Path
    charges: int = 0
    effective_usd: Decimal = field(default_factory=Decimal)
    unpriced_events: int = 0


def export_focus(home: Path, tenant_id: UUID, month: date, out: Path, *, version: str) -> Exported:
    """Write the month (its first day) to `out`, whole or not at all. Raises ExportRefused."""
    if version not in VERSIONS:
        raise ExportRefused(f"There is no FOCUS version {version!r} here: name one of {', '.join(VERSIONS)}.")
    if out.suffix not in {".csv", ".parquet"}:
        raise ExportRefused(f"{out} must end in .csv or .parquet.")
    warehouse = reads.open_current(home, tenant_id)
    if warehouse is None or not warehouse_focus.has_usage(warehouse, month):
        raise ExportRefused(f"Nothing is published that was used in {month:%B %Y}, so there is nothing to export.")
    account = BillingAccount(warehouse.tenant_id, warehouse.tenant_name, month, next_month(month))
    done = Exported(out, unpriced_events=warehouse_focus.without_a_cost(warehouse, month))
    rows = _counted(charges(warehouse_focus.read_usage(warehouse, month), account), done)
    write = _write_csv if out.suffix == ".csv" else _write_parquet
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        write(unfinished, columns(version), rows)
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return done


def _counted(rows: Iterator[Charge], done: Exported) -> Iterator[Charge]:
    for row in rows:
        done.charges += 1
        done.effective_usd += row["EffectiveCost"]
        yield row


def _write_csv(path: Path, names: Sequence[str], rows: Iterator[Charge]) -> None:
    """Decimals in full, without exponents; nothing for what has no value."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for row in rows:
            writer.writerow([_written(row[name]) for name in names])


def _written(value: object) -> object:
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return value


def _write_parquet(path: Path, names: Sequence[str], rows: Iterator[Charge]) -> None:
    schema = {name: _TYPES.get(name, pl.String()) for name in names}
    with pq.ParquetWriter(path, pl.DataFrame(schema=schema).to_arrow().schema) as writer:
        while batch := list(islice(rows, _ROWS_AT_ONCE)):
            frame = pl.DataFrame([{name: row[name] for name in names} for row in batch], schema=schema)
            writer.write_table(frame.to_arrow())
