"""Publishes the warehouse: a new DuckDB file per version, compared with its sources, put in place by one rename; and opens it."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import duckdb
import polars as pl

from store.duck import bound
from store.warehouse_tables import TABLES, create_statements

POINTER = "CURRENT"
VERSIONS_KEPT = 3
# A page that pinned an old version has long been drawn by then.
GRACE = timedelta(minutes=15)
# A full disk shows where DuckDB meets it: in a write, in a commit, or in the log that it can then no longer trust.
DISK_TROUBLE = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.TransactionException, duckdb.FatalException)


@dataclass(frozen=True)
class Check:
    """One figure as the source says it and as the new version holds it."""

    name: str
    source: int
    warehouse: int

    @property
    def agrees(self) -> bool:
        """Whether both say the same."""
        return self.source == self.warehouse


@dataclass(frozen=True)
class Publication:
    """What came of publishing: the version that is shown from now on (None when there is none), and a sentence to show."""

    is_published: bool
    version: int | None
    message: str
    checks: tuple[Check, ...] = ()
    row_counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Pointer:
    """Which version is current, and the sentence of a later one that was refused; no version when the first was refused."""

    tenant_slug: str
    version: int | None
    file_name: str | None
    refusal: str | None = None


class WarehouseNotWritten(Exception):
    """A version could not be written to the disk. The version that is shown stays; the sentence says what to do."""


# A version that is being built, for those who may not open DuckDB files themselves.
Building: TypeAlias = duckdb.DuckDBPyConnection
Fill = Callable[[Building, int], Sequence[Check]]


def warehouse_folder(home: Path, tenant_id: UUID) -> Path:
    """Where the tenant's versions lie."""
    return home / "warehouse" / str(tenant_id)


@contextmanager
def publishing(home: Path, tenant_id: UUID) -> Iterator[Path]:
    """Hold the tenant's publishing lock for the block, waiting for whoever has it; yields the folder."""
    folder = warehouse_folder(home, tenant_id)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "publish.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield folder


def publish(folder: Path, tenant_slug: str, version: int, fill: Fill, *, now: datetime) -> Publication:
    """Build a version inside `publishing`, compare, and let it take the old one's place; a difference keeps the old one.

    `fill` writes the tables (warehouse_tables.TABLES) and returns what to compare. Readers see the old version or the new one.
    """
    _remove_unfinished(folder)
    building = folder / f".build-{version}.duckdb"
    try:
        checks, counts = _build(building, version, fill)
    except DISK_TROUBLE as problem:
        _remove_unfinished(folder)
        raise WarehouseNotWritten(
            f"A new version could not be written to {folder}, what was shown is still shown: {str(problem).splitlines()[0]}. "
            "Make room there and run the same command again."
        ) from problem
    wrong = [check for check in checks if not check.agrees]
    if wrong:
        building.unlink()
        return _refused(folder, tenant_slug, wrong, checks, counts)
    _sync(building)
    # The file is as old as its version by the clock that was given, and so is what _remove_old measures.
    os.utime(building, (now.timestamp(), now.timestamp()))
    target = folder / f"v{version}.duckdb"
    building.rename(target)
    write_pointer(folder, Pointer(tenant_slug, version, target.name))
    _remove_old(folder, target.name, now)
    message = f"Published version {version}; {len(checks)} sums agree with their sources."
    return Publication(is_published=True, version=version, message=message, checks=checks, row_counts=counts)


def _build(path: Path, version: int, fill: Fill) -> tuple[tuple[Check, ...], dict[str, int]]:
    con = duckdb.connect(str(path))
    try:
        bound(con, spill_folder=path.parent / "spill")
        for statement in create_statements():
            con.execute(statement)
        checks = tuple(fill(con, version))
        counts = row_counts(con)
        con.execute("checkpoint")
    finally:
        con.close()
    return checks, counts


def _refused(
    folder: Path, tenant_slug: str, wrong: Sequence[Check], checks: tuple[Check, ...], counts: dict[str, int]
) -> Publication:
    """Keep the old version and say, on every page, which sums differ."""
    current = read_pointer(folder) or Pointer(tenant_slug, None, None)
    told = "; ".join(f"{check.name}: {check.source:,} at the source, {check.warehouse:,} here" for check in wrong)
    kept = f"version {current.version} stays" if current.version else "nothing is shown"
    message = f"A new version was not published, {kept}, because its sums differ from their sources. {told}."
    write_pointer(folder, replace(current, refusal=message))
    return Publication(is_published=False, version=current.version, message=message, checks=checks, row_counts=counts)


def read_pointer(folder: Path) -> Pointer | None:
    """The current version; None when none was ever built.

    A pointer that another build wrote may say more or less than ours: what it says too much is passed over, what it lacks is null.
    """
    try:
        written = json.loads((folder / POINTER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Pointer(**{name: written.get(name) for name in Pointer.__dataclass_fields__})


def write_pointer(folder: Path, pointer: Pointer) -> None:
    """Replace the pointer as a whole; a crash leaves the old one or the new one."""
    unfinished = folder / f".{POINTER}"
    unfinished.write_text(json.dumps(asdict(pointer)), encoding="utf-8")
    _sync(unfinished)
    unfinished.replace(folder / POINTER)
    _sync(folder)


def _remove_old(folder: Path, current_name: str, now: datetime) -> None:
    """Remove versions that nobody can still be reading. One that is open stays readable to whoever has it open."""
    versions = sorted(folder.glob("v*.duckdb"), key=lambda path: int(path.stem[1:]), reverse=True)
    for path in versions[VERSIONS_KEPT:]:
        if path.name != current_name and now.timestamp() - path.stat().st_mtime > GRACE.total_seconds():
            path.unlink()


def _remove_unfinished(folder: Path) -> None:
    """Remove what a build that was stopped, or that failed, has left, its log included."""
    for leftover in folder.glob(".build-*"):
        leftover.unlink()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def row_counts(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many rows each table has."""
    counts: dict[str, int] = {}
    for table in TABLES:
        found = con.execute(f"select count(*) from {table}").fetchone()  # noqa: S608 - the name is one of TABLES
        assert found is not None, "a count is always one row"
        counts[table] = int(found[0])
    return counts


def load(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows into a table of the version that is being built; each row needs the table's columns, others are passed over.

    Moments may have a zone, and are kept in UTC.
    """
    columns = TABLES[table]
    frame = pl.DataFrame(
        [
            pl.Series(name, [_plain(row[name]) for row in rows], dtype=_POLARS[kind], strict=True)
            for name, kind in columns.items()
        ]
    )
    con.from_arrow(frame.to_arrow()).insert_into(table)


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) and value.tzinfo else value


_POLARS: dict[str, pl.DataType] = {
    "varchar": pl.String(),
    "bigint": pl.Int64(),
    "integer": pl.Int32(),
    "hugeint": pl.Decimal(38, 0),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us"),
}
