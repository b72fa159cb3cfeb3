"""What the history's usage would have cost under another model, cache rate or price list, on the day cube."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import duckdb
import polars as pl

from pricing.price_book import AskedName, PriceBook
from pricing.price_entry import FREE_WHEN_ABSENT, PriceEntry
from pricing.usage import BUCKETS, INPUT_BUCKETS, TOKEN_BUCKETS

_EVER = (date(1, 1, 1), date(9999, 12, 31))
_LONGEST = 2**62
_DAY_MINUTES = 24 * 60
_TOKENS = " + ".join(TOKEN_BUCKETS)
_INPUT = f"({' + '.join(INPUT_BUCKETS)})"
_ENDS = ("point", "low", "high")
TARGET_SCHEMA: dict[str, pl.DataType] = {
    "target_tier": pl.String(),
    "from_day": pl.Date(),
    "to_day": pl.Date(),
    "above": pl.Int64(),
    "up_to": pl.Int64(),
    "total_above": pl.Int64(),
    "total_up_to": pl.Int64(),
    **{f"{bucket}_{end}": pl.Int64() for bucket in BUCKETS for end in _ENDS},
}


class NoSuchPrices(LookupError):
    """The model to move to has no price; the sentence says which. Choose another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostChange:
    """What changes about the cost of the usage of `customers` (None: of everybody's, also nobody's).

    `to_model` (provider, model) takes over the usage of `from_models`, None being every model. `cache_percent` is the share of the
    uncached and cached input together that comes from the cache. `discount_basis_points` are taken off what
    `discount_provider` (None: every provider) charges; negative ones are a rise.
    """

    customers: tuple[str, ...] | None = None
    from_models: tuple[tuple[str, str], ...] | None = None
    to_model: tuple[str, str] | None = None
    cache_percent: int | None = None
    discount_basis_points: int = 0
    discount_provider: str | None = None


def target_prices(book: PriceBook, model: tuple[str, str], tiers: Iterable[str | None]) -> pl.DataFrame:
    """The prices of one model for each tier that the usage has: TARGET_SCHEMA, pico-USD per unit, null where a unit has no price.

    One row for each span of days and band of input lengths (of the mean request). `point` is the price of the band, at the
    hours that last longest; `low` and `high` are the lowest and the highest, whatever the hour, and whatever the length too
    where all requests together are long enough (`total_above`) that one of them may be in another band: the cube knows neither.
    Raises NoSuchPrices.
    """
    rows: list[dict[str, Any]] = []
    for tier in dict.fromkeys(tiers):
        entries = book.prices_for(AskedName(*model, service_tier=tier))
        if isinstance(entries, str):
            raise NoSuchPrices(f"Usage cannot be moved to {'/'.join(model)}: {entries}.")
        for first, after in _spans(entries):
            held = [entry for entry in entries if _starts(entry) <= first and after <= _ends(entry)]
            rows += [{"target_tier": tier, "from_day": first, "to_day": after, **band} for band in _bands(held)]
    return pl.DataFrame(rows, schema=TARGET_SCHEMA, orient="row")


def _starts(entry: PriceEntry) -> date:
    return entry.valid_from.date() if entry.valid_from else _EVER[0]


def _ends(entry: PriceEntry) -> date:
    return entry.valid_to.date() if entry.valid_to else _EVER[1]


def _spans(entries: Sequence[PriceEntry]) -> list[tuple[date, date]]:
    days = sorted({day for entry in entries for day in (_starts(entry), _ends(entry))})
    return list(pairwise(days))


def _bands(held: Sequence[PriceEntry]) -> list[dict[str, Any]]:
    """The rows of one span. Only where the total is beyond the first border can any request be in another band."""
    bands: dict[tuple[int, int], list[PriceEntry]] = {}
    for entry in held:
        above = -1 if entry.above_input_tokens is None else entry.above_input_tokens
        up_to = _LONGEST if entry.up_to_input_tokens is None else entry.up_to_input_tokens
        bands.setdefault((above, up_to), []).append(entry)
    border = min((up_to for _, up_to in bands), default=_LONGEST)
    rows = []
    for (above, up_to), entries in bands.items():
        longest = max(entries, key=_minutes)
        row = {"above": above, "up_to": up_to} | {
            f"{bucket}_point": longest.unit_pico_usd.get(bucket) for bucket in BUCKETS
        }
        rows.append(row | {"total_above": border, "total_up_to": _LONGEST} | _bounds(held))
        if up_to == border:
            rows.append(row | {"total_above": -1, "total_up_to": border} | _bounds(entries))
    return rows


