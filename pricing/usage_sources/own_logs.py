"""Rows of the documented schema that hold a provider's answer, or its `usage` part, in place of counters."""

from collections.abc import Collection

from metering_client.usage_of import has_usage, usage_of
from pricing.usage import COUNTERS, EVENT_FIELDS, UsageRefused
from pricing.usage_sources.records import Record, decoded
from pricing.usage_sources.schema import our_fields

# The part of an answer that counts, beside the row's own fields or as the provider sent it.
USAGE_PARTS = ("usage", "usageMetadata", "usage_metadata", "usage_info")
# A field that may hold the whole answer; people also keep the text of one under these names.
ANSWERS = ("response", "answer")
# What else of an answer is read where the row is the answer.
_BESIDE = frozenset({"modelVersion", "model_version", "created", "createTime", "responseId", "response_id", "output"})
_OF_ANSWER = frozenset({"candidates", "meta", "data", "duration", "text", "custom_id", "serviceTier", "metadata"})


def holds_answers(names: Collection[str]) -> bool:
    """Whether rows with these columns may hold what a provider answered."""
    return not {*USAGE_PARTS, *ANSWERS}.isdisjoint(names)


def columns(names: Collection[str], mapping: dict[str, str]) -> frozenset[str]:
    """The columns that `to_event` reads."""
    return frozenset(our_fields(names, mapping).values()) | {*USAGE_PARTS, *ANSWERS} | _BESIDE | _OF_ANSWER


def to_event(record: Record, mapping: dict[str, str]) -> dict[str, object]:
    """The row with what the answer tells; a field of the row's own goes before the answer's.

    Raises UsageRefused when the row has no counters of its own and no answer with counters.
    """
    fields = our_fields(record, mapping)
    event: dict[str, object] = {ours: record[theirs] for ours, theirs in fields.items() if ours in EVENT_FIELDS}
    own = {name for name, value in event.items() if value not in (None, "")}
    answer = _answer(record)
    if answer is None and not own & set(COUNTERS) and any(record.get(name) for name in (*USAGE_PARTS, *ANSWERS)):
        raise UsageRefused("the row has no counters, and no answer of a provider that has some")
    if answer is not None:
        provider = event.get("provider")
        told = usage_of(answer, provider=None if provider is None else str(provider))
        event.update((name, value) for name, value in told.items() if name in EVENT_FIELDS and name not in own)
    return event


def _answer(record: Record) -> Record | None:
    """The answer that a row holds or is; None when there is none with counters."""
    if any(record.get(name) for name in USAGE_PARTS):
        return record
    return next((found for name in ANSWERS if (found := _counted(record.get(name))) is not None), None)


def _counted(value: object) -> Record | None:
    """A value as an answer of a provider; None for text that the model wrote, and for an answer that counts nothing."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = decoded(value)
        except ValueError:
            return None
    return value if isinstance(value, dict) and has_usage(value) else None
