"""Margin: what is left of net revenue after AI usage, how sure that is, and in which state a month is."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from pricing.money import NANO, divide_half_away, exponent

# Which version of docs/metrics.md the numbers follow. A new definition is a new version, never an edit of this one.
DEFINITIONS_VERSION = "2"
PRICED_SHARE_MIN = Fraction(95, 100)
HEALTHY_FROM, WATCH_FROM = Fraction(70, 100), Fraction(40, 100)


class Status(StrEnum):
    """How a month looks; `UNKNOWN` where too little of the usage has a price, or nothing was sold."""

    HEALTHY = "healthy"
    WATCH = "watch"
    AT_RISK = "at risk"
    NEGATIVE = "negative"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageCost:
    """A month's usage: the exact cost of what has a price, and how much of the usage has none.

    `dearest_pico_usd_per_token` is `dearest_token` of the whole company's month; None where no token was priced.
    """

    cost_pico_usd: int
    events: int
    unpriced_events: int
    tokens: int
    unpriced_tokens: int
    dearest_pico_usd_per_token: Fraction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """A month's margin in minor units of the reporting currency and shares of net revenue; what is unknown is None.

    `high` counts usage without a price as free, `low` at the dearest price of a token that month; the true margin lies between.
    """

    cost_minor: int | None
    gross_profit_minor: int | None
    share: Fraction | None
    low: Fraction | None
    high: Fraction | None
    priced_share: Fraction | None
    status: Status


def margin(net_revenue_minor: int | None, usage: UsageCost, currency: str, usd_rate_nano: int | None) -> Margin:
    """The margin of a customer's or of the company's month.

    `usd_rate_nano` is what one dollar is worth in the reporting currency, times 10^9; None where no rate is known.
    """
    cost = cost_minor(usage.cost_pico_usd, currency, usd_rate_nano)
    highest = highest_cost_pico_usd(usage)
    highest_minor = None if highest is None else cost_minor(highest, currency, usd_rate_nano)
    share, priced = margin_share(net_revenue_minor, cost), priced_share(usage)
    profit = None if net_revenue_minor is None or cost is None else net_revenue_minor - cost
    return Margin(
        cost_minor=cost,
        gross_profit_minor=profit,
        share=share,
        low=margin_share(net_revenue_minor, highest_minor),
        high=share,
        priced_share=priced,
        status=status(share, priced, profit),
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


def dearest_token(cost_and_tokens: Iterable[tuple[int, int]]) -> Fraction | None:
    """The highest average price of a token among models, in pico-USD; None where no model has tokens.

    Takes one (cost in pico-USD, tokens) for each model of a month, of priced usage that was billed by tokens alone: the price of
    an image or a search would pass for that of a token.
    """
    return max((Fraction(cost, tokens) for cost, tokens in cost_and_tokens if tokens > 0), default=None)


def highest_cost_pico_usd(usage: UsageCost) -> int | None:
    """The cost if every token without a price had cost as much as the dearest of the month; None where that says nothing.

    It says nothing where no token was priced, and of usage without tokens (images, seconds) there is no price to go by.
    """
    if usage.unpriced_events == 0:
        return usage.cost_pico_usd
    if usage.dearest_pico_usd_per_token is None or usage.unpriced_tokens == 0:
        return None
    price = usage.dearest_pico_usd_per_token
    return usage.cost_pico_usd + divide_half_away(usage.unpriced_tokens * price.numerator, price.denominator)


def priced_share(usage: UsageCost) -> Fraction | None:
    """The share of tokens that has a price, or of events where there are no tokens; None without usage."""
    if usage.tokens:
        return 1 - Fraction(usage.unpriced_tokens, usage.tokens)
    return 1 - Fraction(usage.unpriced_events, usage.events) if usage.events else None


def attributed_share(attributed_pico_usd: int, cost_pico_usd: int) -> Fraction | None:
    """The share of the AI cost that belongs to a known customer; None without cost."""
    return Fraction(attributed_pico_usd, cost_pico_usd) if cost_pico_usd else None


def status(share: Fraction | None, priced: Fraction | None, gross_profit_minor: int | None) -> Status:
    """Healthy from 70 %, watch from 40 %, at risk from 0 %, negative below; unknown where less than 95 % of tokens are priced."""
    if gross_profit_minor is None or (priced is not None and priced < PRICED_SHARE_MIN):
        return Status.UNKNOWN
    if gross_profit_minor < 0:
        return Status.NEGATIVE
    if share is None:
        return Status.UNKNOWN
    if share >= HEALTHY_FROM:
        return Status.HEALTHY
    return Status.WATCH if share >= WATCH_FROM else Status.AT_RISK
