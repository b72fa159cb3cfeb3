"""Prices usage again where the price book has changed: the days that resolve to another entry, file by file, in one swap."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from uuid import UUID, uuid4

import polars as pl

from pipelines.publish_warehouse import publish
from pipelines.tenant_prices import fingerprint, lake_part, tenant_book
from pricing.catalogue import SOURCE
from pricing.cost_engine import price_usage
from pricing.price_book import PriceBook
from pricing.repricing import days_to_read
from store import duck, lake, lake_files, own_prices, price_entries, restatements, warehouse_prices
from store.database import Connection, Engine, tenant_transaction
from store.failpoints import reach
from store.lake import LAKE_SCHEMA, LakeFile
from store.restatements import Restatement
from store.usage_imports import ImportRunning, Transaction, sole_importer
from store.warehouse import publishing
from store.warehouse_reads import open_current

SERVICE = "metering"
MEMORY_LIMIT = "400MB"
PART_ROWS = 250_000
_FILE = "file_number"
_PRICE = ("price_id", "cost_pico_usd", "unpriced_reason")
_CHANGES = ("day", "provider", "model", "from_id", "to_id")


@dataclass(frozen=True)
class Repricing:
    """What came of it: days read, files written anew, and what was restated; nothing was to do where all is empty."""

    days: int
    files: int
    restated: tuple[Restatement, ...]


def reprice_if_changed(
    engine: Engine, home: Path, tenant_id: UUID, *, now: datetime, principal: str = SERVICE
) -> Repricing:
    """Price again what the tenant's price book prices in another way since the last time. Quick when nothing has changed.

    May be killed anywhere and repeated: until the one transaction that swaps the files the old prices count, after it the new.
    Raises ImportRunning while usage is imported.
    """
    with tenant_transaction(engine, tenant_id) as connection:
        before, mark = restatements.priced_by(connection), fingerprint(connection)
        if lake_part(before) == lake_part(mark):
            if before != mark:
                restatements.note_priced(connection, mark, now=now)
            return Repricing(0, 0, ())
    with sole_importer(engine, tenant_id) as transaction:
        return _reprice(transaction, home, tenant_id, principal, now)


def attend(engine: Engine, home: Path, tenant_id: UUID, *, now: datetime) -> int:
    """Where a price or a contract has changed since the last time: price again and publish. How many changes there were: 0 or 1."""
    with tenant_transaction(engine, tenant_id) as connection:
        if restatements.priced_by(connection) in {None, fingerprint(connection)}:
            return 0
    try:
        reprice_if_changed(engine, home, tenant_id, now=now)
    except ImportRunning:
        return 0
    publish(engine, home, tenant_id, now=now)
    return 1


def _reprice(transaction: Transaction, home: Path, tenant_id: UUID, principal: str, now: datetime) -> Repricing:
    folder = lake.tenant_folder(home, tenant_id)
    with transaction() as connection:
        mark, book = fingerprint(connection), tenant_book(connection)
        cause = _cause(connection, mark)
        lake_files.sweep(connection, home, tenant_id)
        manifest = lake.read_manifest(connection)
        keys = _keys(connection)
    days = _days(home, tenant_id, manifest, book)
    reach("reprice.before_files")
    swapped, changes = _rewrite(folder, [file for file in manifest if file.day in days], book)
    reach("reprice.files_written")
    public = book.by_id(changes["to_id"].drop_nulls().unique().to_list())
    keys |= {entry.price_id: entry.price_key for entry in public}
    restated = _restatements(changes, keys, cause, principal, now)
    # Whoever publishes has read the manifest and is reading its files: none is taken away beneath it.
    with publishing(home, tenant_id):
        with transaction() as connection:
            price_entries.record(connection, public, now=now)
            lake_files.swap(connection, swapped, now=now)
            restatements.record(connection, restated)
            restatements.note_priced(connection, mark, now=now)
            reach("reprice.before_commit")
        reach("reprice.after_commit")
        lake_files.remove(folder, (old for old, _ in swapped))
    return Repricing(len(days), len(swapped), tuple(restated))


def _days(home: Path, tenant_id: UUID, manifest: Sequence[LakeFile], book: PriceBook) -> set[date]:
    """The days whose files are read: told from the published cube, and every day that it does not hold as the lake does."""
    held: dict[date, int] = {}
    for file in manifest:
        held[file.day] = held.get(file.day, 0) + file.rows
    warehouse = open_current(home, tenant_id)
    if warehouse is None:
        return set(held)
    usage, published = warehouse_prices.priced_as(warehouse)
    return days_to_read(book, usage) & set(held) | {day for day, rows in held.items() if published.get(day) != rows}


def _rewrite(
    folder: Path, files: Sequence[LakeFile], book: PriceBook
) -> tuple[list[tuple[LakeFile, LakeFile]], pl.DataFrame]:
    """Write each file anew in which an event has another price; what changed is summed by day, model and the two entries.

    Files are priced many at once, as many as PART_ROWS of events are: most days are small, and a pass has its price.
    """
    mark = uuid4().hex[:8]
    swapped: list[tuple[LakeFile, LakeFile]] = []
    changes = [pl.DataFrame(schema=_CHANGED_SCHEMA)]
    for part in _parts(files):
        before = pl.concat(_events(folder / file.path, number) for number, file in enumerate(part))
        with duck.connect(memory_limit=MEMORY_LIMIT) as con:
            after = price_usage(con, con.from_arrow(before.to_arrow()), book).pl()
        both = before.join(after.select("event_id", *_PRICE), on="event_id", suffix="_after", validate="1:1")
        changed = both.filter(pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_after")) for name in _PRICE))
        if changed.height:
            moved = sorted(changed[_FILE].unique())
            events = [after.filter(pl.col(_FILE) == number).select(list(LAKE_SCHEMA)) for number in moved]
            old = [part[number] for number in moved]
            swapped += zip(old, lake_files.rewrite_files(folder, old, events, mark), strict=True)
            changes.append(_summed(changed))
            reach("reprice.part_written")
    return swapped, pl.concat(changes)


def _parts(files: Sequence[LakeFile]) -> Iterator[list[LakeFile]]:
    """The files in their order, so many at once that they have PART_ROWS events or are one alone."""
    part: list[LakeFile] = []
    for file in files:
        if part and sum(each.rows for each in part) + file.rows > PART_ROWS:
            yield part
            part = []
        part.append(file)
    if part:
        yield part


def _events(path: Path, number: int) -> pl.DataFrame:
    """A file's events with the columns of today, and the number of the file among its part."""
    held = pl.read_parquet(path)
    absent = [pl.lit(None, kind).alias(name) for name, kind in LAKE_SCHEMA.items() if name not in held.columns]
    columns = [pl.col(name).cast(kind) for name, kind in LAKE_SCHEMA.items()]
    return held.with_columns(absent).select(*columns, pl.lit(number, pl.Int64).alias(_FILE))


