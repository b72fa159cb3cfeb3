"""A model's price entries for reading: which hold now, which held before, which are to come, and the one that is meant by default."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pricing.price_book import PriceBook
from pricing.price_entry import STANDARD_TIER, TIERS, PriceEntry

_LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Held:
    """An entry and whether it holds at the moment asked for: `now`, `past` or `future`."""

    entry: PriceEntry
    when: str


def history(book: PriceBook, provider: str, model: str, *, at: datetime) -> list[Held]:
    """Every entry of a catalogue model by tier, what holds now first, then the past from new to old, then what is to come."""
    found: dict[PriceEntry, None] = {}
    for terms in book.terms_of(provider, model):
        found |= dict.fromkeys(book.entries_on(provider, model, terms))
    order = {"now": 0, "future": 1, "past": 2}
    held = [Held(entry, _when(entry, at)) for entry in found]
    return sorted(
        held,
        key=lambda one: (
            TIERS.index(one.entry.service_tier) if one.entry.service_tier in TIERS else len(TIERS),
            one.entry.region or "",
            one.entry.search_context_size or "",
            order[one.when],
            -(one.entry.valid_from or _LONG_AGO).timestamp(),
            one.entry.above_input_tokens or 0,
        ),
    )


def listed_now(held: Sequence[Held]) -> PriceEntry | None:
    """The entry that is meant when nothing else is said: the standard tier, everywhere, the shortest inputs; None where there is none."""
    now = [one.entry for one in held if one.when == "now" and one.entry.service_tier == STANDARD_TIER]
    plain = [entry for entry in now if entry.region is None and not entry.above_input_tokens]
    return next(iter((*plain, *now)), None)


def tiers_of(held: Iterable[Held]) -> list[str]:
    """The tiers that have a price now, in the order of TIERS."""
    now = {one.entry.service_tier for one in held if one.when == "now"}
    return [tier for tier in TIERS if tier in now]


def _when(entry: PriceEntry, at: datetime) -> str:
    if entry.valid_to is not None and entry.valid_to <= at:
        return "past"
    return "future" if entry.valid_from is not None and at < entry.valid_from else "now"
