"""What an episode means: for the margin of its days, for the running month, how sure the expected amount is, and what days are usual."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from statistics import median

from pricing.alert_explanation import ChartDay, Confidence, MarginPoints
from pricing.money import divide_half_away

CHART_DAYS = 60
USUAL_DAYS = 28
# A level is told a few days after it came, and a week of it must not be taken for usual.
GAP_DAYS = 7
SPARSE_DAYS = 120
# So many days with usage make the days before the gap, or any others, a measure.
ENOUGH, FEWEST = 14, 5
# A day so many scales off what was expected belongs to another episode; no series is so steady that a tenth would be one.
UNUSUAL_SCALES, LEVEL_SCALE_MIN = 3, 0.1
# A fifth of normal values lie within a quarter of a scale; four fifths of the days may belong to other episodes.
FIFTH_TO_SIGMA = 3.95
SURE_FROM, FAIR_FROM = 21, 10
# Calls without a price matter when they are one of so many.
UNPRICED_PARTS = 20
# The running pace: the mean of so many days.
PACE_DAYS = 7
# 95 % of usual days lie within so many scales; a median absolute deviation is so much of one; no series is steadier than that.
BAND_SCALES, MAD_TO_SIGMA, SCALE_MIN = 1.96, 1.4826, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDay:
    """One day of an episode in whole numbers of its unit; `is_provisional` still runs."""

    day: date
    actual: int
    expected: int
    lower: int | None = None
    upper: int | None = None
    is_provisional: bool = False

    @property
    def excess(self) -> int:
        """Actual less expected."""
        return self.actual - self.expected


def baseline(daily: Mapping[date, int], found: Sequence[FoundDay]) -> tuple[date, ...]:
    """The days that an episode is compared with, oldest first, from its subject's cost by day; empty where there was none before it.

    Days with usage of the four weeks that end a week before the episode; where those are fewer than 14, of the four weeks right before
    it, and where those are fewer than 5, of the last 120 days: a series that is used now and then, or a new one. Of these the ones that
    cost about what was expected, weekdays taken out, if they are 5 or more: another episode is no measure of what is usual.
    """
    first = min(each.day for each in found)
    before = [day for day in daily if day < first and daily[day] > 0]
    for reach, gap, enough in ((USUAL_DAYS + GAP_DAYS, GAP_DAYS, ENOUGH), (USUAL_DAYS, 0, FEWEST), (SPARSE_DAYS, 0, 0)):
        held = sorted(day for day in before if gap < (first - day).days <= reach)
        if len(held) >= enough:
            break
    # Of a day that still runs only a part was expected so far.
    whole = [each for each in found if not each.is_provisional]
    expected = [each for each in whole or found if each.expected > 0]
    if not expected or not held:
        return tuple(held)
    weekday = _weekdays({day: daily[day] for day in before})
    at = median(math.log(each.expected) - weekday[each.day.weekday()] for each in expected)
    off = {day: abs(math.log(daily[day]) - weekday[day.weekday()] - at) for day in held}
    scale = max(LEVEL_SCALE_MIN, FIFTH_TO_SIGMA * sorted(off.values())[len(off) // 5])
    usual = tuple(day for day in held if off[day] <= UNUSUAL_SCALES * scale)
    return usual if len(usual) >= FEWEST else tuple(held)


def confidence(used_days: int, unpriced_events: int, priced_events: int) -> Confidence:
    """High from 21 days with usage, medium from 10; a step less where a twentieth of the calls has no price and is in no amount."""
    words = ["low", "medium", "high"]
    is_gap = unpriced_events * UNPRICED_PARTS >= max(1, unpriced_events + priced_events)
    step = (used_days >= FAIR_FROM) + (used_days >= SURE_FROM) - is_gap
    why = f"expected from {used_days} {'day' if used_days == 1 else 'days'} with usage before it"
    if unpriced_events:
        why += f"; {unpriced_events:,} {'call has' if unpriced_events == 1 else 'calls have'} no price and are in no amount"
    return Confidence(words=words[max(0, step)], n=used_days, why=why)


def net_revenue(days: Sequence[date], net_minor_by_month: Mapping[date, int | None], today: date) -> Fraction | str:
    """What was sold on these days, in minor units: each month's net revenue by service period, spread evenly over its days that have begun.

    The reason, as a text, where an amount has no exchange rate or nothing was sold.
    """
    sold = Fraction(0)
    for month in sorted({day.replace(day=1) for day in days}):
        net = net_minor_by_month.get(month, 0)
        if net is None:
            return f"revenue of {month:%B %Y} has no exchange rate"
        last = min(month_end_day(month), max(today, *days))
        sold += Fraction(net * sum(day.replace(day=1) == month for day in days), (last - month).days + 1)
    return sold if sold > 0 else "nothing was sold on these days"


def margin_points(impact_minor: int | None, sold: Fraction | str) -> MarginPoints:
    """What the impact adds to the margin of its days: -impact / net revenue of the same days, in millionths."""
    if impact_minor is None:
        return MarginPoints(ppm=None, why_unknown="the cost has no exchange rate")
    if isinstance(sold, str):
        return MarginPoints(ppm=None, why_unknown=sold)
    return MarginPoints(ppm=divide_half_away(-impact_minor * 10**6 * sold.denominator, sold.numerator))


def month_end_day(month: date) -> date:
    """The last day of a month."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def month_end(days: Sequence[FoundDay], today: date, *, is_open: bool) -> tuple[int, int | None]:
    """What an episode has added to the running month (that of `today`), and what it adds by its end if it goes on; None where it is over.

    It goes on at the mean excess of the last seven days that are over, days that were as usual among them as nothing.
    """
    month = today.replace(day=1)
    so_far = sum(each.excess for each in days if each.day >= month)
    if not is_open or not days:
        return so_far, None
    over = [each for each in days if not each.is_provisional and each.day < today]
    until = today - timedelta(days=1)
    if over:
        first = max(over[0].day, until - timedelta(days=PACE_DAYS - 1))
        pace = Fraction(sum(each.excess for each in over if each.day >= first), (until - first).days + 1)
    else:
        pace = Fraction(sum(each.excess for each in days), len(days))
    added = sum(each.excess for each in over if each.day >= month)
    left = (month_end_day(month) - max(until, month - timedelta(days=1))).days
    return so_far, added + round(pace * left)


