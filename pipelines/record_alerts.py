"""Writes down what a look has found: findings held against the alerts that are known, and what changes of each, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast
from uuid import UUID

from pricing.alert_episodes import Change, Episode, Look, Placed, State, Verdict, parents, totals
from pricing.alert_rules import judge
from pricing.finding import Finding
from store import alert_reads, alerts
from store.alert_reads import StoredAlert, StoredDay
from store.database import Connection
from store.steps import add_step

# Episodes that ended so long before the first judged day can still be reached by one of its days.
REACH = timedelta(days=14)
TAKEN_BACK = "Later data show that it was as usual."
_SUBJECT = ("scope", "customer_id", "provider", "model", "feature", "name")


@dataclass(frozen=True)
class Recorded:
    """How many alerts a look has opened, and how many open ones it has ended."""

    opened: int
    resolved: int


def record(
    connection: Connection, tenant_id: UUID, findings: Sequence[Finding], look: Look, *, version: int, currency: str
) -> Recorded:
    """Open, carry on, restate and end alerts; each change with its step. `version` is the warehouse's that was looked at.

    The same findings again change nothing. Whoever answers an alert meanwhile waits until this is committed.
    """
    alerts.take_turns(connection, tenant_id)
    known = {alert.alert_id: alert for alert in alert_reads.begun_since(connection, look.since - REACH)}
    days = alert_reads.days_of(connection, list(known))
    changes = judge([_episode(alert, days.get(id_, [])) for id_, alert in known.items()], findings, look)
    # Those that end come first: a subject's next alert may be opened by the same look.
    for change in sorted(changes, key=lambda each: each.episode.state != "resolved"):
        id_ = _write(connection, tenant_id, change, look, version, currency)
        alerts.put_days(connection, tenant_id, id_, change.written, now=look.now)
        taken_back = frozenset(change.taken_back)
        alerts.put_days(connection, tenant_id, id_, change.taken_back, taken_back=taken_back, now=look.now)
        for step, why in change.steps:
            add_step(connection, "alert", tenant_id, id_, step=step, at=look.now, who=alerts.SERVICE, why=why)
    _place(connection, look)
    before = {id_: alert.is_open for id_, alert in known.items()}
    return Recorded(
        opened=sum(change.episode.alert_id is None for change in changes),
        resolved=sum(
            change.episode.state == "resolved" and before[change.episode.alert_id]
            for change in changes
            if change.episode.alert_id is not None
        ),
    )


def _episode(alert: StoredAlert, days: Sequence[StoredDay]) -> Episode:
    return Episode(
        alert_id=alert.alert_id,
        detector=alert.detector,
        subject=alert.subject,
        state=cast("State", alert.state),
        days={day.day: _finding(alert, day) for day in days if not day.is_taken_back},
        verdict=cast("Verdict | None", alert.verdict),
        planned_until=alert.planned_until,
        snoozed_until=alert.snoozed_until,
        quieted_impact_minor=alert.quieted_impact_minor,
        quieted_score=alert.quieted_score,
        last_known_day=alert.last_day,
    )


def _finding(alert: StoredAlert, day: StoredDay) -> Finding:
    return Finding(
        detector=alert.detector,
        subject=alert.subject,
        day=day.day,
        unit=alert.unit,
        actual=day.actual,
        expected=day.expected,
        lower=day.lower,
        upper=day.upper,
        impact_minor=day.impact_minor,
        score=day.score,
        is_rise=day.is_rise,
        is_provisional=day.is_provisional,
        sentence=day.sentence,
        parts=dict(day.parts),
        facts=dict(day.facts),
    )


def _write(connection: Connection, tenant_id: UUID, change: Change, look: Look, version: int, currency: str) -> UUID:
    """Write the alert's own row; returns its id."""
    after = change.episode
    values: dict[str, Any] = {"state": after.state, "snoozed_until": after.snoozed_until, **_figures(change)}
    if change.written or change.taken_back:
        values["restated_in_version"] = version
    if change.is_news:
        values["news_in_version"] = version
    if after.alert_id is not None:
        if change.ended_on is not None:
            values |= {"resolved_at": _when(change.ended_on, look), "resolved_why": change.resolved_why}
        elif after.state != "resolved":
            values |= {"resolved_at": None, "resolved_why": None}
        return alerts.change(connection, after.alert_id, now=look.now, **values).alert_id
    subject = after.subject
    values |= {
        "detector": after.detector,
        "subject_key": subject.key,
        **{name: getattr(subject, name) for name in _SUBJECT},
        "unit": after.days[after.last_day].unit,
        "currency": currency,
        "opened_at": _when(after.first_day, look),
        "changed_at": look.now,
        "found_in_version": version,
        "restated_in_version": version,
    }
    if change.ended_on is not None:
        values |= {"resolved_at": _when(change.ended_on, look), "resolved_why": change.resolved_why}
    return alerts.add(connection, tenant_id, **values).alert_id


def _figures(change: Change) -> Mapping[str, Any]:
    """The row's figures; none are left where every day was taken back."""
    after = change.episode
    days = {"first_day": after.first_day, "last_day": after.last_day}
    if not after.days:
        unknown = dict.fromkeys(("actual", "expected", "lower", "upper", "impact_pico_usd"))
        return unknown | {"impact_minor": 0, "sentence": TAKEN_BACK, "is_provisional": False}
    sums = totals(after)
    names = ("actual", "expected", "lower", "upper", "impact_minor", "impact_pico_usd", "is_rise", "is_provisional")
    figures = {**days, **{name: getattr(sums, name) for name in names}, "peak_score": sums.peak_score}
    # Its explanation says it better, until another day is known.
    return figures | {"sentence": sums.sentence} if change.written or change.taken_back else figures


def _when(day: date, look: Look) -> datetime:
    """When something became known: now, or for what a first look finds long past, when that day had ended."""
    if not look.is_first:
        return look.now
    return min(look.now, datetime.combine(day + timedelta(days=1), time.min, UTC))


def _place(connection: Connection, look: Look) -> None:
    """Put every alert of the judged days under the one that it is because of."""
    known = alert_reads.begun_since(connection, look.since)
    days = alert_reads.days_of(connection, [alert.alert_id for alert in known])
    placed = [
        Placed(alert.alert_id, alert.subject_key, dict(_episode(alert, days.get(alert.alert_id, [])).days))
        for alert in known
        if alert.detector == "cost_spike"
    ]
    above = parents(placed)
    for alert in known:
        if alert.alert_id in above and above[alert.alert_id] != alert.parent_alert_id:
            alerts.place(connection, alert.alert_id, under=above[alert.alert_id])
