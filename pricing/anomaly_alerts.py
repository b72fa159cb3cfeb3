"""From judged days to alerts: what was paid, what was expected, what the difference is made of, and which days are one episode."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import takewhile

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pricing.anomaly_detector import COMPONENTS, MAD_TO_SIGMA, NAMES, Component, Judged
from pricing.anomaly_quantities import LEAST_DOLLARS, damping, weekday_effect
from pricing.anomaly_series import PICO, UsageSeries
from pricing.anomaly_windows import Grid, lagged, mean_of
from pricing.cost_drivers import EFFECT_PARTS, PRICE_PARTS, Cell, Effects, effects

SCORE_MIN = 1.0
# Below 25 cents a day nobody wants to be woken, however surprising it is.
AT_STAKE_PICO_USD = 250_000_000_000
# Alerts of a series at most so many days apart are one episode.
QUIET_DAYS = 7
# A level that goes back within so many days to where it was ends the episode and begins none.
RETURN_DAYS = 56
# What is usual is described by so many days before an episode.
USUAL_DAYS, SPARSE_DAYS = 28, 120
# Of the days that are as usual, 95 % lie within so many scales.
BAND_SCALES = 1.96
SPARSE = frozenset({"sparse", "sparse_both_days"})
# No series is so steady that its band would be narrower.
SCALE_MIN = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One unusual day of one series (a row of UsageSeries); amounts in pico-USD at the prices that were paid before.

    `episode_first_day` is the first alert of the same episode. `parts` sum to `impact_pico_usd` exactly.
    """

    series: int
    day: date
    episode_first_day: date
    score: float
    component: str
    is_rise: bool
    actual_pico_usd: int
    expected_pico_usd: int
    lower_pico_usd: int
    upper_pico_usd: int
    parts: Effects

    @property
    def impact_pico_usd(self) -> int:
        """What the day cost beyond what was expected; negative where it cost less."""
        return self.actual_pico_usd - self.expected_pico_usd


def alerts(
    series: UsageSeries,
    judged: Judged,
    usage: pl.DataFrame,
    quantities: Sequence[str],
    *,
    at_stake_pico_usd: int = AT_STAKE_PICO_USD,
    limits: Grid | None = None,
    since: int = 0,
) -> list[Alert]:
    """The days that are both surprising and worth the money, by series and day; `usage` is what the series were made of.

    `limits` are the scores, one for each series, from which a day is told (SCORE_MIN without them); days before number `since` only
    tell when an episode began.
    """
    stake = _at_stake(series.fixed_cost)
    least = np.full(len(stake), SCORE_MIN) if limits is None else limits
    flags = (judged.score >= least[:, np.newaxis]) & (stake >= at_stake_pico_usd / PICO)
    counts = usage.select("requests", *quantities).cast(pl.Int64).to_numpy()
    usual, returns = _usual(series, np.any(flags, axis=1)), _Returns()
    found: list[Alert] = []
    for row, first, day in _episodes(flags):
        component, is_rise = COMPONENTS[judged.component[row, day]], bool(judged.is_rise[row, day])
        begun = returns.before(row, day, is_rise=is_rise)
        if begun is not None and _is_usual(
            series, row, day, _expected(series, usual, component, row, begun, day), is_rise
        ):
            continue
        returns.note(row, first, day, is_rise=is_rise)
        if day < since:
            continue
        band = _expected(series, usual, component, row, first, day)
        found.append(
            Alert(
                series=row,
                day=series.day(day),
                episode_first_day=series.day(first),
                score=float(judged.score[row, day] / least[row]),
                component=component.name,
                is_rise=is_rise,
                actual_pico_usd=int(series.cost_pico_usd[row, day]),
                expected_pico_usd=band[0],
                lower_pico_usd=band[1],
                upper_pico_usd=band[2],
                parts=_parts(series, counts, quantities, row, first, day, band[0]),
            )
        )
    return found


