"""Alerts for tests that are about what is said of them: written straight into the tables, as a run would."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from pricing.finding import Finding, Subject
from store import alerts
from store.alert_reads import StoredAlert

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
YESTERDAY = date(2026, 3, 1)


def open_alert(connection: Connection, tenant: UUID, customer: str, impact_minor: int, **more: Any) -> StoredAlert:
    """A customer's cost spike of yesterday."""
    subject = Subject(scope="customer", customer_id=customer)
    fields: dict[str, Any] = {
        "detector": "cost_spike", "scope": "customer", "subject_key": subject.key, "customer_id": customer, "state": "new",
        "first_day": YESTERDAY, "last_day": YESTERDAY, "is_rise": True, "is_provisional": False, "unit": "pico_usd",
        "actual": 10**16, "expected": 10**15, "impact_minor": impact_minor, "impact_pico_usd": impact_minor * 10**10, "currency": "usd",
        "peak_score": 2.0, "sentence": f"{customer}'s AI cost rose.", "opened_at": NOW, "changed_at": NOW,
        "found_in_version": 1, "restated_in_version": 1, "news_in_version": 1,
    }  # fmt: skip
    return alerts.add(connection, tenant, **(fields | more))


def put_day(connection: Connection, tenant: UUID, alert: StoredAlert, day: date, impact_minor: int) -> None:
    """A day of an alert."""
    found = Finding(
        detector=alert.detector, subject=alert.subject, day=day, unit=alert.unit, actual=2, expected=1, impact_minor=impact_minor, score=2.0,
        sentence="More.",
    )  # fmt: skip
    alerts.put_days(connection, tenant, alert.alert_id, {day: found}, now=NOW)
