"""Which usage a changed price book prices in another way, told from names, days and price entries without reading an event."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import NamedTuple

from pricing.catalogue import SOURCE
from pricing.overlay import load_overlay
from pricing.price_book import AskedName, PriceBook, PriceEntry

LACKS = " has no price for "


class PricedAs(NamedTuple):
    """Usage of one day that is named alike, and how it is priced now: an entry, or why there is none."""

    day: date
    provider: str | None
    model: str | None
    service_tier: str | None
    price_id: int | None
    unpriced_reason: str | None


@cache
def public_fingerprint() -> str:
    """What the public price book says, as a short text: another catalogue or overlay has another one."""
    return short_hash((SOURCE, load_overlay()))


def short_hash(facts: object) -> str:
    """A short text that is another one for other facts, the same on every machine; they are told by their `repr`."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def days_to_read(book: PriceBook, usage: Iterable[PricedAs]) -> set[date]:
    """The days on which some usage may resolve to another entry of this book; no other day can.

    Region and search size are not told apart here: where a model's price depends on them, its days are read.
    """
    found: set[date] = set()
    known: dict[tuple[str | None, str | None, str | None], list[PriceEntry] | None] = {}
    for one in usage:
        if one.day in found:
            continue
        name = one.provider, one.model, one.service_tier
        if name not in known:
            known[name] = _candidates(book, AskedName(*name))
        candidates = known[name]
        if candidates is None or _resolves_elsewhere([entry for entry in candidates if _on(entry, one.day)], one):
            found.add(one.day)
    return found


def _resolves_elsewhere(entries: list[PriceEntry], one: PricedAs) -> bool:
    if one.price_id is not None:
        return all(entry.price_id != one.price_id for entry in entries)
    key, lacks, bucket = (one.unpriced_reason or "").rpartition(LACKS)
    if lacks and any(entry.price_key == key and entry.unit_pico_usd.get(bucket) is None for entry in entries):
        return False
    return bool(entries)


def _candidates(book: PriceBook, asked: AskedName) -> list[PriceEntry] | None:
    """Every entry that usage of this name may have; none for an unknown model, None where region or search size decide."""
    found = book.find(asked.provider, asked.model)
    if isinstance(found, str):
        return []
    terms = book.terms_of(*found)
    if any(each.region is not None or each.search_context_size is not None for each in terms):
        return None
    return list(book.entries_on(*found, book.terms_meant(*found, asked)))


def _on(entry: PriceEntry, day: date) -> bool:
    """Whether the entry holds at some moment of the UTC day."""
    begins = datetime.combine(day, time(), UTC)
    return (entry.valid_from is None or entry.valid_from < begins + timedelta(days=1)) and (
        entry.valid_to is None or begins < entry.valid_to
    )
