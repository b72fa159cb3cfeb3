"""Looks at one published version and at the mirror for what is no cost spike: margins, payments, disputes, coverage, late data, drift."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

from billing.watch_burn import past_due_burn
from billing.watch_disputes import dispute_rate
from pipelines import watch_stripe, watch_usage
from pipelines.tenant_prices import tenant_book
from pricing.finding import Finding
from pricing.fx import RateTable
from pricing.price_ranges import PriceRanges
from pricing.watch_limits import Limits
from pricing.watch_margin import margin_floor, turned_unprofitable
from pricing.watch_payments import payment_rate
from pricing.watch_sources import stale_source
from pricing.watch_usage import coverage_drop, meter_drift, unpriced_spend
from pricing.watching import Watching
from store import alert_limits, alert_reads, fx_rates, watch_payments
from store.database import Connection, Engine, tenant_snapshot
from store.warehouse import warehouse_folder
from store.warehouse_reads import Warehouse


def watch(engine: Engine, home: Path, tenant_id: UUID, view: Warehouse, *, now: datetime) -> list[Finding]:
    """What each detector but that of cost spikes finds as of `now` (with a zone) in the version `view` and the tenant's mirror.

    Findings about usage and margins bear the last closed UTC day, those about payments and sources the running one. Each detector's
    rule is pure and stands in `pricing.watch_*` or `billing.watch_*`. `view` is one of the tenant's below `home`.
    """
    if now.tzinfo is None:
        raise ValueError("the moment of looking needs a zone")
    if view.file.parent != warehouse_folder(home, tenant_id):
        raise ValueError(f"{view.file} is no version of tenant {tenant_id}")
    with tenant_snapshot(engine, tenant_id) as connection:
        rates = RateTable(fx_rates.read(connection))
        today = _watching(connection, view, rates, now)
        closed = replace(today, day=today.day - timedelta(days=1))
        ranges = PriceRanges(tenant_book(connection))
        metered = {
            customer_id: since.astimezone(UTC).date()
            for customer_id, since in watch_payments.metered_since(connection).items()
        }
        of_payments = _payments(connection, view, rates, today, now)
    return [*_usage(view, ranges, metered, closed), *of_payments]


def _watching(connection: Connection, view: Warehouse, rates: RateTable, now: datetime) -> Watching:
    day = now.astimezone(UTC).date()
    rate = rates.find("usd", view.reporting_currency, day)
    return Watching(
        day=day,
        limits=Limits(
            view.reporting_currency,
            rate.rate_nano if rate else None,
            {(each.detector, each.subject_key): each.limit for each in alert_limits.read(connection)},
        ),
        open_keys={(alert.detector, alert.subject_key) for alert in alert_reads.open_alerts(connection)},
    )


def _payments(
    connection: Connection, view: Warehouse, rates: RateTable, today: Watching, now: datetime
) -> list[Finding]:
    """What concerns the running day."""
    failed, refunded = watch_stripe.payment_days(connection, rates, today)
    return [
        *payment_rate("failed_payment_rate", failed, today),
        *payment_rate("refund_rate", refunded, today),
        *dispute_rate(watch_stripe.network_months(connection, today.day), today),
        *stale_source(watch_stripe.sources(connection, now), today, now),
        *past_due_burn(watch_stripe.burners(connection, view, rates, today), today),
        *meter_drift(watch_stripe.metered_periods(view, rates, now), today),
    ]


def _usage(view: Warehouse, ranges: PriceRanges, metered: dict[str, date], closed: Watching) -> list[Finding]:
    """What concerns closed days; nothing where there is no usage yet."""
    span = watch_usage.span(view, closed.day + timedelta(days=1))
    if span is None:
        return []
    unpriced = watch_usage.Unpriced(view, ranges, span.until, closed.limits)
    company, customers = watch_usage.periods(view, unpriced, span, metered)
    turned = turned_unprofitable(customers, closed)
    # Whoever has just turned unprofitable is below the floor as well: one story is told once.
    told = {found.subject for found in turned}
    floors = [
        found for found in margin_floor([*company, *(now for _, now in customers)], closed) if found.subject not in told
    ]
    models = unpriced_spend(watch_usage.unpriced_models(view, unpriced, span), closed)
    drops = coverage_drop(watch_usage.coverage_spans(view, unpriced, span), closed)
    if models:
        # A fall of the priced share that leaves margins known is said better by the models that make it.
        drops = [found for found in drops if found.subject.name != "priced" or found.facts["is_too_low"]]
    return [*floors, *turned, *models, *drops]
