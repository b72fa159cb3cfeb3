"""The overlay examined: entries that contradict each other, that the catalogue has caught up with, or that want checking again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from pricing.overlay import OverlaidPrices
from pricing.overlay_entries import Alias, Allowance, Entry, Multiplier, Offer, Price, Sourced
from pricing.overlay_rules import parts_of
from pricing.price_entry import PriceEntry, Terms
from pricing.usage import BUCKETS

if TYPE_CHECKING:  # only a type is needed
    from pricing.price_book import PriceSource

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_ANY_LENGTH = 10**9


@dataclass(frozen=True)
class Finding:
    """What is to be done about an entry of the overlay; `place` is its file and number."""

    kind: Literal["overlap", "unneeded", "old"]
    place: str
    sentence: str


def check_overlay(
    base: "PriceSource", entries: Sequence[Entry], *, today: date, max_age_days: int
) -> tuple[Finding, ...]:
    """The findings about the entries, laid over a source, in the order of the files. None means that all is well.

    An entry is `unneeded` when the book without it gives every event the same price. Offers and allowances price no event.
    """
    overlapping = [finding for one, other in combinations(entries, 2) for finding in _overlap(one, other)]
    unneeded = [
        Finding("unneeded", entry.place, "it changes no price: take it out, or correct its models and dates.")
        for entry in entries
        if not isinstance(entry, Offer | Allowance) and not _is_needed(base, entries, entry)
    ]
    old = [
        Finding("old", entry.place, f"it was checked on {entry.checked_on}: compare it with {entry.source_url}.")
        for entry in entries
        if (today - entry.checked_on).days > max_age_days
    ]
    return (*overlapping, *unneeded, *old)


def _overlap(one: Entry, other: Entry) -> Iterator[Finding]:
    """Two entries of one kind that both want to decide the same price: the later one would win in silence."""
    if type(one) is not type(other) or one.provider != other.provider:
        return
    is_same_time = (one.valid_to is None or other.valid_from < one.valid_to) and (
        other.valid_to is None or one.valid_from < other.valid_to
    )
    models = [name for name in one.models if any(_meet(name, pattern) for pattern in other.models)]
    if is_same_time and models and _is_same_price(one, other):
        yield Finding("overlap", other.place, f"it speaks of the same prices of {models[0]} as {one.place}.")


def _is_same_price(one: Entry, other: Entry) -> bool:
    match one, other:
        case Price(), Price():
            return (
                one.search_context_size == other.search_context_size
                and bool(set(one.service_tiers) & set(other.service_tiers))
                and bool(set(one.unit_parts) & set(other.unit_parts))
                and (one.above_input_tokens or -1) < (other.up_to_input_tokens or _ANY_LENGTH)
                and (other.above_input_tokens or -1) < (one.up_to_input_tokens or _ANY_LENGTH)
            )
        case Multiplier(), Multiplier():
            words = any(_meet(word, pattern) for word in one.regions for pattern in other.regions)
            tiers = bool(set(one.service_tiers) & set(other.service_tiers)) and one.region == other.region is None
            return bool(set(one.buckets) & set(other.buckets)) and (words or tiers)
        case Allowance(), Allowance():
            return one.bucket == other.bucket
        case Alias(), Alias():
            return True
        case _:
            return False


def _meet(one: str, other: str) -> bool:
    """Whether two patterns may mean the same name; two with stars of their own are taken to, where one matches the other."""
    return fnmatchcase(one, other) or fnmatchcase(other, one)


def _is_needed(base: "PriceSource", entries: Sequence[Entry], entry: Entry) -> bool:
    """Whether some event of some model would have another price without the entry."""
    whole = OverlaidPrices(base, entries)
    without = OverlaidPrices(base, [each for each in entries if each is not entry])
    for provider, model in whole.models():
        if provider != entry.provider or not any(fnmatchcase(model.lower(), name) for name in entry.models):
            continue
        for terms in whole.terms(provider, model):
            mine, others = whole.flatten(provider, model, terms), _flatten_as_asked(without, provider, model, terms)
            if not _are_equal(mine, others):
                return True
    return False


def _flatten_as_asked(source: OverlaidPrices, provider: str, model: str, terms: Terms) -> tuple[PriceEntry, ...]:
    """What the source gives the same event, which may have another name for the model, or none."""
    found = source.find(provider, model)
    if isinstance(found, str):
        return ()
    has = source.terms(*found)
    sizes, regions = {each.search_context_size for each in has}, {each.region for each in has}
    size = terms.search_context_size if terms.search_context_size in sizes else None
    region = terms.region if terms.region in regions else None
    return source.flatten(*found, Terms(terms.service_tier, region, size))


def _are_equal(mine: Sequence[PriceEntry], others: Sequence[PriceEntry]) -> bool:
    """Whether both give every event the same unit prices, however they are cut."""
    return all(
        _prices_at(mine, at, length) == _prices_at(others, at, length)
        for at in _moments((*mine, *others))
        for length in _lengths((*mine, *others))
    )


def _moments(entries: Iterable[PriceEntry]) -> set[datetime]:
    borders = {moment for entry in entries for moment in (entry.valid_from, entry.valid_to) if moment is not None}
    return {_LONG_AGO, *borders, *(moment - _DAY for moment in borders)}


def _lengths(entries: Iterable[PriceEntry]) -> set[int]:
    borders = {entry.above_input_tokens for entry in entries if entry.above_input_tokens is not None}
    return {0, *(border + 1 for border in borders)}


def _prices_at(entries: Sequence[PriceEntry], at: datetime, length: int) -> set[tuple[object, ...]]:
    """The unit prices in force, those of each hour."""
    return {
        (entry.tod_from_minute, entry.tod_to_minute, *(parts_of(entry, bucket) for bucket in BUCKETS))
        for entry in entries
        if (entry.valid_from is None or entry.valid_from <= at)
        and (entry.valid_to is None or at < entry.valid_to)
        and (entry.above_input_tokens is None or length > entry.above_input_tokens)
        and (entry.up_to_input_tokens is None or length <= entry.up_to_input_tokens)
    }


def oldest_check(entries: Sequence[Sourced]) -> date | None:
    """The day of the entry that was checked the longest ago; None for no entries."""
    return min((entry.checked_on for entry in entries), default=None)
