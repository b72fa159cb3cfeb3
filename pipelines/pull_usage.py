"""Pulls what providers and gateways report: window by window, each with its cursor in one commit; safe to kill and to repeat."""

import json
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import structlog

from pipelines.import_usage import import_files
from pipelines.pull_usage_access import SOURCES, access, source_of
from pipelines.pull_usage_client import ReportClient, UsagePullError
from pipelines.pull_usage_reports import CallStream, DayStream, Report, start_of, windows
from pipelines.read_usage import UsageFileRefused
from pricing.usage_sources.records import Record
from store import failpoints, freshness, provider_reports, usage_connections
from store.database import Connection, Engine, tenant_transaction
from store.freshness import Status
from store.lake import LakeDamaged
from store.litellm_spend import SpendTableUnreadable
from store.provider_reports import Change, Days
from store.settings import Settings
from store.usage_connections import UsageConnection
from store.usage_imports import ImportOvertaken, ImportRunning

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Pulled:
    """What one connection brought: lines of reports by what became of them, new calls, and the sentence of a failure."""

    connection: UsageConnection
    change: Change = field(default_factory=Change)
    calls: int = 0
    rejected: int = 0
    trouble: str | None = None


@dataclass(frozen=True)
class _Run:
    engine: Engine
    home: Path
    tenant_id: UUID
    now: datetime
    sleep: Callable[[float], None]


def pull_usage(
    engine: Engine,
    home: Path,
    tenant_id: UUID,
    settings: Settings,
    *,
    now: datetime,
    kinds: Collection[str] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Pulled]:
    """Read every connection (or those of `kinds`) up to `now` (UTC). A source that fails keeps no other from being read.

    The sentence of a failure is in the outcome, at the connection and in the source's freshness. What was read before it is
    kept, and the next pull goes on there; whatever crashes, nothing is lost and nothing is counted twice.
    """
    run = _Run(engine, home, tenant_id, now, sleep)
    with tenant_transaction(engine, tenant_id) as connection:
        known = usage_connections.read(connection)
    asked = [each for each in known if each.kind in SOURCES and (kinds is None or each.kind in kinds)]
    return [_pull_one(run, settings, each) for each in asked]


def _pull_one(run: _Run, settings: Settings, known: UsageConnection) -> Pulled:
    pulled = Pulled(known)
    try:
        with ReportClient(access(known.kind, settings), sleep=run.sleep) as client:
            for stream in source_of(known.kind, settings).streams:
                for days in windows(stream, known.cursors.get(stream.name), run.now):
                    pulled = _window(run, client, known, stream, days, pulled)
    except (
        UsagePullError,
        SpendTableUnreadable,
        ImportRunning,
        ImportOvertaken,
        LakeDamaged,
        UsageFileRefused,
    ) as trouble:
        pulled = replace(pulled, trouble=str(trouble))
        log.warning("usage_not_pulled", source=known.source, reason=str(trouble))
    with tenant_transaction(run.engine, run.tenant_id) as connection:
        usage_connections.note(connection, known.connection_id, trouble=pulled.trouble, now=run.now)
        status = Status.OK if pulled.trouble is None else Status.FAILED
        freshness.record(connection, known.source, status=status, now=run.now, message=pulled.trouble)
    return pulled


def _window(
    run: _Run, client: ReportClient, known: UsageConnection, stream: DayStream | CallStream, days: Days, so_far: Pulled
) -> Pulled:
    """One span: read whole, then one commit of its rows and the cursor."""
    if isinstance(stream, CallStream):
        calls, rejected = _import_calls(run, client, known, stream, days)
        change = Change()
        with tenant_transaction(run.engine, run.tenant_id) as connection:
            _move_on(run, connection, known, stream, days, None)
    else:
        calls, rejected = 0, 0
        report = stream.read(client, days)
        failpoints.reach("usage_pull.before_commit")
        with tenant_transaction(run.engine, run.tenant_id) as connection:
            change = _keep(run, connection, known, stream.name, days, report)
            _move_on(run, connection, known, stream, days, _newest(report))
    failpoints.reach("usage_pull.after_commit")
    return replace(
        so_far, change=so_far.change + change, calls=so_far.calls + calls, rejected=so_far.rejected + rejected
    )


def _keep(run: _Run, connection: Connection, known: UsageConnection, stream: str, days: Days, report: Report) -> Change:
    change = Change()
    if report.usage is not None:
        change += provider_reports.replace_usage(
            connection, known.connection_id, stream, days, report.usage, now=run.now
        )
    if report.costs is not None:
        change += provider_reports.replace_costs(
            connection, known.connection_id, stream, days, report.costs, now=run.now
        )
    return change


def _move_on(
    run: _Run,
    connection: Connection,
    known: UsageConnection,
    stream: DayStream | CallStream,
    days: Days,
    newest: datetime | None,
) -> None:
    read_until = min(start_of(days.end), run.now.astimezone(UTC))
    usage_connections.move_cursor(connection, known.connection_id, stream.name, read_until)
    freshness.record(connection, known.source, status=Status.RUNNING, now=run.now, latest_record_at=newest)


def _newest(report: Report) -> datetime | None:
    """The beginning of the newest day that a report tells of."""
    days = [frame["day"].max() for frame in (report.usage, report.costs) if frame is not None and not frame.is_empty()]
    told = [day for day in days if day is not None]
    return None if not told else start_of(max(told))  # type: ignore[arg-type]  # polars types every column's maximum alike


def _import_calls(
    run: _Run, client: ReportClient, known: UsageConnection, stream: CallStream, days: Days
) -> tuple[int, int]:
    """New and rejected calls of a span. The importer tells known ones by their id, so a span may come any number of times."""
    folder = run.home / "pulls" / str(run.tenant_id)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{known.kind}-{known.label}-{days.first}.jsonl"
    rows = _write(path, stream.read(client, start_of(days.first), start_of(days.end)))
    if rows == 0:
        path.unlink()
        return 0, 0
    failpoints.reach("usage_pull.before_import")
    summary = import_files(run.engine, run.home, run.tenant_id, [path], format=stream.format, now=run.now)
    path.unlink()
    return sum(file.accepted for file in summary.files), sum(file.rejected + file.conflict for file in summary.files)


def _write(path: Path, pages: Iterator[Sequence[Record]]) -> int:
    """The calls as JSON Lines, each once; how many there were."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for page in pages:
            for row in page:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
    return count
