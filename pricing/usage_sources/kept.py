"""A normalized event as intake keeps it until the lake has it: a JSON text that is the same for the same content."""

from collections.abc import Sequence

import msgspec
import polars as pl

from pricing.usage import BUCKETS
from pricing.usage_sources.schema import NORMALIZED_SCHEMA

# The id stands beside the text, and zero and nothing are left out: a field that a later version adds changes no older event's text.
FIELDS = tuple(name for name in NORMALIZED_SCHEMA if name != "event_id")
KeptEvent = msgspec.defstruct(
    "KeptEvent",
    [
        # microseconds since 1970
        ("occurred_at", int),
        *(
            (name, str | None, None)
            for name, kind in NORMALIZED_SCHEMA.items()
            if name in FIELDS and kind == pl.String()
        ),
        *((name, int, 0) for name in BUCKETS),
        ("reported_cost_pico_usd", int | None, None),
    ],
    omit_defaults=True,
    gc=False,
)
encode = msgspec.json.Encoder().encode
_DTYPE = pl.Struct({**{name: NORMALIZED_SCHEMA[name] for name in FIELDS}, "occurred_at": pl.Int64()})


def texts_of(events: pl.DataFrame) -> list[str]:
    """The text of each event (NORMALIZED_SCHEMA)."""
    rows = events.select(pl.col(name).dt.epoch("us") if name == "occurred_at" else name for name in FIELDS).iter_rows()
    return [encode(KeptEvent(*row)).decode() for row in rows]


def events_of(ids: Sequence[str], texts: Sequence[str]) -> pl.DataFrame:
    """The events again (NORMALIZED_SCHEMA), in their order."""
    read = pl.Series("event", texts, pl.String).str.json_decode(_DTYPE).struct.unnest()
    return read.with_columns(
        pl.Series("event_id", ids, pl.String),
        pl.col("occurred_at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        *(pl.col(name).fill_null(0) for name in BUCKETS),
    ).select(pl.col(name).cast(kind) for name, kind in NORMALIZED_SCHEMA.items())
