"""The quantities that tell an unusual day, each as a logarithm beside what was usual before: volume, cost per request, daily level."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pricing.anomaly_windows import (
    Grid,
    count_of_every,
    lagged,
    mean_of,
    median_of,
    median_of_every,
    min_of,
)

# A day counts as regular when the series was used on this share of the eight weeks before.
REGULAR_SHARE = 0.8
LEAST_DOLLARS, LEAST_REQUESTS = 0.01, 0.5
# A request costs nothing in particular where there are fewer on a day.
FEW_REQUESTS = 5


@dataclass(frozen=True, slots=True)
class Quantities:
    """Of some series, by component: `residual` (series, days) is how far each day is off what was usual; `applies` where that is judged.

    `age` counts the days since each series began, -1 before.
    """

    residual: dict[str, Grid]
    applies: dict[str, NDArray[np.bool_]]
    age: NDArray[np.int64]

    def judged(self, name: str, rows: slice | NDArray[np.int64] = slice(None)) -> Grid:
        """The residual where it is judged, missing elsewhere."""
        residual = self.residual[name][rows]
        found: Grid = np.where(self.applies[name][rows], residual, np.asarray(np.nan, residual.dtype))
        return found


def quantities(cost: Grid, requests: Grid) -> Quantities:
    """What each component sees of these series (pricing.anomaly_detector.judge says what the grids hold)."""
    exists = ~np.isnan(cost)
    used = np.where(exists, (cost > 0).astype(np.float64), np.nan)
    is_regular = exists & (lagged(mean_of(used, 56, 5), 1) >= REGULAR_SHARE)
    cost_level, request_level = _level(cost, LEAST_DOLLARS), _level(requests, LEAST_REQUESTS)
    cost_day, request_day = (level - weekday_effect(level) for level in (cost_level, request_level))
    with np.errstate(divide="ignore", invalid="ignore"):
        per_request = np.where((requests >= FEW_REQUESTS) & (cost > 0), np.log(cost / requests), np.nan)
        spent = np.where(cost > 0, np.log(cost), np.nan)
    per_request, spent = per_request.astype(np.float32), spent.astype(np.float32)
    is_sparse = exists & ~is_regular
    request_usual, usual_spent = median_of(request_day, 21, 7), median_of(spent, 120, 3)
    unit_week = mean_of(per_request, 7, 5)
    residual = {
        "day": cost_day - lagged(median_of(cost_day, 9, 3), 1),
        "requests": request_day - lagged(request_usual, 1),
        "requests_both_days": min_of(request_day, 2, 2) - lagged(request_usual, 2),
        "cost_both_days": min_of(cost_day, 2, 2) - lagged(median_of(cost_day, 21, 7), 2),
        "requests_week": _against_five_weeks(request_level),
        "cost_week": _against_five_weeks(cost_level),
        "cost_per_request": unit_week - lagged(median_of(unit_week, 21, 5), 7),
        "cost_per_request_both_days": min_of(per_request, 2, 2) - lagged(median_of(per_request, 21, 5), 2),
        "sparse": np.where(is_sparse, spent - lagged(usual_spent, 1), np.asarray(np.nan, spent.dtype)),
        "sparse_both_days": np.where(
            is_sparse, _both_last_times(spent) - lagged(usual_spent, 2), np.asarray(np.nan, spent.dtype)
        ),
    }
    applies = {name: is_regular if name in _OF_REGULAR else ~np.isnan(off) for name, off in residual.items()}
    return Quantities(residual, applies, np.cumsum(np.logical_or.accumulate(exists, axis=1), axis=1) - 1)


_OF_REGULAR = frozenset({"day", "requests", "requests_both_days", "cost_both_days", "requests_week", "cost_week"})


def damping(values: Grid, least: float) -> Grid:
    """What is added to a value before its logarithm: an empty day stays finite, and a tiny one is no news."""
    usual = lagged(mean_of(values, 28, 3), 1)
    return 0.05 * np.where(np.isnan(usual), values, usual) + least


def _level(values: Grid, least: float) -> Grid:
    # Sums run over dollars of any size, and need all digits; logarithms do not.
    level: Grid = np.log(values + damping(values, least)).astype(np.float32)
    return level


def weekday_effect(level: Grid) -> Grid:
    """What the weekday adds: the median of up to eight of its own weeks, held back while there are few."""
    apart = level - mean_of(level, 7, 5)
    weeks = lagged(count_of_every(apart, 7, 8), 7)
    effect = lagged(median_of_every(apart, 7, 8), 7) * weeks / (weeks + 1)
    found: Grid = np.where(weeks >= 2, effect, np.asarray(0, level.dtype))
    return found


def _against_five_weeks(level: Grid) -> Grid:
    """The last seven days' mean against the median of the five weeks before them; a week has every weekday."""
    week = mean_of(level, 7, 6)
    return week - lagged(median_of_every(week, 7, 5, least=2), 7)


def _both_last_times(spent: Grid) -> Grid:
    """For a series that is used now and then: the lesser of a day and of its last day of use before."""
    days = np.where(np.isnan(spent), -1, np.arange(spent.shape[1]))
    last = np.maximum.accumulate(days, axis=1)
    before = np.concatenate([np.full((len(last), 1), -1), last[:, :-1]], axis=1)
    previous = np.take_along_axis(spent, np.maximum(before, 0), axis=1)
    found: Grid = np.minimum(spent, np.where(before >= 0, previous, np.asarray(np.nan, spent.dtype)))
    return found
