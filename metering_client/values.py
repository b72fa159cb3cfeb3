"""Values out of nested records: counters, maps that came as JSON text, and the first of several names."""

import json
import math
from collections.abc import Mapping

Record = Mapping[str, object]

# A day of the busiest customer is far below this; a counter above it is a mistake, and one event stays far from 2^63.
COUNTER_MAX = 10**12


class UsageRefused(ValueError):
    """An event's counters contradict each other or cannot be counted. Sending the same event again will not help."""


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
    if isinstance(value, str):
        try:
            # Dollars are written as decimals; a float on the way would change them.
            value = json.loads(value, parse_float=str)
        except (ValueError, RecursionError):
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


def maps(value: object) -> list[Record]:
    """The objects of a list; none for anything that is no list."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list | tuple) else []


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


def counter_refusal(name: str, value: object) -> str:
    """What a value that is no whole number is told."""
    return f"{name} ({shown(value)}) must be a whole number between 0 and {COUNTER_MAX}"


def shown(value: object) -> str:
    """A value as a reason shows it: short, and in quotes where it is text."""
    quoted = repr(value)
    return quoted if len(quoted) <= 80 else f"{quoted[:77]}…"
