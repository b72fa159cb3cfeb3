"""Windows over days: means, medians and maxima of the days that end at each day, and the same weekday of the weeks before.

Arrays are (series, days) of floats, and stay as wide as they come; a missing day is NaN. Every value uses days up to its own only.
"""

from collections.abc import Callable

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float64]


def lagged(values: Grid, days: int) -> Grid:
    """The value of that many days before; missing for the first days."""
    shifted = np.full_like(values, np.nan)
    shifted[:, days:] = values[:, :-days]
    return shifted


def mean_of(values: Grid, window: int, least: int) -> Grid:
    """The mean of the last `window` days; missing where fewer than `least` of them exist."""
    return _padded(bn.move_mean, values, window, least)


def median_of(values: Grid, window: int, least: int) -> Grid:
    """The median of the last `window` days; missing where fewer than `least` of them exist."""
    return _padded(bn.move_median, values, window, least)


def max_of(values: Grid, window: int, least: int) -> Grid:
    """The largest of the last `window` days; missing where fewer than `least` of them exist."""
    return _padded(bn.move_max, values, window, least)


def min_of(values: Grid, window: int, least: int) -> Grid:
    """The least of the last `window` days; missing where fewer than `least` of them exist."""
    return _padded(bn.move_min, values, window, least)


def count_of(values: Grid, window: int) -> Grid:
    """How many of the last `window` days exist."""
    return _padded(bn.move_sum, (~np.isnan(values)).astype(np.float32), window, 1)


def median_of_every(values: Grid, step: int, window: int, least: int = 1) -> Grid:
    """The median of a day and of those `step`, 2 x `step`, … days before it, `window` days in all.

    With a step of 7: of the same weekday of `window` weeks.
    """
    found = np.full_like(values, np.nan)
    for phase in range(min(step, values.shape[1])):
        found[:, phase::step] = median_of(np.ascontiguousarray(values[:, phase::step]), window, least)
    return found


def count_of_every(values: Grid, step: int, window: int) -> Grid:
    """How many of the days of `median_of_every` exist."""
    there = (~np.isnan(values)).astype(values.dtype)
    found = np.zeros_like(values)
    for phase in range(min(step, values.shape[1])):
        found[:, phase::step] = _padded(bn.move_sum, np.ascontiguousarray(there[:, phase::step]), window, 1)
    return found


def _padded(move: Callable[..., Grid], values: Grid, window: int, least: int) -> Grid:
    """A moving function that takes histories shorter than its window."""
    short = window - values.shape[1]
    if short > 0:
        values = np.concatenate([np.full((len(values), short), np.nan, values.dtype), values], axis=1)
    found = move(values, window, min_count=least, axis=1)
    return found[:, max(short, 0) :]
