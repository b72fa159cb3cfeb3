"""A second made-up world for the spike benchmark, rougher than the first: other noise, other calendars, and anomalies of all sizes.

It shares no random rule with the first, so that a limit that fits one world by chance is found out by the other.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.spike_worlds import DAYS, WARM_UP_DAYS, World, cost_of, frame

Floats = NDArray[np.float64]
MODELS = ("large", "middle", "small")
FIND_WITHIN, WAKE_DAYS = 7, 30


@dataclass
class _Life:
    """One series as it is made: expected requests a day, tokens per request, and its first day."""

    volume: Floats
    per_request: Floats
    first: int


def make_rough_world(seed: int, series: int, anomaly_share: float = 0.25) -> World:
    """A world in which a quarter of the series have one anomaly; the same seed makes the same world."""
    random = np.random.default_rng((seed, 77))
    requests, tokens_in, tokens_out = (np.zeros((series, DAYS)) for _ in range(3))
    in_use, aftermath = (np.zeros((series, DAYS), dtype=bool) for _ in range(2))
    models = random.choice(MODELS, series, p=(0.3, 0.4, 0.3))
    anomalies: list[tuple[int, str, int, int]] = []
    shared = _shared_days(random)
    for row in range(series):
        life = _life(random, shared)
        in_use[row, life.first :] = True
        if random.random() < anomaly_share and life.first < DAYS - 120:
            at = int(random.integers(max(WARM_UP_DAYS, life.first + 30), DAYS - 45))
            kind = str(random.choice(list(KINDS)))
            until, after = KINDS[kind](random, life, at)
            anomalies.append((row, kind, at, until))
            aftermath[row, at : after + 1] = True
        # More spread than a Poisson's: calls come in bursts.
        mean = np.maximum(life.volume, 0) * in_use[row]
        requests[row] = random.poisson(mean * random.gamma(25, 1 / 25, DAYS))
        size = random.lognormal(7, 0.9)
        tokens_in[row] = np.rint(requests[row] * size * life.per_request)
        tokens_out[row] = np.rint(requests[row] * size * random.uniform(0.05, 0.5) * np.sqrt(life.per_request))
    cost = cost_of(models, tokens_in, tokens_out)
    usage = frame(models, in_use, requests, tokens_in, tokens_out, cost)
    return World(usage, series, anomalies, in_use, aftermath, cost)


def _shared_days(random: np.random.Generator) -> Floats:
    """What all customers do: two weeks of holidays, single days off, and two outages."""
    factor = np.ones(DAYS)
    at = int(random.integers(100, DAYS - 40))
    factor[at : at + 14] = np.linspace(0.75, 0.55, 14)
    factor[random.integers(0, DAYS, 5)] *= random.uniform(0.6, 0.9, 5)
    factor[random.integers(0, DAYS, 2)] *= random.uniform(0.2, 0.6, 2)
    return factor


def _life(random: np.random.Generator, shared: Floats) -> _Life:
    """A customer's usual use of a model, which nothing in it is an alert for."""
    days = np.arange(DAYS)
    # A level that wanders, and the day's noise on it: Laplace, correlated, with a rare large day.
    level = np.cumsum(random.laplace(0, random.uniform(0.002, 0.012), DAYS))
    noise = random.laplace(0, random.uniform(0.04, 0.16), DAYS)
    kept = random.uniform(0.1, 0.6)
    for day in range(1, DAYS):
        noise[day] += kept * noise[day - 1]
    rare = (random.random(DAYS) < 0.008) * random.exponential(0.6, DAYS)
    weekday = np.exp(random.normal(0, 0.08, 7))
    weekday[5:] *= random.beta(2, 1.5)
    volume = random.lognormal(5.3, 1.3) * np.exp(level + noise + rare) * weekday[days % 7]
    volume *= shared ** random.uniform(0.3, 1.3)
    volume *= np.exp(days / 365 * random.normal(0.3, 0.6))
    first = 0 if random.random() < 0.55 else int(random.integers(0, 300))
    if random.random() < 0.3:
        # A launch: from a trickle to its level over some weeks.
        volume *= 0.05 + 0.95 / (1 + np.exp(-(days - first - random.uniform(10, 50)) / random.uniform(3, 12)))
    _batches(random, volume, days)
    if random.random() < 0.15:
        volume *= _on_and_off(random)
    per_request = np.exp(np.cumsum(random.normal(0, 0.006, DAYS)) + random.laplace(0, 0.04, DAYS))
    return _Life(volume, per_request, first)


