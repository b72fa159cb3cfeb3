"""Publishes a tenant's warehouse: reads the sources once, counts, writes a new version, compares it, and lets it be seen."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl

from pipelines import publish_bills, publish_metrics
from pipelines.publish_attention import BURN_DAYS, COME_BACK_SHOWN, Attention
from pipelines.publish_rows import failed_payments, past_due, plan_changes
from pipelines.publish_usage import load_usage
from pipelines.tenant_prices import tenant_book
from pricing.allowances import public_allowances
from pricing.effective_cost import Agreements
from pricing.fx import RateTable
from pricing.margin import DEFINITIONS_VERSION
from pricing.money import NANO
from pricing.price_book import PriceBook, entries_frame
from pricing.price_ranges import PriceRanges
from pricing.revenue import RevenueLine, revenue_lines
from pricing.revenue_books import Invoice, unbalanced
from pricing.revenue_months import SIGNS, customer_months, unconverted
from pricing.service_period import next_month
from pricing.usage_reconciliation import Billed
from store import (
    contract_terms,
    customer_mappings,
    freshness,
    fx_rates,
    lake,
    own_prices,
    price_entries,
    provider_reports,
    refunds_waiting,
    revenue_sources,
    tenants,
    warehouse,
    warehouse_coverage,
    warehouse_hours,
    warehouse_metrics,
    warehouse_sources,
    warehouse_usage,
    warehouse_versions,
)
from store.database import Connection, Engine, tenant_snapshot, tenant_transaction
from store.metered_lines import metered_lines
from store.tenants import Tenant
from store.usage_connections import CountsAs
from store.warehouse import Check, Publication, publishing
from store.warehouse_usage import UsageSummary

Row = dict[str, Any]


class RateMissing(Exception):
    """Usage is priced in dollars, and for a month no rate from dollars to the reporting currency is known."""


@dataclass(frozen=True)
class Sources:
    """All that a version is made of, as it was at one moment; usage itself is read from the lake's files."""

    tenant: Tenant
    version: int
    rates: RateTable
    lines: list[RevenueLine]
    unbalanced: list[tuple[Invoice, int]]
    refs: pl.DataFrame
    lake_files: list[lake.LakeFile]
    agreed: Agreements
    book: PriceBook
    reports: pl.DataFrame
    bills: list[Billed]
    metered_lines: list[Row]
    customers: list[Row]
    invoices: list[Row]
    invoice_sums: dict[str, int]
    plan_changes: list[Row]
    failed_payments: list[Row]
    past_due: dict[str, int | None]
    disputes: list[Row]
    refund_requests: list[Row]
    refunds_on_their_way: list[Row]
    refunds_come_back: list[Row]
    freshness: list[Row]
    metrics: warehouse_metrics.Metrics


def publish(engine: Engine, home: Path, tenant_id: UUID, *, now: datetime) -> Publication:
    """Build and publish a version as of `now` (UTC). Waits while another one is being published; may be killed at any point.

    A version whose sums differ from their sources is not published: the old one stays, and the publication says why.
    """
    with publishing(home, tenant_id) as folder:
        sources = _read(engine, tenant_id, folder, now)

        def fill(con: warehouse.Building, version: int) -> Sequence[Check]:
            return _fill(con, version, sources, home, now)

        publication = warehouse.publish(folder, sources.tenant.slug, sources.version, fill, now=now)
        with tenant_transaction(engine, tenant_id) as connection:
            warehouse_versions.record(connection, sources.version, publication, now=now)
    return publication


