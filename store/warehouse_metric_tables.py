"""The tables of a published warehouse that the Margins page reads: sums by month, made once when a version is built."""

from pricing.usage import BUCKETS

METRIC_TABLES: dict[str, dict[str, str]] = {
    # What is paid for, with its quantity: pricing.revenue_streams.StreamMonth.
    "month_streams": {
        "month": "date",
        "customer_id": "varchar",
        "basis": "varchar",
        "stream": "varchar",
        "product": "varchar",
        "currency": "varchar",
        "quantity_micro": "hugeint",
        "amount_minor": "bigint",
        "reporting_minor": "bigint",
    },
    # Priced usage of a month by customer, model, tier and price entry. Without requests: money alone, of bills and contracts.
    "month_cells": {
        "month": "date",
        "customer_id": "varchar",
        "provider": "varchar",
        "model": "varchar",
        "service_tier": "varchar",
        "price_id": "bigint",
        # Of rows without requests: invoice or contract.
        "money_source": "varchar",
        "requests": "bigint",
        **{bucket: "bigint" for bucket in BUCKETS if bucket != "requests"},
        "cost_pico_usd": "hugeint",
    },
    "customer_traits": {
        "customer_id": "varchar",
        "segment": "varchar",
        # The month of the first invoice with an amount.
        "cohort": "date",
    },
    "customer_mrr": {
        "month": "date",
        "customer_id": "varchar",
        "currency": "varchar",
        "plan": "varchar",
        "amount_minor": "bigint",
        "mrr_minor": "bigint",
    },
    "customer_movements": {
        "month": "date",
        "customer_id": "varchar",
        "movement": "varchar",
        "moved_minor": "bigint",
    },
    "mrr_months": {
        "month": "date",
        "mrr_minor": "bigint",
        "customers": "bigint",
    },
    "retention": {
        "month": "date",
        "months": "bigint",
        "customers": "bigint",
        "customers_kept": "bigint",
        "start_minor": "bigint",
        "now_minor": "bigint",
        "capped_minor": "bigint",
    },
    # Net revenue and cost by what customers have in common; of models and features, revenue is allocated by cost.
    "segment_month": {
        "month": "date",
        "basis": "varchar",
        "dimension": "varchar",
        # Null for what belongs to no customer.
        "value": "varchar",
        "customers": "bigint",
        "net_revenue_minor": "bigint",
        "events": "bigint",
        "cost_pico_usd": "hugeint",
    },
    # The bridge that the page shows first, whole: working it out takes longer than a page may.
    "bridges": {
        "before": "varchar",
        "after": "varchar",
        "basis": "varchar",
        "summary": "varchar",
    },
    "mrr_movements": {
        "month": "date",
        "movement": "varchar",
        "moved_minor": "bigint",
        "customers": "bigint",
    },
}
