"""Months as rows of the warehouse to months as the pages show them; every share comes from the one definition of margin."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from dashboard.months import Month
from store.warehouse_margins import margin_of, net_revenue


def to_months(rows: pl.DataFrame, currency: str, as_of: datetime) -> tuple[Month, ...]:
    """Rows of warehouse_reads.months in their order; the month that `as_of` falls into is still running."""
    return tuple(_month(row, currency, as_of) for row in rows.iter_rows(named=True))


def _month(row: Mapping[str, Any], currency: str, as_of: datetime) -> Month:
    found = margin_of(row, currency)
    assert found.cost_minor is not None, "a version is published with a rate for every month that has usage"
    return Month(
        month=row["month"],
        gross_minor=int(row["gross_minor"] or 0),
        discounts_minor=int(row["discounts_minor"] or 0),
        credits_minor=int(row["credits_minor"] or 0),
        refunds_minor=int(row["refunds_minor"] or 0),
        disputes_minor=int(row["disputes_minor"] or 0),
        net_revenue_minor=net_revenue(row),
        fees_minor=int(row["fees_minor"] or 0),
        cost_minor=found.cost_minor,
        share=found.share,
        low=found.low,
        high=found.high,
        coverage=found.coverage,
        status=found.status,
        reasons=found.reasons,
        is_partial=row["month"] >= as_of.date().replace(day=1),
    )