def _read(engine: Engine, tenant_id: UUID, folder: Path, now: datetime) -> Sources:
    tenant = tenants.read_tenant(engine, tenant_id)
    assert tenant is not None, "a tenant that is published exists"
    with tenant_transaction(engine, tenant_id) as connection:
        fx_rates.record_from_stripe(connection, now=now)
    # One snapshot for all reads: what a pull commits meanwhile is in the next version.
    with tenant_snapshot(engine, tenant_id) as connection:
        rates = RateTable(fx_rates.read(connection))
        books = revenue_sources.read_books(connection)
        lines = revenue_lines(books, rates, tenant.reporting_currency, as_of=now)
        return Sources(
            tenant=tenant,
            version=warehouse_versions.next_version(connection, warehouse.read_pointer(folder)),
            rates=rates,
            lines=lines,
            metrics=publish_metrics.metrics(connection, books, lines, rates, tenant.reporting_currency, now=now),
            unbalanced=unbalanced(books.invoices),
            refs=customer_mappings.customer_refs(connection),
            lake_files=lake.read_manifest(connection),
            agreed=_agreed(connection, now),
            book=tenant_book(connection),
            reports=provider_reports.read_usage(connection, counts_as=CountsAs.USAGE),
            bills=publish_bills.read_bills(connection, rates),
            metered_lines=metered_lines(connection),
            **_mirror(connection, rates, tenant.reporting_currency, now),
        )


def _agreed(connection: Connection, now: datetime) -> Agreements:
    own = entries_frame(own_prices.used(connection)).unique("price_id")
    entries = pl.concat([price_entries.read(connection), own]).unique("price_id", keep="first")
    return Agreements(contract_terms.read(connection), public_allowances(), entries, now.date())


def _mirror(connection: Connection, rates: RateTable, currency: str, now: datetime) -> dict[str, Any]:
    return {
        "customers": warehouse_sources.customers(connection),
        "invoices": warehouse_sources.invoices(connection),
        "invoice_sums": warehouse_sources.invoice_sums(connection),
        "plan_changes": plan_changes(warehouse_sources.proration_lines(connection)),
        "failed_payments": failed_payments(warehouse_sources.failed_invoices(connection), rates, currency),
        "past_due": past_due(warehouse_sources.unpaid_invoices(connection), rates, currency, now=now),
        "disputes": warehouse_sources.open_disputes(connection),
        "refund_requests": refunds_waiting.asked_for(connection),
        "refunds_on_their_way": refunds_waiting.on_their_way(connection),
        "refunds_come_back": refunds_waiting.come_back(connection, since=now - COME_BACK_SHOWN),
        "freshness": [asdict(each) for each in freshness.read(connection)],
    }


def _fill(con: warehouse.Building, version: int, sources: Sources, home: Path, now: datetime) -> Sequence[Check]:
    tenant = sources.tenant
    reported, compared = load_usage(
        con,
        home,
        tenant.tenant_id,
        sources.lake_files,
        sources.refs,
        sources.agreed,
        sources.book,
        sources.reports,
        sources.bills,
    )
    warehouse_hours.load(con, home, tenant.tenant_id, sources.lake_files, sources.refs, now=now)
    warehouse_coverage.load(con, PriceRanges(sources.book), publish_bills.settled_spellings(compared))
    publish_bills.fill(con, compared, sources.metered_lines)
    usage = warehouse_usage.summarize(con, since=(now - timedelta(days=BURN_DAYS)).date())
    months = customer_months(sources.lines)
    owed = sources.past_due
    meta = {
        "version": version,
        "tenant_id": str(tenant.tenant_id),
        "tenant_name": tenant.name,
        "reporting_currency": tenant.reporting_currency,
        "published_at": now,
        "as_of": now,
        "definitions_version": DEFINITIONS_VERSION,
    }
    customers = [
        row | {"is_past_due": row["customer_id"] in owed, "past_due_minor": owed.get(row["customer_id"], 0)}
        for row in sources.customers
    ]
    for table, rows in (
        ("meta", [meta]),
        ("freshness", sources.freshness),
        ("customers", customers),
        ("plan_changes", sources.plan_changes),
        ("invoices", sources.invoices),
        ("revenue_lines", [asdict(line) for line in sources.lines]),
        ("customer_month", [asdict(month) for month in months]),
        ("usd_rates", _usd_rates(usage, sources, now)),
        ("failed_payments", sources.failed_payments),
        ("attention", _attention(sources, usage, reported.withheld, now)),
    ):
        warehouse.load(con, table, rows)
    warehouse_usage.load_prices(
        con, pl.concat([sources.agreed.entries, entries_frame(reported.entries)]).unique("price_id", keep="first")
    )
    metric_checks = warehouse_metrics.fill(con, sources.metrics, tenant.reporting_currency)
    return [*_checks(con, sources, months, reported.sums), *metric_checks]


