"""Two price lists compared: which unit prices are the same, which differ, and which only one of them has."""

from collections.abc import Iterable
from datetime import datetime

import polars as pl

from pricing.price_book import PriceBook
from pricing.price_entry import REMAINDER_PARTS, STANDARD_TIER, PriceEntry
from pricing.usage import BUCKETS, INPUT_BUCKETS, OUTPUT_BUCKETS

_KEYS = ("provider", "model", "service_tier", "above_input_tokens", "bucket")
# A price list at one moment: whole pico-USD a unit. `is_own` is false where a token costs what its input or its output costs, so
# that a list may as well leave it out; null where nothing is known about that.
LIST_SCHEMA: dict[str, pl.DataType] = {
    "provider": pl.String(),
    "model": pl.String(),
    "service_tier": pl.String(),
    "above_input_tokens": pl.Int64(),
    "bucket": pl.String(),
    "pico_usd": pl.Int64(),
    "is_own": pl.Boolean(),
}
VERDICTS = ("same", "differs", "only ours", "only theirs")
_FALLS_TO = {
    **dict.fromkeys(INPUT_BUCKETS[1:], INPUT_BUCKETS[0]),
    **dict.fromkeys(OUTPUT_BUCKETS[1:], OUTPUT_BUCKETS[0]),
}


def price_list(entries: Iterable[PriceEntry], at: datetime) -> pl.DataFrame:
    """The prices in force at a moment (LIST_SCHEMA), for events that say no region and no size.

    A tier at the standard price is left out, and so is what holds in certain hours alone. A price that is no whole pico-USD
    is rounded to the nearest one.
    """
    rows = []
    for entry in entries:
        is_in_force = (entry.valid_from is None or entry.valid_from <= at) and (
            entry.valid_to is None or at < entry.valid_to
        )
        is_plain = entry.region is None and (entry.search_context_size is None or entry.is_size_assumed)
        is_of_tier = entry.service_tier == STANDARD_TIER or not entry.is_standard_price
        if not (is_in_force and is_plain and is_of_tier and entry.tod_from_minute is None):
            continue
        for bucket in BUCKETS:
            unit = entry.unit_pico_usd.get(bucket)
            if unit is not None:
                whole = unit + (entry.remainders.get(bucket, 0) * 2 + REMAINDER_PARTS) // (2 * REMAINDER_PARTS)
                is_own = bucket not in _FALLS_TO or unit != entry.unit_pico_usd.get(_FALLS_TO[bucket])
                name = (entry.provider, entry.model, entry.service_tier, entry.above_input_tokens)
                rows.append((*name, bucket, whole, is_own))
    return pl.DataFrame(rows, schema=LIST_SCHEMA, orient="row").unique(maintain_order=True)


def book_prices(book: PriceBook, at: datetime) -> pl.DataFrame:
    """The whole book's prices at a moment, as `price_list` has them."""
    return price_list(book.entries, at)


def compare(ours: pl.DataFrame, theirs: pl.DataFrame) -> pl.DataFrame:
    """One row per provider, model, tier, length and bucket that either list has a price for, with its verdict (VERDICTS).

    Both are LIST_SCHEMA. The answer has those five columns, `ours_pico_usd`, `theirs_pico_usd` (null where the list has none)
    and `verdict`. A price that one list leaves out because it is its input's or output's is no difference: such a row is not
    in the answer. A list that names a model twice at two prices has a row for each.
    """
    joined = ours.join(theirs, on=list(_KEYS), how="full", nulls_equal=True, coalesce=True, suffix="_of_theirs")
    mine, other = pl.col("pico_usd"), pl.col("pico_usd_of_theirs")
    verdict = (
        pl.when(other.is_null())
        .then(pl.lit("only ours"))
        .when(mine.is_null())
        .then(pl.lit("only theirs"))
        .when(mine == other)
        .then(pl.lit("same"))
        .otherwise(pl.lit("differs"))
    )
    is_left_out = pl.any_horizontal(
        one.is_null() & ~is_own.fill_null(value=True)
        for one, is_own in ((other, pl.col("is_own")), (mine, pl.col("is_own_of_theirs")))
    )
    return (
        joined.filter(~is_left_out)
        .select(*_KEYS, mine.alias("ours_pico_usd"), other.alias("theirs_pico_usd"), verdict.alias("verdict"))
        .sort(*_KEYS, nulls_last=False)
    )


def shared_models(compared: pl.DataFrame) -> pl.DataFrame:
    """The rows of models that both lists have; a model that only one has is no disagreement about a price."""
    both = (
        compared.group_by("provider", "model")
        .agg(pl.col("ours_pico_usd").is_not_null().any() & pl.col("theirs_pico_usd").is_not_null().any())
        .filter("ours_pico_usd")
    )
    return compared.join(both, on=["provider", "model"], how="semi")
