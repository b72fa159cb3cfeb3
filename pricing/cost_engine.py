"""The cost engine: one vectorised pass that joins usage to the price entry in force and multiplies integers."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import duckdb
import polars as pl

from pricing.price_book import PriceBook
from pricing.price_entry import (
    COST_MAX_PICO_USD,
    ENTRY_SCHEMA,
    FREE_WHEN_ABSENT,
    REMAINDER_PARTS,
    AskedName,
    entries_frame,
    safe_quantity,
)
from pricing.usage import BUCKETS, INPUT_BUCKETS
from pricing.usage_bounds import UsageBounds, read_bounds, within

PRICED_COLUMNS = ("price_id", "cost_pico_usd", "unpriced_reason")
NEEDED_COLUMNS = ("occurred_at", "provider", "model", "service_tier", *BUCKETS)
# Usage that lacks one of these says nothing about it.
OPTIONAL_COLUMNS = ("region", "search_context_size")

# Open sides of an entry become bounds that no event reaches, so that the join needs no test for nulls; nanoseconds hold them, too.
_FAR_PAST = datetime(1900, 1, 1)  # noqa: DTZ001 - the column is UTC without a zone
_FAR_FUTURE = datetime(2200, 1, 1)  # noqa: DTZ001 - as above
_UNBOUNDED = 2**62
_BOUNDS: dict[str, datetime | int] = {
    "valid_from": _FAR_PAST,
    "valid_to": _FAR_FUTURE,
    "above_input_tokens": -1,
    "up_to_input_tokens": _UNBOUNDED,
    "tod_from_minute": 0,
    "tod_to_minute": 24 * 60,
}
_FROM_ENTRY = ("price_id", "price_key", *_BOUNDS, *(f"{bucket}_pico_usd" for bucket in BUCKETS))
_JOINED_SCHEMA: dict[str, pl.DataType] = {
    **{f"asked_{word}": pl.String() for word in AskedName._fields},
    "unknown_reason": pl.String(),
    "safe_quantity": pl.Int64(),
    **{f"{bucket}_remainder": pl.Int64() for bucket in BUCKETS},
    **{name: kind for name, kind in ENTRY_SCHEMA.items() if name in _FROM_ENTRY},
}


class UsageColumnsMissing(ValueError):
    """The usage relation lacks columns that pricing needs. Trying again will not help."""


def price_usage(
    con: duckdb.DuckDBPyConnection,
    usage: duckdb.DuckDBPyRelation,
    book: PriceBook,
    *,
    bounds: UsageBounds | None = None,
) -> duckdb.DuckDBPyRelation:
    """The same rows and columns with `price_id`, `cost_pico_usd` and `unpriced_reason` set.

    `usage` is a relation of `con` with NEEDED_COLUMNS: `occurred_at` as TIMESTAMP in UTC, buckets as BIGINT, none null and
    each at most pricing.usage.COUNTER_MAX; OPTIONAL_COLUMNS are used where present, other columns pass through. Its names are read once here, and
    its bounds where the caller has not read them file by file; the rows are priced when the answer is read. One row in is one row out. `cost_pico_usd` (BIGINT, 10^-12 $) is not rounded, except to the
    nearest pico-USD where an entry has remainders. An event with no entry in force, or with a unit that its entry does
    not price, has NULL in `price_id` and `cost_pico_usd` and says why in `unpriced_reason`.
    """
    absent = [name for name in NEEDED_COLUMNS if name not in usage.columns]
    if absent:
        raise UsageColumnsMissing(f"The usage to price has no column {', '.join(absent)}.")
    words = [word for word in AskedName._fields if word in usage.columns]
    found = usage.project(", ".join(words)).distinct().fetchall()
    names = [AskedName(**dict(zip(words, row, strict=True))) for row in found]
    bounds = bounds or read_bounds(usage)
    prices = within(joined_prices(names, book), bounds, _BOUNDS)
    kept = [_quoted(name) for name in usage.columns if name not in PRICED_COLUMNS]
    lacking = _units_some_lack(prices, bounds.used)
    joined = usage.set_alias("u").join(
        con.from_arrow(prices.to_arrow()).set_alias("e"), condition=_join_condition(prices, bounds), how="left"
    )
    # The columns in between have names that no import gives, so that any column of the usage may pass through.
    costed = joined.project(
        f"""{", ".join(f"u.{name}" for name in kept)},
        e.price_id as "~price_id", e.price_key as "~price_key", e.unknown_reason as "~unknown",
        {_cost(prices, lacking, bounds)} as "~cost", {_lacking(lacking)} as "~lacks" """
    )
    return costed.project(
        f"""{", ".join(kept)},
        case when "~cost" is not null then "~price_id" end as price_id,
        "~cost" as cost_pico_usd,
        case when "~cost" is null then {_REASON} end as unpriced_reason"""
    )


def price_events(con: duckdb.DuckDBPyConnection, events: pl.DataFrame, book: PriceBook) -> pl.DataFrame:
    """A frame of events (`occurred_at` in UTC, otherwise as `price_usage` needs it) in its order, with PRICED_COLUMNS."""
    numbered = events.with_columns(pl.col("occurred_at").dt.replace_time_zone(None)).with_row_index("~place")
    priced: pl.DataFrame = price_usage(con, con.from_arrow(numbered.to_arrow()), book).pl()
    return priced.sort("~place").drop("~place").with_columns(events["occurred_at"])


def joined_prices(names: Iterable[AskedName], book: PriceBook) -> pl.DataFrame:
    """What the pass joins: for each asked name its entries with closed bounds, or one row without prices and the reason.

    A word of OPTIONAL_COLUMNS that no entry here depends on is null in every row, and names that differ in it alone are one.
    """
    found = {name: book.prices_for(name) for name in names}
    for word in OPTIONAL_COLUMNS:
        if not any(
            getattr(entry, word) for prices in found.values() if not isinstance(prices, str) for entry in prices
        ):
            found = {name._replace(**{word: None}): prices for name, prices in found.items()}
    asked = [(name, entry) for name, prices in found.items() if not isinstance(prices, str) for entry in prices]
    unknown = [(*name, reason) for name, reason in found.items() if isinstance(reason, str)]
    entries = [entry for _, entry in asked]
    priced = entries_frame(entries).with_columns(
        *(pl.col(name).fill_null(bound) for name, bound in _BOUNDS.items()),
        *(
            pl.Series(f"asked_{word}", [getattr(name, word) for name, _ in asked], pl.String())
            for word in AskedName._fields
        ),
        *(
            pl.Series(f"{bucket}_remainder", [entry.remainders.get(bucket, 0) for entry in entries], pl.Int64())
            for bucket in BUCKETS
        ),
        pl.Series("safe_quantity", [safe_quantity(entry) for entry in entries], pl.Int64()),
    )
    reasons = pl.DataFrame(
        unknown, schema=[*(f"asked_{word}" for word in AskedName._fields), "unknown_reason"], orient="row"
    ).with_columns(pl.lit(bound).alias(name) for name, bound in _BOUNDS.items())
    frames = [
        frame.select(pl.col(name).cast(_JOINED_SCHEMA[name]) for name in frame.columns if name in _JOINED_SCHEMA)
        for frame in (priced, reasons)
    ]
    return pl.concat([pl.DataFrame(schema=_JOINED_SCHEMA), *frames], how="diagonal")


def _join_condition(prices: pl.DataFrame, bounds: UsageBounds) -> str:
    """Names are hashed, the ranges are tested on what the hash finds. Ranges that no entry here has are left out."""
    terms = [
        f"u.{word} is not distinct from e.asked_{word}"
        for word in AskedName._fields
        if word not in OPTIONAL_COLUMNS or prices[f"asked_{word}"].is_not_null().any()
    ]
    counted = [f"u.{bucket}" for bucket in INPUT_BUCKETS if bucket in bounds.used]
    tests = {
        "u.occurred_at": ("valid_from", ">=", "valid_to", "<"),
        f"({' + '.join(counted) or '0'})": (
            "above_input_tokens",
            ">",
            "up_to_input_tokens",
            "<=",
        ),
        "(hour(u.occurred_at) * 60 + minute(u.occurred_at))": ("tod_from_minute", ">=", "tod_to_minute", "<"),
    }
    for value, (low, above, high, below) in tests.items():
        if (prices[low] != _BOUNDS[low]).any():
            terms.append(f"{value} {above} e.{low}")
        if (prices[high] != _BOUNDS[high]).any():
            terms.append(f"{value} {below} e.{high}")
    return " and ".join(terms)


def _units_some_lack(prices: pl.DataFrame, used: Sequence[str]) -> list[str]:
    """Used buckets without a price in some known entry; only these need a test per row."""
    known = prices.filter(pl.col("price_id").is_not_null())
    return [bucket for bucket in used if bucket not in FREE_WHEN_ABSENT and known[f"{bucket}_pico_usd"].is_null().any()]


def _lacking(buckets: Sequence[str]) -> str:
    """The first used bucket that the entry has no price for, or NULL."""
    cases = [f"when u.{bucket} > 0 and e.{bucket}_pico_usd is null then '{bucket}'" for bucket in buckets]
    return f"case {' '.join(cases)} end" if cases else "cast(null as varchar)"


def _cost(prices: pl.DataFrame, lacking: Sequence[str], bounds: UsageBounds) -> str:
    """The sum of products in BIGINT, which no event within `safe_quantity` overflows; others are summed in 128 bits."""
    whole = [
        f"u.{bucket}::{{kind}} * coalesce(e.{bucket}_pico_usd, 0)"
        for bucket in bounds.used
        if (prices[f"{bucket}_pico_usd"] > 0).any()
    ]
    parts = [
        f"u.{bucket}::{{kind}} * e.{bucket}_remainder"
        for bucket in bounds.used
        if (prices[f"{bucket}_remainder"] > 0).any()
    ]
    if parts:
        whole.append(f"({' + '.join(parts)} + {REMAINDER_PARTS // 2}) // {REMAINDER_PARTS}")
    total = " + ".join(whole) or "0"
    lacks = "".join(f" or (u.{bucket} > 0 and e.{bucket}_pico_usd is null)" for bucket in lacking)
    if bounds.all_within(prices["safe_quantity"].drop_nulls().to_list()):
        return f"case when not (e.price_id is null{lacks}) then {total.format(kind='bigint')} end"
    # The bits of all buckets together are at least as large as the largest of them, and negative if one of them is.
    bits = "(" + " | ".join(f"u.{bucket}" for bucket in BUCKETS) + ")"
    return f"""case
        when e.price_id is null or {bits} < 0{lacks} then null
        when {bits} <= e.safe_quantity then {total.format(kind="bigint")}
        else try_cast({total.format(kind="hugeint")} as bigint)
    end"""


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


# One sentence per cause, without quantities: usage is summed by it.
_REASON = f"""case
    when "~unknown" is not null then 'no price entry for ' || concat_ws('/', provider, model) || ': ' || "~unknown"
    when "~price_id" is null then 'no price entry for ' || concat_ws('/', provider, model) || ' on '
        || coalesce(strftime(occurred_at, '%Y-%m-%d'), 'an unknown day')
    when "~lacks" is not null then "~price_key" || ' has no price for ' || "~lacks"
    else 'the quantities are negative or would cost more than {COST_MAX_PICO_USD // 10**12} USD in one event'
end"""
