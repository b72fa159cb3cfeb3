"""Made-up customers for the spike benchmark: daily usage with the noise of real services, and what was done to it."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

DAYS = 400
WARM_UP_DAYS = 60
# Dollars per million tokens in and out, and from which day on another price holds.
MODELS = {
    "large": ((3.0, 15.0), {250: (2.0, 10.0)}),
    "middle": ((1.0, 5.0), {}),
    "small": ((0.25, 1.25), {180: (0.3, 1.5)}),
}
KINDS = ("spike", "level_shift", "longer_prompts", "ramp", "drop", "wake")


@dataclass(frozen=True)
class World:
    """Daily usage of many series, and the anomalies in it: (series, first day, last day on which finding it still counts)."""

    usage: pl.DataFrame
    series: int
    anomalies: list[tuple[int, str, int, int]]
    in_use: NDArray[np.bool_]
    aftermath: NDArray[np.bool_]
    cost: NDArray[np.float64]


def make_world(seed: int, series: int, anomaly_share: float = 0.2) -> World:
    """A world in which `anomaly_share` of the series have one anomaly; the same seed makes the same world."""
    random = np.random.default_rng(seed)
    requests, tokens_in, tokens_out = (np.zeros((series, DAYS)) for _ in range(3))
    in_use = np.zeros((series, DAYS), dtype=bool)
    aftermath = np.zeros((series, DAYS), dtype=bool)
    models = random.choice(list(MODELS), series)
    anomalies: list[tuple[int, str, int, int]] = []
    all_did = _what_all_did(random)
    for row in range(series):
        first = 0 if random.random() < 0.6 else int(random.integers(0, 260))
        in_use[row, first:] = True
        is_sparse = random.random() < 0.12
        volume = _volume(random, is_sparse=is_sparse) * all_did
        per_request = np.exp(np.cumsum(random.normal(0, 0.008, DAYS)) + random.standard_t(5, DAYS) * 0.03)
        if random.random() < anomaly_share:
            done = _do(random, volume, per_request, first, is_sparse=is_sparse)
            if done is not None:
                kind, at, until, after = done
                anomalies.append((row, kind, at, until))
                aftermath[row, at : after + 1] = True
        requests[row] = random.poisson(np.maximum(volume, 0)) * in_use[row]
        size = random.lognormal(6.5, 0.7)
        tokens_in[row] = np.rint(requests[row] * size * per_request)
        tokens_out[row] = np.rint(requests[row] * size * 0.3 * np.sqrt(per_request))
    cost = cost_of(models, tokens_in, tokens_out)
    return World(
        frame(models, in_use, requests, tokens_in, tokens_out, cost), series, anomalies, in_use, aftermath, cost
    )


def _what_all_did(random: np.random.Generator) -> NDArray[np.float64]:
    """Holidays: on a few days everybody uses less."""
    factor = np.ones(DAYS)
    factor[random.integers(0, DAYS, 6)] = random.uniform(0.5, 0.8, 6)
    return factor


def _volume(random: np.random.Generator, *, is_sparse: bool) -> NDArray[np.float64]:
    """Expected requests a day: growth, weekdays, correlated and heavy-tailed noise, busy weeks, monthly batches, quiet days."""
    days = np.arange(DAYS)
    noise = np.zeros(DAYS)
    jolts = random.standard_t(3.5, DAYS) * random.uniform(0.05, 0.16)
    for day in range(1, DAYS):
        noise[day] = 0.45 * noise[day - 1] + jolts[day]
    level = random.lognormal(5.0, 1.2) * np.exp(days / 7 * random.normal(0.004, 0.012))
    weekend = random.uniform(0.35, 1.05)
    volume = level * np.where(days % 7 >= 5, weekend, 1.0) * np.exp(noise)
    if random.random() < 0.2:
        volume[days % 30 == int(random.integers(0, 28))] *= random.uniform(1.5, 4.0)
    for _ in range(int(random.integers(0, 3))):
        at = int(random.integers(0, DAYS - 7))
        volume[at : at + 7] *= random.uniform(1.1, 1.5)
    if is_sparse:
        volume *= random.random(DAYS) < random.uniform(0.15, 0.6)
    return volume


def _do(
    random: np.random.Generator,
    volume: NDArray[np.float64],
    per_request: NDArray[np.float64],
    first: int,
    *,
    is_sparse: bool,
) -> tuple[str, int, int, int] | None:
    """Put one anomaly into a series: its kind, first day, last day to find it on, and the end of its wake."""
    earliest = max(WARM_UP_DAYS, first + 30)
    if earliest > DAYS - 40:
        return None
    at = int(random.integers(earliest, DAYS - 40))
    kind = "wake" if is_sparse else str(random.choice(KINDS[:-1], p=(0.3, 0.27, 0.2, 0.11, 0.12)))
    days, found_within = 0, 6
    if kind == "spike":
        days = int(random.integers(1, 4))
        volume[at : at + days] *= random.uniform(1.8, 6.0)
    elif kind == "level_shift":
        days = int(random.integers(21, 60))
        volume[at : at + days] *= random.uniform(1.5, 3.5)
    elif kind == "longer_prompts":
        days = int(random.integers(14, 60))
        per_request[at : at + days] *= random.uniform(1.25, 2.5)
    elif kind == "ramp":
        days, found_within = 42, 28
        volume[at : at + days] *= np.exp(np.linspace(0, np.log(random.uniform(2.0, 4.0)), min(days, DAYS - at)))
    elif kind == "drop":
        days = int(random.integers(1, 5))
        volume[at : at + days] *= random.uniform(0.0, 0.05)
    else:
        days = int(random.integers(14, 40))
        usual = volume[volume > 0].mean() if (volume > 0).any() else 1.0
        volume[at : at + days] = (
            usual * random.uniform(1.2, 3.0) * np.exp(random.normal(0, 0.2, len(volume[at : at + days])))
        )
    return kind, at, min(at + found_within, DAYS - 1), min(at + days + 30, DAYS - 1)


def cost_of(
    models: NDArray[np.str_], tokens_in: NDArray[np.float64], tokens_out: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Dollars to six decimals, at the price that holds on each day."""
    cost = np.zeros_like(tokens_in)
    for name, (price, changes) in MODELS.items():
        rows = models == name
        for start, (price_in, price_out) in sorted({0: price, **changes}.items()):
            cost[rows, start:] = (tokens_in[rows, start:] * price_in + tokens_out[rows, start:] * price_out) / 1e6
    return np.round(cost, 6)


def frame(models: NDArray[np.str_], in_use: NDArray[np.bool_], *grids: NDArray[np.float64]) -> pl.DataFrame:
    """The usage as an export has it: one row per series and day in use."""
    series, day = np.nonzero(in_use)
    requests, tokens_in, tokens_out, cost = (grid[series, day] for grid in grids)
    return pl.DataFrame(
        {
            "series_id": series,
            "customer_id": [f"customer {row}" for row in series],
            "model": models[series],
            "day": day,
            "requests": requests.astype(np.int64),
            "input_tokens": tokens_in.astype(np.int64),
            "output_tokens": tokens_out.astype(np.int64),
            "cost_usd": cost,
        }
    )
