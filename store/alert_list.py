"""Alerts as the Spikes page lists them: the small columns of many at once, and the last days of the few that are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Connection, cast, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY, JSONPATH, aggregate_order_by

from pricing.finding import Detector, Subject, Unit
from store.schema import alert_days, alerts, detection_runs

MOST = 500
_SPARK_DAYS = "$.days[last - 29 to last].actual"
_PARTS = ("customer_id", "provider", "model", "feature", "name")
_PLAIN = (
    "alert_id",
    "detector",
    "state",
    "verdict",
    "planned_until",
    "snoozed_until",
    "assigned_to",
    "first_day",
    "last_day",
    "is_rise",
    "is_provisional",
    "unit",
    "actual",
    "expected",
    "impact_minor",
    "currency",
    "parent_alert_id",
    "sentence",
    "opened_at",
    "changed_at",
    "resolved_why",
)
_AMOUNTS = ("actual", "expected")
_NEWEST_FIRST = (alerts.c.state == "resolved", alerts.c.last_day.desc(), alerts.c.opened_at.desc(), alerts.c.alert_id)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One alert without its explanation. Amounts are whole numbers of `unit`, of a cost spike the sums of its episode.

    `impact_minor` is of the same `found_days` days, `last_impact_minor` of the last one alone; both in `currency`, None where nobody can
    say.
    """

    alert_id: UUID
    detector: Detector
    subject: Subject
    state: str
    verdict: str | None
    planned_until: date | None
    snoozed_until: datetime | None
    assigned_to: str | None
    first_day: date
    last_day: date
    is_rise: bool
    is_provisional: bool
    unit: Unit
    actual: int | None
    expected: int | None
    impact_minor: int | None
    last_impact_minor: int | None
    found_days: int
    currency: str
    parent_alert_id: UUID | None
    sentence: str
    opened_at: datetime
    changed_at: datetime
    resolved_why: str | None


def lines(connection: Connection, *, limit: int = MOST) -> list[Line]:
    """Every open alert, and of those that have ended the newest, up to `limit` together; open ones first."""
    return _read(connection, true(), limit)


def open_lines(connection: Connection, *, limit: int = MOST) -> list[Line]:
    """The open alerts, the newest first; snoozed ones are among them."""
    return _read(connection, alerts.c.state != "resolved", limit)


def _read(connection: Connection, condition: ColumnElement[bool], limit: int) -> list[Line]:
    every = select(*(alerts.c[name] for name in ("scope", *_PARTS, *_PLAIN)))
    found = [row._asdict() for row in connection.execute(every.where(condition).order_by(*_NEWEST_FIRST).limit(limit))]
    days = _days(connection, [row["alert_id"] for row in found])
    return [_line(row, *days.get(row["alert_id"], (0, None))) for row in found]


def _days(connection: Connection, alert_ids: Sequence[UUID]) -> dict[UUID, tuple[int, int | None]]:
    """How many unusual days each has, and the last one's impact; without the days that were taken back."""
    of = alert_days.c
    last = func.array_agg(aggregate_order_by(of.impact_minor, of.day.desc()), type_=ARRAY(BigInteger))
    rows = connection.execute(
        select(of.alert_id, func.count(), last[1])
        .where(of.alert_id.in_(alert_ids), ~of.is_taken_back)
        .group_by(of.alert_id)
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def _line(row: dict[str, Any], found_days: int, last_impact_minor: int | None) -> Line:
    subject = Subject(scope=row["scope"], **{name: row[name] for name in _PARTS})
    amounts = {name: None if row[name] is None else int(row[name]) for name in _AMOUNTS}
    plain = {name: row[name] for name in _PLAIN}
    return Line(subject=subject, last_impact_minor=last_impact_minor, found_days=found_days, **plain | amounts)


def month_ends(connection: Connection) -> dict[UUID, int]:
    """What each open alert adds to the running month if it goes on, in minor units of its currency; who cannot say is left out."""
    amount = cast(alerts.c.explanation["month_end_minor"].astext, BigInteger)
    rows = connection.execute(
        select(alerts.c.alert_id, amount).where(
            alerts.c.state != "resolved", alerts.c.detector == "cost_spike", amount.is_not(None)
        )
    )
    return {row[0]: row[1] for row in rows}


def last_days(connection: Connection, alert_ids: Sequence[UUID]) -> dict[UUID, tuple[int | None, ...]]:
    """The last thirty days of each up to its last one, in its unit, oldest first; who has none yet is left out."""
    actuals = func.jsonb_path_query_array(alerts.c.explanation, cast(_SPARK_DAYS, JSONPATH))
    rows = connection.execute(select(alerts.c.alert_id, actuals).where(alerts.c.alert_id.in_(alert_ids)))
    return {row[0]: tuple(row[1]) for row in rows if row[1]}


@dataclass(frozen=True)
class Run:
    """The last look for something unusual: when, at which version, at how many series, and what said nothing and why."""

    version: int
    ran_at: datetime
    series: int
    troubles: Mapping[str, str]


def last_run(connection: Connection) -> Run | None:
    """The newest run; None before the first."""
    runs = detection_runs.c
    row = connection.execute(
        select(runs.version, runs.ran_at, runs.series, runs.troubles).order_by(runs.version.desc()).limit(1)
    ).one_or_none()
    return None if row is None else Run(**row._asdict())
