"""The price book written to a file and read again: every entry with its source, as JSON."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipelines.read_usage_chunks import UsageFileRefused
from pricing.price_entry import PriceEntry

FORMAT = "metering prices 1"
_MOMENTS = ("valid_from", "valid_to")
_PLAIN = (
    "provider",
    "model",
    "service_tier",
    "region",
    "search_context_size",
    "above_input_tokens",
    "up_to_input_tokens",
    "tod_from_minute",
    "tod_to_minute",
    "is_standard_price",
    "is_size_assumed",
    "source",
    "source_url",
)


class PriceFileRefused(UsageFileRefused):
    """The file is no price list that can be read. The sentence says what it should be."""


def write_book(entries: tuple[PriceEntry, ...], path: Path) -> None:
    """Write the entries, sorted by their names, so that two exports can be compared line by line; whole or not at all."""
    ordered = sorted(entries, key=lambda entry: (entry.price_key, entry.price_id))
    lines = ",\n".join(json.dumps(_row(entry), ensure_ascii=False) for entry in ordered)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(f'{{"format": {json.dumps(FORMAT)}, "entries": [\n{lines}\n]}}\n', encoding="utf-8")
    partial.replace(path)


def read_book(path: Path) -> list[PriceEntry]:
    """The entries of a file that `write_book` wrote. Raises PriceFileRefused."""
    document = read_json(path)
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        raise PriceFileRefused(
            f"{path} is no export of a price book ({FORMAT!r}): `metering prices export` writes one."
        )
    try:
        return [_entry(row) for row in document["entries"]]
    except (KeyError, TypeError, ValueError) as error:
        raise PriceFileRefused(f"{path} has an entry that cannot be read: {error}.") from error


def read_json(path: Path) -> object:
    """A JSON file with its fractions as Decimal: a price is never a float. Raises PriceFileRefused."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise PriceFileRefused(f"{path} is no JSON: {error}.") from error


def _row(entry: PriceEntry) -> dict[str, Any]:
    moments = {name: None if (at := getattr(entry, name)) is None else at.isoformat() for name in _MOMENTS}
    return {
        "price_key": entry.price_key,
        "price_id": entry.price_id,
        **{name: getattr(entry, name) for name in _PLAIN},
        **moments,
        "checked_on": None if entry.checked_on is None else entry.checked_on.isoformat(),
        "unit_pico_usd": {bucket: price for bucket, price in entry.unit_pico_usd.items() if price is not None},
        "remainders": dict(entry.remainders),
    }


def _entry(row: Mapping[str, Any]) -> PriceEntry:
    given: dict[str, Any] = {name: row[name] for name in (*_PLAIN, "unit_pico_usd", "remainders")}
    for name in _MOMENTS:
        given[name] = None if row[name] is None else datetime.fromisoformat(row[name])
    given["checked_on"] = None if row["checked_on"] is None else date.fromisoformat(row["checked_on"])
    return PriceEntry(**given)
