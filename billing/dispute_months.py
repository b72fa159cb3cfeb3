"""Months of each card network as the thresholds ask for them: with the payments of the month before."""

from collections.abc import Sequence
from datetime import date

from billing.dispute_thresholds import Activity
from store.dispute_reads import MonthOfNetwork


def activities(months: Sequence[MonthOfNetwork], shown: Sequence[date]) -> list[Activity]:
    """The shown months of Visa and Mastercard, with the payments of the month before each; what was not seen is zero."""
    found = {(one.month, one.network): one for one in months}

    def of(month: date, network: str) -> MonthOfNetwork:
        return found.get((month, network), MonthOfNetwork(month, network, 0, 0, 0, 0, 0))

    return [
        Activity(
            month=month,
            network=network,
            payments=of(month, network).payments,
            payments_month_before=of(month_before(month), network).payments,
            disputes=of(month, network).disputes,
            fraud_disputes=of(month, network).fraud_disputes,
            fraud_usd_minor=of(month, network).fraud_usd_minor,
            warnings=of(month, network).warnings,
        )
        for month in shown
        for network in ("visa", "mastercard")
    ]


def month_before(month: date) -> date:
    """The first day of the month before one that is given by its first day."""
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)
