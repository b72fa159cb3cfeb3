"""Why AI cost changed between two periods: usage volume, model mix, tokens per request, cache rate and token price, exactly.

Usable by itself: for a company's months, one customer's week, or a day against its usual day.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import factorial
from typing import NamedTuple

from pricing.usage import BUCKETS, TOKEN_BUCKETS

# The input that a provider may read from, or write to, its cache: how it divides is the cache rate.
CACHEABLE = frozenset({"input_uncached_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens"})
# Average prices are whole numbers of this part of a pico-USD: what is cut off is far below what a cent can show.
PRICE_PARTS = 10**6
DRIVERS = ("usage_volume", "model_mix", "tokens_per_request", "cache_rate", "token_price")
# The effects are whole numbers of this part of a pico-USD: a mean over the 5! orders in which the factors may change.
EFFECT_PARTS = factorial(len(DRIVERS))


@dataclass(frozen=True, slots=True)
class PricedUsage:
    """Usage of one price entry: requests, quantities by bucket, the entry's prices in pico-USD per unit, and what it cost.

    `unit_pico_usd` is None where no entry stands behind the cost (a provider or an invoice said it). A price of None is a unit
    that the entry has no price for. The cost may differ from quantity x price: a contract's discount, a reported cost.
    """

    requests: int
    quantities: Mapping[str, int]
    unit_pico_usd: Mapping[str, int | None] | None
    cost_pico_usd: int


class Cell(NamedTuple):
    """One model's usage in a period; prices are what a unit cost on average, in 1/PRICE_PARTS pico-USD, None where unknown."""

    requests: int
    quantities: dict[str, int]
    prices: dict[str, int | None]
    cost_pico_usd: int


