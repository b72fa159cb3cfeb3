"""What happens to alerts that are because of another one when that one is answered: one cause, one answer."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from billing.principals import Principal
from store import alert_reads
from store import alerts as rows
from store.alert_reads import StoredAlert
from store.database import Connection
from store.steps import add_step

WITH = "With the alert that it is because of."
OPEN = {"state": "ongoing", "resolved_at": None, "resolved_why": None}


def close(connection: Connection, tenant_id: UUID, leader: StoredAlert, principal: Principal, now: datetime) -> None:
    """End every open alert under an answered one with the same answer, as far as nobody has answered it itself. It tunes nothing."""
    for follower in alert_reads.under(connection, leader.alert_id):
        if follower.is_open and follower.verdict is None:
            values: dict[str, Any] = {"verdict": leader.verdict, "planned_until": leader.planned_until}
            values |= {"state": "resolved", "resolved_at": now, "resolved_why": leader.resolved_why}
            values |= {"snoozed_until": None, **largest_day(connection, follower.alert_id)}
            assert leader.verdict is not None, "it was answered"
            _change(connection, tenant_id, follower, leader.verdict.replace("_", " "), values, principal, now)


def snooze(connection: Connection, tenant_id: UUID, leader: StoredAlert, principal: Principal, now: datetime) -> None:
    """Let every open alert under a snoozed one be quiet as long."""
    for follower in alert_reads.under(connection, leader.alert_id):
        if follower.is_open and follower.snoozed_until != leader.snoozed_until:
            values = {"snoozed_until": leader.snoozed_until, **largest_day(connection, follower.alert_id)}
            _change(connection, tenant_id, follower, "snoozed", values, principal, now)


def reopen(connection: Connection, tenant_id: UUID, leader: StoredAlert, principal: Principal, now: datetime) -> None:
    """Take back what the answer to `leader`, as it was before it was taken back, has done to the alerts under it."""
    for follower in alert_reads.under(connection, leader.alert_id):
        values: dict[str, Any] = {}
        if leader.snoozed_until is not None and follower.snoozed_until == leader.snoozed_until:
            values = {"snoozed_until": None}
        if leader.verdict is not None and _was_answered_with(follower, leader):
            values |= {"verdict": None, "planned_until": None}
            if not goes_on_elsewhere(connection, follower):
                values |= OPEN
        if values:
            _change(connection, tenant_id, follower, "reopened", values, principal, now)


def _was_answered_with(follower: StoredAlert, leader: StoredAlert) -> bool:
    answer: tuple[str | None, date | None, str | None] = (leader.verdict, leader.planned_until, leader.resolved_why)
    return not follower.is_open and (follower.verdict, follower.planned_until, follower.resolved_why) == answer


def goes_on_elsewhere(connection: Connection, found: StoredAlert) -> bool:
    """Whether the same subject has an open alert already."""
    return any(
        (other.detector, other.subject_key) == (found.detector, found.subject_key)
        for other in alert_reads.open_alerts(connection)
    )


def largest_day(connection: Connection, alert_id: UUID) -> dict[str, Any]:
    """What later days are held against while an alert is quiet."""
    days = alert_reads.days(connection, alert_id)
    impacts = [abs(day.impact_minor) for day in days if day.impact_minor is not None]
    return {
        "quieted_impact_minor": max(impacts, default=None),
        "quieted_score": max((day.score for day in days), default=None),
    }


def _change(
    connection: Connection,
    tenant_id: UUID,
    follower: StoredAlert,
    step: str,
    values: dict[str, Any],
    principal: Principal,
    now: datetime,
) -> None:
    rows.change(connection, follower.alert_id, now=now, **values)
    add_step(connection, "alert", tenant_id, follower.alert_id, step=step, at=now, who=str(principal), why=WITH)
