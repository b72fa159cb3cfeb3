"""Alerts as they are read: open ones, lately changed ones, their days, how often they were right, and what is late."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Text, cast, func, or_, select

from pricing.alert_feedback import precision
from pricing.finding import Detector, Scope, Subject, Unit
from store.schema import alert_days, alerts, detection_runs

QUALITY_DAYS = 30

table = alerts.c
_DAY = alert_days.c


@dataclass(frozen=True)
class StoredAlert:
    """One episode of one subject. `actual` to `upper` are whole numbers of `unit`: sums over a cost spike's days, else the last day's.

    `impact_minor` is in `currency`, negative where less was spent, None where nobody can say. `verdict` is what a person said
    (confirmed, expected, planned, not_an_issue). Versions are those of the warehouse.
    """

    alert_id: UUID
    detector: Detector
    scope: Scope
    subject_key: str
    customer_id: str | None
    provider: str | None
    model: str | None
    feature: str | None
    name: str | None
    state: str
    verdict: str | None
    planned_until: date | None
    snoozed_until: datetime | None
    quieted_impact_minor: int | None
    quieted_score: float | None
    assigned_to: str | None
    first_day: date
    last_day: date
    is_rise: bool
    is_provisional: bool
    unit: Unit
    actual: int | None
    expected: int | None
    lower: int | None
    upper: int | None
    impact_minor: int | None
    currency: str
    impact_pico_usd: int | None
    peak_score: float
    parent_alert_id: UUID | None
    sentence: str
    explanation: Mapping[str, Any] | None
    explanation_version: int | None
    opened_at: datetime
    changed_at: datetime
    resolved_at: datetime | None
    resolved_why: str | None
    found_in_version: int
    restated_in_version: int
    news_in_version: int | None

    @property
    def is_open(self) -> bool:
        """It goes on, or not enough quiet days have passed to say that it has ended."""
        return self.state != "resolved"

    @property
    def subject(self) -> Subject:
        """What is unusual."""
        return Subject(
            scope=self.scope,
            customer_id=self.customer_id,
            provider=self.provider,
            model=self.model,
            feature=self.feature,
            name=self.name,
        )


@dataclass(frozen=True)
class StoredDay:
    """One unusual day of an alert; amounts in the alert's unit. `is_taken_back`: later data have shown it to be usual."""

    alert_id: UUID
    day: date
    is_provisional: bool
    is_taken_back: bool
    is_rise: bool
    actual: int | None
    expected: int | None
    lower: int | None
    upper: int | None
    impact_minor: int | None
    score: float
    parts: Mapping[str, int]
    facts: Mapping[str, str | int]
    sentence: str
    recorded_at: datetime


@dataclass(frozen=True)
class AlertQuality:
    """How the alerts opened in the last 30 days were answered, without those that are because of another one. `precision` is confirmed ÷ (confirmed + not_an_issue), None below
    a few such answers; expected and planned changes were real and known, so they count on neither side.
    """

    alerts: int
    confirmed: int
    not_an_issue: int
    planned: int
    expected: int
    unlabelled: int
    precision: Fraction | None


ALERT_COLUMNS = [table[name] for name in StoredAlert.__dataclass_fields__]
# What is because of another alert is answered with it, and counted once.
_STANDS_ALONE = table.parent_alert_id.is_(None)
_DAY_COLUMNS = [_DAY[name] for name in StoredDay.__dataclass_fields__]


def open_alerts(connection: Connection) -> list[StoredAlert]:
    """Every alert that has not ended, the newest first; snoozed ones are among them."""
    return _read(connection, table.state != "resolved")


def recent(connection: Connection, since: datetime) -> list[StoredAlert]:
    """Every open alert, and those opened, ended or answered since a moment; the newest first."""
    return _read(connection, or_(table.state != "resolved", table.opened_at >= since, table.changed_at >= since))


def one(connection: Connection, alert_id: UUID) -> StoredAlert | None:
    """The alert with this id; None when there is none."""
    found = _read(connection, table.alert_id == alert_id)
    return found[0] if found else None


