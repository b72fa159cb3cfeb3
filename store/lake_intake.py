"""What of a batch of events is new to the lake: first of its id, a repetition of it, or a contradiction to it."""

from dataclasses import dataclass

import duckdb
import polars as pl

from pricing.usage_sources.schema import NORMALIZED_SCHEMA

_TEXT_COLUMNS = tuple(name for name, kind in NORMALIZED_SCHEMA.items() if kind == pl.String() and name != "event_id")
_NUMBER_COLUMNS = tuple(name for name, kind in NORMALIZED_SCHEMA.items() if kind == pl.Int64())
# Only what an event says counts, with its name beside it: a field that a later version adds changes no older event's mark.
# md5 because it is the same for ever; the hash functions of polars and DuckDB may change with their versions.
_CONTENT = ", ".join(
    (
        "epoch_us(occurred_at)::varchar",
        *(f"'{name}=' || {name}" for name in _TEXT_COLUMNS),
        *(f"case when {name} <> 0 then '{name}=' || {name} end" for name in _NUMBER_COLUMNS),
    )
)
CONTENT_HASH = f"md5_number_lower(concat_ws(chr(31), {_CONTENT}))"


@dataclass(frozen=True)
class Sifted:
    """A batch parted: `new` events with their `content_hash`, the number of repetitions, and the contradicting events.

    `conflicts` has the columns of the batch and `kept_line`: the line of the same batch that was kept, null where the lake
    had the event already.
    """

    new: pl.DataFrame
    duplicate: int
    conflicts: pl.DataFrame


def sift(con: duckdb.DuckDBPyConnection, events: pl.DataFrame, lake: duckdb.DuckDBPyRelation) -> Sifted:
    """Part events (NORMALIZED_SCHEMA and `line`) by what the lake (a relation of `con`) and the batch itself hold already.

    Of one event_id the first is kept: an equal one after it is a duplicate, a different one a conflict. Of the lake only
    event_id and content_hash are read.
    """
    hashes = con.from_arrow(events.to_arrow()).project(f"{CONTENT_HASH} as content_hash").pl()["content_hash"]
    marked = events.with_columns(hashes, pl.col("event_id").is_first_distinct().alias("is_first"))
    first = marked.filter("is_first")
    asked = con.from_arrow(first.select("event_id").to_arrow()).set_alias("asked")
    known = lake.project("event_id, content_hash as lake_hash").set_alias("known")
    found = known.join(asked, "known.event_id = asked.event_id", how="semi").pl()
    if found.is_empty() and first.height == marked.height:
        return Sifted(marked.drop("is_first"), 0, _no_conflicts(events))
    judged = marked.join(found, on="event_id", how="left", maintain_order="left")
    is_new = pl.col("is_first") & pl.col("lake_hash").is_null()
    later = judged.filter(~is_new).join(
        first.select("event_id", pl.col("content_hash").alias("first_hash"), pl.col("line").alias("first_line")),
        on="event_id",
        how="left",
        maintain_order="left",
    )
    kept_hash = pl.coalesce("lake_hash", "first_hash")
    conflicts = later.filter(pl.col("content_hash") != kept_hash).select(
        *events.columns, pl.when(pl.col("lake_hash").is_null()).then("first_line").alias("kept_line")
    )
    new = judged.filter(is_new).select(*events.columns, "content_hash")
    return Sifted(new, later.height - conflicts.height, conflicts)


def _no_conflicts(events: pl.DataFrame) -> pl.DataFrame:
    return events.clear().with_columns(pl.lit(None, pl.Int64).alias("kept_line"))