def _bounds(entries: Sequence[PriceEntry]) -> dict[str, int | None]:
    return {
        f"{bucket}_{end}": pick(known) if (known := _known(entries, bucket)) else None
        for bucket in BUCKETS
        for end, pick in (("low", min), ("high", max))
    }


def _known(held: Sequence[PriceEntry], bucket: str) -> list[int]:
    return [price for entry in held if (price := entry.unit_pico_usd.get(bucket)) is not None]


def _minutes(entry: PriceEntry) -> int:
    if entry.tod_from_minute is None or entry.tod_to_minute is None:
        return _DAY_MINUTES
    return entry.tod_to_minute - entry.tod_from_minute


def replayed(
    con: duckdb.DuckDBPyConnection,
    cube: duckdb.DuckDBPyRelation,
    entries: duckdb.DuckDBPyRelation,
    change: CostChange,
    target: pl.DataFrame,
) -> duckdb.DuckDBPyRelation:
    """Sums by month and customer: cost before and after in pico-USD, the after's range, and how much has no price in either.

    `cube` is usage_cube (or some months of it), `entries` its price_entries, `target` the answer of `target_prices`, empty where
    no model changes; all relations are of `con`. `after_high_pico_usd` is null where a unit that the new model has no price for
    has none today either. Exact integers; where the cost is not the list price, the part of it that the cache moves, and a
    discount, are rounded down once for each month, customer and price.
    """
    used = _used(cube)
    prices = entries.project(
        "price_id as own_price_id, " + ", ".join(f"{bucket}_pico_usd as {bucket}_own" for bucket in used)
    )
    rows = _summed(con, cube, change, target, used).set_alias("u")
    priced = rows.join(prices.set_alias("p"), "u.price_id = p.own_price_id", how="left").set_alias("u")
    numbered = con.from_arrow(target.with_row_index("price_row").to_arrow()).set_alias("t")
    moved = priced.join(numbered, "u.target_row = t.price_row", how="left")
    ends = ", ".join(f"{_after(end, used)} as {end}" for end in _ENDS)
    costed = moved.project(f"month, customer_id, events, tokens, before, is_discounted, {ends}")
    basis_points = int(change.discount_basis_points)
    point, low, high = (
        f"case when is_discounted then {end} - {end} * {basis_points} // 10000 else {end} end" for end in _ENDS
    )
    return costed.project(
        f"month, customer_id, events, tokens, before, {point} as point, {low} as low, {high} as high"
    ).aggregate(
        """month, customer_id, sum(events)::bigint as events, sum(tokens)::hugeint as tokens,
        coalesce(sum(tokens) filter (before is null), 0)::hugeint as unpriced_tokens_before,
        coalesce(sum(tokens) filter (point is null), 0)::hugeint as unpriced_tokens_after,
        coalesce(sum(events) filter (before is null), 0)::bigint as unpriced_events_before,
        coalesce(sum(events) filter (point is null), 0)::bigint as unpriced_events_after,
        coalesce(sum(events) filter (point is not null and high is null), 0)::bigint as partly_priced_events,
        coalesce(sum(before), 0)::hugeint as before_pico_usd, coalesce(sum(point), 0)::hugeint as after_pico_usd,
        coalesce(sum(low), 0)::hugeint as after_low_pico_usd,
        case when count(*) filter (point is not null and high is null) = 0 then coalesce(sum(high), 0) end::hugeint as after_high_pico_usd""",
        "month, customer_id",
    )


