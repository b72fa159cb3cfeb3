"""The columns of usage after reading: what an event is, and what is kept of a row that is none."""

from collections.abc import Iterable, Mapping

import polars as pl

from pricing.usage import BUCKETS, EVENT_FIELDS

NORMALIZED_SCHEMA: dict[str, pl.DataType] = {
    "event_id": pl.String(),
    "occurred_at": pl.Datetime("us", "UTC"),
    # As the source names the customer; which Stripe customer that is, is decided when the event is stored.
    "customer_ref": pl.String(),
    "provider": pl.String(),
    "model": pl.String(),
    "feature": pl.String(),
    "api_key": pl.String(),
    "service_tier": pl.String(),
    "region": pl.String(),
    # How much a search model was let read before it answered: low, medium or high; null elsewhere.
    "search_context_size": pl.String(),
    **dict.fromkeys(BUCKETS, pl.Int64()),
    # What the source says the call cost (10^-12 $); null where it says nothing.
    "reported_cost_pico_usd": pl.Int64(),
}
REJECT_SCHEMA: dict[str, pl.DataType] = {
    "line": pl.Int64(),
    "event_id": pl.String(),
    "reason": pl.String(),
    "row": pl.String(),
}
# Other names under which people keep our fields; the field's own name wins where a file has both.
ALIASES: dict[str, tuple[str, ...]] = {
    "event_id": ("id", "request_id", "case_id"),
    "occurred_at": ("timestamp", "created_at", "as_of"),
    "customer_id": ("customer", "customer_ref"),
    "input_tokens": ("prompt_tokens",),
    "output_tokens": ("completion_tokens",),
    "service_tier": ("service_context",),
}


class ColumnsRefused(ValueError):
    """The mapping of column names names a column that is not there, or a field that is none. Correct the mapping."""


def parse_columns(text: str | None) -> dict[str, str]:
    """The mapping `theirs=ours,theirs=ours` as {ours: theirs}; empty for None. Raises ColumnsRefused."""
    fields: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in (text or "").split(","))):
        theirs, equals, ours = (word.strip() for word in part.partition("="))
        if not equals or not theirs or ours not in EVENT_FIELDS:
            raise ColumnsRefused(
                f"{part!r} in the column mapping must be theirs=ours, with one of these as ours: {', '.join(EVENT_FIELDS)}."
            )
        if ours in fields:
            raise ColumnsRefused(f"The column mapping gives {ours} twice: {fields[ours]} and {theirs}.")
        fields[ours] = theirs
    return fields


def check_columns(names: Iterable[str], mapping: Mapping[str, str]) -> None:
    """Raises ColumnsRefused when the mapping names a column that is not there."""
    present = {_spelling(name): name for name in names}
    absent = [theirs for theirs in mapping.values() if _spelling(theirs) not in present]
    if absent:
        raise ColumnsRefused(
            f"The column mapping names {', '.join(absent)}, but the file has only: {', '.join(present.values())}."
        )


def our_fields(names: Iterable[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Which column of a file holds which of EVENT_FIELDS, as {ours: theirs}: by the mapping, our own name, or an alias.

    Names are compared without regard to case, spaces around them or hyphens; fields without a column are left out.
    """
    by_spelling: dict[str, str] = {}
    for name in names:
        by_spelling.setdefault(_spelling(name), name)
    found: dict[str, str] = {}
    taken = {_spelling(theirs) for theirs in mapping.values()}
    for ours in EVENT_FIELDS:
        wanted = (mapping[ours],) if ours in mapping else (ours, *ALIASES.get(ours, ()))
        for name in wanted:
            spelling = _spelling(name)
            if spelling in by_spelling and (ours in mapping or spelling not in taken):
                found[ours] = by_spelling[spelling]
                break
    return found


def _spelling(name: str) -> str:
    return name.strip().lower().replace("-", "_")
