"""A price entry: one dated price with its source, its name, its id, and what usage costs at it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import NamedTuple

import polars as pl

from pricing.usage import BUCKETS

STANDARD_TIER = "standard"
# The tiers that some catalogue model prices on its own, and `other` for every name that none does.
TIERS = (STANDARD_TIER, "batch", "priority", "flex", "fast", "other")
_TIER_NAMES = dict.fromkeys(("", "default", "auto", "on_demand", "on-demand", "standard_only"), STANDARD_TIER) | {
    "batches": "batch",
    "priority_on_demand": "priority",
    "flex_discount": "flex",
}
# Every event counts a request and few models charge for one: no request fee is a fee of nothing, not a missing price.
FREE_WHEN_ABSENT = frozenset({"requests"})
# A price that is no whole number of pico-USD carries what is left in this many parts of one. Hours have 3,600 seconds, and
# the catalogue's repeating decimals are twelfths of a dollar, so that 1/3600 pico-USD is exact for all of them.
REMAINDER_PARTS = 3600
COST_MAX_PICO_USD = 2**63 - 1


class AskedName(NamedTuple):
    """The words of a usage event that choose its price, as its log spells them; None where it says nothing."""

    provider: str | None
    model: str | None
    service_tier: str | None = None
    region: str | None = None
    search_context_size: str | None = None


class Terms(NamedTuple):
    """What beside the model decides a price, in the price book's own words.

    `service_tier` is one of TIERS. `region` is None where the price is the same everywhere. `search_context_size` is None
    where the price does not depend on it, or where the event does not say it.
    """

    service_tier: str = STANDARD_TIER
    region: str | None = None
    search_context_size: str | None = None


class UnitWithoutPrice(LookupError):
    """The event used a unit that its price entry has no price for, so its cost is unknown."""

    def __init__(self, entry: "PriceEntry", bucket: str) -> None:
        super().__init__(f"{entry.price_key} has no price for {bucket}")
        self.bucket = bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceEntry:
    """What one unit of each bucket costs in pico-USD (10^-12 $), from `valid_from` until before `valid_to` (UTC).

    `unit_pico_usd[bucket]` is None where the bucket has no price: an event with such units is unpriced.
    `remainders[bucket]` is what the whole pico-USD leave out, in 1/3600 pico-USD; nearly always there is none.
    The entry holds requests of more than `above_input_tokens` and at most `up_to_input_tokens` input tokens (all of them,
    cached ones included) and, where minutes are given, those from `tod_from_minute` until before `tod_to_minute` of the
    UTC day. None leaves that side open. `is_standard_price` says that the tier is charged at the standard price. `region` and
    `search_context_size` are set where the price is of them alone; `is_size_assumed` where the event did not say the size.
    """

    provider: str
    model: str
    service_tier: str = STANDARD_TIER
    region: str | None = None
    search_context_size: str | None = None
    unit_pico_usd: Mapping[str, int | None]
    remainders: Mapping[str, int] = field(default_factory=dict)
    above_input_tokens: int | None = None
    up_to_input_tokens: int | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    tod_from_minute: int | None = None
    tod_to_minute: int | None = None
    is_standard_price: bool = True
    is_size_assumed: bool = False
    source: str = ""
    source_url: str | None = None
    checked_on: date | None = None
    price_key: str = field(init=False)
    price_id: int = field(init=False)

    def __post_init__(self) -> None:
        unknown = set(self.unit_pico_usd) - set(BUCKETS)
        if unknown:
            raise ValueError(f"no such bucket: {', '.join(sorted(unknown))}")
        object.__setattr__(self, "price_key", _price_key(self))
        object.__setattr__(self, "price_id", _price_id(self))

    def __hash__(self) -> int:
        return self.price_id


def quote(entry: PriceEntry, buckets: Mapping[str, int]) -> int:
    """The cost of an event's buckets in pico-USD: the sum of quantity x unit price, and a half of one rounded up.

    The plain form of what the engine computes for whole tables. Raises UnitWithoutPrice where a used bucket has none.
    """
    whole = parts = 0
    for bucket in BUCKETS:
        quantity = buckets.get(bucket, 0)
        unit = entry.unit_pico_usd.get(bucket)
        if unit is None:
            if quantity and bucket not in FREE_WHEN_ABSENT:
                raise UnitWithoutPrice(entry, bucket)
            continue
        whole += quantity * unit
        parts += quantity * entry.remainders.get(bucket, 0)
    return whole + (parts + REMAINDER_PARTS // 2) // REMAINDER_PARTS


def lasting(entry: PriceEntry, valid_from: datetime | None, valid_to: datetime | None) -> PriceEntry:
    """The same entry, with its name and its id, for a part of its time: another one holds for the rest."""
    part = replace(entry, valid_from=valid_from, valid_to=valid_to)
    object.__setattr__(part, "price_key", entry.price_key)
    object.__setattr__(part, "price_id", entry.price_id)
    return part


def tier_named(service_tier: str | None) -> str:
    """The tier of TIERS that a usage log's word stands for; None and `default` are the standard tier."""
    word = (service_tier or "").strip().lower()
    tier = _TIER_NAMES.get(word, word)
    return tier if tier in TIERS else "other"