def _batches(random: np.random.Generator, volume: Floats, days: NDArray[np.int64]) -> None:
    """Work that comes on one weekday, on one day of the month, or at the month's end."""
    chance = random.random()
    if chance < 0.1:
        volume[days % 7 == int(random.integers(0, 7))] *= random.uniform(1.5, 8)
    elif chance < 0.22:
        month = (np.floor(days / 30.44)).astype(int)
        starts = np.flatnonzero(np.diff(month, prepend=-1))
        at = starts + int(random.integers(0, 28)) + random.integers(-1, 2, len(starts))
        volume[at[at < DAYS]] *= random.uniform(2, 10)
    elif chance < 0.3:
        month_end = np.flatnonzero(np.diff(np.floor(days / 30.44)))
        for back in range(3):
            volume[np.maximum(month_end - back, 0)] *= random.uniform(1.3, 3)


def _on_and_off(random: np.random.Generator) -> Floats:
    """Used in stretches of days, with gaps of days between them."""
    used, is_on, day = np.zeros(DAYS), True, 0
    on, off = random.uniform(1, 6), random.uniform(2, 9)
    while day < DAYS:
        run = 1 + int(random.exponential(on if is_on else off))
        used[day : day + run] = is_on
        is_on, day = not is_on, day + run
    return used


def _times(life: _Life, at: int, days: int, factor: Floats | np.float64) -> tuple[int, int]:
    span = slice(at, min(at + days, DAYS))
    life.volume[span] *= factor[: span.stop - at] if isinstance(factor, np.ndarray) else factor
    return min(at + FIND_WITHIN, DAYS - 1), min(at + days + WAKE_DAYS, DAYS - 1)


def _one_day(random: np.random.Generator, life: _Life, at: int) -> tuple[int, int]:
    until, after = _times(life, at, 1, np.float64(random.uniform(2.5, 12)))
    return min(at + 1, until), after


def _some_days(random: np.random.Generator, life: _Life, at: int) -> tuple[int, int]:
    return _times(life, at, int(random.integers(2, 6)), np.float64(random.uniform(1.8, 6)))


def _new_level(random: np.random.Generator, life: _Life, at: int) -> tuple[int, int]:
    return _times(life, at, int(random.integers(21, 120)), np.float64(random.uniform(1.4, 4)))


def _slow_rise(random: np.random.Generator, life: _Life, at: int) -> tuple[int, int]:
    rise = np.geomspace(1, random.uniform(1.8, 4), 35)
    return min(at + 28, DAYS - 1), _times(life, at, 35, rise)[1]


def _longer_prompts(random: np.random.Generator, life: _Life, at: int) -> tuple[int, int]:
    days = int(random.integers(14, 90))
    life.per_request[at : at + days] *= random.uniform(1.2, 3)
    return min(at + FIND_WITHIN, DAYS - 1), min(at + days + WAKE_DAYS, DAYS - 1)


def _nothing_metered(random: np.random.Generator, life: _Life, at: int) -> tuple[int, int]:
    return _times(life, at, int(random.integers(1, 5)), np.float64(random.uniform(0, 0.08)))


KINDS: dict[str, Callable[[np.random.Generator, _Life, int], tuple[int, int]]] = {
    "one day": _one_day,
    "some days": _some_days,
    "new level": _new_level,
    "slow rise": _slow_rise,
    "longer prompts": _longer_prompts,
    "nothing metered": _nothing_metered,
}