def between(series: UsageSeries, found: Sequence[Alert], usage: pl.DataFrame, quantities: Sequence[str]) -> list[Alert]:
    """The days of the alerts' episodes that no alert was told for, and that lie beyond the band the same way: at SCORE_MIN.

    They reach from the onset, at most a quiet week before the first alert and without a usual day between, to the last alert. What is
    known only afterwards changes what an episode cost, and never when it was told.
    """
    counts = usage.select("requests", *quantities).cast(pl.Int64).to_numpy()
    usual = _usual(series, np.isin(np.arange(len(series.place)), [alert.series for alert in found]))
    episodes: dict[tuple[int, date], dict[int, Alert]] = {}
    for alert in found:
        of_episode = episodes.setdefault((alert.series, alert.episode_first_day), {})
        of_episode[(alert.day - series.first_day).days] = alert
    added: list[Alert] = []
    for (row, first_day), episode in episodes.items():
        first = (first_day - series.first_day).days

        def beyond(day: int, row: int = row, first: int = first, episode: dict[int, Alert] = episode) -> Alert | None:
            like = episode[min(episode, key=lambda told: abs(told - day))]
            component = COMPONENTS[NAMES.index(like.component)]
            expected, lower, upper = _expected(series, usual, component, row, first, day)
            actual = int(series.cost_pico_usd[row, day])
            if day in episode or (actual <= upper if like.is_rise else actual >= lower):
                return None
            return replace(
                like,
                day=series.day(day),
                score=SCORE_MIN,
                actual_pico_usd=actual,
                expected_pico_usd=expected,
                lower_pico_usd=lower,
                upper_pico_usd=upper,
                parts=_parts(series, counts, quantities, row, first, day, expected),
            )

        onset = takewhile(lambda day: day is not None, map(beyond, range(first - 1, max(-1, first - QUIET_DAYS), -1)))
        added += [day for day in (*onset, *map(beyond, range(first, max(episode)))) if day is not None]
    return added


class _Returns:
    """Remembers when each series' last rises and falls began: coming back to what was usual before them is no news."""

    def __init__(self) -> None:
        self._episodes: dict[tuple[int, bool], tuple[int, int]] = {}

    def before(self, row: int, day: int, *, is_rise: bool) -> int | None:
        """The first day of what went the other way in the last two months; None where nothing did."""
        first, last = self._episodes.get((row, not is_rise), (0, -RETURN_DAYS - 1))
        return first if day - last <= RETURN_DAYS else None

    def note(self, row: int, first: int, day: int, *, is_rise: bool) -> None:
        """A day that surprised, of an episode that began on `first`."""
        began, last = self._episodes.get((row, is_rise), (first, -RETURN_DAYS - 1))
        self._episodes[row, is_rise] = (began if first - last <= RETURN_DAYS else first), day


def _is_usual(series: UsageSeries, row: int, day: int, band: tuple[int, int, int], is_rise: bool) -> bool:
    """Whether the day has come no further than twice the band's width: some usual days lie beyond a band, and many days come back."""
    actual = int(series.cost_pico_usd[row, day])
    expected, end = band[0], band[2] if is_rise else band[1]
    return actual * expected <= end * end if is_rise else actual * expected >= end * end


@dataclass(frozen=True, slots=True)
class _Usual:
    """Logarithms of daily cost without the weekday's effect, the effect, and the damping in them; NaN for calm series."""

    level: Grid
    weekday: Grid
    damped: Grid


def _usual(series: UsageSeries, told: NDArray[np.bool_]) -> _Usual:
    level, weekday, damped = (np.full_like(series.fixed_cost, np.nan) for _ in range(3))
    cost = series.fixed_cost[told]
    damped[told] = damping(cost, LEAST_DOLLARS)
    logarithm = np.log(cost + damped[told])
    weekday[told] = weekday_effect(logarithm)
    level[told] = logarithm - weekday[told]
    return _Usual(level, weekday, damped)


def _at_stake(cost: Grid) -> Grid:
    """How far a day, or the last seven, are from the four weeks before them, in dollars a day."""
    by_day = np.abs(cost - lagged(mean_of(cost, USUAL_DAYS, 7), 1))
    by_week = np.abs(mean_of(cost, 7, 4) - lagged(mean_of(cost, USUAL_DAYS, 7), 7))
    return np.nan_to_num(np.fmax(by_day, by_week))


