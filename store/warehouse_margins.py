"""Rows of the warehouse's months to margins: the one way from stored sums to the definitions of `pricing.margin`."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pricing.margin import Margin, UsageCost, margin
from pricing.money import NANO


def usage_cost(row: Mapping[str, Any]) -> UsageCost:
    """What a row of warehouse_reads.months or customer_months says of usage; a row without usage has none."""
    tokens = row.get("dearest_tokens")
    return UsageCost(
        cost_pico_usd=int(row["cost_pico_usd"] or 0),
        events=int(row["events"] or 0),
        unpriced_events=int(row["unpriced_events"] or 0),
        tokens=int(row["tokens"] or 0),
        unpriced_tokens=int(row["unpriced_tokens"] or 0),
        dearest_pico_usd_per_token=Fraction(int(row["dearest_pico_usd"]), int(tokens)) if tokens else None,
    )


def net_revenue(row: Mapping[str, Any]) -> int | None:
    """Net revenue in minor units of the reporting currency; None where an amount in it has no exchange rate."""
    minor = row["net_revenue_minor"]
    return None if minor is None else int(minor)


def margin_of(row: Mapping[str, Any], currency: str) -> Margin:
    """The margin of a row of warehouse_reads.months or customer_months."""
    usage = usage_cost(row)
    # A month without usage has no rate: nothing costs nothing at any.
    rate_nano = row["usd_rate_nano"] if usage.events else NANO
    return margin(net_revenue(row), usage, currency, rate_nano)
