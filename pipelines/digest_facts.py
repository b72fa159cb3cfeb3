"""Gathers what a daily mail tells: the alerts, the figures of the published version, how late the data are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from statistics import median_low
from uuid import UUID

import msgspec
import structlog

from billing.digest import NEWS_FOR, Digest, Figures, Health, Told, has_news, select
from billing.digest_due import Due
from billing.digest_words import subject_title
from pricing.alert_explanation import Explanation, RateExplanation, from_document
from store import alert_reads, alerts, digest_days, freshness, warehouse_days
from store.alert_reads import StoredAlert
from store.database import Connection, Engine, tenant_transaction
from store.digests import DigestSettings
from store.freshness import Status
from store.tenants import Tenant
from store.warehouse_margins import margin_of, share_of
from store.warehouse_reads import Warehouse, customers, months, open_current, refusal

log = structlog.get_logger(__name__)

BASIS = "service"
USUAL_WEEKS = 4


@dataclass(frozen=True)
class Gathered:
    """A day's mail as it could go out now, and whether it is worth one. `version` is the warehouse's, None where there is none."""

    digest: Digest
    version: int | None
    is_worth_it: bool


def gather(
    engine: Engine, home: Path, tenant: Tenant, settings: DigestSettings, due: Due, *, now: datetime
) -> Gathered:
    """Read everything of one moment; nothing is written. Raises what the database and DuckDB raise."""
    warehouse = open_current(home, tenant.tenant_id)
    names = {} if warehouse is None else dict(customers(warehouse).select("customer_id", "name").iter_rows())
    with tenant_transaction(engine, tenant.tenant_id) as connection:
        since = digest_days.last_told(connection, due.day)
        found = alert_reads.recent(connection, since or now - NEWS_FOR)
        told = _told(connection, found, due.reported, tenant.name, names)
        health = _health(connection, home, tenant.tenant_id, warehouse, due.reported)
        quality = alert_reads.quality(connection, now)
    least = settings.least_impact_minor
    news = select(told, since=since, now=now, reported=due.reported, least_impact_minor=least)
    is_worth_it = has_news(news, due.reported, is_late=health.is_late)
    is_note = not is_worth_it and settings.all_quiet_weekday == due.day.weekday()
    digest = Digest(
        company=tenant.name,
        currency=tenant.reporting_currency,
        day=due.day,
        zone=settings.time_zone,
        hour=settings.hour,
        since=since,
        news=news,
        figures=_figures(warehouse, due.reported),
        health=health,
        quality=quality,
        is_note=is_note,
    )
    return Gathered(digest, warehouse.version if warehouse else None, is_worth_it or is_note)


def _told(
    connection: Connection,
    found: Sequence[StoredAlert],
    reported: date,
    company: str,
    names: dict[str, str | None],
) -> list[Told]:
    known = {customer_id: name for customer_id, name in names.items() if name}
    days = alert_reads.days_of(connection, [alert.alert_id for alert in found])
    return [
        Told(
            alert=alert,
            title=subject_title(alert.subject, company, known),
            explanation=_explanation(alert),
            reported_impact_minor=next(
                (
                    day.impact_minor
                    for day in days.get(alert.alert_id, ())
                    if day.day == reported and not day.is_taken_back
                ),
                None,
            ),
        )
        for alert in found
    ]


def _explanation(alert: StoredAlert) -> Explanation | RateExplanation | None:
    """None where there is none yet, or one of another release: an alert without its why is still told."""
    if alert.explanation is None:
        return None
    try:
        return from_document(alert.explanation)
    except msgspec.ValidationError as damage:
        log.warning("explanation_not_read", alert_id=str(alert.alert_id), reason=str(damage))
        return None


def _health(connection: Connection, home: Path, tenant_id: UUID, warehouse: Warehouse | None, reported: date) -> Health:
    """The reported day is late while no look at the data since its end is done, or a source has not told of it."""
    looked_at = alerts.last_finished(connection)
    as_of = None if warehouse is None else warehouse.as_of.replace(tzinfo=UTC)
    over_at = datetime.combine(reported + timedelta(days=1), time(0), UTC)
    late = {source: tuple(sorted(days)) for source, days in alert_reads.late_sources(connection).items() if days}
    is_looked_at = looked_at is not None and looked_at >= over_at and (as_of is None or as_of >= over_at)
    failing = {
        each.source: each.message or "no reason was given"
        for each in freshness.read(connection)
        if each.status is Status.FAILED
    }
    return Health(
        is_late=not is_looked_at or any(reported in days for days in late.values()),
        as_of=as_of,
        late=late,
        failing=failing,
        refusal=refusal(home, tenant_id),
    )


def _figures(warehouse: Warehouse | None, reported: date) -> Figures:
    month = reported.replace(day=1)
    if warehouse is None:
        return Figures(
            day=reported, cost_pico_usd=None, usual_pico_usd=None, month=month, margin=None, margin_before=None
        )
    before = [reported - timedelta(weeks=weeks) for weeks in range(1, USUAL_WEEKS + 1)]
    costs = warehouse_days.day_costs(warehouse, [reported, *before])
    usual = [costs[day] for day in before if day in costs]
    rows = {row["month"]: row for row in months(warehouse, BASIS).iter_rows(named=True)}
    last_month = (month - timedelta(days=1)).replace(day=1)
    currency = warehouse.reporting_currency
    return Figures(
        day=reported,
        cost_pico_usd=costs.get(reported),
        usual_pico_usd=median_low(usual) if len(usual) > 1 else None,
        month=month,
        margin=margin_of(rows[month], currency) if month in rows else None,
        margin_before=share_of(rows[last_month], currency) if last_month in rows else None,
    )
