"""What the tests of importing usage share: small files of events, and a look into the lake that they end in."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from sqlalchemy import Engine

from pipelines import import_usage, read_usage_csv
from pipelines.import_usage import ImportSummary, import_files
from store import duck, lake, stripe_mirror
from store.database import tenant_transaction
from store.lake import LakeSums

NOW = datetime(2026, 11, 25, tzinfo=UTC)
HEADER = "event_id,occurred_at,customer_id,provider,model,input_tokens,output_tokens\n"


def row(
    event_id: str,
    *,
    day: int = 1,
    customer: str = "acct_1",
    model: str = "gpt-4o",
    tokens: object = 1_000,
    out: int = 100,
) -> str:
    """A line of a usage file: one call in November 2026."""
    return f"{event_id},2026-11-{day:02d}T12:00:00Z,{customer},openai,{model},{tokens},{out}\n"


def usage_csv(path: Path, rows: Iterable[str]) -> Path:
    """A usage file of such lines."""
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return path


def in_parts_of(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Let every part of an import have this many rows."""
    monkeypatch.setattr(read_usage_csv, "CHUNK_ROWS", rows)
    monkeypatch.setattr(import_usage, "PART_ROWS", rows)


def import_one(engine: Engine, home: Path, tenant: UUID, path: Path, mapping: Path | None = None) -> ImportSummary:
    """Import one file at NOW."""
    return import_files(engine, home, tenant, [path], mapping=mapping, now=NOW)


def lake_events(engine: Engine, home: Path, tenant: UUID) -> pl.DataFrame:
    """The tenant's events as the manifest names them, by id."""
    with tenant_transaction(engine, tenant) as connection:
        paths = [file.path for file in lake.read_manifest(connection)]
    with duck.connect() as con:
        return lake.lake_relation(con, home, tenant, paths).pl().sort("event_id")


def lake_sums(engine: Engine, tenant: UUID) -> LakeSums:
    """What the manifest says the lake holds."""
    with tenant_transaction(engine, tenant) as connection:
        return lake.read_sums(connection)


def files_on_disk(home: Path, tenant: UUID) -> set[str]:
    """Every file in the tenant's folder, whether it counts or not."""
    folder = lake.tenant_folder(home, tenant)
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def pull_customers(engine: Engine, tenant: UUID, **metadata_by_id: dict[str, str]) -> None:
    """Put customers into the mirror, as a pull would."""
    objects = [
        {"id": customer_id, "object": "customer", "created": 1_767_225_600, "name": customer_id, "metadata": metadata}
        for customer_id, metadata in metadata_by_id.items()
    ]
    with tenant_transaction(engine, tenant) as connection:
        stripe_mirror.upsert(connection, tenant, objects, NOW)
