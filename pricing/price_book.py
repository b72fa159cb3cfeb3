"""The price book: dated price entries, found once for each distinct provider, model and service tier."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from pricing.usage import BUCKETS

STANDARD_TIER = "standard"


@dataclass(frozen=True, slots=True)
class PriceEntry:
    """A dated price with its source: what each bucket's unit costs from `valid_from` until before `valid_to` (UTC).

    `unit_pico_usd[bucket]` is the price in pico-USD of `pricing_quantity` units; None means that the bucket has no price, so
    that an event with such units is unpriced. `pricing_quantity` is 1 but for prices that no whole pico-USD expresses
    (a twelfth of a dollar per million tokens is 250,000 pico-USD for 3 tokens).
    The entry applies to requests of more than `above_input_tokens` and at most `up_to_input_tokens` input tokens, and,
    where minutes are given, from `tod_from_minute` until before `tod_to_minute` of the UTC day.
    """

    provider: str
    model: str
    service_tier: str
    unit_pico_usd: Mapping[str, int | None]
    pricing_quantity: int = 1
    above_input_tokens: int | None = None
    up_to_input_tokens: int | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    tod_from_minute: int | None = None
    tod_to_minute: int | None = None
    source: str = ""
    source_url: str | None = None
    checked_on: date | None = None

    @property
    def price_key(self) -> str:
        """The entry's name for people: `openai/gpt-5.4@2026-10-14 batch >272000`."""
        started = self.valid_from.date().isoformat() if self.valid_from else "start"
        tier = "" if self.service_tier == STANDARD_TIER else f" {self.service_tier}"
        length = "" if self.above_input_tokens is None else f" >{self.above_input_tokens}"
        hours = ""
        if self.tod_from_minute is not None and self.tod_to_minute is not None:
            hours = f" {_clock(self.tod_from_minute)}-{_clock(self.tod_to_minute)}Z"
        return f"{self.provider}/{self.model}@{started}{tier}{length}{hours}"

    @property
    def price_id(self) -> int:
        """A positive 63-bit hash of what the entry says: another price is another id, on every machine the same."""
        content = [
            self.price_key,
            self.valid_to.isoformat() if self.valid_to else None,
            self.up_to_input_tokens,
            self.pricing_quantity,
            [self.unit_pico_usd.get(bucket) for bucket in BUCKETS],
            self.source,
        ]
        digest = hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def quote(entry: PriceEntry, buckets: Mapping[str, int]) -> int | None:
    """The cost in pico-USD of the buckets at this entry, a half pico away from zero; None when a used bucket has no price.

    The plain sum of products that the vectorised engine computes; explanations and tests use this one. A missing request
    fee is no missing price: few models charge one, and every event counts a request.
    """
    total = 0
    for bucket, quantity in buckets.items():
        unit = entry.unit_pico_usd.get(bucket)
        if unit is None:
            if quantity and bucket != "requests":
                return None
            continue
        total += quantity * unit
    return (2 * total + entry.pricing_quantity) // (2 * entry.pricing_quantity)


ENTRY_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "price_id": pl.Int64,
    "price_key": pl.String,
    "provider": pl.String,
    "model": pl.String,
    "service_tier": pl.String,
    "above_input_tokens": pl.Int64,
    "up_to_input_tokens": pl.Int64,
    "valid_from": pl.Datetime("us"),
    "valid_to": pl.Datetime("us"),
    "tod_from_minute": pl.Int32,
    "tod_to_minute": pl.Int32,
    "pricing_quantity": pl.Int64,
    **{f"{bucket}_pico_usd": pl.Int64 for bucket in BUCKETS},
    "source": pl.String,
    "source_url": pl.String,
    "checked_on": pl.Date,
}


def entries_frame(entries: Iterable[PriceEntry]) -> pl.DataFrame:
    """One row per price entry: its key and validity, and a column `<bucket>_pico_usd` (per `pricing_quantity` units) each."""
    rows = [
        {
            "price_id": entry.price_id,
            "price_key": entry.price_key,
            "provider": entry.provider,
            "model": entry.model,
            "service_tier": entry.service_tier,
            "above_input_tokens": entry.above_input_tokens,
            "up_to_input_tokens": entry.up_to_input_tokens,
            "valid_from": entry.valid_from.replace(tzinfo=None) if entry.valid_from else None,
            "valid_to": entry.valid_to.replace(tzinfo=None) if entry.valid_to else None,
            "tod_from_minute": entry.tod_from_minute,
            "tod_to_minute": entry.tod_to_minute,
            "pricing_quantity": entry.pricing_quantity,
            **{f"{bucket}_pico_usd": entry.unit_pico_usd.get(bucket) for bucket in BUCKETS},
            "source": entry.source,
            "source_url": entry.source_url,
            "checked_on": entry.checked_on,
        }
        for entry in entries
    ]
    return pl.DataFrame(rows, schema=ENTRY_SCHEMA)