class Effects(NamedTuple):
    """What each driver adds to the cost, in 1/EFFECT_PARTS pico-USD; the five sum to the change exactly."""

    usage_volume: int = 0
    model_mix: int = 0
    tokens_per_request: int = 0
    cache_rate: int = 0
    token_price: int = 0

    def plus(self, other: "Effects") -> "Effects":
        """Both together: effects add up over models, customers and days."""
        return Effects(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


NOTHING = Cell(0, {}, {}, 0)


def cell(usages: Iterable[PricedUsage]) -> Cell:
    """Usage of one model under all its price entries, with the prices that its cost comes to."""
    used = list(usages)
    quantities: dict[str, int] = {}
    for usage in used:
        for bucket, quantity in usage.quantities.items():
            if quantity:
                quantities[bucket] = quantities.get(bucket, 0) + quantity
    cost = sum(usage.cost_pico_usd for usage in used)
    requests = sum(usage.requests for usage in used)
    quantities.setdefault("requests", requests)
    return Cell(requests, quantities, _average_prices(used, quantities, cost), cost)


def _average_prices(used: Sequence[PricedUsage], quantities: Mapping[str, int], cost: int) -> dict[str, int | None]:
    """List prices, averaged over the entries, and scaled so that quantity x price is the cost."""
    entries = [usage for usage in used if usage.unit_pico_usd is not None]
    listed = sum(
        quantity * (usage.unit_pico_usd.get(bucket) or 0)
        for usage in entries
        if usage.unit_pico_usd is not None
        for bucket, quantity in usage.quantities.items()
    )
    if len(entries) < len(used) or (listed == 0 and cost):
        return _even_prices(quantities, cost)
    prices: dict[str, int | None] = {}
    for bucket in BUCKETS:
        weight = worth = 0
        is_used = quantities.get(bucket, 0) > 0
        for usage in entries:
            unit = (usage.unit_pico_usd or {}).get(bucket)
            # A bucket that nothing was used of still has a price: what its use would have cost.
            share = usage.quantities.get(bucket, 0) if is_used else usage.requests
            if unit is not None:
                weight, worth = weight + share, worth + share * unit
        if weight:
            prices[bucket] = (
                worth * PRICE_PARTS * cost // (weight * listed) if listed else worth * PRICE_PARTS // weight
            )
        else:
            prices[bucket] = None
    return prices


def _even_prices(quantities: Mapping[str, int], cost: int) -> dict[str, int | None]:
    """Where only the sum is known every token counts the same, and without tokens every request."""
    tokens = sum(quantities.get(bucket, 0) for bucket in TOKEN_BUCKETS)
    if tokens:
        return dict.fromkeys(TOKEN_BUCKETS, cost * PRICE_PARTS // tokens)
    requests = quantities["requests"]
    return {"requests": cost * PRICE_PARTS // requests} if requests else {}


def effects(before: Mapping[str, Cell], after: Mapping[str, Cell]) -> dict[str, Effects]:
    """What each driver adds to the cost of each model (any key), from `before` to `after`, of one customer or of anything else.

    cost = requests x the model's share of them x (units per request, input divided by cache rate, each unit at its price). Each
    effect is the mean over all orders in which the five can change from the one period's to the other's (Shapley's value), so no
    order is preferred, the sum is exact and the way back has the same effects with the opposite sign. A model that is new or gone
    changes the mix, not its prices; where there were no requests before at all, everything is volume.
    """
    requests_before = sum(each.requests for each in before.values())
    requests_after = sum(each.requests for each in after.values())
    found = {}
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, NOTHING), after.get(name, NOTHING)
        if old == new and requests_before == requests_after:
            continue
        found[name] = _effects(_costs(old, new, requests_before, requests_after))
    return found


def _costs(old: Cell, new: Cell, requests_before: int, requests_after: int) -> list[int]:
    """The cost in pico-USD for each choice of drivers as they were (bit 0) or are (bit 1), in the order of DRIVERS' bits."""
    # A model that had no requests had the other period's units, cache rate and prices.
    was, now = old if old.requests else new, new if new.requests else old
    worths = _worths(was, now)
    costs = []
    for numerator, denominator in _request_fractions(old.requests, new.requests, requests_before, requests_after):
        bases = (was.requests * denominator * PRICE_PARTS, now.requests * denominator * PRICE_PARTS)
        for place, worth in enumerate(worths):
            base = bases[place >> 2]
            costs.append(numerator * worth // base if base else 0)
    costs[0], costs[-1] = old.cost_pico_usd, new.cost_pico_usd
    return costs


def _request_fractions(old: int, new: int, all_old: int, all_new: int) -> tuple[tuple[int, int], ...]:
    """The model's requests with (volume, mix) as before and before, before and after, after and before, after and after."""
    if all_old == 0:
        return (0, 1), (0, 1), (new, 1), (new, 1)
    if all_new == 0:
        return (old, 1), (old, 1), (0, 1), (0, 1)
    return (old, 1), (all_old * new, all_new), (all_new * old, all_old), (new, 1)


def _worths(was: Cell, now: Cell) -> list[int]:
    """The cost of one period's units, at one's cache rate, at one's prices (three bits), in 1/PRICE_PARTS pico-USD."""
    sizes = [0, 0]
    # By period of the quantities and period of the prices.
    inputs, others = [[0, 0], [0, 0]], [[0, 0], [0, 0]]
    for bucket in was.quantities.keys() | now.quantities.keys():
        quantities = was.quantities.get(bucket, 0), now.quantities.get(bucket, 0)
        own, new = was.prices.get(bucket), now.prices.get(bucket)
        prices = _known(own, new), _known(new, own)
        sums = others
        if bucket in CACHEABLE:
            sums = inputs
            sizes[0] += quantities[0]
            sizes[1] += quantities[1]
        for side in (0, 1):
            sums[side][0] += quantities[side] * prices[0]
            sums[side][1] += quantities[side] * prices[1]
    worths = []
    for size in (0, 1):
        for cache in (0, 1):
            # Without any input in one period there is no cache rate: the other's stands for it.
            divided = cache if sizes[cache] else 1 - cache
            for price in (0, 1):
                worth = inputs[divided][price]
                if divided != size:
                    worth = sizes[size] * worth // sizes[divided] if sizes[divided] else 0
                worths.append(worth + others[size][price])
    return worths


def _known(own: int | None, other: int | None) -> int:
    """A unit without a price of its own has not become dearer or cheaper: it costs what it costs in the other period."""
    if own is not None:
        return own
    return other if other is not None else 0


def shapley_weights(players: int) -> list[list[int]]:
    """For each player, the weight of each of the 2^players worths (bits as in _costs), in 1/players! parts."""
    weights = []
    for player in range(players):
        bit = 1 << (players - 1 - player)
        row = []
        for chosen in range(1 << players):
            others = (chosen & ~bit).bit_count()
            weight = factorial(others) * factorial(players - 1 - others)
            row.append(weight if chosen & bit else -weight)
        weights.append(row)
    return weights


_WEIGHTS = shapley_weights(len(DRIVERS))


def _effects(costs: Sequence[int]) -> Effects:
    return Effects(*(sum(map(int.__mul__, row, costs)) for row in _WEIGHTS))
