"""Explanations a second time, the slow and plain way: exact fractions, every order in which the drivers may change, call by call."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import permutations, product

from tests.pricing.explained_company import PRICES, Calls

DRIVERS = ("usage_volume", "model_mix", "tokens_per_request", "cache_rate", "token_price")
INPUTS = ("input_uncached_tokens", "cache_read_tokens")
BUCKETS = (*INPUTS, "output_text_tokens")


class Model:
    """One customer's use of one model: requests, units of a request, the cache's share of its input, and prices by unit."""

    def __init__(self, calls: Sequence[Calls], times: Fraction) -> None:
        counts = {bucket: Fraction(sum(each.tokens[bucket] for each in calls)) for bucket in BUCKETS}
        made = sum(each.requests for each in calls)
        inputs = sum(counts[bucket] for bucket in INPUTS)
        self.requests = made * times
        self.size = {bucket: counts[bucket] / made for bucket in BUCKETS} if made else {}
        self.share = {bucket: counts[bucket] / inputs for bucket in INPUTS} if inputs else None
        self.price = {}
        for bucket in BUCKETS:
            weights = [each.tokens[bucket] if counts[bucket] else each.requests for each in calls]
            worth = sum(
                weight * (PRICES[each.price_id][bucket] or 0) for weight, each in zip(weights, calls, strict=True)
            )
            self.price[bucket] = Fraction(worth, sum(weights)) if sum(weights) else Fraction(0)


def drivers(before: Sequence[Calls], now: Sequence[Calls], expected: int) -> dict[str, Fraction]:
    """What each driver adds to the cost: the mean over the 120 orders in which the five can change, customer by customer."""
    usual = sum(each.cost for each in before)
    if not usual:
        before, usual = now, sum(each.cost for each in now)
    times = Fraction(expected, usual) if usual else Fraction(0)
    moved = [Fraction(0)] * 5
    for customer in {each.customer for each in (*before, *now)}:
        sides = [_models(before, customer, times), _models(now, customer, Fraction(1))]
        for name in sides[0].keys() | sides[1].keys():
            worth = _worth(sides, name)
            costs = {changed: worth(changed) for changed in product((0, 1), repeat=5)}
            for order in permutations(range(5)):
                changed = [0] * 5
                for driver in order:
                    was = costs[tuple(changed)]
                    changed[driver] = 1
                    moved[driver] += costs[tuple(changed)] - was
    return {driver: amount / 120 for driver, amount in zip(DRIVERS, moved, strict=True)}


def _models(calls: Sequence[Calls], customer: str | None, times: Fraction) -> dict[str, Model]:
    grouped: dict[str, list[Calls]] = defaultdict(list)
    for each in calls:
        if each.customer == customer:
            grouped[each.model].append(each)
    return {name: Model(part, times) for name, part in grouped.items() if times}


def _worth(sides: Sequence[Mapping[str, Model]], name: str) -> Callable[[Sequence[int]], Fraction]:
    """The cost of one model where each driver is as before (0) or as now (1)."""
    every = [sum((each.requests for each in side.values()), Fraction(0)) for side in sides]
    own = [side.get(name) for side in sides]
    requests = [each.requests if each else Fraction(0) for each in own]
    # A model without requests had the other time's units, cache and prices; a customer without any had the other time's mix.
    kinds = [own[side] if requests[side] else own[1 - side] for side in (0, 1)]
    mixes = [
        requests[side] / every[side] if every[side] else requests[1 - side] / (every[1 - side] or 1) for side in (0, 1)
    ]

    def worth(changed: Sequence[int]) -> Fraction:
        volume, mix, size, cache, price = changed
        sized, cached, priced = kinds[size], kinds[cache], kinds[price]
        if sized is None or cached is None or priced is None or not sized.size:
            return Fraction(0)
        input_size = sum(sized.size[bucket] for bucket in INPUTS)
        share = cached.share or (kinds[1 - cache] or cached).share or dict.fromkeys(INPUTS, Fraction(0))
        one = input_size * sum(share[bucket] * priced.price[bucket] for bucket in INPUTS)
        one += sized.size["output_text_tokens"] * priced.price["output_text_tokens"]
        return every[volume] * mixes[mix] * one

    return worth


def by(name: str, before: Sequence[Calls], now: Sequence[Calls], expected: int) -> dict[str | None, Fraction]:
    """What each customer, model, feature or key adds: its cost now less its part of what was expected."""
    usual = sum(each.cost for each in before)
    measure = before if usual else now
    times = Fraction(expected, sum(each.cost for each in measure) or 1)
    found: dict[str | None, Fraction] = defaultdict(Fraction)
    for each in now:
        found[getattr(each, name)] += each.cost
    for each in measure:
        found[getattr(each, name)] -= each.cost * times
    return dict(found)