_CHANGED_SCHEMA = {
    "day": pl.Date(),
    "provider": pl.String(),
    "model": pl.String(),
    "from_id": pl.Int64(),
    "to_id": pl.Int64(),
    "events": pl.Int64(),
    "before": pl.Int128(),
    "after": pl.Int128(),
    "costs_before": pl.Int64(),
    "costs_after": pl.Int64(),
}


def _summed(changed: pl.DataFrame) -> pl.DataFrame:
    names = {"price_id": "from_id", "price_id_after": "to_id"}
    return (
        changed.rename(names)
        .group_by(pl.col("occurred_at").dt.date().alias("day"), *_CHANGES[1:])
        .agg(
            pl.len().cast(pl.Int64).alias("events"),
            pl.col("cost_pico_usd").cast(pl.Int128).sum().alias("before"),
            pl.col("cost_pico_usd_after").cast(pl.Int128).sum().alias("after"),
            pl.col("cost_pico_usd").count().cast(pl.Int64).alias("costs_before"),
            pl.col("cost_pico_usd_after").count().cast(pl.Int64).alias("costs_after"),
        )
        .select(pl.col(name).cast(kind) for name, kind in _CHANGED_SCHEMA.items())
    )


def _restatements(
    changes: pl.DataFrame, keys: dict[int, str], cause: str, principal: str, now: datetime
) -> list[Restatement]:
    """One for each month, model and pair of entries; usage that had no price and has none, for another reason, is none."""
    moved = changes.filter(pl.any_horizontal(pl.col("from_id", "to_id").is_not_null()))
    months = moved.group_by(pl.col("day").dt.truncate("1mo").alias("month"), *_CHANGES[1:]).agg(
        pl.col("day").min().alias("first_day"),
        pl.col("day").max().alias("last_day"),
        *(pl.col(name).sum() for name in ("events", "before", "after", "costs_before", "costs_after")),
    )
    return [
        Restatement(
            restatement_id=uuid4(),
            recorded_at=now,
            cause=cause,
            from_price_key=keys.get(row["from_id"]),
            to_price_key=keys.get(row["to_id"]),
            provider=row["provider"],
            model=row["model"],
            first_day=row["first_day"],
            last_day=row["last_day"],
            events=row["events"],
            cost_before_pico_usd=int(row["before"]) if row["costs_before"] else None,
            cost_after_pico_usd=int(row["after"]) if row["costs_after"] else None,
            principal=principal,
        )
        for row in months.sort("month", *_CHANGES[1:], nulls_last=True).iter_rows(named=True)
    ]


def _keys(connection: Connection) -> dict[int, str]:
    """The names of the entries that usage has been priced with, and of the tenant's own."""
    public = price_entries.read(connection).select("price_id", "price_key").iter_rows()
    return {**dict(public), **{entry.price_id: entry.price_key for entry in own_prices.used(connection)}}


def _cause(connection: Connection, mark: str) -> str:
    """Why the book is another one: what people wrote down or withdrew, or else the newer catalogue and overlay."""
    before = restatements.priced_by(connection)
    if before is None or before.partition(":")[0] != mark.partition(":")[0]:
        return f"Price catalogue: {SOURCE} and its overlay"
    return own_prices.latest_reason(connection)