def beginning_with(connection: Connection, letters: str) -> list[StoredAlert]:
    """The alerts whose id begins with these letters."""
    return _read(connection, cast(table.alert_id, Text).startswith(letters.strip().lower(), autoescape=True))


def under(connection: Connection, alert_id: UUID) -> list[StoredAlert]:
    """The alerts that are because of this one."""
    return _read(connection, table.parent_alert_id == alert_id)


def begun_since(connection: Connection, day: date) -> list[StoredAlert]:
    """Every open alert, and every other whose last day is not before this one: what new findings are held against."""
    return _read(connection, or_(table.state != "resolved", table.last_day >= day, table.planned_until >= day))


def with_news_of(connection: Connection, versions: Sequence[int]) -> list[StoredAlert]:
    """What was opened, ended or brought back by the runs on these versions, the newest first."""
    return _read(connection, table.news_in_version.in_(versions))


def restated_in(connection: Connection, versions: Sequence[int]) -> list[StoredAlert]:
    """The alerts of which the runs on these versions changed a day, the newest first."""
    return _read(connection, table.restated_in_version.in_(versions))


def _read(connection: Connection, condition: Any) -> list[StoredAlert]:
    rows = connection.execute(
        select(*ALERT_COLUMNS)
        .where(condition)
        .order_by(table.first_day.desc(), func.abs(table.impact_minor).desc().nulls_last(), table.alert_id)
    )
    return [stored_alert(row) for row in rows]


def days(connection: Connection, alert_id: UUID) -> list[StoredDay]:
    """The days of an alert, oldest first, without those that were taken back."""
    return [day for day in days_of(connection, [alert_id]).get(alert_id, []) if not day.is_taken_back]


def days_of(connection: Connection, alert_ids: Sequence[UUID]) -> dict[UUID, list[StoredDay]]:
    """All days of many alerts, oldest first each, also those that were taken back."""
    found: dict[UUID, list[StoredDay]] = {}
    rows = connection.execute(select(*_DAY_COLUMNS).where(_DAY.alert_id.in_(alert_ids)).order_by(_DAY.day))
    for row in rows:
        found.setdefault(row.alert_id, []).append(StoredDay(**_whole(row)))
    return found


def quality(connection: Connection, now: datetime) -> AlertQuality:
    """How the alerts of the last 30 days were answered."""
    since = now - timedelta(days=QUALITY_DAYS)
    rows = connection.execute(
        select(table.verdict, func.count()).where(table.opened_at >= since, _STANDS_ALONE).group_by(table.verdict)
    )
    counts: dict[str | None, int] = {row[0]: row[1] for row in rows}
    confirmed, rejected = counts.get("confirmed", 0), counts.get("not_an_issue", 0)
    return AlertQuality(
        alerts=sum(counts.values()),
        confirmed=confirmed,
        not_an_issue=rejected,
        planned=counts.get("planned", 0),
        expected=counts.get("expected", 0),
        unlabelled=counts.get(None, 0),
        precision=precision(confirmed, rejected),
    )


def labels(connection: Connection, detector: str, since: datetime) -> tuple[int, int]:
    """How many of a detector's alerts opened since a moment were confirmed, and how many were called no issue."""
    rows = connection.execute(
        select(table.verdict, func.count())
        .where(table.detector == detector, table.opened_at >= since, _STANDS_ALONE)
        .group_by(table.verdict)
    )
    counts: dict[str | None, int] = {row[0]: row[1] for row in rows}
    return counts.get("confirmed", 0), counts.get("not_an_issue", 0)


def late_sources(connection: Connection) -> dict[str, list[date]]:
    """By source: the days whose data the last run has missed. A missing day is no news about cost."""
    found = connection.scalar(select(detection_runs.c.late_days).order_by(detection_runs.c.version.desc()).limit(1))
    return {source: [date.fromisoformat(day) for day in missing] for source, missing in (found or {}).items()}


def stored_alert(row: Row[Any]) -> StoredAlert:
    """A row with the columns of ALERT_COLUMNS."""
    return StoredAlert(**_whole(row))


def _whole(row: Row[Any]) -> dict[str, Any]:
    """The row with its wide numbers as whole numbers."""
    return {name: int(value) if isinstance(value, Decimal) else value for name, value in row._asdict().items()}
