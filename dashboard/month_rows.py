"""Months as rows of the warehouse to months as the pages show them; every share comes from the one definition of margin."""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

import polars as pl

from dashboard.months import Month
from pricing.margin import UsageCost, attributed_share, margin


def to_months(rows: pl.DataFrame, currency: str, as_of: datetime) -> tuple[Month, ...]:
    """Rows of warehouse_reads.months in their order; the month that `as_of` falls into is still running."""
    return tuple(_month(row, currency, as_of) for row in rows.iter_rows(named=True))


def usage_cost(row: Mapping[str, Any]) -> UsageCost:
    """What a row says of usage; a row without usage has none."""
    tokens = row.get("dearest_tokens")
    return UsageCost(
        cost_pico_usd=int(row["cost_pico_usd"] or 0),
        events=int(row["events"] or 0),
        unpriced_events=int(row["unpriced_events"] or 0),
        tokens=int(row["tokens"] or 0),
        unpriced_tokens=int(row["unpriced_tokens"] or 0),
        dearest_pico_usd_per_token=Fraction(int(row["dearest_pico_usd"]), int(tokens)) if tokens else None,
    )


def _month(row: Mapping[str, Any], currency: str, as_of: datetime) -> Month:
    usage = usage_cost(row)
    net = int(row["net_revenue_minor"] or 0)
    found = margin(None if row["is_incomplete"] else net, usage, currency, row["usd_rate_nano"])
    assert found.cost_minor is not None, "a version is published with a rate for every month that has usage"
    return Month(
        month=row["month"],
        gross_minor=int(row["gross_minor"] or 0),
        discounts_minor=int(row["discounts_minor"] or 0),
        credits_minor=int(row["credits_minor"] or 0),
        refunds_minor=int(row["refunds_minor"] or 0),
        disputes_minor=int(row["disputes_minor"] or 0),
        net_revenue_minor=net,
        fees_minor=int(row["fees_minor"] or 0),
        cost_minor=found.cost_minor,
        share=found.share,
        low=found.low,
        high=found.high,
        priced_share=found.priced_share,
        attributed_share=attributed_share(int(row["attributed_pico_usd"] or 0), usage.cost_pico_usd),
        is_partial=row["month"] >= as_of.date().replace(day=1),
    )