def _episodes(flags: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """Each flagged day as (series, first day of its episode, day)."""
    found: list[tuple[int, int, int]] = []
    for row, day in np.argwhere(flags).tolist():
        goes_on = bool(found) and found[-1][0] == row and day - found[-1][2] <= QUIET_DAYS
        found.append((row, found[-1][1] if goes_on else day, day))
    return found


def _expected(
    series: UsageSeries, usual: _Usual, component: Component, row: int, first: int, day: int
) -> tuple[int, int, int]:
    """A day's cost as it was before the episode, and the ends of its band, at the prices that were paid then.

    Before means before the days that the component's first value covers. A series that is used now and then is compared with the
    days on which it was used.
    """
    until = max(1, first - component.span_days + 1)
    days = slice(max(0, until - (SPARSE_DAYS if component.name in SPARSE else USUAL_DAYS)), until)
    level, weekday, damped = usual.level[row, days], usual.weekday[row, day], usual.damped[row, until - 1]
    if component.name in SPARSE:
        spent = series.fixed_cost[row, days]
        level, weekday, damped = np.log(spent[spent > 0]), 0.0, 0.0
    middle = np.nanmedian(level)
    scale = max(SCALE_MIN, MAD_TO_SIGMA * float(np.nanmedian(np.abs(level - middle))))
    paid = _price_level(series, row, first)
    ends = (0.0, -BAND_SCALES * scale, BAND_SCALES * scale)
    expected, lower, upper = (max(0, round((np.exp(middle + weekday + end) - damped) * paid)) for end in ends)
    return expected, lower, upper


def _price_level(series: UsageSeries, row: int, first: int) -> np.float64:
    """Pico-USD paid per dollar at first prices over the days before an episode; at first prices themselves without any."""
    days = slice(max(0, first - USUAL_DAYS), first)
    fixed = np.nansum(series.fixed_cost[row, days])
    paid = series.cost_pico_usd[row, days].sum()
    return np.float64(paid / fixed if fixed > 0 else PICO)


def _parts(
    series: UsageSeries,
    counts: NDArray[np.int64],
    quantities: Sequence[str],
    row: int,
    first: int,
    day: int,
    expected: int,
) -> Effects:
    """What volume, tokens per request and price add, against the days before the episode scaled to what was expected."""
    places = series.place[row, max(0, first - USUAL_DAYS) : first]
    usual = counts[places[places >= 0]].sum(axis=0)
    usual_cost = int(series.cost_pico_usd[row, max(0, first - USUAL_DAYS) : first].sum())
    place = series.place[row, day]
    today = counts[place] if place >= 0 else np.zeros_like(usual)
    scaled = [int(count) * expected // usual_cost if usual_cost else 0 for count in usual]
    units = series.unit_dollars[row]
    before = _cell(scaled, quantities, units, expected)
    after = _cell(today.tolist(), quantities, units, int(series.cost_pico_usd[row, day]))
    return effects({"": before}, {"": after}).get("", Effects())


def _cell(counts: Sequence[int], quantities: Sequence[str], units: NDArray[np.float64], cost_pico_usd: int) -> Cell:
    """A day's usage; its prices stand to each other as the first ones did, and come to what was paid."""
    requests, *used = counts
    worth = sum(count * unit for count, unit in zip(used, units, strict=True))
    prices: dict[str, int | None] = {"requests": None if worth else cost_pico_usd * PRICE_PARTS // max(requests, 1)}
    for quantity, unit in zip(quantities, units, strict=True):
        prices[quantity] = round(unit / worth * cost_pico_usd * PRICE_PARTS) if worth else None
    return Cell(requests, {"requests": requests, **dict(zip(quantities, used, strict=True))}, prices, cost_pico_usd)


def part_pico_usd(effects_of_alert: Effects) -> dict[str, int]:
    """Each part in whole pico-USD; what the division leaves goes to the largest, so that they sum to the impact."""
    # Towards zero: a part that is less than one pico-USD is none.
    whole = {
        name: abs(value) // EFFECT_PARTS * (1 if value > 0 else -1)
        for name, value in effects_of_alert._asdict().items()
    }
    left = sum(effects_of_alert) // EFFECT_PARTS - sum(whole.values())
    largest = max(whole, key=lambda name: abs(whole[name]))
    return {name: value + (left if name == largest else 0) for name, value in whole.items()}
