"""Explains a cost spike: from what was used in its days and in the days before to the whole explanation."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import polars as pl

from pricing.alert_explanation import Explanation, MarginPoints, Part, PriceChange
from pricing.alert_outlook import FoundDay, chart, confidence, margin_points, month_end, net_revenue
from pricing.alert_sentence import Told, sentence
from pricing.alert_split import Moved, Prices, Split, Sums, excess, shown, split
from pricing.cost_drivers import DRIVERS
from pricing.finding import Subject
from pricing.money import divide_half_away

NOBODY, NO_FEATURE, NO_KEY = "no customer", "no feature named", "no key named"
DRIVER_LABELS: dict[str | None, str] = {
    "usage_volume": "Requests",
    "model_mix": "Model mix",
    "tokens_per_request": "Tokens per request",
    "cache_rate": "Cache",
    "token_price": "Price",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """The found days of an alert, in order; `impact_minor` is their impact as it is shown elsewhere."""

    subject: Subject
    days: tuple[FoundDay, ...]
    is_open: bool
    impact_minor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What the subject used: USED_SCHEMA of the found days and of the baseline, and its cost by API key and by day.

    `api_keys` hold keys as they may be shown. `daily` are the costs of all days of the chart and before it, `company_pico_usd` is
    what the whole company's usage of the found days cost.
    """

    episode: pl.DataFrame
    baseline: pl.DataFrame
    api_keys: Moved
    daily: Mapping[date, int]
    baseline_days: tuple[date, ...]
    unpriced_events: int
    company_pico_usd: int
    prices: Prices
    price_changes: tuple[PriceChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What is known beside the usage: names, net revenue by month (service period, minor units), the dollar's rate, and today."""

    customers: Mapping[str | None, str]
    customer_revenue: Mapping[date, int | None]
    company_revenue: Mapping[date, int | None]
    currency: str
    minor_per_pico_usd: Fraction | None
    today: date


def explain(episode: Episode, used: Used, around: Around) -> Explanation:
    """The whole explanation of an episode of at least one day. Usage that is counted differently by the detector changes `impact_minor`."""
    days = episode.days
    expected = sum(each.expected for each in days)
    found = split(used.episode, used.baseline, expected, used.prices)
    impact = found.impact_pico_usd
    minor = episode.impact_minor if impact == sum(each.excess for each in days) else _minor(impact, around)
    keys = excess(used.api_keys, expected)
    month, so_far, added = around.today.replace(day=1), *month_end(days, around.today, is_open=episode.is_open)
    points = _points(episode, around, minor)
    said = sentence(_told(episode, used, found, keys, around, added, points[0] or points[1]))
    return Explanation(
        actual_pico_usd=expected + impact,
        expected_pico_usd=expected,
        lower_pico_usd=_sum([each.lower for each in days]),
        upper_pico_usd=_sum([each.upper for each in days]),
        impact_pico_usd=impact,
        impact_minor=minor,
        company_actual_pico_usd=used.company_pico_usd,
        currency=around.currency,
        first_day=days[0].day,
        last_day=days[-1].day,
        found_days=len(days),
        customer_points=points[0],
        company_points=points[1],
        month=month,
        month_so_far_pico_usd=so_far,
        month_end_pico_usd=added,
        month_end_minor=None if added is None else _minor(added, around),
        causes=_causes(found),
        **_lists(found, keys, minor, around),
        baseline_first_day=min(used.baseline_days, default=None),
        baseline_last_day=max(used.baseline_days, default=None),
        baseline_days=len(used.baseline_days),
        unpriced_events=used.unpriced_events,
        price_changes=used.price_changes,
        days=chart(used.daily, days, max(days[-1].day, max(used.daily, default=days[-1].day))),
        confidence=confidence(len(used.baseline_days), used.unpriced_events, int(used.episode["requests"].sum())),
        sentence=said,
    )


def _lists(found: Split, keys: Sums, minor: int | None, around: Around) -> dict[str, tuple[Part, ...]]:
    """The same impact five times: by driver, customer, model, feature and API key."""
    rate = around.minor_per_pico_usd
    drivers: dict[str | None, int] = dict(zip(DRIVERS, found.drivers, strict=True))
    return {
        "drivers": shown(drivers, DRIVER_LABELS, minor, rate, keeps_all=True),
        "customers": shown(found.customers, {**around.customers, None: NOBODY}, minor, rate),
        "models": shown(found.models, {}, minor, rate),
        "features": shown(found.features, {None: NO_FEATURE}, minor, rate),
        "api_keys": shown(keys, {None: NO_KEY}, minor, rate),
    }


def _causes(found: Split) -> tuple[tuple[str, str, int], ...]:
    ranked = sorted(found.causes.items(), key=lambda each: (-abs(each[1]), each[0]))
    return tuple((driver, model, amount) for (driver, model), amount in ranked[:6])


def _points(episode: Episode, around: Around, minor: int | None) -> tuple[MarginPoints | None, MarginPoints]:
    """What the impact does to the customer's margin, where it is about one, and to the company's."""
    days = [each.day for each in episode.days]
    company = margin_points(minor, net_revenue(days, around.company_revenue, around.today))
    if episode.subject.customer_id is None:
        return None, company
    return margin_points(minor, net_revenue(days, around.customer_revenue, around.today)), company


def _told(
    episode: Episode,
    used: Used,
    found: Split,
    keys: Sums,
    around: Around,
    added: int | None,
    points: MarginPoints,
) -> Told:
    expected = sum(each.expected for each in episode.days)
    return Told(
        subject=episode.subject,
        first_day=episode.days[0].day,
        last_day=episode.days[-1].day,
        found_days=len(episode.days),
        is_open=episode.is_open,
        actual=expected + found.impact_pico_usd,
        expected=expected,
        company=used.company_pico_usd,
        split=found,
        api_keys=keys,
        labels=around.customers,
        month=around.today.replace(day=1),
        month_end=added,
        points_ppm=points.ppm,
    )


def _sum(ends: list[int | None]) -> int | None:
    known = [each for each in ends if each is not None]
    return sum(known) if len(known) == len(ends) else None


def _minor(pico_usd: int, around: Around) -> int | None:
    rate = around.minor_per_pico_usd
    return None if rate is None else divide_half_away(pico_usd * rate.numerator, rate.denominator)
