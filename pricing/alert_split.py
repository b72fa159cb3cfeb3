"""An episode's impact taken apart exactly: by driver, and by customer, model, feature and API key; each list sums to it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import polars as pl

from pricing.alert_explanation import Part
from pricing.cost_drivers import DRIVERS, EFFECT_PARTS, Cell, Effects, PricedUsage, cell, effects
from pricing.margin_bridge import whole_parts
from pricing.money import allocate
from pricing.usage import BUCKETS, INPUT_BUCKETS, OUTPUT_BUCKETS

# The usual days are scaled to what was expected; so fine that a model's few requests do not become none.
SCALE = 10**12
# So many customers are taken apart one by one, those who moved most; the others together are one.
TAKEN_APART = 50
SHOWN = 6
OTHERS = "the others"
USED_SCHEMA: dict[str, Any] = {
    "customer_id": pl.String(),
    "model": pl.String(),
    "feature": pl.String(),
    "price_id": pl.Int64(),
    "requests": pl.Int64(),
    **{bucket: pl.Int64() for bucket in BUCKETS if bucket != "requests"},
    # 38 digits: a company's days exceed 64 bits.
    "cost_pico_usd": pl.Int128(),
}
Prices = Mapping[int, Mapping[str, int | None]]
Sums = Mapping[str | None, int]


@dataclass(frozen=True, slots=True)
class Moved:
    """What one name cost in the episode and in the days that it is compared with, in pico-USD."""

    episode: Sums
    baseline: Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """An impact in pico-USD and what it is made of. `drivers` follow DRIVERS; each of the others sums to the impact as they do.

    `causes` are the effects by (driver, model). `answers` are models whose answers, rather than prompts, moved most.
    """

    impact_pico_usd: int
    drivers: tuple[int, ...]
    causes: Mapping[tuple[str, str], int]
    answers: frozenset[str]
    customers: Sums
    models: Sums
    features: Sums


def split(episode: pl.DataFrame, baseline: pl.DataFrame, expected_pico_usd: int, prices: Prices) -> Split:
    """Take apart what the priced usage of `episode` (USED_SCHEMA) cost beyond `expected_pico_usd`.

    The usage of `baseline` is scaled to the expected amount. Without any, what was expected is taken to be of the episode's own
    kind, so that everything is volume.
    """
    sums = {name: moved(episode, baseline, name) for name in ("customer_id", "model", "feature")}
    impact = sum(sums["model"].episode.values()) - expected_pico_usd
    by_model, answers = _effects_by_model(episode, baseline, expected_pico_usd, prices)
    parts = {
        (driver, model): Fraction(units, EFFECT_PARTS * SCALE)
        for model, added in by_model.items()
        for driver, units in zip(DRIVERS, added, strict=True)
    }
    drivers = [sum((part for key, part in parts.items() if key[0] == driver), Fraction(0)) for driver in DRIVERS]
    if not any(drivers):
        # Nothing was used, then or now: what did not come is volume.
        drivers[0] = Fraction(impact)
    return Split(
        impact_pico_usd=impact,
        drivers=tuple(whole_parts(drivers, impact)),
        causes={key: round(part) for key, part in parts.items() if part},
        answers=answers,
        customers=excess(sums["customer_id"], expected_pico_usd),
        models=excess(sums["model"], expected_pico_usd),
        features=excess(sums["feature"], expected_pico_usd),
    )


def moved(episode: pl.DataFrame, baseline: pl.DataFrame, name: str) -> Moved:
    """The cost by one column of USED_SCHEMA."""
    return Moved(
        *(
            {key: int(cost) for key, cost in frame.group_by(name).agg(pl.col("cost_pico_usd").sum()).iter_rows()}
            for frame in (episode, baseline)
        )
    )


def excess(sums: Moved, expected_pico_usd: int) -> dict[str | None, int]:
    """What each name adds to the impact: its cost less its part of what was expected, which goes by the days before. Sums exactly."""
    weights = sums.baseline if sum(sums.baseline.values()) > 0 else sums.episode
    names = sorted(weights, key=lambda name: name or "")
    usual = _allocated(expected_pico_usd, [weights[name] for name in names])
    before: dict[str | None, int] = dict(zip(names, usual, strict=True)) if names else {None: expected_pico_usd}
    every = sorted(sums.episode.keys() | before.keys(), key=lambda name: name or "")
    return {name: sums.episode.get(name, 0) - before.get(name, 0) for name in every}


def _allocated(total: int, weights: Sequence[int]) -> list[int]:
    """In proportion to the weights; evenly where all of them are nothing."""
    kept = [max(0, weight) for weight in weights]
    return allocate(total, kept if any(kept) else [1] * len(kept)) if kept else []


def _effects_by_model(
    episode: pl.DataFrame, baseline: pl.DataFrame, expected: int, prices: Prices
) -> tuple[dict[str, Effects], frozenset[str]]:
    """The drivers' effects by model over all customers, in 1/(EFFECT_PARTS x SCALE) pico-USD."""
    apart = _taken_apart(episode, baseline, expected)
    after, before = (_cells(frame, apart, prices) for frame in (episode, baseline))
    if not any(each.cost_pico_usd for models in before.values() for each in models.values()):
        before = after
    usual = _scaled(before, expected)
    actual = {
        customer: {model: _times(each, SCALE, 1, each.cost_pico_usd * SCALE) for model, each in models.items()}
        for customer, models in after.items()
    }
    found: dict[str, Effects] = {}
    longer: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for customer in sorted(usual.keys() | actual.keys()):
        old, new = usual.get(customer, {}), actual.get(customer, {})
        for model, added in effects(old, new).items():
            found[model] = found.get(model, Effects()).plus(added)
            if model in old and model in new:
                for side, buckets in enumerate((INPUT_BUCKETS, OUTPUT_BUCKETS)):
                    longer[model][side] += _longer(old[model], new[model], buckets)
    return found, frozenset(model for model, (asked, told) in longer.items() if abs(told) > abs(asked))


