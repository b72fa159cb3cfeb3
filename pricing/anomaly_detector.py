"""Which days of which series are unusual: volume, cost per request and daily level, each against its own past.

A component looks at one quantity over one span of days. It compares the logarithm with what is usual, divides by the scale of
the series' own past surprises, and asks that the surprise also stand out among the series' own monthly maxima: a batch at each month's
end surprises nobody. It must be large in itself, too, and a week's surprise must still be there on its last two days. A series' score is
the highest of its components; from 1 on the day is unusual. docs/spikes.md has the measured quality and what each component finds.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray

from pricing.anomaly_quantities import Quantities, quantities
from pricing.anomaly_windows import Grid, count_of, count_of_every, lagged, max_of, median_of, median_of_every

CHUNK = 256
THREADS = 2
# From so few series nobody can tell what the day did to all of them; from more, the common movement is taken off in proportion.
FEW_SERIES = 10
# Until a series has months of its own to compare with, the largest surprise of a month is taken for this many scales.
USUAL_MAXIMUM, MAXIMUM_WEIGHT = 8.0, 0.5
MAD_TO_SIGMA = 1.4826
# Scores below this are left at 0: what is nowhere near a limit need not be worked out.
LEAST_SCORE = 0.5


@dataclass(frozen=True, slots=True)
class Limit:
    """What makes a score of 1, all of it: so many scales, so many monthly maxima, and a change (of the logarithm) of so much."""

    scales: float
    maxima: float
    change: float


@dataclass(frozen=True, slots=True)
class Component:
    """How a quantity is judged. `span_days` is how many days one value covers: what overlaps is not its own past.

    The scale is the median absolute surprise of `memory_days`, shrunk to `prior_scale` with the weight of `prior_days` and widened by
    `floor`. A direction without a limit is not judged. `lasting` names the component of the last two days that must be `LASTING_SCALES`
    off as well, and before `history_days` of a series nothing is said.
    """

    name: str
    span_days: int
    memory_days: int
    prior_scale: float
    prior_days: int
    floor: float
    rise: Limit | None = None
    fall: Limit | None = None
    lasting: str | None = None
    history_days: int = 14
    is_common_to_all: bool = True


LASTING_SCALES = 1.5
_YOUNG = 42
COMPONENTS = (
    Component("day", 1, 56, 0.16, 8, 0.04, fall=Limit(7.5, 1.2, 2.0)),
    Component("requests", 1, 56, 0.14, 6, 0.04, rise=Limit(9.0, 2.4, 0.7)),
    Component("requests_both_days", 2, 56, 0.14, 6, 0.04, rise=Limit(4.5, 1.9, 0.7)),
    Component("cost_both_days", 2, 56, 0.16, 6, 0.04),
    Component(
        "requests_week",
        7,
        70,
        0.10,
        4,
        0.05,
        Limit(4.1, 1.35, 0.45),
        Limit(6.5, 1.0, 1.0),
        lasting="requests_both_days",
        history_days=_YOUNG,
    ),
    Component("cost_week", 7, 70, 0.10, 4, 0.05, Limit(4.2, 1.6, 0.45), lasting="cost_both_days", history_days=_YOUNG),
    Component("cost_per_request", 7, 70, 0.07, 4, 0.03, Limit(2.1, 2.0, 0.15)),
    Component("cost_per_request_both_days", 2, 56, 0.07, 6, 0.03, Limit(4.0, 1.8, 0.3)),
    Component("sparse", 1, 120, 0.55, 4, 0.12, Limit(4.0, 1.4, 3.0), is_common_to_all=False),
    Component("sparse_both_days", 2, 120, 0.45, 4, 0.12, Limit(2.5, 1.2, 1.0), is_common_to_all=False),
)
NAMES = tuple(component.name for component in COMPONENTS)
SPANS = {component.name: component.span_days for component in COMPONENTS}
_BY_NAME = {component.name: component for component in COMPONENTS}


@dataclass(frozen=True, slots=True)
class Judged:
    """Per series and day: `score`, the `component` it comes from (its place in COMPONENTS, -1 for none), and whether it is a rise."""

    score: Grid
    component: NDArray[np.int8]
    is_rise: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Common:
    """What a day did to all series: the movement to take off, and how much wider their scales are on it."""

    movement: Grid
    wildness: Grid


def judge(cost: Grid, requests: Grid, only: frozenset[str] = frozenset(NAMES), least_change: float = 1.0) -> Judged:
    """Score every day of every series; (series, days), consecutive days, NaN before a series began and after it ended.

    `cost` is in dollars at prices that do not change (a price change is no usage), `requests` are counts; a day without usage is
    0 in both. A day's score depends on no later day. `only` names the components that may give one, and
    `least_change` multiplies the change that each limit asks for.
    """
    chunks = [slice(start, start + CHUNK) for start in range(0, len(cost), CHUNK)]
    with ThreadPoolExecutor(THREADS) as pool:
        parts = list(pool.map(lambda chunk: quantities(cost[chunk], requests[chunk]), chunks))
        common = dict(zip(NAMES, pool.map(lambda one: _common(one, parts), COMPONENTS), strict=True))
        scored = list(pool.map(lambda part: _Scores(part, common, least_change).score(only), parts))
    return Judged(*(np.concatenate([part[place] for part in scored]) for place in range(3)))


def _common(component: Component, parts: Iterable[Quantities]) -> _Common:
    """What happened to all series on each day (a holiday, an outage), and on which days all of them are wild."""
    residual = np.concatenate([part.judged(component.name) for part in parts])
    days = residual.shape[1]
    if not component.is_common_to_all or len(residual) <= FEW_SERIES:
        return _Common(np.zeros(days), np.ones(days))
    there = (~np.isnan(residual)).sum(axis=0)
    weight = np.maximum(there - FEW_SERIES, 0) / (there + FEW_SERIES)
    movement = np.nan_to_num(_middle(residual)) * weight
    spread = MAD_TO_SIGMA * _middle(np.abs(residual - movement.astype(residual.dtype)))
    usual_spread = lagged(median_of(spread[np.newaxis], 28, 1), 1)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        wildness = np.nan_to_num(spread / usual_spread, nan=1.0, posinf=1.0)
    return _Common(movement, 1 + (np.maximum(wildness, 1.0) - 1) * weight)


def _middle(values: Grid) -> Grid:
    """The median over all series of each day; missing where no series has one."""
    found: Grid = bn.nanmedian(np.ascontiguousarray(values.T), axis=1).astype(np.float64)
    return found


class _Scores:
    """The scores of some series: scales and monthly maxima are worked out for those alone that come near a limit."""

    def __init__(self, part: Quantities, common: dict[str, _Common], least_change: float) -> None:
        self._part = part
        self._least_change = least_change
        self._common = common

    def score(self, only: frozenset[str]) -> tuple[Grid, NDArray[np.int8], NDArray[np.bool_]]:
        """The highest score of each day, its component and direction."""
        shape = self._part.age.shape
        score, place = np.zeros(shape), np.full(shape, -1, dtype=np.int8)
        is_rise = np.zeros(shape, dtype=bool)
        for number, component in enumerate(COMPONENTS):
            for limit, sign in ((component.rise, 1.0), (component.fall, -1.0)):
                if limit is None or component.name not in only:
                    continue
                rows, days, reached = self._reached(component, limit, sign)
                is_higher = reached > score[rows, days]
                rows, days = rows[is_higher], days[is_higher]
                score[rows, days], place[rows, days], is_rise[rows, days] = reached[is_higher], number, sign > 0
        return score, place, is_rise

    def _reached(
        self, component: Component, limit: Limit, sign: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Grid]:
        """The cells that go this way, as rows and days, and how far each reaches the limit: as far as its least part does."""
        off = sign * self._off(component, slice(None))
        least = limit.change * self._least_change
        with np.errstate(invalid="ignore"):
            is_near = (off >= LEAST_SCORE * least) & (self._part.age >= component.history_days)
        some = np.flatnonzero(is_near.any(axis=1))
        scale = self._scale(component, some)
        is_near[some] &= off[some] >= LEAST_SCORE * limit.scales * scale
        near = is_near[some].any(axis=1)
        some, scale = some[near], scale[near]
        at, days = np.nonzero(is_near[some])
        rows = some[at]
        change, usual_off = off[rows, days].astype(np.float64), scale[at, days]
        highest, blocks = (grid[at, days] for grid in _usual_maximum(off[some], component.span_days))
        usual = (blocks * highest + MAXIMUM_WEIGHT * USUAL_MAXIMUM * usual_off) / (blocks + MAXIMUM_WEIGHT)
        reached = np.minimum(
            change / usual_off / limit.scales, change / np.maximum(usual, 2 * usual_off) / limit.maxima
        )
        reached = np.minimum(reached, change / least)
        if component.lasting is not None and sign > 0:
            lasting = _BY_NAME[component.lasting]
            still = self._off(lasting, some)[at, days] / self._scale(lasting, some)[at, days]
            reached = np.minimum(reached, np.nan_to_num(still) / LASTING_SCALES)
        return rows, days, reached

    def _off(self, component: Component, rows: slice | NDArray[np.int64]) -> Grid:
        """How far each day is off what is usual, beyond what all series did; missing where the component says nothing."""
        residual = self._part.judged(component.name, rows)
        return residual - self._common[component.name].movement.astype(residual.dtype)

    def _scale(self, component: Component, rows: NDArray[np.int64]) -> Grid:
        residual = self._part.residual[component.name][rows]
        past = lagged(residual, component.span_days - 1) if component.span_days > 1 else residual
        lag = component.span_days
        own = MAD_TO_SIGMA * lagged(median_of(np.abs(past), component.memory_days, 3), lag)
        days = np.nan_to_num(lagged(count_of(past, component.memory_days), lag))
        prior, weight = component.prior_scale, component.prior_days
        own = np.where(np.isnan(own), prior, own)
        scale = np.sqrt((days * own**2 + weight * prior**2) / (days + weight) + component.floor**2)
        found: Grid = scale * self._common[component.name].wildness
        return found


def _usual_maximum(off: Grid, lag: int) -> tuple[Grid, Grid]:
    """The median of the largest surprises of up to four blocks of 28 days before, 0 where there is none; and how many blocks."""
    largest = lagged(max_of(off, 28, 7), lag)
    return np.nan_to_num(median_of_every(largest, 28, 4)), count_of_every(largest, 28, 4)