def chart(costs: Mapping[date, int], found: Sequence[FoundDay], last_day: date) -> tuple[ChartDay, ...]:
    """The days from 60 before the episode to `last_day`; days that were not found have the band of the four weeks before them."""
    by_day = {each.day: each for each in found}
    first = min(by_day) - timedelta(days=CHART_DAYS)
    begun = min((day for day in costs if day >= first), default=min(by_day))
    usual = {day: cost for day, cost in costs.items() if day not in by_day and cost > 0}
    weekday = _weekdays(usual)
    drawn = []
    for place in range((last_day - begun).days + 1):
        day = begun + timedelta(days=place)
        told = by_day.get(day)
        if told is None:
            drawn.append(_usual_day(usual, weekday, day, costs.get(day, 0)))
        else:
            band = {"expected": told.expected, "lower": told.lower, "upper": told.upper}
            drawn.append(ChartDay(day=day, actual=told.actual, **band, is_found=True))
    return tuple(drawn)


def _weekdays(costs: Mapping[date, int]) -> list[float]:
    """How the logarithm of a weekday's cost stands to the mean of the week around it."""
    effects: list[list[float]] = [[] for _ in range(7)]
    for day, cost in costs.items():
        week = [costs.get(day + timedelta(days=place)) for place in range(-3, 4)]
        if None not in week:
            effects[day.weekday()].append(math.log(cost) - math.log(sum(each or 0 for each in week) / 7))
    return [median(each) if len(each) > 1 else 0.0 for each in effects]


def _usual_day(costs: Mapping[date, int], weekday: Sequence[float], day: date, actual: int) -> ChartDay:
    """What is usual on a day by the four weeks before it, and between what 95 % of usual days lie; None without enough of them."""
    before = [day - timedelta(days=place) for place in range(1, USUAL_DAYS + 1)]
    levels = [math.log(costs[each]) - weekday[each.weekday()] for each in before if each in costs]
    if len(levels) < FEWEST:
        return ChartDay(day=day, actual=actual, expected=None, lower=None, upper=None, is_found=False)
    middle = median(levels)
    scale = max(SCALE_MIN, MAD_TO_SIGMA * median(abs(level - middle) for level in levels))
    expected, lower, upper = (
        round(math.exp(middle + weekday[day.weekday()] + end * BAND_SCALES * scale)) for end in (0, -1, 1)
    )
    return ChartDay(day=day, actual=actual, expected=expected, lower=lower, upper=upper, is_found=False)
