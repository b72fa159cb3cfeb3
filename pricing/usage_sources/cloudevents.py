"""CloudEvents 1.0 in their JSON form, single or in a batch, to the documented event schema."""

import base64
import binascii
from collections.abc import Mapping

from metering_client.values import Record, UsageRefused, first, inner, shown, text, whole
from pricing.usage import COUNTERS
from pricing.usage_sources import own_logs
from pricing.usage_sources.records import decoded

CONTEXT = frozenset({"specversion", "id", "source", "type"})
# What OpenMeter lists wraps each event with what it made of it.
ENVELOPE = frozenset({"event", "ingestedAt"})
COLUMNS = CONTEXT | ENVELOPE | {"subject", "time", "datacontenttype", "dataschema", "data", "data_base64"}
_VERSION = "1.0"
# An event that counts the tokens of one side of a call says which side: OpenMeter's own way of metering prompts.
_SIDES = {"input": "input_tokens", "system": "input_tokens", "output": "output_tokens"}


def unwrapped(record: Record) -> list[Record]:
    """The event inside what a meter lists, or the event itself."""
    event = record.get("event")
    return [event] if isinstance(event, Mapping) and "specversion" in event else [record]


def event_id(record: Record) -> str | None:
    """Source and id together are unique; neither alone is. A space is in no source, so that no two pairs look the same."""
    source, own_id = text(record, "source"), text(record, "id")
    return f"{source} {own_id}" if source and own_id else None


def to_event(record: Record, mapping: dict[str, str]) -> dict[str, object] | None:
    """The data's fields, with `subject` as the customer and `time` as the moment; None for an event that is no model call.

    `mapping` names the data's own keys for our fields. Raises UsageRefused for an event of another version, and for a
    model call whose data counts nothing.
    """
    version = text(record, "specversion")
    if version != _VERSION:
        raise UsageRefused(f"specversion ({shown(version)}) must be {_VERSION}")
    absent = [name for name in ("id", "source", "type") if text(record, name) is None]
    if absent:
        raise UsageRefused(f"{' and '.join(absent)} must be set: source and id together name a CloudEvent")
    data = _data(record)
    side = _SIDES.get(str(data.get("type")))
    event = _one_side(data, side) if side and first(data, "tokens") is not None else own_logs.to_event(data, mapping)
    if not set(event) & set(COUNTERS):
        if event.get("model") is None:
            return None
        raise UsageRefused(f"the data of {text(record, 'type')} names a model and counts nothing")
    return event | {
        "event_id": event_id(record),
        "occurred_at": first(record, "time") or event.get("occurred_at"),
        "customer_id": text(record, "subject") or event.get("customer_id"),
    }


def _one_side(data: Record, counter: str) -> dict[str, object]:
    """A call in two events: the answer's counts the request, so that both together are one."""
    tokens = whole(data, "tokens")
    labels = {name: data.get(name) for name in ("model", "provider", "feature", "api_key", "service_tier", "region")}
    return labels | {counter: tokens, "requests": int(counter == "output_tokens")}


def _data(record: Record) -> Record:
    """The event's data as a map; empty where there is none. Raises UsageRefused when they are something else."""
    packed = text(record, "data_base64")
    if packed is None:
        return inner(record, "data")
    try:
        found = decoded(base64.b64decode(packed, validate=True))
    except (binascii.Error, ValueError):
        found = None
    if not isinstance(found, Mapping):
        raise UsageRefused(f"data_base64 ({shown(packed)}) is no JSON object")
    return found
