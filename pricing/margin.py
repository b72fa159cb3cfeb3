"""Margin: what is left of net revenue after AI usage, how sure that is, and in which state a month is."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from pricing.coverage import Coverage, Doubt, Reason, too_low
from pricing.money import NANO, divide_half_away, exponent

# Which version of docs/metrics.md the numbers follow. A new definition is a new version, never an edit of this one.
DEFINITIONS_VERSION = "2"
HEALTHY_FROM, WATCH_FROM = Fraction(70, 100), Fraction(40, 100)
NOTHING_MEASURED = Coverage()


class Status(StrEnum):
    """How a month looks; `UNKNOWN` where a coverage is too low, or nothing was sold."""

    HEALTHY = "healthy"
    WATCH = "watch"
    AT_RISK = "at risk"
    NEGATIVE = "negative"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageCost:
    """A month's usage: the exact cost of what has a price, and what is not known about the rest.

    `unpriced_low_pico_usd` and `unpriced_high_pico_usd` are what usage without a price may cost (pricing.price_ranges), None
    where nobody lists a price. `unattributed_high_pico_usd` is the most that usage without a customer may have cost, which may all
    be this customer's; 0 for the company, whose cost it is in any case.
    """

    cost_pico_usd: int
    unpriced_low_pico_usd: int | None = 0
    unpriced_high_pico_usd: int | None = 0
    unattributed_high_pico_usd: int | None = 0
    coverage: Coverage = NOTHING_MEASURED


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """A month's margin in minor units of the reporting currency and shares of net revenue; what is unknown is None.

    `share` counts only cost that is known. `high` adds unpriced usage at its cheapest, `low` at its dearest and all cost without a
    customer: the true margin lies between these two. `reasons` say why the status is unknown, and are empty where it is not.
    """

    cost_minor: int | None
    gross_profit_minor: int | None
    share: Fraction | None
    low: Fraction | None
    high: Fraction | None
    coverage: Coverage
    status: Status
    reasons: tuple[Reason, ...]

    @property
    def priced_share(self) -> Fraction | None:
        """The share of the usage that has a price."""
        return self.coverage.priced


def margin(net_revenue_minor: int | None, usage: UsageCost, currency: str, usd_rate_nano: int | None) -> Margin:
    """The margin of a customer's or of the company's month.

    `usd_rate_nano` is what one dollar is worth in the reporting currency, times 10^9; None where no rate is known.
    """
    cost, *bounds = (
        None if pico_usd is None else cost_minor(pico_usd, currency, usd_rate_nano)
        for pico_usd in (usage.cost_pico_usd, *cost_bounds_pico_usd(usage))
    )
    share = margin_share(net_revenue_minor, cost)
    high, low = (margin_share(net_revenue_minor, bound) for bound in bounds)
    profit = None if net_revenue_minor is None or cost is None else net_revenue_minor - cost
    found, reasons = status(share, usage.coverage, profit)
    return Margin(
        cost_minor=cost,
        gross_profit_minor=profit,
        share=share,
        low=low,
        high=high,
        coverage=usage.coverage,
        status=found,
        reasons=reasons,
    )


def cost_minor(cost_pico_usd: int, currency: str, usd_rate_nano: int | None) -> int | None:
    """Usage cost in minor units of the reporting currency, rounded once, half away from zero; None without a rate."""
    if usd_rate_nano is None:
        return None
    return divide_half_away(cost_pico_usd * usd_rate_nano * int(10 ** exponent(currency)), NANO * 10**12)


def margin_share(net_revenue_minor: int | None, cost: int | None) -> Fraction | None:
    """(net revenue - AI cost) / net revenue; None where net revenue is unknown, zero or negative: then there is no share."""
    if net_revenue_minor is None or cost is None or net_revenue_minor <= 0:
        return None
    return Fraction(net_revenue_minor - cost, net_revenue_minor)


def cost_bounds_pico_usd(usage: UsageCost) -> tuple[int | None, int | None]:
    """The least and the most that the month may have cost; None where unpriced usage in it has no range."""
    low, high, nobodys = usage.unpriced_low_pico_usd, usage.unpriced_high_pico_usd, usage.unattributed_high_pico_usd
    return (
        None if low is None else usage.cost_pico_usd + low,
        None if high is None or nobodys is None else usage.cost_pico_usd + high + nobodys,
    )


def status(
    share: Fraction | None, coverage: Coverage, gross_profit_minor: int | None
) -> tuple[Status, tuple[Reason, ...]]:
    """Healthy from 70 %, watch from 40 %, at risk from 0 %, negative below; unknown, with its reasons, where a coverage is too low."""
    reasons = too_low(coverage)
    if gross_profit_minor is None:
        reasons = (Reason(Doubt.NO_RATE), *reasons)
    elif share is None and gross_profit_minor >= 0:
        reasons = (Reason(Doubt.NOTHING_SOLD), *reasons)
    if reasons:
        return Status.UNKNOWN, reasons
    return _state(share), ()


def _state(share: Fraction | None) -> Status:
    """The state of a month of which enough is known; without a share something was spent and nothing sold."""
    if share is None or share < 0:
        return Status.NEGATIVE
    if share >= HEALTHY_FROM:
        return Status.HEALTHY
    return Status.WATCH if share >= WATCH_FROM else Status.AT_RISK
