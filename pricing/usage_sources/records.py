"""Values out of nested records of usage exports: maps that came as JSON text, counters, and the first of several names."""

import math
from collections.abc import Mapping

import msgspec

from pricing.usage import COUNTER_MAX, UsageRefused
from pricing.usage_sources.values import counter_refusal, shown

Record = Mapping[str, object]

# Dollars are written as decimals; a float on the way would change them.
_decode = msgspec.json.Decoder(float_hook=str).decode


def decoded(json_text: str | bytes) -> object:
    """What a JSON text says, with numbers that have a point as their own text. Raises ValueError when it is no JSON."""
    try:
        return _decode(json_text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def first(record: Record, *names: str) -> object:
    """The value of the first of these names that has one; None otherwise."""
    for name in names:
        value = record.get(name)
        if value is not None and value != "":
            return value
    return None


def text(record: Record, *names: str) -> str | None:
    """As `first`, as text."""
    value = first(record, *names)
    return None if value is None else str(value)


def inner(record: Record, *names: str) -> Record:
    """The map under the first of these names: an object, its JSON text, or Parquet's list of pairs; empty when there is none.

    Raises UsageRefused when there is something else: counters may hide in it.
    """
    value = first(record, *names)
    if value is None:
        return {}
    if isinstance(value, str):
        try:
            value = decoded(value)
        except ValueError:
            raise UsageRefused(f"{names[0]} ({shown(value)}) is no JSON object") from None
        if value is None:
            return {}
    if isinstance(value, list) and all(isinstance(pair, Mapping) and {"key", "value"} <= set(pair) for pair in value):
        return {str(pair["key"]): pair["value"] for pair in value}
    if isinstance(value, list) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
        return {str(key): held for key, held in value}
    if not isinstance(value, Mapping):
        raise UsageRefused(f"{names[0]} ({shown(value)}) is no JSON object")
    return value


def whole(record: Record, *names: str) -> int:
    """The counter under the first of these names; 0 when none is there. Raises UsageRefused when it is no counter."""
    for name in names:
        value = record.get(name)
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            continue
        return to_whole(name, value)
    return 0


def to_whole(name: str, value: object) -> int:
    """A value as a counter. Raises UsageRefused with the value when it is none."""
    digits = str(value).strip()
    left, point, zeros = digits.partition(".")
    if point and zeros.strip("0") == "":
        digits = left
    is_counter = digits.isascii() and digits.isdigit() and len(digits) <= 18 and not isinstance(value, bool)
    if not is_counter or int(digits) > COUNTER_MAX:
        raise UsageRefused(counter_refusal(name, value))
    return int(digits)
