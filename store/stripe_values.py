"""How to read the values inside Stripe's objects: times, references, paths, sums and exact decimals."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any


def moment(seconds: int | None) -> datetime | None:
    """Stripe's seconds since 1970 as a time in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def reference(value: Any) -> str | None:
    """The id behind a reference, which is an id, or the expanded object, or nothing."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return None if value is None else str(value)


def inside(raw: Any, *path: str) -> Any:
    """What lies at the end of a path of keys; None as soon as one is missing or null."""
    for key in path:
        if not isinstance(raw, Mapping):
            return None
        raw = raw.get(key)
    return raw


def amounts(items: Iterable[Mapping[str, Any]] | None, **only: str) -> int:
    """The sum of `amount`, in minor units, over the items whose fields have the values of `only`."""
    return sum(item["amount"] for item in items or () if all(item.get(field) == value for field, value in only.items()))


def exact(value: Any) -> Decimal | None:
    """A number as Stripe wrote it. JSON made it a float; the shortest text that reads back as that float is what was written."""
    return None if value is None else Decimal(str(value))
