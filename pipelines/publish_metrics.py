"""What the warehouse's Margins page is made of: revenue with its quantities, and MRR month by month, from one reading of the mirror."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pricing import mrr
from pricing.fx import RateTable
from pricing.revenue import RevenueLine
from pricing.revenue_books import Books, Invoice
from pricing.revenue_streams import stream_months
from pricing.service_period import next_month
from store import metric_sources
from store.database import Connection
from store.warehouse_metrics import Metrics

RETENTION_MONTHS = (1, 12)


def metrics(
    connection: Connection,
    books: Books,
    lines: Sequence[RevenueLine],
    rates: RateTable,
    reporting_currency: str,
    *,
    now: datetime,
) -> Metrics:
    """Read what else is needed in the open transaction, and count. The running month's MRR is that of `now`."""
    facts = metric_sources.line_facts(connection)
    plans = mrr.plan_lines(books.invoices, facts, metric_sources.ended_subscriptions(connection))
    ends = month_ends(min(plan.start for plan in plans), now) if plans else []
    months = [month for month, _ in ends]
    known = _rates(months, {plan.currency for plan in plans}, rates, reporting_currency, now)
    held = mrr.history(plans, ends, known, reporting_currency)
    return Metrics(
        streams=stream_months(lines, facts),
        mrr=held,
        mrr_months=_totals(held, months),
        moved=mrr.movements(held, months, known, reporting_currency),
        retention=[
            row
            for back in RETENTION_MONTHS
            for row in mrr.retention(held, months, known, reporting_currency, back=back)
        ],
        traits=_traits(books.invoices, metric_sources.segments(connection)),
    )


def month_ends(first: datetime, now: datetime) -> list[tuple[date, datetime]]:
    """Each month from the first's to the running one, with the moment after its end; the running one ends now."""
    month, found = first.date().replace(day=1), []
    while month <= now.date():
        found.append((month, min(now, datetime.combine(next_month(month), time(), UTC))))
        month = next_month(month)
    return found


def _rates(
    months: Sequence[date], currencies: set[str], rates: RateTable, reporting_currency: str, now: datetime
) -> dict[tuple[date, str], int | None]:
    found: dict[tuple[date, str], int | None] = {}
    for month in months:
        day = min(next_month(month) - timedelta(days=1), now.date())
        for currency in currencies:
            rate = rates.find(currency, reporting_currency, day)
            found[month, currency] = None if rate is None else rate.rate_nano
    return found


def _totals(held: Sequence[mrr.CustomerMrr], months: Sequence[date]) -> list[dict[str, Any]]:
    """One row a month, of nothing too; unknown where a customer's part is."""
    by_month: dict[date, list[mrr.CustomerMrr]] = defaultdict(list)
    for row in held:
        by_month[row.month].append(row)
    return [
        {
            "month": month,
            "mrr_minor": None
            if any(row.mrr_minor is None for row in by_month[month])
            else sum(row.mrr_minor or 0 for row in by_month[month]),
            "customers": len({row.customer_id for row in by_month[month]}),
        }
        for month in months
    ]


def _traits(invoices: Sequence[Invoice], segments: Mapping[str, str]) -> list[dict[str, Any]]:
    """The segment of each customer and the month of their first invoice with an amount; those with neither are left out."""
    cohorts: dict[str, date] = {}
    for invoice in invoices:
        if invoice.counts and invoice.customer_id is not None and invoice.total_excluding_tax_minor > 0:
            month = invoice.finalized_at.date().replace(day=1)
            cohorts[invoice.customer_id] = min(month, cohorts.get(invoice.customer_id, month))
    return [
        {"customer_id": customer_id, "segment": segments.get(customer_id), "cohort": cohorts.get(customer_id)}
        for customer_id in sorted(cohorts.keys() | segments.keys())
    ]
