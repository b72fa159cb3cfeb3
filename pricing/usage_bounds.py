"""What a table of usage spans: the least and the most of every unit, the first and the last moment, and what that makes needless."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import polars as pl

from pricing.usage import BUCKETS, INPUT_BUCKETS


@dataclass(frozen=True)
class UsageBounds:
    """The bounds of some events. A Parquet file keeps the figures in its footer, so that asking for them reads no event.

    `least` and `most` are by bucket; without any event everything is 0 and there is no moment.
    """

    least: Mapping[str, int]
    most: Mapping[str, int]
    first: datetime | None
    last: datetime | None

    @property
    def used(self) -> tuple[str, ...]:
        """The buckets that some event uses; a bucket that none does neither costs nor lacks anything."""
        return tuple(bucket for bucket in BUCKETS if self.least[bucket] or self.most[bucket])

    @property
    def most_input_tokens(self) -> int:
        """No event has more of all input tokens together."""
        return sum(self.most[bucket] for bucket in INPUT_BUCKETS)

    def all_within(self, safe_quantities: Sequence[int]) -> bool:
        """Whether no quantity is negative or above any of these, so that no event needs a test of its own."""
        return min(self.least.values()) >= 0 and max(self.most.values()) <= min(safe_quantities, default=0)


def read_bounds(usage: duckdb.DuckDBPyRelation) -> UsageBounds:
    """The bounds of a relation with BUCKETS and `occurred_at` (TIMESTAMP in UTC)."""
    asked = ", ".join(f"min({name}), max({name})" for name in (*BUCKETS, "occurred_at"))
    *quantities, first, last = usage.aggregate(asked).fetchall()[0]
    least = dict(zip(BUCKETS, (value or 0 for value in quantities[::2]), strict=True))
    most = dict(zip(BUCKETS, (value or 0 for value in quantities[1::2]), strict=True))
    return UsageBounds(least, most, first, last)


def together(parts: Iterable[UsageBounds]) -> UsageBounds:
    """The bounds of several tables as one.

    DuckDB answers from the footer for one Parquet file and reads the rows of several: who has many files asks file by file.
    """
    known = [part for part in parts if part.first is not None]
    return UsageBounds(
        least={bucket: min((part.least[bucket] for part in known), default=0) for bucket in BUCKETS},
        most={bucket: max((part.most[bucket] for part in known), default=0) for bucket in BUCKETS},
        first=min((part.first for part in known if part.first is not None), default=None),
        last=max((part.last for part in known if part.last is not None), default=None),
    )


def within(prices: pl.DataFrame, bounds: UsageBounds, open_sides: Mapping[str, datetime | int]) -> pl.DataFrame:
    """The price entries that some event may reach, each side that no event is beyond opened to `open_sides`.

    `prices` has the columns of `open_sides` with no nulls. A side that is open in every entry needs no test per event.
    """
    if bounds.first is None or bounds.last is None:
        return prices
    reachable = prices.filter(
        (pl.col("valid_from") <= bounds.last)
        & (pl.col("valid_to") > bounds.first)
        & (pl.col("above_input_tokens") < bounds.most_input_tokens)
    )
    passed = {
        "valid_from": pl.col("valid_from") <= bounds.first,
        "valid_to": pl.col("valid_to") > bounds.last,
        "up_to_input_tokens": pl.col("up_to_input_tokens") >= bounds.most_input_tokens,
    }
    return reachable.with_columns(
        pl.when(is_passed).then(pl.lit(open_sides[side])).otherwise(side).alias(side)
        for side, is_passed in passed.items()
    )
