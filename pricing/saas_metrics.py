"""The figures of a subscription business, from sums: ARPA, churn, LTV, quick ratio, run-rate, concentration, efficiency.

Money is in minor units of one currency, shares are exact; None where a figure is not defined: nothing divides by nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from pricing.money import divide_half_away
from pricing.mrr import Movement

RUN_RATE_MONTHS = 3
CHURN_MONTHS = 3
CONCENTRATION_TOPS = (1, 5, 10)
# Below this many customers a share says more about one of them than about the business.
FEW = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MrrMonth:
    """MRR at the end of a month, how many customers bring it, and what moved it since the month before (churn is negative).

    `mrr_minor` is None where a part of it has no exchange rate.
    """

    month: date
    mrr_minor: int | None
    customers: int
    moved_minor: Mapping[Movement, int]
    moved_customers: Mapping[Movement, int]

    @property
    def customers_before(self) -> int:
        """How many customers had MRR at the end of the month before."""
        come = self.moved_customers.get("new", 0) + self.moved_customers.get("reactivation", 0)
        return self.customers - come + self.moved_customers.get("churn", 0)


def arr(month: MrrMonth) -> int | None:
    """Annual recurring revenue: twelve times MRR."""
    return None if month.mrr_minor is None else 12 * month.mrr_minor


def arpa(month: MrrMonth) -> int | None:
    """Average MRR of a customer that has any, rounded half away from zero."""
    if month.mrr_minor is None or not month.customers:
        return None
    return divide_half_away(month.mrr_minor, month.customers)


def quick_ratio(month: MrrMonth) -> Fraction | None:
    """(new + expansion) / (contraction + churn); None in a month in which nothing was lost."""
    moved = month.moved_minor
    lost = -(moved.get("contraction", 0) + moved.get("churn", 0))
    return Fraction(moved.get("new", 0) + moved.get("expansion", 0), lost) if lost > 0 else None


@dataclass(frozen=True, slots=True)
class Churn:
    """Customers lost out of those who could be lost, added up over months."""

    lost: int
    at_risk: int

    @property
    def share(self) -> Fraction | None:
        """The share of customers lost in a month, on average; None where there were none to lose."""
        return Fraction(self.lost, self.at_risk) if self.at_risk else None


def churn(months: Sequence[MrrMonth]) -> Churn:
    """Of the last CHURN_MONTHS months (oldest first): customers churned / customers at their beginnings."""
    last = months[-CHURN_MONTHS:]
    return Churn(
        sum(month.moved_customers.get("churn", 0) for month in last), sum(month.customers_before for month in last)
    )


def ltv(arpa_minor: int | None, margin_share: Fraction | None, lost: Churn) -> int | None:
    """ARPA x gross margin / monthly churn; None while nobody has churned: that would be for ever."""
    if arpa_minor is None or margin_share is None or not lost.share:
        return None
    worth = arpa_minor * margin_share / lost.share
    return divide_half_away(worth.numerator, worth.denominator)


def usage_run_rate(usage_minor: Sequence[int | None]) -> int | None:
    """Metered revenue of a month, on average over the last RUN_RATE_MONTHS closed ones; None with fewer, or one unknown."""
    last = usage_minor[-RUN_RATE_MONTHS:]
    known = [minor for minor in last if minor is not None]
    return divide_half_away(sum(known), len(known)) if len(known) == RUN_RATE_MONTHS else None


def top_share(amounts: Sequence[int], top: int) -> Fraction | None:
    """The share that the `top` biggest have in all of it; None where all together are not more than nothing."""
    total = sum(amounts)
    return Fraction(sum(sorted(amounts, reverse=True)[:top]), total) if total > 0 else None


def cost_share(cost_minor: int | None, net_revenue_minor: int | None) -> Fraction | None:
    """AI cost / net revenue; None where nothing was sold."""
    if cost_minor is None or net_revenue_minor is None or net_revenue_minor <= 0:
        return None
    return Fraction(cost_minor, net_revenue_minor)


def inference_efficiency(cost_minor: int | None, net_revenue_minor: int | None) -> Fraction | None:
    """Net revenue / AI cost: what a dollar of AI brings; None without cost."""
    if cost_minor is None or net_revenue_minor is None or cost_minor <= 0:
        return None
    return Fraction(net_revenue_minor, cost_minor)


@dataclass(frozen=True, slots=True)
class PowerUsers:
    """The customers that make most calls: how many, their share of the calls and of the net revenue."""

    customers: int
    of_customers: int
    calls_share: Fraction
    revenue_share: Fraction | None


def power_users(calls_and_revenue: Sequence[tuple[int, int]], *, half: Fraction = Fraction(1, 2)) -> PowerUsers | None:
    """The fewest customers that together make at least `half` of the calls, by (calls, net revenue); None without calls."""
    calls, revenue = (sum(column) for column in zip(*calls_and_revenue, strict=True)) if calls_and_revenue else (0, 0)
    if not calls:
        return None
    made = paid = taken = 0
    for each, minor in sorted(calls_and_revenue, reverse=True):
        if made >= half * calls:
            break
        made, paid, taken = made + each, paid + minor, taken + 1
    share = Fraction(paid, revenue) if revenue > 0 else None
    return PowerUsers(taken, len(calls_and_revenue), Fraction(made, calls), share)