def safe_quantity(entry: PriceEntry) -> int:
    """When no bucket holds more units than this, the event's cost surely fits 63 bits of pico-USD."""
    per_unit_of_each = sum((unit or 0) + 1 for unit in entry.unit_pico_usd.values()) + 1
    return COST_MAX_PICO_USD // per_unit_of_each


ENTRY_SCHEMA: dict[str, pl.DataType] = {
    "price_id": pl.Int64(),
    "price_key": pl.String(),
    "provider": pl.String(),
    "model": pl.String(),
    "service_tier": pl.String(),
    "region": pl.String(),
    "search_context_size": pl.String(),
    "above_input_tokens": pl.Int64(),
    "up_to_input_tokens": pl.Int64(),
    "valid_from": pl.Datetime("us"),
    "valid_to": pl.Datetime("us"),
    "tod_from_minute": pl.Int32(),
    "tod_to_minute": pl.Int32(),
    **{f"{bucket}_pico_usd": pl.Int64() for bucket in BUCKETS},
    "source": pl.String(),
    "source_url": pl.String(),
    "checked_on": pl.Date(),
}


def entries_frame(entries: Iterable[PriceEntry]) -> pl.DataFrame:
    """One row per entry with the columns ENTRY_SCHEMA; `<bucket>_pico_usd` is the price of one unit, instants are UTC."""
    kept = list(entries)
    columns: dict[str, list[object]] = {}
    for name in ENTRY_SCHEMA:
        if name.endswith("_pico_usd"):
            columns[name] = [entry.unit_pico_usd.get(name.removesuffix("_pico_usd")) for entry in kept]
        elif name in {"valid_from", "valid_to"}:
            instants = [getattr(entry, name) for entry in kept]
            columns[name] = [None if instant is None else instant.replace(tzinfo=None) for instant in instants]
        else:
            columns[name] = [getattr(entry, name) for entry in kept]
    return pl.DataFrame(columns, schema=ENTRY_SCHEMA)


def _price_key(entry: PriceEntry) -> str:
    """The entry's name for people, as in `openai/gpt-5.4@2026-10-14 batch >272000`."""
    started = f"@{entry.valid_from:%Y-%m-%d}" if entry.valid_from else ""
    tier = "" if entry.service_tier == STANDARD_TIER else f" {entry.service_tier}"
    if tier and entry.is_standard_price:
        tier += " (standard price)"
    region = "" if entry.region is None else f" {entry.region}"
    size = "" if entry.search_context_size is None else f" search {entry.search_context_size}"
    if size and entry.is_size_assumed:
        size += " (assumed)"
    length = "" if entry.above_input_tokens is None else f" >{entry.above_input_tokens}"
    hours = ""
    if entry.tod_from_minute is not None and entry.tod_to_minute is not None:
        hours = f" {_clock(entry.tod_from_minute)}-{_clock(entry.tod_to_minute)}Z"
    return f"{entry.provider}/{entry.model}{started}{tier}{region}{size}{length}{hours}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _price_id(entry: PriceEntry) -> int:
    """A positive 63-bit hash of what the entry says, the same on every machine.

    Who said it is left out: the same price in a newer catalogue keeps its id, and priced usage keeps its entry.
    """
    content = [
        entry.price_key,
        entry.valid_from.isoformat() if entry.valid_from else None,
        entry.valid_to.isoformat() if entry.valid_to else None,
        entry.up_to_input_tokens,
        [entry.unit_pico_usd.get(bucket) for bucket in BUCKETS],
        [entry.remainders.get(bucket, 0) for bucket in BUCKETS],
    ]
    digest = hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 1) or 1
