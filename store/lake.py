"""The lake read: a tenant's usage events as Parquet files by day, of which the manifest in Postgres names the ones that count."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

import duckdb
import polars as pl
from sqlalchemy import Connection, func, select

from pricing.effective_cost import CUBE_KEYS
from pricing.usage import BUCKETS
from pricing.usage_sources.schema import NORMALIZED_SCHEMA
from store.schema import lake_files, usage_imports

# An event as it is kept: as read, priced, with the mark that tells a repetition from a contradiction. Instants are UTC.
LAKE_SCHEMA: dict[str, pl.DataType] = {
    **NORMALIZED_SCHEMA,
    "occurred_at": pl.Datetime("us"),
    "price_id": pl.Int64(),
    "cost_pico_usd": pl.Int64(),
    "unpriced_reason": pl.String(),
    "content_hash": pl.UInt64(),
}
# Columns that files written before them do not have; all are labels.
ADDED_COLUMNS = ("search_context_size",)


class LakeDamaged(Exception):
    """Files that the manifest names are gone from the lake's folder. Trying again will not help; the sentence says what will."""


@dataclass(frozen=True)
class LakeFile:
    """One file of the manifest; `path` is relative to the tenant's folder, `cost_pico_usd` None when nothing has a price.

    `source` is the format of the log that its events came in, None before the manifest has been read.
    """

    path: str
    day: date
    rows: int
    bytes: int
    cost_pico_usd: int | None
    unpriced_rows: int
    source: str | None = None


@dataclass(frozen=True)
class LakeSums:
    """What the manifest says the lake holds; `cost_pico_usd` is the cost of the priced rows, None when there are none."""

    files: int
    rows: int
    unpriced_rows: int
    cost_pico_usd: int | None


def tenant_folder(home: Path, tenant_id: UUID) -> Path:
    """Where the tenant's lake files lie, by day."""
    return home / "lake" / str(tenant_id)


def read_manifest(connection: Connection) -> list[LakeFile]:
    """The files of the tenant of the open transaction that count, by day and path; any other file in the folder does not."""
    came_in = lake_files.c.import_id == usage_imports.c.import_id
    rows = connection.execute(
        select(lake_files, usage_imports.c.format)
        .join(usage_imports, came_in)
        .order_by(lake_files.c.day, lake_files.c.path)
    )
    return [
        LakeFile(
            path=row.path,
            day=row.day,
            rows=row.rows,
            bytes=row.bytes,
            cost_pico_usd=None if row.cost_pico_usd is None else int(row.cost_pico_usd),
            unpriced_rows=row.unpriced_rows,
            source=row.format,
        )
        for row in rows
    ]


def read_sums(connection: Connection) -> LakeSums:
    """The manifest summed: what anything built from the lake must come to."""
    table = lake_files.c
    row = connection.execute(
        select(
            func.count(),
            func.coalesce(func.sum(table.rows), 0),
            func.coalesce(func.sum(table.unpriced_rows), 0),
            func.sum(table.cost_pico_usd),
        )
    ).one()
    return LakeSums(int(row[0]), int(row[1]), int(row[2]), None if row[3] is None else int(row[3]))


def sums_of(files: Iterable[LakeFile]) -> LakeSums:
    """The same sums of a manifest that has been read."""
    kept = list(files)
    costs = [file.cost_pico_usd for file in kept if file.cost_pico_usd is not None]
    return LakeSums(
        len(kept),
        sum(file.rows for file in kept),
        sum(file.unpriced_rows for file in kept),
        sum(costs) if costs else None,
    )


def lake_relation(
    con: duckdb.DuckDBPyConnection, home: Path, tenant_id: UUID, paths: Sequence[str]
) -> duckdb.DuckDBPyRelation:
    """The events of these manifest paths with the columns LAKE_SCHEMA; no rows for no paths. Read when the answer is read.

    Files of an earlier version lack the columns that came later: their events say nothing about them.
    """
    if not paths:
        return con.from_arrow(pl.DataFrame(schema=LAKE_SCHEMA).to_arrow())
    folder = tenant_folder(home, tenant_id)
    files = con.read_parquet([str(folder / path) for path in paths], hive_partitioning=False, union_by_name=True)
    added = [f"null::varchar as {name}" for name in ADDED_COLUMNS if name not in files.columns]
    return files.project(", ".join(("*", *added))) if added else files


def usage_cube(
    con: duckdb.DuckDBPyConnection,
    home: Path,
    tenant_id: UUID,
    paths: Sequence[str],
    *,
    estimated: Collection[str] = (),
) -> duckdb.DuckDBPyRelation:
    """Usage summed by day (DATE, UTC) and CUBE_KEYS: `events`, HUGEINT sums of BUCKETS, of the list and the reported cost.

    An event without a price has NULL in `price_id` and says why in `unpriced_reason`; such rows have a NULL list cost, never 0.
    `reported_by` parts what a log says that a call cost: `provider`, or `gateway` in the files of `estimated` (some of `paths`),
    whose cost is a gateway's own reckoning; NULL where the log says nothing.
    """
    day = "cast(occurred_at as date)"
    kept = ", ".join((f"{day} as day", *(key for key in CUBE_KEYS if key != "reported_by"), *BUCKETS))
    events = [
        lake_relation(con, home, tenant_id, chosen).project(
            f"""{kept}, case when reported_cost_pico_usd is not null then '{by}' end as reported_by,
            cost_pico_usd, reported_cost_pico_usd"""
        )
        for by, chosen in (
            ("provider", [path for path in paths if path not in estimated]),
            ("gateway", [path for path in paths if path in estimated]),
        )
        if chosen or by == "provider"
    ]
    keys = ", ".join(CUBE_KEYS)
    sums = ", ".join(f"sum({bucket}) as {bucket}" for bucket in BUCKETS)
    costs = "sum(cost_pico_usd) as list_cost_pico_usd, sum(reported_cost_pico_usd) as reported_cost_pico_usd"
    everything = events[0] if len(events) == 1 else events[0].union(events[1])
    return everything.aggregate(f"day, {keys}, count(*) as events, {sums}, {costs}", f"day, {keys}")
