"""The cost question as one portable query text: events with their price entry to exact sums by day, and the cube priced anew.

The text is DuckDB's dialect, of which only what Spark means the same by is used; `store.cluster` translates it.
"""

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from pricing.price_entry import REMAINDER_PARTS, PriceEntry
from pricing.usage import BUCKETS

# The cube's grain beside the price entry and the day.
KEYS = ("customer_ref", "provider", "model", "feature")
UNIT_PRICES_SCHEMA: dict[str, pl.DataType] = {
    "price_id": pl.Int64(),
    **{f"{bucket}_pico_usd": pl.Int64() for bucket in BUCKETS},
    **{f"{bucket}_remainder": pl.Int64() for bucket in BUCKETS},
}


def unit_prices(entries: Iterable[PriceEntry]) -> pl.DataFrame:
    """What the queries join to usage: one row for each entry with what a unit costs in pico-USD, 0 where it has no price.

    An event that holds a `price_id` uses no unit without a price: the engine leaves such an event unpriced.
    """
    rows = [
        (
            entry.price_id,
            *(entry.unit_pico_usd.get(bucket) or 0 for bucket in BUCKETS),
            *(entry.remainders.get(bucket, 0) for bucket in BUCKETS),
        )
        for entry in entries
    ]
    return pl.DataFrame(rows, schema=UNIT_PRICES_SCHEMA, orient="row")


def event_cost(prices: pl.DataFrame, used: Sequence[str] = BUCKETS, *, quantity: str = "u.{bucket}") -> str:
    """The cost of one event `u` at its price entry `p` in pico-USD as an expression, BIGINT as its quantities are.

    Only units that one of `prices` (UNIT_PRICES_SCHEMA) has a price for are multiplied, and of those only the `used` ones
    (pricing.usage_bounds tells them for nothing). No event that holds a `price_id` costs more than 63 bits hold, and no part
    of it does.
    """
    products = [f"{quantity.format(bucket=bucket)} * p.{bucket}_pico_usd" for bucket in used if _any(prices, bucket)]
    parts = [
        f"{quantity.format(bucket=bucket)} * p.{bucket}_remainder"
        for bucket in used
        if _any(prices, bucket, "remainder")
    ]
    if parts:
        products.append(f"({' + '.join(parts)} + {REMAINDER_PARTS // 2}) // {REMAINDER_PARTS}")
    # Free entries only: nothing, where there is an entry, and unknown where there is none.
    return " + ".join(products) or "0 * p.price_id"


def day_cube(
    events: str, prices_table: str, prices: pl.DataFrame, keys: Sequence[str] = KEYS, used: Sequence[str] = BUCKETS
) -> str:
    """The query of the cube: usage by `keys`, `price_id` and `day` (UTC): `events`, a sum for each of BUCKETS, `cost_pico_usd`.

    `events` names a table of priced events (`occurred_at` in UTC, `price_id` NULL where unpriced), `prices_table` one with
    the rows `prices` (UNIT_PRICES_SCHEMA). Unpriced usage has rows of its own with a NULL cost. A bucket that is not `used` is 0.
    """
    grain = ", ".join((*(f"u.{key}" for key in keys), "u.price_id", "cast(u.occurred_at as date)"))
    named = ", ".join((*(f"u.{key}" for key in keys), "u.price_id", "cast(u.occurred_at as date) as day"))
    sums = ", ".join(
        f"sum(u.{bucket}) as {bucket}" if bucket in used else f"cast(0 as bigint) as {bucket}" for bucket in BUCKETS
    )
    return (
        f"select {named}, count(*) as events, {sums}, sum({event_cost(prices, used)}) as cost_pico_usd "
        f"from {events} as u left join {prices_table} as p on u.price_id = p.price_id group by {grain}"
    )


def cost_by(
    events: str, prices_table: str, prices: pl.DataFrame, keys: Mapping[str, str], used: Sequence[str] = BUCKETS
) -> str:
    """The query of a cost question straight from priced events: `cost_pico_usd` by `keys` of what has a price.

    `keys` are the answer's columns with their expressions over `u`, the events.
    """
    named = ", ".join(f"{expression} as {name}" for name, expression in keys.items())
    return (
        f"select {named}, sum({event_cost(prices, used)}) as cost_pico_usd from {events} as u "
        f"join {prices_table} as p on u.price_id = p.price_id group by {', '.join(keys.values())}"
    )


def repriced(cube: str, prices_table: str, prices: pl.DataFrame, keys: Mapping[str, str]) -> str:
    """The query that prices all history anew from the cube: `cost_pico_usd` by `keys` of what has a price.

    `keys` are the answer's columns with their expressions over `u`, the cube. A day's quantities are multiplied in 128 bits.
    What an entry's prices leave out of whole pico-USD is rounded once for each row of the cube and not for each event, so the
    cost at such an entry may differ from the events' by half a pico each.
    """
    named = ", ".join(f"{expression} as {name}" for name, expression in keys.items())
    cost = event_cost(prices, quantity="cast(u.{bucket} as hugeint)")
    return (
        f"select {named}, sum({cost}) as cost_pico_usd from {cube} as u "
        f"join {prices_table} as p on u.price_id = p.price_id group by {', '.join(keys.values())}"
    )


def _any(prices: pl.DataFrame, bucket: str, kind: str = "pico_usd") -> bool:
    return bool((prices[f"{bucket}_{kind}"] > 0).any())
