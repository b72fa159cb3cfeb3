"""Imports of usage files: one at a time for each tenant, how far each has come, and what came of it."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import Connection, Engine, func, insert, select, text, update
from sqlalchemy.exc import OperationalError

from store.database import set_tenant
from store.lake import LakeFile
from store.schema import lake_files, usage_imports

# A killed import's last statement may still be on its way through the server: that long we wait for it.
LOCK_WAIT_MS = 10_000

# The format of an import that is no file: what came over HTTP.
INTAKE = "intake"

Transaction = Callable[[], AbstractContextManager[Connection]]


class ImportRunning(Exception):
    """Another import of the same tenant is running; the same command can be given again when it has ended."""


class ImportOvertaken(Exception):
    """Somebody else has moved the import on, so what was just read is not recorded. The same command can be given again."""


class ImportState(StrEnum):
    """Where an import stands."""

    RUNNING = "running"
    FINISHED = "finished"


@dataclass(frozen=True)
class Counts:
    """Rows of a usage file by what became of them; `unpriced` ones are among the accepted."""

    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0
    unpriced: int = 0
    ignored: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Counts)))


@dataclass(frozen=True)
class Reading:
    """A file's content and the way it is read: two imports with the same reading have the same events."""

    file_sha256: str
    format: str
    columns: str


@dataclass(frozen=True)
class UsageImport:
    """One file's import: the rows done, what became of them, and how long its reject file was then."""

    import_id: UUID
    state: ImportState
    rows_done: int
    counts: Counts
    reject_bytes: int


@contextlib.contextmanager
def sole_importer(engine: Engine, tenant_id: UUID) -> Iterator[Transaction]:
    """A block in which nobody else imports for this tenant; yields how to open its transactions.

    They run on the connection that holds the lock: when it breaks, the lock is free and no transaction of it can commit
    any more. Raises ImportRunning.
    """
    # The connection leaves the pool, so that closing it ends the lock, whatever has happened.
    with engine.connect() as connection:
        connection.detach()

        @contextlib.contextmanager
        def transaction() -> Iterator[Connection]:
            with connection.begin():
                set_tenant(connection, tenant_id)
                yield connection

        try:
            with transaction():
                connection.execute(text(f"set local lock_timeout = {LOCK_WAIT_MS}"))
                connection.execute(
                    text("select pg_advisory_lock(hashtextextended(:name, 0))"), {"name": f"usage import {tenant_id}"}
                )
        except OperationalError as error:
            if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise
            raise ImportRunning(
                "Another import of usage is running for this tenant: wait until it has ended, then give the command again."
            ) from error
        yield transaction


def latest(connection: Connection, reading: Reading) -> UsageImport | None:
    """The tenant's newest import of the same content read in the same way; None when there was none."""
    table = usage_imports.c
    row = connection.execute(
        select(usage_imports)
        .where(
            table.file_sha256 == reading.file_sha256, table.format == reading.format, table.columns == reading.columns
        )
        .order_by((table.state == ImportState.RUNNING.value).desc(), table.started_at.desc(), table.import_id)
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    counts = Counts(*(getattr(row, each.name) for each in fields(Counts)))
    return UsageImport(row.import_id, ImportState(row.state), row.rows_done, counts, row.reject_bytes)


def begin(connection: Connection, reading: Reading, *, file_name: str, now: datetime) -> UsageImport:
    """Write down that the import begins, before it leaves a file anywhere."""
    import_id = uuid4()
    connection.execute(
        insert(usage_imports).values(
            tenant_id=func.current_tenant_id(),
            import_id=import_id,
            file_name=file_name,
            file_sha256=reading.file_sha256,
            format=reading.format,
            columns=reading.columns,
            state=ImportState.RUNNING.value,
            started_at=now,
        )
    )
    return UsageImport(import_id, ImportState.RUNNING, 0, Counts(), 0)


def record_part(
    connection: Connection,
    before: UsageImport,
    *,
    counts: Counts,
    rows_done: int,
    reject_bytes: int,
    files: Sequence[LakeFile],
    now: datetime,
) -> UsageImport:
    """Move the import on and name its new lake files in one transaction: with its commit the events count.

    Raises ImportOvertaken when the import is no longer where `before` saw it.
    """
    after = UsageImport(before.import_id, ImportState.RUNNING, rows_done, before.counts + counts, reject_bytes)
    table = usage_imports.c
    moved = connection.execute(
        update(usage_imports)
        .where(
            table.import_id == before.import_id,
            table.rows_done == before.rows_done,
            table.state == ImportState.RUNNING.value,
        )
        .values(rows_done=rows_done, reject_bytes=reject_bytes, **_values(after.counts))
    )
    if moved.rowcount != 1:
        raise ImportOvertaken(
            f"The import {before.import_id} is no longer at row {before.rows_done}: give the command again to go on from "
            "where it is."
        )
    if files:
        tenant_id = connection.scalar(select(func.current_tenant_id()))
        connection.execute(
            insert(lake_files),
            [
                {
                    "tenant_id": tenant_id,
                    "import_id": before.import_id,
                    "path": file.path,
                    "day": file.day,
                    "rows": file.rows,
                    "bytes": file.bytes,
                    "cost_pico_usd": file.cost_pico_usd,
                    "unpriced_rows": file.unpriced_rows,
                    "recorded_at": now,
                }
                for file in files
            ],
        )
    return after


def of_intake(connection: Connection, day: date, *, now: datetime) -> UsageImport:
    """The import that stands for what comes over HTTP and is drained on a UTC day; begun where it is not, which ends the one before."""
    reading = Reading(f"{INTAKE} {day}", INTAKE, "")
    found = latest(connection, reading)
    if found is not None:
        # At midnight two clocks may disagree about the day for a moment.
        again = update(usage_imports).where(usage_imports.c.import_id == found.import_id)
        connection.execute(again.values(state=ImportState.RUNNING.value, finished_at=None))
        return found
    older = update(usage_imports).where(
        usage_imports.c.format == INTAKE, usage_imports.c.state == ImportState.RUNNING.value
    )
    connection.execute(older.values(state=ImportState.FINISHED.value, finished_at=now))
    return begin(connection, reading, file_name=reading.file_sha256, now=now)


def finish(connection: Connection, done: UsageImport, *, now: datetime) -> None:
    """The file has been read to its end."""
    connection.execute(
        update(usage_imports)
        .where(usage_imports.c.import_id == done.import_id)
        .values(state=ImportState.FINISHED.value, finished_at=now)
    )


def lake_is_whole(connection: Connection) -> bool:
    """Whether the lake still holds every event that any import of the tenant has ever brought."""
    brought = connection.scalar(select(func.coalesce(func.sum(usage_imports.c.accepted), 0)))
    held = connection.scalar(select(func.coalesce(func.sum(lake_files.c.rows), 0)))
    return bool(brought == held)


def paths_of_import(connection: Connection, import_id: UUID) -> list[str]:
    """The lake files that hold what one import brought."""
    table = lake_files.c
    return list(connection.scalars(select(table.path).where(table.import_id == import_id).order_by(table.path)))


def _values(counts: Counts) -> dict[str, int]:
    return {each.name: getattr(counts, each.name) for each in fields(Counts)}
