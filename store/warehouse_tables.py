"""The tables of a published warehouse: what the pages and the API read, one DuckDB file per tenant and version.

Moments are UTC without a zone, days are UTC. Amounts in `_minor` are in minor units of the currency beside them, and where there is
none, of the tenant's reporting currency.
"""

from pricing.usage import BUCKETS
from store.warehouse_bill_tables import BILL_TABLES
from store.warehouse_metric_tables import METRIC_TABLES

TABLES: dict[str, dict[str, str]] = {
    "meta": {
        "version": "bigint",
        "tenant_id": "varchar",
        "tenant_name": "varchar",
        "reporting_currency": "varchar",
        "published_at": "timestamp",
        # The end of what the version covers: the `now` of every page.
        "as_of": "timestamp",
        "definitions_version": "varchar",
    },
    "freshness": {
        "source": "varchar",
        "last_success_at": "timestamp",
        "latest_record_at": "timestamp",
        "status": "varchar",
        "message": "varchar",
    },
    "customers": {
        "customer_id": "varchar",
        "name": "varchar",
        "email": "varchar",
        "plan": "varchar",
        "country": "varchar",
        "currency": "varchar",
        "created_at": "timestamp",
        "subscription_status": "varchar",
        "is_past_due": "boolean",
        # Null where an open invoice cannot be converted.
        "past_due_minor": "bigint",
    },
    "plan_changes": {
        "customer_id": "varchar",
        "changed_at": "timestamp",
        "from_plan": "varchar",
        "to_plan": "varchar",
        "direction": "varchar",
        "invoice_id": "varchar",
        "amount_minor": "bigint",
        "currency": "varchar",
    },
    "invoices": {
        "invoice_id": "varchar",
        "number": "varchar",
        "customer_id": "varchar",
        "status": "varchar",
        "currency": "varchar",
        "total_minor": "bigint",
        "total_excluding_tax_minor": "bigint",
        "amount_paid_minor": "bigint",
        "amount_remaining_minor": "bigint",
        "billing_reason": "varchar",
        "created_at": "timestamp",
        "finalized_at": "timestamp",
        "attempt_count": "bigint",
        "next_payment_attempt_at": "timestamp",
    },
    "revenue_lines": {
        "month": "date",
        "customer_id": "varchar",
        "basis": "varchar",
        "kind": "varchar",
        "invoice_id": "varchar",
        "invoice_number": "varchar",
        "source_id": "varchar",
        "description": "varchar",
        "period_start": "date",
        "period_end": "date",
        "currency": "varchar",
        "amount_minor": "bigint",
        # Null where no exchange rate is known: the line is shown and not counted.
        "rate_nano": "bigint",
        "rate_date": "date",
        "reporting_minor": "bigint",
    },
    "customer_month": {
        "month": "date",
        "customer_id": "varchar",
        "basis": "varchar",
        "gross_minor": "bigint",
        "discounts_minor": "bigint",
        "credits_minor": "bigint",
        "refunds_minor": "bigint",
        "disputes_minor": "bigint",
        # Null where one of the month's lines could not be converted.
        "net_revenue_minor": "bigint",
        "fees_minor": "bigint",
    },
    "usage_cube": {
        "day": "date",
        "month": "date",
        # Null where no mapping knows whose usage it is.
        "customer_id": "varchar",
        "customer_ref": "varchar",
        "provider": "varchar",
        "model": "varchar",
        "feature": "varchar",
        "service_tier": "varchar",
        "price_id": "bigint",
        "events": "bigint",
        **dict.fromkeys(BUCKETS, "bigint"),
        # At the price entry; null where the events have none. What the log itself said; null where it said nothing.
        "list_cost_pico_usd": "hugeint",
        "reported_cost_pico_usd": "hugeint",
        # What counts, by precedence (pricing.effective_cost), and who says so; null where nobody says.
        "cost_pico_usd": "hugeint",
        "cost_source": "varchar",
        "contract_id": "varchar",
        "unpriced_reason": "varchar",
    },
    # The files of the lake that the cube is made of: where the single calls of a day are.
    "lake_files": {"day": "date", "path": "varchar", "rows": "bigint"},
    "customer_month_usage": {
        "month": "date",
        "customer_id": "varchar",
        "events": "bigint",
        "priced_events": "bigint",
        "unpriced_events": "bigint",
        "tokens": "bigint",
        "unpriced_tokens": "bigint",
        "cost_pico_usd": "hugeint",
    },
    # What usage without a price may cost by its provider's list, and usage that is not counted in tokens (images, seconds, pages,
    # search requests); null where nobody lists a price.
    "unpriced_bounds": {
        "month": "date",
        "customer_id": "varchar",
        "low_pico_usd": "hugeint",
        "high_pico_usd": "hugeint",
        # Of it what no settled bill of the provider has in it: the company's part, which pays the bill.
        "unbilled_low_pico_usd": "hugeint",
        "unbilled_high_pico_usd": "hugeint",
        "other_events": "bigint",
        "unpriced_other_events": "bigint",
        "unpriced_other_high_pico_usd": "hugeint",
    },
    # Of the whole company: the cost of what was logged, the part of it that has a customer, the most that the rest may have cost
    # (unpriced usage at its dearest; null where nobody lists a price), and what usage log and bills have in common (matched) of
    # the larger of the two (compared); null where no bill is connected.
    "month_coverage": {
        "month": "date",
        "logged_pico_usd": "hugeint",
        "attributed_pico_usd": "hugeint",
        "nobodys_high_pico_usd": "hugeint",
        "matched_pico_usd": "hugeint",
        "compared_pico_usd": "hugeint",
    },
    "usd_rates": {
        "month": "date",
        # What one US dollar was worth in the reporting currency, times 10^9; null where no rate is known.
        "rate_nano": "bigint",
    },
    "price_entries": {
        "price_id": "bigint",
        "price_key": "varchar",
        "provider": "varchar",
        "model": "varchar",
        "service_tier": "varchar",
        "above_input_tokens": "bigint",
        "valid_from": "timestamp",
        "valid_to": "timestamp",
        "tod_from_minute": "integer",
        "tod_to_minute": "integer",
        **{f"{bucket}_pico_usd": "bigint" for bucket in BUCKETS},
        "source": "varchar",
        "source_url": "varchar",
        "checked_on": "date",
    },
    # Usage by model and customer over all time, for the price book.
    "model_use": {
        "provider": "varchar",
        "model": "varchar",
        "customer_id": "varchar",
        "events": "bigint",
        "unpriced_events": "bigint",
        "cost_pico_usd": "hugeint",
        "first_day": "date",
        "last_day": "date",
    },
    "failed_payments": {
        "month": "date",
        "customer_id": "varchar",
        "invoice_id": "varchar",
        "currency": "varchar",
        "amount_minor": "bigint",
        "reporting_minor": "bigint",
        "decline_code": "varchar",
        "decline_class": "varchar",
        "failed_at": "timestamp",
        "is_recovered": "boolean",
    },
    "attention": {
        "kind": "varchar",
        "customer_id": "varchar",
        "subject_id": "varchar",
        "title": "varchar",
        "amount_minor": "bigint",
        "detail": "varchar",
        "at": "timestamp",
        "due_by": "timestamp",
    },
    # Up to the same hour on each day, the running one included: what the lake's events cost at their price entries by then, and on the
    # whole day (of the running one: until now). Empty when no day runs, or its first hour does.
    "usage_until_hour": {
        "day": "date",
        "hour": "integer",
        "customer_id": "varchar",
        "provider": "varchar",
        "model": "varchar",
        "feature": "varchar",
        "requests": "bigint",
        "cost_pico_usd": "hugeint",
        "whole_day_pico_usd": "hugeint",
    },
    **METRIC_TABLES,
    **BILL_TABLES,
}


def create_statements() -> list[str]:
    """One `create table` for each table, in order."""
    # Quoted, because `at` is a word of SQL's own.
    written = {
        table: ", ".join(f'"{name}" {kind}' for name, kind in columns.items()) for table, columns in TABLES.items()
    }
    return [f"create table {table} ({columns})" for table, columns in written.items()]