def _summed(
    con: duckdb.DuckDBPyConnection,
    cube: duckdb.DuckDBPyRelation,
    change: CostChange,
    target: pl.DataFrame,
    used: Sequence[str],
) -> duckdb.DuckDBPyRelation:
    """The cube summed over all days on which the same prices hold, with its cached and uncached input moved.

    Cost is linear in quantities: only which price holds has to be asked for each day, and sums are a tenth of the rows.
    """
    rows, in_scope, is_moved = _scoped(con, cube, change)
    target_row = "null::bigint"
    if change.to_model is not None:
        spans = target.with_row_index("span_row").select(
            "span_row", "target_tier", "from_day", "to_day", "above", "up_to", "total_above", "total_up_to"
        )
        rows = rows.set_alias("c").join(
            con.from_arrow(spans.to_arrow()).set_alias("t"),
            f"""c.service_tier is not distinct from t.target_tier and c.day >= t.from_day and c.day < t.to_day
            and {_INPUT} // greatest(events, 1) > t.above and {_INPUT} // greatest(events, 1) <= t.up_to
            and {_INPUT} > t.total_above and {_INPUT} <= t.total_up_to""",
            how="left",
        )
        target_row = f"case when {is_moved} then span_row end"
    discounted = in_scope
    if change.discount_provider is not None:
        seller = (
            "provider"
            if change.to_model is None
            else f"case when {is_moved} then {_name(change.to_model[0])} else provider end"
        )
        discounted += f" and {seller} = {_name(change.discount_provider)}"
    sums = rows.aggregate(
        f"""month, customer_id, price_id, {is_moved} as is_moved, {in_scope} as is_in_scope, {discounted} as is_discounted,
        {target_row} as target_row, cost_pico_usd = list_cost_pico_usd as is_at_list, cost_pico_usd is null as is_unpriced,
        sum(events)::bigint as events, sum({_TOKENS})::hugeint as tokens, sum(cost_pico_usd) as before,
        sum(list_cost_pico_usd) as at_list, {", ".join(f"sum({bucket})::hugeint as {bucket}" for bucket in used)}""",
        "all",
    )  # fmt: skip
    if change.cache_percent is None:
        return sums.project("*, 0 as more_read_tokens")
    read = f"case when is_in_scope then (input_uncached_tokens + cache_read_tokens) * {int(change.cache_percent)} // 100 else cache_read_tokens end"
    return sums.project(
        f"""* replace (input_uncached_tokens + cache_read_tokens - {read} as input_uncached_tokens, {read} as cache_read_tokens),
        {read} - cache_read_tokens as more_read_tokens"""
    )


def _scoped(
    con: duckdb.DuckDBPyConnection, cube: duckdb.DuckDBPyRelation, change: CostChange
) -> tuple[duckdb.DuckDBPyRelation, str, str]:
    """The cube with what tells whose row it is, and two conditions: it is of the customers asked about; the model takes it over."""
    in_scope = is_moved = "events > 0"
    if change.customers is not None:
        named = pl.DataFrame({"scope_id": list(change.customers)}, schema={"scope_id": pl.String()})
        scope = con.from_arrow(named.to_arrow()).set_alias("s")
        cube = cube.set_alias("c").join(scope, "c.customer_id = s.scope_id", how="left")
        in_scope = is_moved = f"{in_scope} and scope_id is not null"
    if change.from_models is not None:
        models = pl.DataFrame(
            list(change.from_models), schema={"from_provider": pl.String(), "from_model": pl.String()}, orient="row"
        )
        cube = cube.set_alias("c").join(
            con.from_arrow(models.to_arrow()).set_alias("m"),
            "c.provider is not distinct from m.from_provider and c.model = m.from_model",
            how="left",
        )
        is_moved = f"{is_moved} and from_model is not null"
    return cube, in_scope, is_moved if change.to_model is not None else "false"


def _name(provider: str) -> str:
    """A provider's name as SQL text."""
    return "'" + provider.replace("'", "''") + "'"


def _used(cube: duckdb.DuckDBPyRelation) -> list[str]:
    """The units that are in the cube at all: each one less is three products less per row. The cache moves between two of them."""
    [row] = cube.aggregate(", ".join(f"coalesce(max({bucket}), 0)" for bucket in BUCKETS)).fetchall()
    always = {"input_uncached_tokens", "cache_read_tokens"}
    return [bucket for bucket, most in zip(BUCKETS, row, strict=True) if most or bucket in always]


def _after(end: str, used: Sequence[str]) -> str:
    """A row's cost afterwards: at the new model's prices, or what it was with the cache's part moved."""
    known = " + ".join(f"{bucket} * coalesce({bucket}_{end}, {_instead(bucket, end)})" for bucket in used)
    delta = "more_read_tokens * (cache_read_tokens_own - input_uncached_tokens_own)"
    share = f"case when is_at_list then {delta} else {delta} * before // at_list end"
    return f"""case when is_moved then case when target_row is not null then {known} end
        when more_read_tokens = 0 or is_unpriced then before
        else before + coalesce({share}, 0) end"""


def _instead(bucket: str, end: str) -> str:
    """What a unit counts that the new model has no price for: nothing, or at the most what it costs today."""
    if end != "high" or bucket in FREE_WHEN_ABSENT:
        return "0"
    return f"case when {bucket} = 0 then 0 else {bucket}_own end"