def _usd_rates(usage: UsageSummary, sources: Sources, now: datetime) -> list[Row]:
    """One rate for each month with usage: that of its last day, or of today in the running month. Raises RateMissing."""
    currency = sources.tenant.reporting_currency
    days = {month: min(next_month(month) - timedelta(days=1), now.date()) for month in usage.months}
    rates = {month: sources.rates.find("usd", currency, day) for month, day in days.items()}
    missing = [str(days[month]) for month, rate in rates.items() if rate is None]
    if missing:
        raise RateMissing(
            f"Usage is priced in USD and no rate to {currency.upper()} is known for {', '.join(missing)}: add each with "
            f"`metering rates add usd {currency} {missing[0]} RATE`. What was published last is still shown."
        )
    return [{"month": month, "rate_nano": rate.rate_nano} for month, rate in rates.items() if rate is not None]


def _attention(sources: Sources, usage: UsageSummary, withheld: Mapping[str, int], now: datetime) -> list[Row]:
    currency = sources.tenant.reporting_currency
    today = sources.rates.find("usd", currency, now.date())
    usd_rate_nano = today.rate_nano if today else (NANO if currency == "usd" else None)
    names = {row["customer_id"]: row["name"] for row in sources.customers}
    waiting = Attention(names, sources.rates, currency, now)
    waiting.disputes(sources.disputes)
    waiting.refunds(sources.refund_requests, sources.refunds_on_their_way, sources.refunds_come_back)
    waiting.past_due_burn(sources.past_due, usage.recent_pico_usd, usd_rate_nano)
    waiting.unpriced(usage.unpriced_models)
    waiting.unattributed(usage.unattributed_refs, usd_rate_nano)
    waiting.withheld(withheld)
    waiting.unbalanced(sources.unbalanced)
    waiting.unconverted(unconverted(sources.lines))
    return waiting.rows


def _checks(
    con: warehouse.Building, sources: Sources, months: Sequence[Any], reported: Mapping[str, int]
) -> list[Check]:
    """Counts and sums of the sources against those of the version, read back from its tables."""
    held = warehouse_usage.read_sums(con)
    manifest = lake.sums_of(sources.lake_files)
    return [
        Check("usage events", manifest.rows + reported["events"], held["events"]),
        Check(
            "usage events without a price",
            manifest.unpriced_rows + reported["unpriced_events"],
            held["unpriced_events"],
        ),
        Check(
            "AI cost at list prices in pico-USD",
            (manifest.cost_pico_usd or 0) + reported["list_cost_pico_usd"],
            held["list_cost_pico_usd"],
        ),
        Check("AI cost by month in pico-USD", held["cost_pico_usd"], held["month_cost_pico_usd"]),
        Check("invoices", sources.invoice_sums["invoices"], held["invoices"]),
        Check("sum of invoice totals in minor units", sources.invoice_sums["total_minor"], held["invoice_total_minor"]),
        Check("price entries", held["prices_used"], held["price_entries"]),
        Check("customers", len(sources.customers), held["customers"]),
        Check("revenue lines", len(sources.lines), held["revenue_lines"]),
        Check("customer months", len(months), held["customer_months"]),
        Check("net revenue by service period", _net_revenue(sources.lines, "service"), held["service_minor"]),
        Check("net revenue as invoiced", _net_revenue(sources.lines, "invoiced"), held["invoiced_minor"]),
    ]


def _net_revenue(lines: Sequence[RevenueLine], basis: str) -> int:
    """Net revenue added up line by line, without the customer-months that an amount without a rate leaves unknown."""
    sums: dict[tuple[date, str | None], int | None] = {}
    for line in lines:
        if line.basis != basis or line.kind == "fee":
            continue
        key = (line.month, line.customer_id)
        so_far = sums.get(key, 0)
        if so_far is None or line.reporting_minor is None:
            sums[key] = None
        else:
            sums[key] = so_far + SIGNS[line.kind] * line.reporting_minor
    return sum(net for net in sums.values() if net is not None)
