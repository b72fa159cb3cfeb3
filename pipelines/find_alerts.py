"""Looks for alerts in the newest published version: detects, writes episodes down, explains them and tells of them; once per version."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from uuid import UUID

import structlog

from billing.alert_messages import announce
from pipelines.detect_spikes import detect
from pipelines.explain_alerts import explain
from pipelines.record_alerts import Recorded, record
from pipelines.watch import watch
from pricing.alert_episodes import ALL_USAGE, DAILY, Look
from pricing.finding import DETECTORS, Detector, Finding
from store import alert_reads, alerts
from store.alert_reads import StoredAlert
from store.alerts import DetectionRun
from store.database import Connection, Engine, tenant_transaction
from store.failpoints import reach
from store.turns import ALERT_RUN, alone
from store.warehouse_reads import Warehouse, open_current

log = structlog.get_logger(__name__)

# Late data restate days so far back; a first look finds the episodes of as many.
LOOK_BACK = timedelta(days=60)
# What these say is wrong while the last closed day's usage has not come: a margin looks better for it.
OF_USAGE: frozenset[Detector] = frozenset(
    ("margin_floor", "turned_unprofitable", "unpriced_spend", "coverage_drop", "past_due_burn", "meter_drift")
)


@dataclass(frozen=True)
class AlertRun:
    """What a run did: the version looked at (None when there was nothing to look at), and why a detector said nothing."""

    version: int | None
    opened: int = 0
    resolved: int = 0
    open: int = 0
    troubles: Mapping[str, str] = field(default_factory=dict)
    message: str = ""


@dataclass
class _Seen:
    """What the detectors said, as far as they did."""

    findings: list[Finding] = field(default_factory=list)
    detectors: set[Detector] = field(default_factory=set)
    late: dict[str, list[date]] = field(default_factory=dict)
    series: int = 0
    series_days: int = 0
    troubles: dict[str, str] = field(default_factory=dict)


def find_alerts(engine: Engine, home: Path, tenant_id: UUID, *, now: datetime) -> AlertRun:
    """Look at the newest version as of its own moment; one that was looked at is not looked at again.

    Safe to kill and to repeat at any point: what was found is written with the record of the run, and a run that was stopped before
    everything was explained and told is gone on with. While another process looks, nothing is done.
    """
    with alone(engine, tenant_id, ALERT_RUN) as is_alone:
        if not is_alone:
            return AlertRun(None, message="Alerts are being looked for already.")
        view = open_current(home, tenant_id)
        if view is None:
            return AlertRun(None, message="Nothing is published yet, so there is nothing to look at.")
        with tenant_transaction(engine, tenant_id) as connection:
            last = alerts.last_run(connection)
        recorded, troubles = Recorded(0, 0), dict[str, str]()
        if last is None or last.version < view.version:
            recorded, troubles = _look(engine, home, tenant_id, view, now, is_first=last is None)
        troubles |= _follow_up(engine, home, tenant_id, view, now)
        with tenant_transaction(engine, tenant_id) as connection:
            still_open = len(alert_reads.open_alerts(connection))
    message = f"Alerts: {still_open} open, {recorded.opened} found, {recorded.resolved} ended."
    return AlertRun(view.version, recorded.opened, recorded.resolved, still_open, troubles, message)


def _look(
    engine: Engine, home: Path, tenant_id: UUID, view: Warehouse, now: datetime, *, is_first: bool
) -> tuple[Recorded, dict[str, str]]:
    """Let the detectors look, and write down what they found together with the run."""
    started = time.perf_counter()
    since = (view.as_of - LOOK_BACK).date()
    seen = _Seen()
    _spikes(view, since, seen)
    _levels(engine, home, tenant_id, view, seen)
    reach("alerts.detected")
    with tenant_transaction(engine, tenant_id) as connection:
        look = Look(
            as_of=view.as_of.replace(tzinfo=UTC),
            now=now,
            since=since,
            detectors=seen.detectors,
            late=seen.late,
            tunings=alerts.tunings(connection, datetime.combine(since, time_of_day.min, UTC)),
            is_first=is_first,
        )
        currency = view.reporting_currency
        recorded = record(connection, tenant_id, seen.findings, look, version=view.version, currency=currency)
        run = DetectionRun(
            version=view.version,
            ran_at=now,
            finished_at=None,
            series=seen.series,
            series_days=seen.series_days,
            findings=len(seen.findings),
            opened=recorded.opened,
            resolved=recorded.resolved,
            late_days={source: [str(day) for day in days] for source, days in seen.late.items()},
            troubles=seen.troubles,
            seconds=time.perf_counter() - started,
        )
        alerts.begin_run(connection, tenant_id, run)
        reach("alerts.written")
    reach("alerts.committed")
    return recorded, seen.troubles


def _spikes(view: Warehouse, since: date, seen: _Seen) -> None:
    with _told_of(seen, DAILY):
        found = detect(view, now=view.as_of.replace(tzinfo=UTC), since=since)
        seen.findings += found.findings
        seen.series, seen.series_days = found.series, found.series_days
        for late in found.late_days:
            seen.late.setdefault(late.provider or ALL_USAGE, []).append(late.day)
        seen.detectors.add(DAILY)


def _levels(engine: Engine, home: Path, tenant_id: UUID, view: Warehouse, seen: _Seen) -> None:
    with _told_of(seen, "watch"):
        found = watch(engine, home, tenant_id, view, now=view.as_of.replace(tzinfo=UTC))
        last_closed_day = view.as_of.date() - timedelta(days=1)
        unsure = OF_USAGE if last_closed_day in seen.late.get(ALL_USAGE, ()) else frozenset[Detector]()
        seen.findings += [finding for finding in found if finding.detector not in unsure]
        seen.detectors |= {each for each in DETECTORS if each != DAILY} - unsure


def _follow_up(engine: Engine, home: Path, tenant_id: UUID, view: Warehouse, now: datetime) -> dict[str, str]:
    """Do what follows from the runs that are not finished: explain what changed, and tell of what is news."""
    with tenant_transaction(engine, tenant_id) as connection:
        versions = alerts.unfinished_versions(connection)
        asked = _to_explain(connection, versions, now)
    if not versions:
        return {}
    seen = _Seen()
    with _told_of(seen, "explanations"):
        explain(engine, home, tenant_id, view, asked)
    reach("alerts.explained")
    # What cannot be told now stays unfinished, and is told by the next run.
    with _told_of(seen, "messages"), tenant_transaction(engine, tenant_id) as connection:
        announce(connection, tenant_id, _changed(connection, versions), now=now)
        reach("alerts.announced")
        alerts.finish_runs(connection, versions, now=now, troubles=seen.troubles)
    reach("alerts.finished")
    return seen.troubles


def _changed(connection: Connection, versions: list[int]) -> list[StoredAlert]:
    news = {alert.alert_id: alert for alert in alert_reads.with_news_of(connection, versions)}
    return list(({alert.alert_id: alert for alert in alert_reads.restated_in(connection, versions)} | news).values())


def _to_explain(connection: Connection, versions: list[int], now: datetime) -> list[StoredAlert]:
    """What changed, and every open alert once a day: what it adds to the month goes on while nothing else changes."""
    midnight = datetime.combine(now.astimezone(UTC).date(), time_of_day.min, UTC)
    first_today = alerts.first_version_since(connection, midnight)
    waiting = [
        alert
        for alert in alert_reads.open_alerts(connection)
        if alert.explanation_version is None or first_today is None or alert.explanation_version < first_today
    ]
    return list({alert.alert_id: alert for alert in (*_changed(connection, versions), *waiting)}.values())


@contextmanager
def _told_of(seen: _Seen, who: str) -> Iterator[None]:
    """Let the others go on where one fails, whatever is wrong with it: the log has why, and the record of the run says so."""
    try:
        yield
    except Exception as failure:
        log.exception("alerts_not_looked_for", detector=who)
        seen.troubles[who] = f"It failed and said nothing ({type(failure).__name__}: {failure}); the log has all of it."
