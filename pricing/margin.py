"""Margin, definition v1: what is left of net revenue after AI usage, how sure that is, and in which state a customer is."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from pricing.money import NANO, divide_half_away, exponent

# Which version of docs/metrics.md the numbers follow. A new definition is a new version, never an edit of this one.
DEFINITIONS_VERSION = "1"
PRICED_SHARE_MIN = Fraction(95, 100)
HEALTHY_FROM, WATCH_FROM = Fraction(70, 100), Fraction(40, 100)


class State(StrEnum):
    """How a customer's month looks; `UNKNOWN` where too little of the usage has a price, or nothing was sold."""

    HEALTHY = "healthy"
    WATCH = "watch"
    AT_RISK = "at risk"
    NEGATIVE = "negative"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class UsageCost:
    """A month's usage: the exact cost of what has a price, how many tokens there were, and how many have none.

    `highest_pico_usd_per_token` is the dearest average price of a token that the company paid any model in that month; None
    where nothing was priced.
    """

    cost_pico_usd: int
    tokens: int
    unpriced_tokens: int
    highest_pico_usd_per_token: Fraction | None


def cost_minor(cost_pico_usd: int, currency: str, usd_rate_nano: int | None) -> int | None:
    """Usage cost in minor units of the reporting currency, rounded once, half away from zero.

    `usd_rate_nano` is what one dollar was worth in it, times 10^9; None (no rate known) leaves the cost unknown.
    """
    if usd_rate_nano is None:
        return None
    return divide_half_away(cost_pico_usd * usd_rate_nano * int(10 ** exponent(currency)), NANO * 10**12)


def margin(net_revenue_minor: int | None, cost: int | None) -> Fraction | None:
    """(net revenue - AI cost) / net revenue; None where net revenue is unknown, zero or negative: then there is no share."""
    if net_revenue_minor is None or cost is None or net_revenue_minor <= 0:
        return None
    return Fraction(net_revenue_minor - cost, net_revenue_minor)


def highest_cost_pico_usd(usage: UsageCost) -> int | None:
    """The cost if every token without a price had cost the dearest average price of the month; None where no price is known."""
    if usage.unpriced_tokens == 0:
        return usage.cost_pico_usd
    if usage.highest_pico_usd_per_token is None:
        return None
    price = usage.highest_pico_usd_per_token
    return usage.cost_pico_usd + divide_half_away(usage.unpriced_tokens * price.numerator, price.denominator)


def priced_share(usage: UsageCost) -> Fraction | None:
    """The share of tokens that has a price; None without usage."""
    return None if usage.tokens == 0 else 1 - Fraction(usage.unpriced_tokens, usage.tokens)


def state(share: Fraction | None, priced: Fraction | None, gross_profit_minor: int | None) -> State:
    """Healthy from 70 %, watch from 40 %, at risk from 0 %, negative below; unknown below 95 % of tokens priced."""
    if gross_profit_minor is None or (priced is not None and priced < PRICED_SHARE_MIN):
        return State.UNKNOWN
    if gross_profit_minor < 0:
        return State.NEGATIVE
    if share is None:
        return State.UNKNOWN
    if share >= HEALTHY_FROM:
        return State.HEALTHY
    return State.WATCH if share >= WATCH_FROM else State.AT_RISK
