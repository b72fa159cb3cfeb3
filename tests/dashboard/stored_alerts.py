"""Alerts as they are stored, for the tests that look at the page: a cost spike with its explanation, and others beside it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, insert

from pricing.alert_explanation import (
    ChartDay,
    Confidence,
    Explanation,
    MarginPoints,
    Part,
    RateExplanation,
    to_document,
)
from pricing.finding import Detector, Subject
from store.schema import alert_days, alerts, detection_runs
from store.steps import add_step

DOLLAR = 10**12
CENT = 10**10


def explained(
    name: str,
    last: date,
    *,
    usual: int,
    found: Sequence[int],
    drivers: Sequence[tuple[str, int]],
    customers: Sequence[tuple[str | None, str, int]] = (),
    api_keys: Sequence[tuple[str, int]] = (),
    model: str = "openai/gpt-4o",
) -> Explanation:
    """A spike of dollars a day over the usual ones; `drivers` in cents come to the impact, as all else does."""
    actual, expected = sum(found), usual * len(found)
    impact_minor = (actual - expected) * 100

    whole: list[tuple[str | None, str, int]] = [(None, "all", impact_minor)]
    return Explanation(
        actual_pico_usd=actual * DOLLAR,
        expected_pico_usd=expected * DOLLAR,
        lower_pico_usd=usual * 85 // 100 * len(found) * DOLLAR,
        upper_pico_usd=usual * 118 // 100 * len(found) * DOLLAR,
        impact_pico_usd=(actual - expected) * DOLLAR,
        impact_minor=impact_minor,
        currency="usd",
        first_day=last - timedelta(days=len(found) - 1),
        last_day=last,
        found_days=len(found),
        customer_points=MarginPoints(ppm=-181_000),
        company_points=MarginPoints(ppm=-19_000),
        month=last.replace(day=1),
        month_so_far_pico_usd=(actual - expected) * DOLLAR,
        month_end_pico_usd=(actual - expected) * 2 * DOLLAR,
        month_end_minor=impact_minor * 2,
        drivers=_parts([(None, label, cents) for label, cents in drivers], impact_minor),
        causes=(),
        customers=_parts(list(customers) or whole, impact_minor),
        models=_parts([(model, model, impact_minor)], impact_minor),
        features=_parts([("agent", "agent", impact_minor)], impact_minor),
        api_keys=_parts([(key, key, cents) for key, cents in api_keys] or whole, impact_minor),
        baseline_first_day=last - timedelta(days=60),
        baseline_last_day=last - timedelta(days=len(found)),
        baseline_days=60,
        unpriced_events=0,
        price_changes=(),
        days=_days(last, usual, found),
        confidence=Confidence(words="high", n=60, why="60 days with usage"),
        sentence=f"{name} cost ${actual} in {len(found)} days, ${actual - expected} more than expected: agents call gpt-4o twice as often.",
    )


def _days(last: date, usual: int, found: Sequence[int]) -> tuple[ChartDay, ...]:
    """Sixty usual days, a little up and down by weekday, and the unusual ones, in dollars."""
    wobble = (0, 3, -2, 4, 1, -5, -6)
    low, high = usual * 85 // 100, usual * 118 // 100
    dollars = [usual + wobble[(last - timedelta(days=back)).weekday()] * usual // 40 for back in range(60, 0, -1)]
    dollars += found
    return tuple(
        ChartDay(
            day=last - timedelta(days=len(dollars) - 1 - place),
            actual=each * DOLLAR,
            expected=usual * DOLLAR,
            lower=low * DOLLAR,
            upper=high * DOLLAR,
            is_found=place >= 60,
        )
        for place, each in enumerate(dollars)
    )


def _parts(rows: Sequence[tuple[str | None, str, int]], impact_minor: int) -> tuple[Part, ...]:
    """Lines of a list in cents, the largest first; they come to the impact."""
    assert sum(cents for _, _, cents in rows) == impact_minor
    ranked = sorted(rows, key=lambda row: -abs(row[2]))
    return tuple(Part(name=name, label=label, pico_usd=cents * CENT, minor=cents) for name, label, cents in ranked)


def store_alert(
    connection: Connection,
    tenant_id: UUID,
    subject: Subject,
    explanation: Explanation | RateExplanation | None,
    *,
    detector: Detector = "cost_spike",
    now: datetime,
    **given: Any,
) -> UUID:
    """Write an alert down as the job does, with its days; what is given goes before what follows from the explanation."""
    alert_id = uuid4()
    row: dict[str, Any] = {
        "tenant_id": tenant_id,
        "alert_id": alert_id,
        "detector": detector,
        "scope": subject.scope,
        "subject_key": subject.key,
        **{name: getattr(subject, name) for name in ("customer_id", "provider", "model", "feature", "name")},
        "state": "new",
        "is_rise": True,
        "is_provisional": False,
        "unit": "pico_usd",
        "currency": "usd",
        "sentence": "It is unusual.",
        "peak_score": 2.0,
        "opened_at": now,
        "changed_at": now,
        "found_in_version": 1,
        "restated_in_version": 1,
    }
    found = [] if explanation is None else [day for day in explanation.days if day.is_found]
    row |= _told(explanation, found)
    row |= given
    connection.execute(insert(alerts).values(row))
    for day in found:
        impact = ((day.actual or 0) - (day.expected or 0)) // CENT if row["unit"] == "pico_usd" else None
        connection.execute(
            insert(alert_days).values(
                tenant_id=tenant_id, alert_id=alert_id, day=day.day, is_provisional=False, is_taken_back=False, is_rise=row["is_rise"],
                actual=day.actual, expected=day.expected, lower=day.lower, upper=day.upper, impact_minor=impact, score=2.0, parts={},
                facts={}, sentence=row["sentence"], recorded_at=now,
            )
        )  # fmt: skip
    add_step(
        connection, "alert", tenant_id, alert_id, step="new", at=now, who="metering (founder)", why="found in version 1"
    )
    return alert_id


def _told(explanation: Explanation | RateExplanation | None, found: Sequence[ChartDay]) -> dict[str, Any]:
    """What follows from an explanation."""
    if explanation is None:
        return {}
    row = {"explanation": to_document(explanation), "explanation_version": 1, "sentence": explanation.sentence}
    if isinstance(explanation, RateExplanation):
        last = found[-1]
        amounts = {"actual": last.actual, "expected": last.expected}
        return row | amounts | {"unit": explanation.unit, "first_day": found[0].day, "last_day": last.day}
    return row | {
        "first_day": explanation.first_day,
        "last_day": explanation.last_day,
        "actual": explanation.actual_pico_usd,
        "expected": explanation.expected_pico_usd,
        "lower": explanation.lower_pico_usd,
        "upper": explanation.upper_pico_usd,
        "impact_minor": explanation.impact_minor,
        "impact_pico_usd": explanation.impact_pico_usd,
    }


def store_run(connection: Connection, tenant_id: UUID, now: datetime, **given: Any) -> None:
    """A look at version 1: 24 series, nothing late."""
    row = {
        "tenant_id": tenant_id, "version": 1, "ran_at": now, "finished_at": now, "series": 24, "series_days": 1_440, "findings": 1,
        "opened": 1, "resolved": 0, "late_days": {}, "troubles": {}, "seconds": 0.2,
    }  # fmt: skip
    connection.execute(insert(detection_runs).values(row | given))


def rate(name: str, last: date, ppms: Sequence[int], limit: int) -> RateExplanation:
    """A rate of the last days, the last one over its limit."""
    days = tuple(
        ChartDay(day=last - timedelta(days=len(ppms) - 1 - place), actual=ppm, expected=limit, lower=None, upper=None, is_found=ppm > limit)
        for place, ppm in enumerate(ppms)
    )  # fmt: skip
    return RateExplanation(
        unit="ppm", facts={"payments": 412, "refunds": 21}, days=days,
        sentence=f"{name} is at {ppms[-1] / 10_000:.1f}%, over the limit of {limit / 10_000:.1f}%.",
    )  # fmt: skip


def at(day: date, hour: int = 6) -> datetime:
    """A moment of that day in UTC."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
