"""Gathers from the mirror of Stripe what the rules about payments, disputes, sources, unpaid usage and meters are given."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from billing.dispute_months import activities, month_before
from billing.dispute_thresholds import Activity
from billing.recovery_states import IN_RECOVERY
from billing.watch_burn import RECENT_DAYS, Burner
from pipelines.publish_rows import converted
from pipelines.pull_usage_access import SOURCES
from pricing.fx import RateTable
from pricing.margin import cost_minor
from pricing.watch_payments import PAST_DAYS, WINDOWS_DAYS, DayOfPayments
from pricing.watch_sources import DAY, HOUR, Source
from pricing.watch_usage import MeteredPeriod
from pricing.watching import Watching
from store import (
    dispute_reads,
    recovery_reads,
    warehouse_bill_reads,
    warehouse_reads,
    watch_payments,
    watch_sources,
    watch_usage,
)
from store.database import Connection
from store.recovery_reads import Failure
from store.warehouse_reads import Warehouse
from store.watch_payments import PaymentDay

WEBHOOK_DAYS = 28
# A period that ended longer ago has been looked at, or never will be.
METERED_DAYS = 45


def payment_days(
    connection: Connection, rates: RateTable, today: Watching
) -> tuple[list[DayOfPayments], list[DayOfPayments]]:
    """First tries with those that failed, and payments with those refunded, by day, in the reporting currency."""
    first = today.day - timedelta(days=max(WINDOWS_DAYS) + PAST_DAYS)
    since = datetime.combine(first, time(), UTC)
    failed, refunded = (
        watch_payments.first_tries(connection, since=since),
        watch_payments.refunds(connection, since=since),
    )
    return _in_one_currency(failed, rates, today.currency), _in_one_currency(refunded, rates, today.currency)


def _in_one_currency(days: Sequence[PaymentDay], rates: RateTable, currency: str) -> list[DayOfPayments]:
    """A day and currency each; a day on which it happened to none came to nothing in any currency."""
    found = []
    for each in days:
        at = datetime.combine(each.day, time(), UTC)
        minor = converted(rates, each.part_minor, each.currency, currency, at) if each.part else 0
        found.append(DayOfPayments(day=each.day, whole=each.whole, part=each.part, part_minor=minor))
    return found


def network_months(connection: Connection, today: date) -> list[Activity]:
    """The running month and the last one of each card network."""
    this_month = today.replace(day=1)
    last_month = month_before(this_month)
    months = dispute_reads.activity(connection, since=month_before(last_month))
    return activities(months, (this_month, last_month))


def sources(connection: Connection, now: datetime) -> list[Source]:
    """Every source that has ever succeeded, with what rests on it."""
    found = watch_sources.source_runs(connection, webhooks_since=now - timedelta(days=WEBHOOK_DAYS))
    return [
        replace(_described(each.name), name=each.name, successes=each.successes, trouble=each.trouble) for each in found
    ]


def _described(name: str) -> Source:
    """What a source is called, what rests on it and what to do, without its successes."""
    if name == watch_sources.WEBHOOKS:
        return Source(
            name=name,
            title="Stripe's webhooks",
            affects="queues learn of new disputes, refunds and payments only at the next pull",
            advice="See in Stripe whether the endpoint is enabled and reaches this address.",
            at_least_seconds=DAY,
        )
    if name == "stripe" or name.startswith("stripe: "):
        part = name.partition(": ")[2]
        return Source(
            name=name,
            title=f"Stripe's {part}" if part else "Stripe",
            affects=f"{part or 'revenue, refunds, disputes and failed payments'} are known only up to then",
            advice="See whether the worker runs and Stripe's key still works (`metering refresh` says so).",
            at_least_seconds=HOUR,
        )
    is_import = name.partition(":")[0] not in SOURCES
    return Source(
        name=name,
        title="your usage log" if name == "usage" else name,
        affects="cost, margin and alerts stop at what was known then: missing usage is no saving",
        advice="Import the next file, or see why what sends it has stopped."
        if is_import
        else "See `metering usage list` for what the provider answers.",
        # Whoever imports files by hand does so when they get to it.
        at_least_seconds=3 * HOUR if not is_import else DAY if name == "usage" else 7 * DAY,
    )


def burners(connection: Connection, view: Warehouse, rates: RateTable, today: Watching) -> list[Burner]:
    """Customers with invoices in recovery, with what they cost since the oldest failure."""
    logged = watch_usage.logged(view)
    by_customer: dict[str, list[Failure]] = defaultdict(list)
    for failure in recovery_reads.failures(connection, states=IN_RECOVERY):
        if failure.customer_id is not None:
            by_customer[failure.customer_id].append(failure)
    if logged is None or not by_customer:
        return []
    failed_at = {customer_id: min(each.failed_at for each in found) for customer_id, found in by_customer.items()}
    # The running day is not over: a day's cost is that of whole days.
    ends = min(logged.last + timedelta(days=1), today.day)
    costs = watch_usage.burned(
        view,
        {customer_id: at.date() for customer_id, at in failed_at.items()},
        (ends - timedelta(days=RECENT_DAYS), ends),
    )
    names = {row["customer_id"]: row["name"] for row in warehouse_reads.customers(view).iter_rows(named=True)}
    nano = today.limits.usd_rate_nano
    return [
        Burner(
            customer_id=customer_id,
            name=names.get(customer_id, customer_id),
            failed_at=failed_at[customer_id],
            invoices=len(found),
            owed_minor=_owed(found, rates, today),
            since_minor=cost_minor(costs[customer_id].since_pico_usd, today.currency, nano),
            recent_minor=cost_minor(costs[customer_id].recent_pico_usd, today.currency, nano),
            unpriced_events=costs[customer_id].unpriced_events,
            last_used=costs[customer_id].last_used,
            known_until=ends - timedelta(days=1),
        )
        for customer_id, found in sorted(by_customer.items())
    ]


def _owed(failures: Sequence[Failure], rates: RateTable, today: Watching) -> int | None:
    at = datetime.combine(today.day, time(), UTC)
    minors = [converted(rates, each.amount_minor, each.currency, today.currency, at) for each in failures]
    known = [minor for minor in minors if minor is not None]
    return sum(known) if len(known) == len(minors) else None


def metered_periods(view: Warehouse, rates: RateTable, now: datetime) -> list[MeteredPeriod]:
    """What metered prices charged for in periods that have ended lately and lie within the usage log."""
    logged = watch_usage.logged(view)
    if logged is None:
        return []
    plain = now.astimezone(UTC).replace(tzinfo=None)
    return [
        MeteredPeriod(
            customer_id=row["customer_id"],
            customer=row["name"],
            price=row["price"],
            unit=row["unit_label"],
            period_start=row["period_start"],
            period_end=row["period_end"],
            charged_quantity=row["invoiced_quantity"],
            logged_quantity=row["logged_quantity"],
            charged_minor=converted(
                rates, row["amount_minor"], row["currency"], view.reporting_currency, row["period_end"]
            ),
        )
        for row in warehouse_bill_reads.invoiced_units(view).iter_rows(named=True)
        if plain - timedelta(days=METERED_DAYS) <= row["period_end"] <= plain
        and logged.first <= row["period_start"].date()
        and row["period_end"].date() <= logged.last + timedelta(days=1)
    ]
