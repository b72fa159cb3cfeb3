"""Imports usage files into the lake: each event once, priced, part by part, so that a killed import goes on where it was."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import polars as pl

from pipelines.import_usage_rejects import append_rejects, conflicts_as_rejects, reject_path
from pipelines.import_usage_summary import FileSummary, ImportSummary
from pipelines.progress import Advance
from pipelines.read_mapping import read_mapping
from pipelines.read_usage import UsageBatch, UsageFile, UsageFileRefused, open_usage, read_batches
from pipelines.tenant_prices import fingerprint, tenant_book
from pricing.cost_engine import price_events
from pricing.price_book import PriceBook
from store import (
    customer_mappings,
    duck,
    freshness,
    lake,
    lake_files,
    lake_intake,
    price_entries,
    restatements,
    usage_imports,
)
from store.database import Connection, Engine
from store.usage_imports import Counts, ImportState, Reading, Transaction, UsageImport
from store.warehouse import publishing

__all__ = ["FileSummary", "ImportSummary", "import_files"]

SOURCE = "usage"
PRINCIPAL = "command line"
# Each part is compared with the whole lake once and becomes one file per day, so it is large; it must also fit in memory.
PART_ROWS = 250_000
MEMORY_LIMIT = "400MB"


@dataclass(frozen=True)
class _Run:
    """What every part of one run needs."""

    transaction: Transaction
    home: Path
    tenant_id: UUID
    book: PriceBook
    now: datetime
    progress: Advance | None


def import_files(
    engine: Engine,
    home: Path,
    tenant_id: UUID,
    files: Sequence[Path],
    *,
    format: str | None = None,  # noqa: A002 - as the command's option
    columns: str | None = None,
    mapping: Path | None = None,
    now: datetime,
    progress: Advance | None = None,
) -> ImportSummary:
    """Import files one after the other at `now` (UTC). May be killed and repeated at any point without losing or doubling.

    `mapping` is a CSV file with source_ref and customer_id. Raises UsageFileRefused before anything is imported when a file
    cannot be read at all, and in the middle when one breaks off (what came before is kept); ImportRunning while another
    import of the tenant runs; LakeDamaged when files of the lake are gone.
    """
    opened = [open_usage(path, format=format, columns=columns) for path in files]
    named = {} if mapping is None else read_mapping(mapping)
    with usage_imports.sole_importer(engine, tenant_id) as transaction:
        with transaction() as connection:
            book = tenant_book(connection)
            if not lake.read_manifest(connection):
                # All usage there will be is priced by this book, so that nothing has to be looked at again.
                restatements.note_priced(connection, fingerprint(connection), now=now)
        run = _Run(transaction, home, tenant_id, book, now, progress)
        # Whoever publishes may be reading files that a drain has put together with others since.
        with publishing(home, tenant_id), transaction() as connection:
            customer_mappings.save(connection, named, principal=PRINCIPAL, now=now)
            lake_files.sweep(connection, home, tenant_id)
        return ImportSummary(tuple(_import_file(run, file) for file in opened))


def _import_file(run: _Run, file: UsageFile) -> FileSummary:
    reading = Reading(_sha256(file.path), file.format, _mapping_text(file))
    with run.transaction() as connection:
        found = usage_imports.latest(connection, reading)
        if found is not None and found.state is ImportState.FINISHED:
            if _is_all_known(connection, found):
                _note_success(connection, run)
                return _repeated(file, found)
            found = None
        current = found or usage_imports.begin(connection, reading, file_name=file.path.name, now=run.now)
    try:
        current = _import_parts(run, file, current)
    except Exception as error:
        with run.transaction() as connection:
            freshness.record(connection, SOURCE, status=freshness.Status.FAILED, now=run.now, message=str(error))
        raise
    with run.transaction() as connection:
        usage_imports.finish(connection, current, now=run.now)
        _note_success(connection, run)
        unattributed = _unattributed(connection, run, current)
    return _finished(run, file, current, unattributed)


def _import_parts(run: _Run, file: UsageFile, current: UsageImport) -> UsageImport:
    for part in _parts(read_batches(file, skip_rows=current.rows_done)):
        current = _import_part(run, file, current, part)
        if run.progress is not None:
            run.progress(file.path.name, current.rows_done, file.rows_total)
    return current


def _import_part(run: _Run, file: UsageFile, current: UsageImport, part: UsageBatch) -> UsageImport:
    """Files first, durable but counting for nothing; then one commit, with which everything of the part counts at once."""
    with run.transaction() as connection:
        paths = lake_files.paths_of(lake.read_manifest(connection))
    with duck.connect(memory_limit=MEMORY_LIMIT) as con:
        held = lake.lake_relation(con, run.home, run.tenant_id, paths)
        sifted = lake_intake.sift(con, part.events.with_columns(part.lines.alias("line")), held)
        priced = price_events(con, sifted.new.drop("line"), run.book)
    folder = lake.tenant_folder(run.home, run.tenant_id)
    files = lake_files.write_files(folder, current.import_id, current.rows_done, priced)
    reject_bytes = append_rejects(
        reject_path(run.home, current.import_id, file.path.name),
        pl.concat([part.rejects, conflicts_as_rejects(sifted.conflicts)]).sort("line", maintain_order=True),
        after_bytes=current.reject_bytes,
    )
    counts = Counts(
        accepted=priced.height,
        duplicate=sifted.duplicate,
        conflict=sifted.conflicts.height,
        rejected=part.rejects.height,
        unpriced=priced["cost_pico_usd"].null_count(),
        ignored=part.ignored,
    )
    newest = priced["occurred_at"].max()
    with run.transaction() as connection:
        price_entries.record(
            connection, run.book.by_id(priced["price_id"].drop_nulls().unique().to_list()), now=run.now
        )
        freshness.record(
            connection,
            SOURCE,
            status=freshness.Status.RUNNING,
            now=run.now,
            latest_record_at=newest if isinstance(newest, datetime) else None,
        )
        return usage_imports.record_part(
            connection,
            current,
            counts=counts,
            rows_done=part.rows_done,
            reject_bytes=reject_bytes,
            files=files,
            now=run.now,
        )


def _parts(batches: Iterable[UsageBatch]) -> Iterator[UsageBatch]:
    """Batches put together until they have PART_ROWS rows. When the file breaks off, what was read before it comes first."""
    waiting: list[UsageBatch] = []
    try:
        for batch in batches:
            waiting.append(batch)
            if sum(each.events.height + each.rejects.height for each in waiting) >= PART_ROWS:
                yield _joined(waiting)
                waiting = []
    except UsageFileRefused:
        if waiting:
            yield _joined(waiting)
        raise
    if waiting:
        yield _joined(waiting)


def _joined(batches: Sequence[UsageBatch]) -> UsageBatch:
    return UsageBatch(
        events=pl.concat(batch.events for batch in batches),
        lines=pl.concat(batch.lines for batch in batches),
        rejects=pl.concat(batch.rejects for batch in batches),
        ignored=sum(batch.ignored for batch in batches),
        rows_done=batches[-1].rows_done,
    )


def _is_all_known(connection: Connection, found: UsageImport) -> bool:
    """Whether the same file read again could only repeat itself, so that it need not be read.

    Rejected rows are read again: a newer version of the program may understand them.
    """
    took_all = found.counts.rejected == 0 and found.counts.conflict == 0
    return took_all and usage_imports.lake_is_whole(connection)


def _repeated(file: UsageFile, found: UsageImport) -> FileSummary:
    counts = Counts(duplicate=found.counts.accepted + found.counts.duplicate, ignored=found.counts.ignored)
    return _summary(file, found, counts, unattributed=0, rejects=None)


def _finished(run: _Run, file: UsageFile, done: UsageImport, unattributed: int | None) -> FileSummary:
    has_rejects = done.counts.rejected + done.counts.conflict > 0
    rejects = reject_path(run.home, done.import_id, file.path.name) if has_rejects else None
    return _summary(file, done, done.counts, unattributed=unattributed, rejects=rejects)


def _summary(
    file: UsageFile, done: UsageImport, counts: Counts, *, unattributed: int | None, rejects: Path | None
) -> FileSummary:
    return FileSummary(
        path=file.path,
        format=file.format,
        import_id=done.import_id,
        unattributed=unattributed,
        reject_path=rejects,
        **asdict(counts),
    )


def _unattributed(connection: Connection, run: _Run, done: UsageImport) -> int | None:
    """How many of the events that the import brought are of no customer known now; None before any customer is known."""
    if not customer_mappings.has_customers(connection):
        return None
    paths = usage_imports.paths_of_import(connection, done.import_id)
    refs = customer_mappings.customer_refs(connection)
    with duck.connect(memory_limit=MEMORY_LIMIT) as con:
        brought = lake.lake_relation(con, run.home, run.tenant_id, paths)
        events: pl.DataFrame = brought.aggregate("customer_ref, count(*) as events").pl()
    return int(events.join(refs, on="customer_ref", how="anti")["events"].sum())


def _note_success(connection: Connection, run: _Run) -> None:
    rows = lake.read_sums(connection).rows
    freshness.record(connection, SOURCE, status=freshness.Status.OK, now=run.now, rows_total=rows)


def _mapping_text(file: UsageFile) -> str:
    return ",".join(f"{theirs}={ours}" for ours, theirs in sorted(file.mapping.items()))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
