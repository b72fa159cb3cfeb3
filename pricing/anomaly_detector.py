"""Which days of which series are unusual: volume, cost per request and daily level, each against its own past.

A component looks at one quantity over one span of days. It compares the logarithm with what is usual, divides by the scale of
the series' own past surprises, and asks that the surprise also stand out among the series' own monthly maxima: a batch at each month's
end surprises nobody. A series' score is the highest of its components; from 1 on the day is unusual. docs/spikes.md has the measured
quality, the origin of each constant and what each component finds.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray

from pricing.anomaly_windows import (
    Grid,
    count_of,
    count_of_every,
    lagged,
    max_of,
    mean_of,
    median_of,
    median_of_every,
)

CHUNK = 256
THREADS = 2
# A day counts as regular when the series was used on this share of the eight weeks before.
REGULAR_SHARE = 0.8
# From so few series nobody can tell what the day did to all of them; from more, the common movement is taken off in proportion.
FEW_SERIES = 10
# Until a series has months of its own to compare with, the largest surprise of a month is taken for this many scales.
USUAL_MAXIMUM, MAXIMUM_WEIGHT = 8.0, 0.5
MAD_TO_SIGMA = 1.4826
LEAST_DOLLARS, LEAST_REQUESTS = 0.01, 0.5
# Scores below this are left at 0.
LEAST_SCORE = 0.25


@dataclass(frozen=True, slots=True)
class Component:
    """How a quantity is judged. `span_days` is how many days one value covers: what overlaps is not its own past.

    The scale is the median absolute surprise of `memory_days`, shrunk to `prior_scale` with the weight of `prior_days` and widened by
    `floor`. `rise` and `fall` are (scales, monthly maxima) that make a score of 1; None where that direction is not judged.
    """

    name: str
    span_days: int
    memory_days: int
    prior_scale: float
    prior_days: int
    floor: float
    rise: tuple[float, float] | None
    fall: tuple[float, float] | None
    is_common_to_all: bool = True


COMPONENTS = (
    Component("day", 1, 56, 0.16, 8, 0.04, None, (8.0, 0.5)),
    Component("requests", 1, 56, 0.14, 6, 0.04, (9.0, 2.4), None),
    Component("requests_2_days", 2, 56, 0.14, 6, 0.04, (4.5, 2.25), None),
    Component("requests_week", 7, 70, 0.10, 4, 0.05, (4.2, 1.3), (6.0, 0.6)),
    Component("cost_week", 7, 70, 0.10, 4, 0.05, (4.2, 1.56), None),
    Component("cost_per_request", 7, 70, 0.07, 4, 0.03, (2.1, 2.1), None),
    Component("sparse", 1, 120, 0.55, 4, 0.12, (3.1, 1.45), None, is_common_to_all=False),
)
NAMES = tuple(component.name for component in COMPONENTS)


@dataclass(frozen=True, slots=True)
class Judged:
    """Per series and day: `score`, the `component` it comes from (its place in COMPONENTS, -1 for none), and whether it is a rise."""

    score: Grid
    component: NDArray[np.int8]
    is_rise: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Surprise:
    residual: Grid
    scale: Grid
    applies: NDArray[np.bool_]


def judge(cost: Grid, requests: Grid, only: frozenset[str] = frozenset(NAMES)) -> Judged:
    """Score every day of every series; (series, days), consecutive days, NaN before a series began and after it ended.

    `cost` is in dollars at prices that do not change (a price change is no usage), `requests` are counts; a day without usage is
    0 in both. A day's score depends on no later day. `only` names the components that may give one.
    """
    chunks = [slice(start, start + CHUNK) for start in range(0, len(cost), CHUNK)]
    with ThreadPoolExecutor(THREADS) as pool:
        parts = list(pool.map(lambda chunk: _surprises(cost[chunk], requests[chunk]), chunks))
        joined = [
            _without_what_all_did(component, [surprises[place] for surprises in parts])
            for place, component in enumerate(COMPONENTS)
        ]
        scored = list(pool.map(lambda chunk: _score([_part(one, chunk) for one in joined], only), chunks))
    return Judged(*(np.concatenate([part[place] for part in scored]) for place in range(3)))


def _part(surprise: _Surprise, chunk: slice) -> _Surprise:
    return _Surprise(surprise.residual[chunk], surprise.scale[chunk], surprise.applies[chunk])


def _surprises(cost: Grid, requests: Grid) -> list[_Surprise]:
    """What each component sees, in the order of COMPONENTS."""
    used = np.where(np.isnan(cost), np.nan, (cost > 0).astype(np.float64))
    share = lagged(mean_of(used, 56, 5), 1)
    exists = ~np.isnan(cost)
    is_regular = exists & (share >= REGULAR_SHARE)
    is_sparse = exists & ~is_regular
    cost_level, request_level = _level(cost, LEAST_DOLLARS), _level(requests, LEAST_REQUESTS)
    cost_day, request_day = (level - weekday_effect(level) for level in (cost_level, request_level))
    with np.errstate(divide="ignore", invalid="ignore"):
        per_request = np.where((requests >= 5) & (cost > 0), np.log(cost / requests), np.nan)
        spent = np.where(cost > 0, np.log(cost), np.nan)
    request_base = median_of(request_day, 21, 7)
    unit_week = mean_of(per_request, 7, 5)
    unit = unit_week - lagged(median_of(unit_week, 21, 5), 7)
    residuals = {
        "day": (cost_day - lagged(median_of(cost_day, 9, 3), 1), is_regular),
        "requests": (request_day - lagged(request_base, 1), is_regular),
        "requests_2_days": (mean_of(request_day, 2, 1) - lagged(request_base, 2), is_regular),
        "requests_week": (_against_five_weeks(request_level), is_regular),
        "cost_week": (_against_five_weeks(cost_level), is_regular),
        "cost_per_request": (unit, ~np.isnan(unit)),
    }
    surprises = [
        _Surprise(residuals[one.name][0], _scale(one, residuals[one.name][0]), residuals[one.name][1])
        for one in COMPONENTS[:-1]
    ]
    rarely = np.where(is_sparse, spent - lagged(median_of(spent, 120, 3), 1), np.nan)
    surprises.append(_Surprise(rarely, _scale(COMPONENTS[-1], rarely), is_sparse))
    return surprises


def damping(values: Grid, least: float) -> Grid:
    """What is added to a value before its logarithm: an empty day stays finite, and a tiny one is no news."""
    usual = lagged(mean_of(values, 28, 3), 1)
    return 0.05 * np.where(np.isnan(usual), values, usual) + least


def _level(values: Grid, least: float) -> Grid:
    level: Grid = np.log(values + damping(values, least))
    return level


def weekday_effect(level: Grid) -> Grid:
    """What the weekday adds: the median of up to eight of its own weeks, held back while there are few."""
    apart = level - mean_of(level, 7, 5)
    weeks = lagged(count_of_every(apart, 7, 8), 7)
    effect = lagged(median_of_every(apart, 7, 8), 7) * weeks / (weeks + 1)
    return np.where(weeks >= 2, effect, 0.0)


def _against_five_weeks(level: Grid) -> Grid:
    """The last seven days' mean against the median of the five weeks before them; a week has every weekday."""
    week = mean_of(level, 7, 6)
    return week - lagged(median_of_every(week, 7, 5, least=2), 7)


