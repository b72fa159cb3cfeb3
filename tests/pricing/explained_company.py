"""Small companies for the tests of explanations: calls written down one by one, and as the frames that explanations are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

import polars as pl

from pricing.alert_explaining import Around, Episode, Used, explain
from pricing.alert_explanation import Explanation
from pricing.alert_outlook import FoundDay
from pricing.alert_split import USED_SCHEMA, Moved
from pricing.finding import Subject
from pricing.money import PICO_USD_PER_CENT

# 3 / 0.30 / 15 USD and 1 / 0.10 / 5 USD for a million tokens, as pico-USD for one; the third is the first one, dearer by half.
PRICES: dict[int, Mapping[str, int | None]] = {
    1: {"input_uncached_tokens": 3_000_000, "cache_read_tokens": 300_000, "output_text_tokens": 15_000_000},
    2: {"input_uncached_tokens": 1_000_000, "cache_read_tokens": 100_000, "output_text_tokens": 5_000_000},
    3: {"input_uncached_tokens": 4_500_000, "cache_read_tokens": 450_000, "output_text_tokens": 22_500_000},
}
FIRST = date(2026, 11, 12)
TODAY = date(2026, 11, 20)


@dataclass(frozen=True)
class Calls:
    """So many alike calls, each with its tokens."""

    requests: int = 100
    uncached: int = 1_000
    cached: int = 0
    output: int = 100
    customer: str | None = "cus_a"
    model: str = "anthropic/sonnet"
    feature: str | None = "chat"
    key: str | None = "key_prod"
    price_id: int = 1

    @property
    def tokens(self) -> dict[str, int]:
        """All their tokens by bucket."""
        each = {
            "input_uncached_tokens": self.uncached,
            "cache_read_tokens": self.cached,
            "output_text_tokens": self.output,
        }
        return {bucket: count * self.requests for bucket, count in each.items()}

    @property
    def cost(self) -> int:
        """What they cost in pico-USD: every token at its price."""
        return sum(count * (PRICES[self.price_id][bucket] or 0) for bucket, count in self.tokens.items())


def frame(calls: Sequence[Calls]) -> pl.DataFrame:
    """The calls with the columns USED_SCHEMA."""
    rows = [
        dict.fromkeys(USED_SCHEMA, 0)
        | {"customer_id": each.customer, "model": each.model, "feature": each.feature, "price_id": each.price_id}
        | {"requests": each.requests, "cost_pico_usd": each.cost, **each.tokens}
        for each in calls
    ]
    return pl.DataFrame(rows, schema=USED_SCHEMA)


def by_key(calls: Sequence[Calls]) -> dict[str | None, int]:
    """Their cost by API key."""
    sums: dict[str | None, int] = {}
    for each in calls:
        sums[each.key] = sums.get(each.key, 0) + each.cost
    return sums


def explained(
    before: Sequence[Calls],
    now: Sequence[Calls],
    *,
    expected: int | None = None,
    days: int = 1,
    subject: Subject | None = None,
    is_open: bool = True,
    revenue_minor: int | None = 100_000,
    unpriced_events: int = 0,
    company: int = 10**18,
) -> Explanation:
    """An episode of so many alike days with the calls of `now` on each, against 28 days with those of `before` on each.

    What was expected is what a day cost before, unless said otherwise; a dollar is a dollar. `company` is what everybody's usage of
    these days cost.
    """
    cost, usual = (sum(each.cost for each in calls) for calls in (now, before))
    expected = usual if expected is None else expected
    found = tuple(
        FoundDay(
            day=FIRST + timedelta(days=place), actual=cost, expected=expected, lower=expected // 2, upper=expected * 2
        )
        for place in range(days)
    )
    excess = (cost - expected) * days
    used = Used(
        episode=frame(list(now) * days),
        baseline=frame(list(before) * 28),
        api_keys=Moved(by_key(list(now) * days), by_key(list(before) * 28)),
        daily={FIRST - timedelta(days=back): usual for back in range(1, 60)} | {each.day: cost for each in found},
        baseline_days=tuple(FIRST - timedelta(days=back) for back in range(35, 7, -1)) if before else (),
        company_pico_usd=company,
        unpriced_events=unpriced_events,
        prices=PRICES,
        price_changes=(),
    )
    episode = Episode(
        subject=subject or Subject(scope="customer", customer_id="cus_a"),
        days=found,
        is_open=is_open,
        impact_minor=round(excess / PICO_USD_PER_CENT),
    )
    return explain(episode, used, _around(revenue_minor))


def _around(revenue_minor: int | None) -> Around:
    """Northwind sells so much in November, the company ten times that."""
    return Around(
        customers={"cus_a": "Northwind", "cus_b": "Sable Health"},
        customer_revenue={date(2026, 11, 1): revenue_minor},
        company_revenue={date(2026, 11, 1): None if revenue_minor is None else revenue_minor * 10},
        currency="usd",
        minor_per_pico_usd=Fraction(1, PICO_USD_PER_CENT),
        today=TODAY,
    )


def drivers(explanation: Explanation) -> dict[str | None, int]:
    """The drivers that moved anything, in pico-USD."""
    return {each.name: each.pico_usd for each in explanation.drivers if each.pico_usd}
