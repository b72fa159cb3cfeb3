"""The documented event schema: a table of its fields to normalized events, and to the reasons why rows are none."""

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from metering_client.values import counter_refusal
from pricing.usage import (
    COUNTERS,
    EVENT_FIELDS,
    LABELS,
    REQUIRED_FIELDS,
    bucket_expressions,
    is_countable_expression,
    refusal_expression,
)
from pricing.usage_sources.schema import NORMALIZED_SCHEMA
from pricing.usage_sources.values import (
    amount_refusal,
    amounts,
    counters,
    labels,
    moment_refusal,
    moments,
)

# One event is one request unless it says otherwise.
_WHEN_ABSENT = {"requests": 1}
_Verdict = tuple[str, pl.Series, Callable[[str, object], str]]


def normalize(table: pl.DataFrame, places: pl.Series) -> tuple[pl.DataFrame, pl.Series, pl.DataFrame]:
    """The good rows as events (NORMALIZED_SCHEMA), the place of each, and the others with their reasons.

    `table` has any of EVENT_FIELDS as columns, of any type, with totals that include their subsets; `places`
    numbers the rows. The others are place, event_id, reason. Order is kept; no row is in both answers and none is lost.
    """
    columns: dict[str, pl.Series] = {}
    verdicts: list[_Verdict] = []
    for name in LABELS:
        columns[name] = labels(_column(table, name))
    columns["search_context_size"] = columns["search_context_size"].str.to_lowercase()
    raw = _column(table, "occurred_at")
    columns["occurred_at"], bad = moments(raw)
    verdicts.append(("occurred_at", bad, moment_refusal))
    for name in COUNTERS:
        whole, bad = counters(_column(table, name))
        columns[name] = whole.fill_null(_WHEN_ABSENT.get(name, 0))
        verdicts.append((name, bad, counter_refusal))
    columns["reported_cost_pico_usd"], bad = amounts(_column(table, "reported_cost_usd"))
    verdicts.append(("reported_cost_usd", bad, amount_refusal))
    typed = pl.DataFrame({name: column.alias(name) for name, column in columns.items()})
    countable = typed.select(is_countable_expression())["is_countable"]
    missing = typed.select(pl.any_horizontal(pl.col(name).is_null() for name in REQUIRED_FIELDS)).to_series()
    bad_rows = missing | ~countable
    for _, bad, _ in verdicts:
        bad_rows = bad_rows | bad
    good = typed.filter(~bad_rows)
    events = good.with_columns(*bucket_expressions(), customer_ref=pl.col("customer_id")).select(
        pl.col(name).cast(kind) for name, kind in NORMALIZED_SCHEMA.items()
    )
    rejects = _rejects(table, typed, places.filter(bad_rows), bad_rows, verdicts)
    return events, places.filter(~bad_rows), rejects


def table_of(events: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Rows of EVENT_FIELDS as a table of their texts, for `normalize`; only the fields that some row has, and the id."""
    names = [name for name in EVENT_FIELDS if name == "event_id" or any(name in event for event in events)]
    return pl.DataFrame(
        [
            pl.Series(name, [None if (value := event.get(name)) is None else str(value) for event in events], pl.String)
            for name in names
        ]
    )


def _column(table: pl.DataFrame, name: str) -> pl.Series:
    if name in table.columns:
        return table[name]
    return pl.Series(name, [None], pl.String).new_from_index(0, table.height)


def _rejects(
    table: pl.DataFrame, typed: pl.DataFrame, places: pl.Series, bad_rows: pl.Series, verdicts: list[_Verdict]
) -> pl.DataFrame:
    """One row per bad row with its first reason: what is missing, what cannot be read, what contradicts itself."""
    contradictions = typed.filter(bad_rows).select(refusal_expression())["refusal"]
    event_ids, reasons = [], []
    for index, contradiction in zip(bad_rows.arg_true().to_list(), contradictions, strict=True):
        unread = (told(name, table[name][index]) for name, bad, told in verdicts if bad[index])
        event_ids.append(typed["event_id"][index])
        reasons.append(_missing(table, typed, index) or next(unread, contradiction))
    return pl.DataFrame(
        {
            "place": places,
            "event_id": pl.Series(event_ids, dtype=pl.String),
            "reason": pl.Series(reasons, dtype=pl.String),
        }
    )


def _missing(table: pl.DataFrame, typed: pl.DataFrame, index: int) -> str | None:
    for name in REQUIRED_FIELDS:
        absent = typed[name][index] is None
        # A moment that is there but cannot be read is not missing: its own reason shows what it was.
        if absent and (name not in table.columns or labels(table[name][index : index + 1])[0] is None):
            return f"{name} is missing"
    return None