def _taken_apart(episode: pl.DataFrame, baseline: pl.DataFrame, expected: int) -> pl.DataFrame:
    """(customer_id, who): those who moved most have a name of their own, all others share one."""
    by = excess(moved(episode, baseline, "customer_id"), expected)
    ranked = sorted(by, key=lambda name: (-abs(by[name]), name or ""))
    who = [str(place) if place < TAKEN_APART else OTHERS for place in range(len(ranked))]
    return pl.DataFrame({"customer_id": ranked, "who": who}, schema={"customer_id": pl.String(), "who": pl.String()})


def _cells(frame: pl.DataFrame, apart: pl.DataFrame, prices: Prices) -> dict[str, dict[str, Cell]]:
    quantities = [bucket for bucket in BUCKETS if bucket != "requests"]
    rows = (
        frame.join(apart, on="customer_id", how="left", nulls_equal=True)
        .group_by("who", "model", "price_id")
        .agg(pl.col("requests", "cost_pico_usd", *quantities).sum())
        .sort("who", "model", "price_id")
    )
    used: dict[str, dict[str, list[PricedUsage]]] = defaultdict(lambda: defaultdict(list))
    for who, model, price_id, requests, cost, *counts in rows.iter_rows():
        found = {name: count for name, count in zip(quantities, counts, strict=True) if count}
        found["requests"] = requests
        used[who][model].append(PricedUsage(requests, found, prices.get(price_id), int(cost)))
    return {who: {model: cell(usages) for model, usages in models.items()} for who, models in used.items()}


def _scaled(cells: Mapping[str, Mapping[str, Cell]], expected: int) -> dict[str, dict[str, Cell]]:
    """The cells as large as was expected, SCALE times over; their costs sum to the expected amount exactly."""
    named = [(who, model, each) for who, models in cells.items() for model, each in models.items()]
    costs = _allocated(expected * SCALE, [each.cost_pico_usd for _, _, each in named])
    total = sum(each.cost_pico_usd for _, _, each in named)
    scaled: dict[str, dict[str, Cell]] = defaultdict(dict)
    for (who, model, each), cost in zip(named, costs, strict=True):
        scaled[who][model] = _times(each, expected * SCALE, total, cost) if total else each._replace(cost_pico_usd=cost)
    return scaled


def _times(each: Cell, numerator: int, denominator: int, cost_pico_usd: int) -> Cell:
    """A cell with its quantities multiplied, at the same prices."""
    quantities = {bucket: quantity * numerator // denominator for bucket, quantity in each.quantities.items()}
    return Cell(each.requests * numerator // denominator, quantities, each.prices, cost_pico_usd)


def _longer(old: Cell, new: Cell, buckets: Sequence[str]) -> int:
    """What the units of a request that were added cost at today's prices, over all of today's requests."""
    if not old.requests:
        return 0
    return sum(
        (new.quantities.get(bucket, 0) - old.quantities.get(bucket, 0) * new.requests // old.requests)
        * (new.prices.get(bucket) or 0)
        for bucket in buckets
    )


def shown(
    sums: Sums,
    labels: Mapping[str | None, str],
    impact_minor: int | None,
    minor_per_pico_usd: Fraction | None,
    *,
    keeps_all: bool = False,
) -> tuple[Part, ...]:
    """The largest lines of a list and all the others as one, with whole minor units that sum to the shown impact.

    A name that moved nothing is left out, unless it is the only one or the list `keeps_all`.
    """
    ranked = sorted(sums.items(), key=lambda each: (-abs(each[1]), each[0] or ""))
    kept = ranked if keeps_all else [each for each in ranked if each[1]] or ranked[:1]
    lines = [(name, labels.get(name, name or ""), amount) for name, amount in kept[:SHOWN]]
    rest = kept[SHOWN:]
    if rest:
        lines.append((None, f"{OTHERS} ({len(rest)})", sum(amount for _, amount in rest)))
    minors = minor_parts([amount for _, _, amount in lines], impact_minor, minor_per_pico_usd)
    return tuple(
        Part(name=name, label=label, pico_usd=amount, minor=minor)
        for (name, label, amount), minor in zip(lines, minors, strict=True)
    )


def minor_parts(
    parts_pico_usd: Sequence[int], impact_minor: int | None, minor_per_pico_usd: Fraction | None
) -> list[int | None]:
    """Parts in whole minor units that sum to the shown impact (largest remainder); None for all where there is no rate."""
    if impact_minor is None or minor_per_pico_usd is None or not parts_pico_usd:
        return [None] * len(parts_pico_usd)
    return list(whole_parts([part * minor_per_pico_usd for part in parts_pico_usd], impact_minor))
