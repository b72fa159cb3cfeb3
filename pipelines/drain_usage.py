"""Moves usage that came over HTTP from the intake into the lake, priced there; safe to kill anywhere, and nothing is moved twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import polars as pl

from pipelines.import_usage import MEMORY_LIMIT, PART_ROWS, SOURCE
from pipelines.import_usage_rejects import append_rejects, conflicts_as_rejects, reject_path
from pipelines.tenant_prices import fingerprint, tenant_book
from pricing.cost_engine import price_events
from pricing.price_book import PriceBook
from pricing.usage_sources.kept import events_of
from store import (
    duck,
    freshness,
    lake,
    lake_files,
    lake_intake,
    price_entries,
    restatements,
    usage_imports,
    usage_intake,
)
from store.database import Connection, Engine, tenant_transaction
from store.failpoints import reach
from store.lake import LAKE_SCHEMA, LakeFile
from store.lake_intake import Sifted
from store.usage_imports import Counts, Transaction, UsageImport, sole_importer
from store.warehouse import publishing

# Between two versions events gather, so that the lake gets few files; a lonely event waits no longer than this.
WAIT_AT_MOST = timedelta(minutes=10)
# For so long the intake itself says that an id was sent before; after that the lake says it, when the event is drained.
IDS_KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Drained:
    """What became of the events that waited: new in the lake, there before, or there before with other content."""

    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0

    def __add__(self, other: "Drained") -> "Drained":
        return Drained(self.accepted + other.accepted, self.duplicate + other.duplicate, self.conflict + other.conflict)


def drain_due(engine: Engine, home: Path, tenant_id: UUID, *, now: datetime) -> Drained:
    """Drain where a whole part waits, or an event for WAIT_AT_MOST; what is younger goes with the next version. As `drain`."""
    with tenant_transaction(engine, tenant_id) as connection:
        waits = usage_intake.waiting(connection)
    is_old = waits.oldest_received_at is not None and now - waits.oldest_received_at >= WAIT_AT_MOST
    return drain(engine, home, tenant_id, now=now) if is_old or waits.events >= PART_ROWS else Drained()


def drain(engine: Engine, home: Path, tenant_id: UUID, *, now: datetime, part_rows: int = PART_ROWS) -> Drained:
    """Move all that waits, part by part. Raises ImportRunning while usage of the tenant is imported, LakeDamaged.

    Events that contradict the lake go to the reject file of the day's import, `METERING_HOME/rejects/`.
    """
    with tenant_transaction(engine, tenant_id) as connection:
        if usage_intake.waiting(connection).events == 0:
            return Drained()
    with sole_importer(engine, tenant_id) as transaction:
        with transaction() as connection:
            if not lake.read_manifest(connection):
                restatements.note_priced(connection, fingerprint(connection), now=now)
            book = tenant_book(connection)
        # Whoever publishes may be reading files that the drain before this one has put together.
        with publishing(home, tenant_id), transaction() as connection:
            lake_files.sweep(connection, home, tenant_id)
        done = Drained()
        while part := _part(transaction, home, tenant_id, book, now, part_rows):
            done += part
        return done


def _part(
    transaction: Transaction, home: Path, tenant_id: UUID, book: PriceBook, now: datetime, part_rows: int
) -> Drained | None:
    """Files first, durable but counting for nothing; then one commit, with which they count and nothing of it waits any more."""
    with transaction() as connection:
        ids, texts = usage_intake.read(connection, part_rows)
        if not ids:
            return None
        current = usage_imports.of_intake(connection, now.astimezone(UTC).date(), now=now)
        manifest = lake.read_manifest(connection)
        own = set(usage_imports.paths_of_import(connection, current.import_id))
    reach("drain.part_read")
    events = events_of(ids, texts).with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("line"))
    with duck.connect(memory_limit=MEMORY_LIMIT) as con:
        held = lake.lake_relation(con, home, tenant_id, lake_files.paths_of(manifest))
        sifted = lake_intake.sift(con, events, held)
        priced = price_events(con, sifted.new.drop("line"), book)
    folder = lake.tenant_folder(home, tenant_id)
    small = _unfilled([file for file in manifest if file.path in own], priced, part_rows)
    files = lake_files.write_files(folder, current.import_id, current.rows_done, _together(folder, small, priced))
    reach("drain.files_written")
    rejects = append_rejects(
        reject_path(home, current.import_id, usage_imports.INTAKE),
        conflicts_as_rejects(sifted.conflicts),
        after_bytes=current.reject_bytes,
    )
    with transaction() as connection:
        _record(connection, current, sifted, priced, files, rows=len(ids), reject_bytes=rejects, book=book, now=now)
        lake_files.unname(connection, small)
        contradicting = set(sifted.conflicts["event_id"])
        usage_intake.settle(connection, [each for each in ids if each not in contradicting], [*contradicting], now)
        reach("drain.before_commit")
    reach("drain.after_commit")
    return Drained(priced.height, sifted.duplicate, sifted.conflicts.height)


def _unfilled(files: Sequence[LakeFile], priced: pl.DataFrame, part_rows: int) -> list[LakeFile]:
    """The day's import's files that new events of their day are put together with, so that a day has few files and not hundreds."""
    days = set(priced["occurred_at"].dt.date())
    return [file for file in files if file.day in days and file.rows < part_rows]


def _together(folder: Path, small: Sequence[LakeFile], priced: pl.DataFrame) -> pl.DataFrame:
    """New events with those of files that are not full; `occurred_at` in UTC with its zone."""
    kinds = {**LAKE_SCHEMA, "occurred_at": pl.Datetime("us", "UTC")}
    new = priced.select(pl.col(name).cast(kind) for name, kind in kinds.items())
    held = (pl.read_parquet(folder / file.path) for file in small)
    zoned = (
        part.with_columns(pl.col("occurred_at").dt.replace_time_zone("UTC")).select(list(LAKE_SCHEMA)) for part in held
    )
    return pl.concat([new, *zoned])


def _record(
    connection: Connection,
    current: UsageImport,
    sifted: Sifted,
    priced: pl.DataFrame,
    files: Sequence[LakeFile],
    *,
    rows: int,
    reject_bytes: int,
    book: PriceBook,
    now: datetime,
) -> None:
    """Name the files, move the day's import on, and say how fresh usage is, in the open transaction."""
    counts = Counts(
        accepted=priced.height,
        duplicate=sifted.duplicate,
        conflict=sifted.conflicts.height,
        unpriced=priced["cost_pico_usd"].null_count(),
    )
    usage_imports.record_part(
        connection,
        current,
        counts=counts,
        rows_done=current.rows_done + rows,
        reject_bytes=reject_bytes,
        files=files,
        now=now,
    )
    price_entries.record(connection, book.by_id(priced["price_id"].drop_nulls().unique().to_list()), now=now)
    newest = priced["occurred_at"].max()
    freshness.record(
        connection,
        SOURCE,
        status=freshness.Status.OK,
        now=now,
        latest_record_at=newest if isinstance(newest, datetime) else None,
        rows_total=lake.read_sums(connection).rows,
    )


def forget_ids(engine: Engine, tenant_id: UUID, *, now: datetime) -> int:
    """Drop the marks of events that were drained longer than IDS_KEPT ago; returns how many."""
    with tenant_transaction(engine, tenant_id) as connection:
        return usage_intake.forget(connection, now - IDS_KEPT)
