"""What an investor report takes from one published version: a month's trend, its customers, its confidence and its facts."""

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

import polars as pl

from pricing.coverage import reason_words
from pricing.investor_report import Confidence, CostSource
from pricing.margin import cost_minor
from pricing.report_figures import NOBODY, CompanyMonth, CustomerMonth, History
from pricing.report_ledger import CostFact, Ledger, RevenueFact
from pricing.usage import BUCKETS
from store import warehouse_reads as reads
from store.warehouse_margins import margin_of, net_revenue, share_of
from store.warehouse_reads import Warehouse

BASIS = "service"


def closed_months(warehouse: Warehouse) -> list[date]:
    """Months with revenue or usage that had ended when the version was made, the newest first."""
    rows = reads.months(warehouse, BASIS).filter(pl.col("month") < warehouse.as_of.date().replace(day=1))
    return sorted(rows["month"].to_list(), reverse=True)


def definitions_version(warehouse: Warehouse) -> str:
    """Which version of docs/metrics.md the numbers follow."""
    return str(warehouse.rows("select definitions_version from meta").item())


def company_months(warehouse: Warehouse, months: Sequence[date]) -> list[CompanyMonth]:
    """The company's months among those asked for, oldest first."""
    invoiced = {row["month"]: net_revenue(row) for row in reads.months(warehouse, "invoiced").iter_rows(named=True)}
    rows = reads.months(warehouse, BASIS).filter(pl.col("month").is_in(list(months)))
    return [_company_month(row, invoiced.get(row["month"]), warehouse) for row in rows.iter_rows(named=True)]


def _company_month(row: Mapping[str, Any], invoiced_minor: int | None, warehouse: Warehouse) -> CompanyMonth:
    return CompanyMonth(
        month=row["month"],
        net_revenue_minor=net_revenue(row),
        invoiced_minor=invoiced_minor,
        margin=margin_of(row, warehouse.reporting_currency),
    )


def customer_months(warehouse: Warehouse, months: Sequence[date]) -> list[CustomerMonth]:
    """Every customer's months from the first to the last of those asked for, with all that is known of their margins."""
    known = {row["customer_id"]: row for row in reads.customers(warehouse).iter_rows(named=True)}
    rows = reads.customer_months(warehouse, BASIS, min(months), max(months))
    found = []
    for row in rows.iter_rows(named=True):
        customer_id = row["customer_id"]
        customer = known.get(customer_id, {})
        found.append(
            CustomerMonth(
                month=row["month"],
                customer_id=customer_id,
                name=customer.get("name") or customer_id or NOBODY,
                plan=customer.get("plan"),
                net_revenue_minor=net_revenue(row),
                margin=margin_of(row, warehouse.reporting_currency),
            )
        )
    return found


def margin_history(warehouse: Warehouse, months: Sequence[date]) -> History:
    """Every customer's margins from the first to the last of the months asked for, and nothing else of them."""
    rows = reads.customer_months(warehouse, BASIS, min(months), max(months))
    currency = warehouse.reporting_currency
    return {(row["customer_id"], row["month"]): share_of(row, currency) for row in rows.iter_rows(named=True)}


def confidence(warehouse: Warehouse, company: CompanyMonth) -> Confidence:
    """How sure a month is: coverage, range, status with its reasons, and what its cost stands on."""
    margin = company.margin
    return Confidence(
        priced_share=margin.coverage.priced,
        attributed_share=margin.coverage.attributed,
        reconciled_share=margin.coverage.reconciled,
        low=margin.low,
        high=margin.high,
        status=margin.status.value,
        reason="; ".join(reason_words(reason, _percent) for reason in margin.reasons) or None,
        sources=_sources(warehouse, company.month),
    )


def _percent(share: Fraction) -> str:
    """Whole tenths of a per cent, cut and never rounded up to what is needed."""
    tenths = share.numerator * 1_000 // share.denominator
    return f"{tenths // 10}.{tenths % 10}%"


def _sources(warehouse: Warehouse, month: date) -> tuple[CostSource, ...]:
    rows = warehouse.rows(
        """select cost_source, sum(cost_pico_usd)::hugeint as pico, any_value(x.rate_nano) as rate_nano
        from usage_cube left join usd_rates x using (month) where month = $1 and cost_pico_usd is not null
        group by cost_source order by pico desc, cost_source""",
        [month],
    )
    currency = warehouse.reporting_currency
    return tuple(
        CostSource(
            source=row["cost_source"] or "catalogue",
            cost_minor=cost_minor(int(row["pico"]), currency, row["rate_nano"]),
        )
        for row in rows.iter_rows(named=True)
    )


def ledger(warehouse: Warehouse, month: date) -> Ledger:
    """All facts of a month, in an order that the same facts always have."""
    rate = warehouse.rows("select rate_nano from usd_rates where month = $1", [month])
    return Ledger(
        month=month,
        currency=warehouse.reporting_currency,
        definitions_version=definitions_version(warehouse),
        usd_rate_nano=None if rate.is_empty() else rate.item(),
        revenue=_revenue_facts(warehouse, month),
        costs=_cost_facts(warehouse, month),
    )


def _revenue_facts(warehouse: Warehouse, month: date) -> tuple[RevenueFact, ...]:
    rows = warehouse.rows(
        """select any_value(customer_id) as customer_id, any_value(invoice_id) as invoice_id,
            any_value(invoice_number) as invoice_number, source_id, kind, any_value(currency) as currency,
            sum(amount_minor)::bigint as amount_minor, any_value(rate_nano) as rate_nano,
            case when count(*) = count(reporting_minor) then sum(reporting_minor)::bigint end as reporting_minor
        from revenue_lines where month = $1 and basis = $2 and kind != 'fee' group by source_id, kind order by source_id, kind""",
        [month, BASIS],
    )
    return tuple(RevenueFact(**row) for row in rows.iter_rows(named=True))


def _cost_facts(warehouse: Warehouse, month: date) -> tuple[CostFact, ...]:
    sums = ", ".join(f"sum({bucket})::bigint as {bucket}" for bucket in BUCKETS)
    rows = warehouse.rows(
        f"""select customer_ref, customer_id, u.provider, u.model, u.service_tier, p.price_key, cost_source, contract_id,
            sum(events)::bigint as events, {sums}, sum(cost_pico_usd)::hugeint as cost_pico_usd
        from usage_cube u left join price_entries p using (price_id) where month = $1
        group by all order by all""",  # noqa: S608 - the columns are our own buckets; the month is a parameter
        [month],
    )
    return tuple(_cost_fact(row) for row in rows.iter_rows(named=True))


def _cost_fact(row: dict[str, Any]) -> CostFact:
    quantities = {bucket: int(row.pop(bucket)) for bucket in BUCKETS}
    cost = row.pop("cost_pico_usd")
    return CostFact(
        **row,
        quantities={bucket: amount for bucket, amount in quantities.items() if amount},
        cost_pico_usd=None if cost is None else int(cost),
    )
