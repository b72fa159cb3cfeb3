"""Alerts for tests: findings and stored episodes with an amount of dollars each day, written the way the job writes them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from pricing.finding import Finding, Subject
from store import alerts
from store.alert_reads import StoredAlert

PICO = 10**12
BIG = Subject(scope="customer", customer_id="cus_big")
DAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)


def found(day: date = DAY, subject: Subject = BIG, *, usd: int = 300, usual_usd: int = 100, **fields: Any) -> Finding:
    """A day on which a subject cost `usd` where `usual_usd` was expected; the band is a tenth of that to either side."""
    given: dict[str, Any] = {
        "detector": "cost_spike",
        "subject": subject,
        "day": day,
        "unit": "pico_usd",
        "actual": usd * PICO,
        "expected": usual_usd * PICO,
        "lower": usual_usd * PICO * 9 // 10,
        "upper": usual_usd * PICO * 11 // 10,
        "impact_minor": (usd - usual_usd) * 100,
        "score": 2.0,
        "is_rise": usd >= usual_usd,
        "sentence": f"{subject.key} cost ${usd} instead of ${usual_usd}.",
        "parts": {"usage_volume": (usd - usual_usd) * PICO},
    }
    return Finding(**(given | fields))


def stored(connection: Connection, tenant_id: UUID, finding: Finding | None = None, **fields: Any) -> StoredAlert:
    """An alert of one day, open since that day closed, with its day; `fields` replace what it would be."""
    of = finding or found()
    subject = of.subject
    names = ("scope", "customer_id", "provider", "model", "feature", "name")
    amounts = ("is_rise", "is_provisional", "unit", "actual", "expected", "lower", "upper", "impact_minor", "sentence")
    difference = None if of.actual is None or of.expected is None else of.actual - of.expected
    values: Mapping[str, Any] = {
        "detector": of.detector,
        "subject_key": subject.key,
        **{name: getattr(subject, name) for name in names},
        **{name: getattr(of, name) for name in amounts},
        "state": "new",
        "first_day": of.day,
        "last_day": of.day,
        "currency": "usd",
        "impact_pico_usd": difference if of.unit == "pico_usd" else None,
        "peak_score": of.score,
        "opened_at": NOW,
        "changed_at": NOW,
        "found_in_version": 1,
        "restated_in_version": 1,
        "news_in_version": 1,
    }
    made = alerts.add(connection, tenant_id, **(values | fields))
    alerts.put_days(connection, tenant_id, made.alert_id, {of.day: of}, now=NOW)
    return made