def _scale(component: Component, residual: Grid) -> Grid:
    past = lagged(residual, component.span_days - 1) if component.span_days > 1 else residual
    lag = component.span_days
    own = MAD_TO_SIGMA * lagged(median_of(np.abs(past), component.memory_days, 3), lag)
    days = np.nan_to_num(lagged(count_of(past, component.memory_days), lag))
    prior, weight = component.prior_scale, component.prior_days
    own = np.where(np.isnan(own), prior, own)
    scale: Grid = np.sqrt((days * own**2 + weight * prior**2) / (days + weight) + component.floor**2)
    return scale


def _without_what_all_did(component: Component, parts: list[_Surprise]) -> _Surprise:
    """Take off each day what happened to all series (a holiday, an outage), and widen the scale on wild days."""
    residual = np.concatenate([np.where(part.applies, part.residual, np.nan) for part in parts])
    scale = np.concatenate([part.scale for part in parts])
    applies = np.concatenate([part.applies for part in parts])
    if not component.is_common_to_all:
        return _Surprise(residual, scale, applies)
    there = (~np.isnan(residual)).sum(axis=0)
    weight = np.maximum(there - FEW_SERIES, 0) / (there + FEW_SERIES)
    common = np.nan_to_num(_middle(residual)) * weight
    spread = MAD_TO_SIGMA * _middle(np.abs(residual - common))
    usual_spread = lagged(median_of(spread[np.newaxis], 28, 1), 1)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        wildness = np.nan_to_num(spread / usual_spread, nan=1.0, posinf=1.0)
    return _Surprise(residual - common, scale * (1 + (np.maximum(wildness, 1.0) - 1) * weight), applies)


def _middle(values: Grid) -> Grid:
    """The median over all series of each day; missing where no series has one."""
    found: Grid = bn.nanmedian(np.ascontiguousarray(values.T), axis=1)
    return found


def _score(surprises: list[_Surprise], only: frozenset[str]) -> tuple[Grid, NDArray[np.int8], NDArray[np.bool_]]:
    shape = surprises[0].residual.shape
    score, place = np.zeros(shape), np.full(shape, -1, dtype=np.int8)
    is_rise = np.zeros(shape, dtype=bool)
    for number, (component, surprise) in enumerate(zip(COMPONENTS, surprises, strict=True)):
        for limits, sign in ((component.rise, 1.0), (component.fall, -1.0)):
            if limits is None or component.name not in only:
                continue
            cells, found = _one_sided(component, sign * surprise.residual, surprise.scale, limits)
            is_higher = found > score.flat[cells]
            cells, found = cells[is_higher], found[is_higher]
            score.flat[cells], place.flat[cells], is_rise.flat[cells] = found, number, sign > 0
    return score, place, is_rise


def _one_sided(
    component: Component, residual: Grid, scale: Grid, limits: tuple[float, float]
) -> tuple[NDArray[np.int64], Grid]:
    """The cells (flat) that go this way and how far they reach the two limits, the lesser of both; the rest is unsurprising."""
    scales, maxima = limits
    cells = np.flatnonzero(residual > LEAST_SCORE * scales * scale)
    highest, blocks = (grid.flat[cells] for grid in _usual_maximum(residual, component.span_days))
    off, usual_off = residual.flat[cells], scale.flat[cells]
    usual = (blocks * highest + MAXIMUM_WEIGHT * USUAL_MAXIMUM * usual_off) / (blocks + MAXIMUM_WEIGHT)
    reached: Grid = np.minimum(off / usual_off / scales, off / np.maximum(usual, 2 * usual_off) / maxima)
    return cells, reached


def _usual_maximum(residual: Grid, lag: int) -> tuple[Grid, Grid]:
    """The median of the largest residuals of up to four blocks of 28 days before, 0 where there is none; and how many blocks."""
    largest = lagged(max_of(residual, 28, 7), lag)
    return np.nan_to_num(median_of_every(largest, 28, 4)), count_of_every(largest, 28, 4)
