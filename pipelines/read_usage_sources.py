"""Rows of other tools' exports to the documented event schema, each by its source's own rule."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from pipelines.read_usage_chunks import Chunk, Record, Refused, row_text
from pipelines.read_usage_json import unwrapped
from pricing.usage import UsageRefused
from pricing.usage_sources import cloudevents, helicone, langfuse, litellm, otel, own_logs
from pricing.usage_sources.metering import table_of
from pricing.usage_sources.records import text
from pricing.usage_sources.schema import our_fields


@dataclass(frozen=True)
class Source:
    """One tool's export: the columns its rule reads, the rule, and the records that one of its records holds, if it holds others.

    `to_event` gives a row of EVENT_FIELDS, None for a record that is no model call, and raises UsageRefused with the reason
    why a record cannot be read. `event_id` names the record where that is possible.
    """

    columns: frozenset[str]
    to_event: Callable[[Record], Mapping[str, object] | None]
    event_id: Callable[[Record], str | None]
    records: Callable[[Record], list[Record]] | None = None


SOURCES: dict[str, Source] = {
    "litellm": Source(litellm.COLUMNS, litellm.to_event, litellm.event_id),
    "langfuse": Source(langfuse.COLUMNS, langfuse.to_event, langfuse.event_id),
    "helicone": Source(helicone.COLUMNS, helicone.to_event, helicone.event_id),
}


def source_of(usage_format: str, names: Collection[str], mapping: dict[str, str]) -> Source | None:
    """The rule for a format's records; None where the columns are our own fields already."""
    if usage_format in SOURCES:
        return SOURCES[usage_format]
    if usage_format == "otel":
        columns = otel.COLUMNS | set(mapping.values())
        return Source(columns, partial(otel.to_event, mapping=mapping), otel.event_id, otel.spans)
    if usage_format == "cloudevents":
        read = partial(cloudevents.to_event, mapping=mapping)
        return Source(cloudevents.COLUMNS, read, cloudevents.event_id, cloudevents.unwrapped)
    if not own_logs.holds_answers(names):
        return None
    return Source(
        own_logs.columns(names, mapping),
        partial(own_logs.to_event, mapping=mapping),
        lambda record: text(record, our_fields(record, mapping).get("event_id", "event_id")),
    )


def expanded(source: Source | None, chunk: Chunk) -> Chunk:
    """The chunk with every record that a wrapping document holds in a row of its own, at the document's line."""
    if source is None and isinstance(chunk.rows, pl.DataFrame):
        return chunk
    rows = chunk.rows.to_dicts() if isinstance(chunk.rows, pl.DataFrame) else chunk.rows
    inside = [unwrapped(record) for record in rows]
    if source is not None and source.records is not None:
        inside = [[record for outer in found for record in source.records(outer)] for found in inside]
    if all(len(found) == 1 for found in inside):
        return replace(chunk, rows=[found[0] for found in inside])
    places = [index for index, found in enumerate(inside) for _ in found]
    return replace(
        chunk,
        rows=[record for found in inside for record in found],
        lines=[chunk.lines[index] for index in places],
        texts=None,
    )


def to_table(source: Source, chunk: Chunk) -> tuple[pl.DataFrame, list[int], list[Refused], int]:
    """A table of EVENT_FIELDS, the place in the chunk of each of its rows, the refused rows and the number of no calls."""
    assert isinstance(chunk.rows, list), "`expanded` makes records of a table"
    events: list[Mapping[str, object]] = []
    places: list[int] = []
    refused: list[Refused] = []
    for place, record in enumerate(chunk.rows):
        try:
            event = source.to_event(record)
        except UsageRefused as error:
            refused.append(Refused(chunk.lines[place], str(error), row_text(chunk, place), source.event_id(record)))
            continue
        if event is not None:
            events.append(event)
            places.append(place)
    return table_of(events), places, refused, len(chunk.rows) - len(places) - len(refused)
