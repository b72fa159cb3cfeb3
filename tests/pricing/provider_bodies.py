"""Real answers of providers with what a reference reads out of them: our reading beside it, provider by provider."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from metering_client import usage_of
from pricing.price_book import PriceBook, quote
from pricing.price_entry import PriceEntry, UnitWithoutPrice
from pricing.usage import COUNTERS, InclusiveUsage, input_tokens, to_buckets

# The reference's prices are those of this moment, except where the exceptions' file says from which day they are.
PRICED_AT = datetime(2026, 8, 14, 12, tzinfo=UTC)
EXCEPTIONS = tomllib.loads((Path(__file__).parent / "provider_body_exceptions.toml").read_text(encoding="utf-8"))
# The reference's names for our counters. It counts the writes of both lengths together where it does not split them.
_NAMES = {
    "input_tokens": "input_tokens",
    "cache_read_tokens": "cache_read_tokens",
    "input_audio_tokens": "input_audio_tokens",
    "output_tokens": "output_tokens",
    "reasoning_tokens": "output_reasoning_tokens",
    "output_audio_tokens": "output_audio_tokens",
    "search_requests": "web_searches",
}


@dataclass(frozen=True)
class Reading:
    """One answer as one provider's: which counters differ from the reference, and the two costs in USD where it has one."""

    body: int
    provider: str
    differing: tuple[str, ...]
    expected_usd: Decimal | None
    cost_usd: Decimal | None
    unpriced_reason: str | None

    @property
    def is_equal(self) -> bool:
        """Same counters, and the same cost to the pico-dollar where the reference has one."""
        return not self.differing and self.is_same_cost

    @property
    def is_same_cost(self) -> bool:
        """Whether the costs are equal, or there is none to compare with."""
        return self.expected_usd is None or self.cost_usd == self.expected_usd


def answers(shared: Path) -> list[dict[str, object]]:
    """The file's cases: `body`, `model` where it was known, `extracted`."""
    found: list[dict[str, object]] = json.loads((shared / "data" / "provider_usage_bodies_dev.json").read_text())
    return found


def readings(number: int, case: Mapping[str, object], book: PriceBook) -> Iterator[Reading]:
    """Our reading of one answer for every provider that the reference reads it for.

    The reference tries every way of reading that a provider's APIs have, also those of another API than the answer's own:
    the one that comes nearest to ours is taken.
    """
    by_provider: dict[str, list[Reading]] = {}
    for way in case["extracted"]:
        for said in way["extractors"]:
            provider = said["provider_id"]
            reading = _reading(number, case, provider, way["usage"], _usd(said), book)
            by_provider.setdefault(provider, []).append(reading)
    for ways in by_provider.values():
        yield min(ways, key=lambda way: (not way.is_equal, not way.is_same_cost, len(way.differing)))


def _usd(said: Mapping[str, str]) -> Decimal | None:
    parts = [said[name] for name in ("input_price", "output_price") if name in said]
    if not parts:
        return None
    return Decimal(said["total_price"]) if "total_price" in said else sum(map(Decimal, parts), Decimal(0))


def _reading(
    number: int,
    case: Mapping[str, object],
    provider: str,
    expected: Mapping[str, int],
    expected_usd: Decimal | None,
    book: PriceBook,
) -> Reading:
    told = usage_of(case["body"], provider=provider)
    counted = {name: told.get(name, 0) for name in COUNTERS if name != "requests"}
    differing = [ours for ours, theirs in _NAMES.items() if counted[ours] != expected.get(theirs, 0)]
    differing += [name for name in ("images", "seconds", "pages") if counted[name]]
    written = counted["cache_write_5m_tokens"] + counted["cache_write_1h_tokens"]
    if written != expected.get("cache_write_tokens", 0):
        differing.append("cache_write_tokens")
    buckets = to_buckets(InclusiveUsage(**counted))
    cost, reason = None, None
    if expected_usd is not None:
        entry = _entry_in_force(provider, str(case.get("model")), buckets, book)
        try:
            cost = None if isinstance(entry, str) else Decimal(quote(entry, buckets)).scaleb(-12)
            reason = entry if isinstance(entry, str) else None
        except UnitWithoutPrice as error:
            reason = str(error)
    return Reading(number, provider, tuple(sorted(differing)), expected_usd, cost, reason)


def _entry_in_force(provider: str, model: str, buckets: Mapping[str, int], book: PriceBook) -> PriceEntry | str:
    """The entry for the standard tier at the moment of the reference's prices, or why there is none."""
    found = book.find(provider, model)
    if isinstance(found, str):
        return found
    day = EXCEPTIONS["priced_on"].get(model)
    at = PRICED_AT if day is None else datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    minute = at.hour * 60 + at.minute
    for entry in book.entries_of(*found):
        is_in_force = (
            (entry.valid_from is None or entry.valid_from <= at)
            and (entry.valid_to is None or entry.valid_to > at)
            and (entry.above_input_tokens is None or input_tokens(buckets) > entry.above_input_tokens)
            and (entry.up_to_input_tokens is None or input_tokens(buckets) <= entry.up_to_input_tokens)
            and (entry.tod_from_minute is None or entry.tod_from_minute <= minute)
            and (entry.tod_to_minute is None or entry.tod_to_minute > minute)
        )
        if is_in_force:
            return entry
    return f"{'/'.join(found)} has no price"
