"""The lake written: priced events become durable files by day, and what a killed import left behind is swept."""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

import polars as pl
from sqlalchemy import Connection, delete, insert, select

from store.lake import LAKE_SCHEMA, LakeDamaged, LakeFile, tenant_folder
from store.schema import lake_files, usage_imports

# Files are made durable together: the disk writes one journal for many, and the wait is not multiplied by the days.
SYNC_THREADS = 8


def write_files(folder: Path, import_id: UUID, rows_done: int, events: pl.DataFrame) -> list[LakeFile]:
    """Write events (LAKE_SCHEMA, their moments in UTC with its zone) as one durable file per day below the tenant's folder.

    They count only once the manifest names them. `rows_done`, where in its file the import stands, makes the names: the
    same part imported again after a crash replaces what the crash left.
    """
    plain = events.with_columns(pl.col("occurred_at").dt.replace_time_zone(None))
    ordered = plain.select(pl.col(name).cast(kind) for name, kind in LAKE_SCHEMA.items()).sort(
        "occurred_at", "event_id"
    )
    written: list[LakeFile] = []
    waiting: list[tuple[Path, Path]] = []
    for (day,), part in ordered.group_by(pl.col("occurred_at").dt.date(), maintain_order=True):
        assert isinstance(day, date), "the lake has no event without a moment"
        path = f"day={day:%Y-%m-%d}/{import_id}-{rows_done:012d}.parquet"
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_suffix(".unfinished")
        part.write_parquet(unfinished, compression="zstd")
        waiting.append((unfinished, target))
        written.append(_described(path, day, part, unfinished.stat().st_size))
    _make_durable(waiting, {folder, folder.parent})
    return written


def rewrite_files(folder: Path, files: Sequence[LakeFile], events: Sequence[pl.DataFrame], mark: str) -> list[LakeFile]:
    """Write each file's events (LAKE_SCHEMA) anew, durable, beside the file that holds them; they count for nothing until `swap`.

    `mark` tells the new names from the old ones.
    """
    written: list[LakeFile] = []
    waiting: list[tuple[Path, Path]] = []
    for file, rows in zip(files, events, strict=True):
        old = Path(file.path)
        path = str(old.with_name(f"{old.name[:_PLAIN_NAME]}-{mark}.parquet"))
        target = folder / path
        unfinished = target.with_suffix(".unfinished")
        rows.sort("occurred_at", "event_id").write_parquet(unfinished, compression="zstd")
        waiting.append((unfinished, target))
        written.append(replace(_described(path, file.day, rows, unfinished.stat().st_size), source=file.source))
    _make_durable(waiting, set())
    return written


def _make_durable(waiting: Sequence[tuple[Path, Path]], folders: set[Path]) -> None:
    """Wait until the unfinished files are on the disk, give them their names, and wait for these and the folders, too."""
    with ThreadPoolExecutor(SYNC_THREADS) as pool:
        list(pool.map(_sync, (unfinished for unfinished, _ in waiting)))
        for unfinished, target in waiting:
            unfinished.replace(target)
        list(pool.map(_sync, {target.parent for _, target in waiting} | folders))


# An import's id, a hyphen and twelve digits.
_PLAIN_NAME = 36 + 1 + 12


def unname(connection: Connection, files: Iterable[LakeFile]) -> None:
    """Let files count no more, in the tenant's open transaction, which names others that hold their events.

    Raises LakeDamaged when the manifest no longer names one of them.
    """
    paths = [file.path for file in files]
    gone = connection.execute(delete(lake_files).where(lake_files.c.path.in_(paths)))
    if gone.rowcount != len(paths):
        raise LakeDamaged(
            f"{len(paths) - gone.rowcount} files are no longer what they were when they were read: try again."
        )


def swap(connection: Connection, files: Sequence[tuple[LakeFile, LakeFile]], *, now: datetime) -> None:
    """Let each second file count in the first one's place, in the tenant's open transaction; the same import brought both.

    Raises LakeDamaged when the manifest no longer names one of the first.
    """
    table = lake_files.c
    for old, new in files:
        gone = delete(lake_files).where(table.path == old.path).returning(*lake_files.columns)
        row = connection.execute(gone).mappings().one_or_none()
        if row is None or row["rows"] != new.rows:
            raise LakeDamaged(f"The file {old.path} is no longer what it was when it was read: give the command again.")
        changed = {"path": new.path, "bytes": new.bytes, "cost_pico_usd": new.cost_pico_usd}
        changed |= {"unpriced_rows": new.unpriced_rows, "recorded_at": now}
        connection.execute(insert(lake_files).values({**row, **changed}))


def remove(folder: Path, files: Iterable[LakeFile]) -> None:
    """Remove files that the manifest no longer names; one that is gone already is passed over."""
    for file in files:
        (folder / file.path).unlink(missing_ok=True)


def sweep(connection: Connection, home: Path, tenant_id: UUID) -> int:
    """Remove files of known imports that the manifest does not name; returns how many. Call it while no import runs.

    A file whose import this database does not know is left alone: the database may be an older copy. Raises LakeDamaged
    when a file of the manifest is gone.
    """
    folder = tenant_folder(home, tenant_id)
    named = set(connection.scalars(select(lake_files.c.path)))
    known = {str(import_id) for import_id in connection.scalars(select(usage_imports.c.import_id))}
    there = {str(path.relative_to(folder)): path for path in folder.glob("day=*/*")}
    lost = sorted(named - there.keys())
    if lost:
        raise LakeDamaged(
            f"{len(lost)} of {len(named)} files that the database names are gone from {folder}, the first is {lost[0]}. "
            "Bring the folder back from a backup; usage imported while they are gone would count twice."
        )
    left = [path for name, path in there.items() if name not in named and path.name[:36] in known]
    for path in left:
        path.unlink()
    return len(left)


def _described(path: str, day: date, part: pl.DataFrame, size: int) -> LakeFile:
    """What the manifest will say of a file."""
    unpriced = part["cost_pico_usd"].null_count()
    # 64 bits hold 9.2 million dollars in pico-USD, and a day may cost more.
    cost = None if unpriced == part.height else int(part["cost_pico_usd"].cast(pl.Int128).sum())
    return LakeFile(path, day, part.height, size, cost, unpriced)


def _sync(path: Path) -> None:
    """Wait until the file, or the folder with its names, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def paths_of(files: Iterable[LakeFile]) -> list[str]:
    """Their paths, as `lake.lake_relation` takes them."""
    return [file.path for file in files]
