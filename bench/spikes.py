"""Finding spikes: precision, recall, delay and false alerts beside the rules that rivals use, on the same series in the same run."""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bench.spike_worlds import WARM_UP_DAYS, World, make_world
from bench.spike_worlds_rough import make_rough_world
from pipelines.find_spikes import find_spikes
from pricing.anomaly_detector import judge
from pricing.anomaly_windows import Grid, lagged, mean_of

RESULTS = Path(__file__).parent / "results" / "spikes.json"
SEEDS = (1, 2, 3)
SERIES = 1_500
MERGE_DAYS = 7
MATERIAL_USD = 0.25
SPEED_SERIES, SPEED_DAYS = 10_000, 400


@dataclass(frozen=True)
class Measure:
    """What a method's alerts are worth. An alert day in an anomaly's window finds it; one in nobody's wake is false."""

    method: str
    precision: float
    recall: float
    f1: float
    delay_days: float
    false_per_1000_series_days: float
    found_by_kind: dict[str, float]


def ours(world: World) -> NDArray[np.bool_]:
    """`metering spikes` on the export of the world."""
    with tempfile.TemporaryDirectory(prefix="bench-spikes-") as folder:
        file = Path(folder) / "usage.parquet"
        world.usage.write_parquet(file)
        rows = find_spikes(file).rows
    flags = np.zeros(world.cost.shape, dtype=bool)
    flags[rows["series_id"].to_numpy(), rows["day"].to_numpy()] = True
    return flags


def times_average(times: float) -> Callable[[World], NDArray[np.bool_]]:
    """Cost above a multiple of the mean of the 28 days before."""

    def rule(world: World) -> NDArray[np.bool_]:
        return _cost(world) > times * lagged(mean_of(_cost(world), 28, 14), 1)

    return rule


def z_score(limit: float) -> Callable[[World], NDArray[np.bool_]]:
    """Cost more than `limit` standard deviations of the 28 days before off their mean."""

    def rule(world: World) -> NDArray[np.bool_]:
        cost = _cost(world)
        mean = lagged(mean_of(cost, 28, 14), 1)
        spread = np.sqrt(np.maximum(lagged(mean_of(cost**2, 28, 14), 1) - mean**2, 0))
        return np.abs(cost - mean) > limit * (spread + 0.02)

    return rule


METHODS: dict[str, Callable[[World], NDArray[np.bool_]]] = {
    "metering spikes": ours,
    "cost > 2 x mean of 28 days": times_average(2.0),
    "cost > 3 x mean of 28 days": times_average(3.0),
    "z > 2.5 over 28 days": z_score(2.5),
}


WORLDS: dict[str, Callable[[int, int], World]] = {"first": make_world, "rough": make_rough_world}


def _cost(world: World) -> Grid:
    return np.where(world.in_use, world.cost, np.nan)


def score(method: str, flags: NDArray[np.bool_], world: World) -> Measure:
    """Judge alert days that are in use, past the warm-up and worth 25 cents; days at most a week apart are one incident."""
    recent = lagged(mean_of(_cost(world), 28, 1), 1)
    counted = world.in_use & (np.fmax(world.cost, np.nan_to_num(recent)) >= MATERIAL_USD)
    counted[:, :WARM_UP_DAYS] = False
    flags = flags & counted
    # What is never worth 25 cents a day is nothing to be found.
    anomalies = [one for one in world.anomalies if counted[one[0], one[2] : one[3] + 1].any()]
    window = np.zeros_like(flags)
    for row, _, first, last in anomalies:
        window[row, first : last + 1] = True
    true = false = 0
    for row in range(world.series):
        days = np.flatnonzero(flags[row])
        for incident in np.split(days, np.flatnonzero(np.diff(days) > MERGE_DAYS) + 1) if len(days) else []:
            if window[row, incident].any():
                true += 1
            elif not world.aftermath[row, incident[0]]:
                false += 1
    delays: dict[str, list[float]] = {}
    for row, kind, first, last in anomalies:
        hits = np.flatnonzero(flags[row, first : last + 1])
        delays.setdefault(kind, []).append(float(hits[0]) if len(hits) else np.nan)
    every = np.concatenate([np.array(each) for each in delays.values()])
    precision, recall = true / max(true + false, 1), float((~np.isnan(every)).mean())
    return Measure(
        method,
        precision,
        recall,
        2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        float(np.nanmean(every)) if recall else float("nan"),
        1000 * false / int((counted & ~world.aftermath).sum()),
        {kind: float((~np.isnan(np.array(each))).mean()) for kind, each in sorted(delays.items())},
    )


def speed(seed: int) -> dict[str, float]:
    """Wall and CPU seconds to judge 10,000 series of 400 days."""
    random = np.random.default_rng(seed)
    requests = random.poisson(random.lognormal(4, 1, (SPEED_SERIES, 1)), (SPEED_SERIES, SPEED_DAYS)).astype(np.float64)
    cost = requests * random.lognormal(-4, 0.1, requests.shape)
    wall, cpu = time.perf_counter(), time.process_time()
    judge(cost, requests)
    return {"wall_seconds": round(time.perf_counter() - wall, 2), "cpu_seconds": round(time.process_time() - cpu, 2)}


def run(seeds: tuple[int, ...], series: int) -> dict[str, object]:
    """Every method on the worlds of all seeds, of both makes, and the speed."""
    rows: list[dict[str, object]] = []
    found_by_kind: dict[str, dict[str, float]] = {}
    anomalies = 0
    for make_of, make in WORLDS.items():
        worlds = [make(seed, series) for seed in seeds]
        anomalies += sum(len(world.anomalies) for world in worlds)
        for method, rule in METHODS.items():
            found = [score(method, rule(world), world) for world in worlds]
            mean = {name: round(float(np.mean([getattr(one, name) for one in found])), 2) for name in _FIGURES}
            rows.append({"method": method, "world": make_of, **mean})
            if rule is ours:
                kinds = found[0].found_by_kind
                found_by_kind[make_of] = {
                    kind: round(float(np.mean([one.found_by_kind[kind] for one in found])), 2) for kind in kinds
                }
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "worlds": len(seeds) * len(WORLDS),
            "series_each": series,
            "anomalies": anomalies,
            "load_1_minute": round(os.getloadavg()[0], 1),
            "cores": os.cpu_count(),
            **{f"10000_series_of_400_days_{name}": value for name, value in speed(seeds[0]).items()},
        },
        "measures": rows,
        "found_by_kind": found_by_kind,
    }


_FIGURES = ("precision", "recall", "f1", "delay_days", "false_per_1000_series_days")


def show(console: Console, result: dict[str, object]) -> None:
    """The methods side by side."""
    measures, machine = result["measures"], result["machine"]
    assert isinstance(measures, list)
    assert isinstance(machine, dict)
    table = Table(
        title=f"{machine['anomalies']} anomalies in {machine['worlds']} x {machine['series_each']} series, 400 days"
    )
    for heading in ("method", "world", "precision", "recall", "F1", "delay, days", "false per 1,000 series-days"):
        table.add_column(heading, justify="left" if heading in {"method", "world"} else "right")
    for one in measures:
        table.add_row(*(str(value) for value in one.values()))
    console.print(table)
    console.print("found by kind:", result["found_by_kind"])
    console.print(machine)


def main() -> int:
    """Measure, print and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=SERIES)
    options = parser.parse_args()
    result = run(SEEDS, options.series)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    show(Console(), result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
