"""Usage by day as series that can be judged: consecutive days, zero where nothing was used, at prices that do not change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pricing.anomaly_windows import Grid

# A model's prices are those of its first days, so that a later change of price is not taken for usage, nor looked ahead to.
FIRST_DAYS = 14
PICO = 1e12


@dataclass(frozen=True, slots=True)
class UsageSeries:
    """One row per series: `keys` names them, the grids are (series, days) from `first_day` on.

    `fixed_cost` is in dollars at each model's first prices, `requests` are counts; both are NaN before a series began, after it
    ended, and on days of which no series at all has anything, for then the data are late. `cost_pico_usd` is what was paid, and
    `place` the row of the usage behind each cell, -1 where there is none. `unit_dollars` are the first prices, (series, quantities).
    """

    keys: pl.DataFrame
    first_day: date
    fixed_cost: Grid
    requests: Grid
    cost_pico_usd: NDArray[np.int64]
    place: NDArray[np.int64]
    unit_dollars: Grid

    def day(self, number: int) -> date:
        """The date of a column."""
        return self.first_day + timedelta(days=number)


def usage_series(usage: pl.DataFrame, keys: Sequence[str], quantities: Sequence[str]) -> UsageSeries:
    """Series of `usage`: the columns `keys` (one of them `model`), `day` (Date), `requests`, `quantities`, `cost_pico_usd`.

    One row a series and day. Days without a row are days without usage while the series lasts; where the source writes rows of
    zeros it says itself how long a series lasts, otherwise it lasts to the end.
    """
    named = usage.select(keys).unique(maintain_order=True).with_row_index("series")
    rows = usage.with_row_index("place").join(named, on=list(keys), maintain_order="left", nulls_equal=True)
    first_day = rows["day"].min()
    assert isinstance(first_day, date), "usage without a day is refused where it is read"
    last_day = rows["day"].max()
    assert isinstance(last_day, date), "as above"
    shape = (named.height, (last_day - first_day).days + 1)
    series = rows["series"].to_numpy()
    day = (rows["day"] - first_day).dt.total_days().to_numpy()
    place = np.full(shape, -1, dtype=np.int64)
    place[series, day] = rows["place"].to_numpy()
    lives = _lives(place, says_zero=bool((usage["requests"] == 0).any()))
    cost = np.zeros(shape, dtype=np.int64)
    cost[series, day] = rows["cost_pico_usd"].to_numpy()
    unit_dollars = _first_prices(rows, quantities, named.height)
    used = rows.select(quantities).cast(pl.Float64).to_numpy()
    return UsageSeries(
        keys=named.drop("series"),
        first_day=first_day,
        fixed_cost=_grid(lives, series, day, (used * unit_dollars[series]).sum(axis=1)),
        requests=_grid(lives, series, day, rows["requests"].cast(pl.Float64).to_numpy()),
        cost_pico_usd=cost,
        place=place,
        unit_dollars=unit_dollars,
    )


def _lives(place: NDArray[np.int64], *, says_zero: bool) -> NDArray[np.bool_]:
    """Where a series is in use: from its first row to its last, or to the end; never on a day that nobody has a row of."""
    there = place >= 0
    lives = np.logical_or.accumulate(there, axis=1)
    if says_zero:
        lives &= np.logical_or.accumulate(there[:, ::-1], axis=1)[:, ::-1]
    lives &= there.any(axis=0)
    return lives


def _grid(lives: NDArray[np.bool_], series: NDArray[np.int64], day: NDArray[np.int64], values: Grid) -> Grid:
    grid = np.where(lives, 0.0, np.nan)
    grid[series, day] = values
    return grid


def _first_prices(rows: pl.DataFrame, quantities: Sequence[str], number: int) -> Grid:
    """Each series' prices per unit in dollars: those of its model's first days."""
    prices = np.zeros((number, len(quantities)))
    first = pl.col("day").min().over("model")
    early = rows.filter(pl.col("day") < first + pl.duration(days=FIRST_DAYS))
    of_model = dict(rows.group_by("model").agg(pl.col("series").unique()).iter_rows())
    for (model,), part in early.group_by("model", maintain_order=True):
        used = part.select(quantities).cast(pl.Float64).to_numpy()
        prices[of_model[model]] = _unit_prices(used, part["cost_pico_usd"].to_numpy() / PICO)
    return prices


def _unit_prices(used: Grid, cost: Grid) -> Grid:
    """The prices per unit that explain the cost (least squares); one price for all units where that gives a negative one."""
    sizes = np.maximum(used.max(axis=0, initial=0.0), 1.0)
    prices: Grid = np.linalg.lstsq(used / sizes, cost, rcond=None)[0] / sizes
    if (prices < 0).any() or not np.isfinite(prices).all():
        units = used.sum()
        return np.full(used.shape[1], cost.sum() / units if units else 0.0)
    return prices
