"""Rows of the warehouse's months to margins: the one way from stored sums to the definitions of `pricing.margin`."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pricing.coverage import Coverage, Measured, attributed_share, priced_share, reconciled_share
from pricing.margin import Margin, UsageCost, cost_minor, margin, margin_share
from pricing.money import NANO


def usage_cost(row: Mapping[str, Any]) -> UsageCost:
    """What a row of warehouse_reads.months or customer_months says of usage; a row without usage has none.

    A row with the key `customer_id` is of one customer: cost without a customer may be theirs.
    """
    is_unpriced = bool(row["unpriced_events"])
    return UsageCost(
        cost_pico_usd=_whole(row, "cost_pico_usd"),
        unpriced_low_pico_usd=_known(row, "unpriced_low_pico_usd") if is_unpriced else 0,
        unpriced_high_pico_usd=_known(row, "unpriced_high_pico_usd") if is_unpriced else 0,
        unattributed_high_pico_usd=_nobodys(row) if row.get("customer_id") is not None else 0,
        coverage=coverage_of(row),
    )


def coverage_of(row: Mapping[str, Any]) -> Coverage:
    """The three coverages of a row: the first is its own, the other two are of the whole company's month."""
    measured = Measured(
        cost_pico_usd=_whole(row, "cost_pico_usd"),
        events=_whole(row, "events"),
        unpriced_events=_whole(row, "unpriced_events"),
        tokens=_whole(row, "tokens"),
        unpriced_tokens=_whole(row, "unpriced_tokens"),
        other_events=_whole(row, "other_events"),
        unpriced_other_events=_whole(row, "unpriced_other_events"),
        unpriced_other_high_pico_usd=_known(row, "unpriced_other_high_pico_usd"),
    )
    return Coverage(
        priced=priced_share(measured),
        attributed=attributed_share(_whole(row, "month_attributed_pico_usd"), _whole(row, "month_logged_pico_usd")),
        reconciled=reconciled_share(_known(row, "month_matched_pico_usd"), _known(row, "month_compared_pico_usd")),
    )


def _nobodys(row: Mapping[str, Any]) -> int | None:
    """The most that the company's usage without a customer may have cost; nothing in a month without usage."""
    return 0 if row["month_logged_pico_usd"] is None else _known(row, "month_nobodys_high_pico_usd")


def _whole(row: Mapping[str, Any], name: str) -> int:
    return int(row[name] or 0)


def _known(row: Mapping[str, Any], name: str) -> int | None:
    return None if row[name] is None else int(row[name])


def net_revenue(row: Mapping[str, Any]) -> int | None:
    """Net revenue in minor units of the reporting currency; None where an amount in it has no exchange rate."""
    minor = row["net_revenue_minor"]
    return None if minor is None else int(minor)


def margin_of(row: Mapping[str, Any], currency: str) -> Margin:
    """The margin of a row of warehouse_reads.months or customer_months."""
    usage = usage_cost(row)
    # A month without usage has no rate: nothing costs nothing at any.
    has_cost = row["events"] or usage.cost_pico_usd or usage.unattributed_high_pico_usd
    return margin(net_revenue(row), usage, currency, row["usd_rate_nano"] if has_cost else NANO)


def share_of(row: Mapping[str, Any], currency: str) -> Fraction | None:
    """The margin's share alone, where nobody asks how sure it is: a tenth of the work of `margin_of`."""
    cost = _whole(row, "cost_pico_usd")
    return margin_share(
        net_revenue(row), cost_minor(cost, currency, row["usd_rate_nano"] if row["events"] or cost else NANO)
    )
