"""A price book in which the tenant's own prices go before the catalogue's for the days that they hold."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from pricing.price_book import AskedName, PriceBook, PriceEntry, Terms
from pricing.price_entry import STANDARD_TIER, lasting, tier_named

_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class OwnPriceBook(PriceBook):
    """A price book over another one. `own` are the tenant's entries; of two that hold at once the later in order counts."""

    def __init__(self, book: PriceBook, own: Sequence[PriceEntry]) -> None:
        super().__init__(_OwnFirst(book, own))
        self._book = book
        self._own_ids = {entry.price_id for entry in own}

    def by_id(self, price_ids: Iterable[int]) -> list[PriceEntry]:
        """The public entries with these ids; the tenant's own are kept with the tenant and are not among them."""
        return self._book.by_id(price_id for price_id in price_ids if price_id not in self._own_ids)


class _OwnFirst:
    """Own prices as a price source, and the other book's for what they leave open."""

    def __init__(self, book: PriceBook, own: Sequence[PriceEntry]) -> None:
        self._book = book
        self._public = dict.fromkeys(book.models())
        self._own: dict[tuple[str, str], list[PriceEntry]] = {}
        for entry in own:
            found = book.find(entry.provider, entry.model)
            self._own.setdefault(_spelled(entry.provider, entry.model) if isinstance(found, str) else found, []).append(
                entry
            )

    def find(self, provider: str | None, model: str | None) -> tuple[str, str] | str:
        found = self._book.find(provider, model)
        own = _spelled(provider or "", model or "")
        return own if isinstance(found, str) and own in self._own else found

    def models(self) -> Iterable[tuple[str, str]]:
        return dict.fromkeys((*self._public, *self._own))

    def terms(self, provider: str, model: str) -> Sequence[Terms]:
        own = [Terms(entry.service_tier) for entry in self._own.get((provider, model), ())]
        return list(dict.fromkeys((*self._public_terms(provider, model), *own)))

    def terms_meant(self, provider: str, model: str, asked: AskedName) -> Terms:
        if self._is_public(provider, model):
            return self._book.terms_meant(provider, model, asked)
        tier = tier_named(asked.service_tier)
        tiers = {entry.service_tier for entry in self._own[provider, model]}
        return Terms(tier if tier in tiers else STANDARD_TIER)

    def flatten(self, provider: str, model: str, terms: Terms) -> tuple[PriceEntry, ...]:
        public = self._book.entries_on(provider, model, terms) if self._is_public(provider, model) else ()
        own = [entry for entry in self._own.get((provider, model), ()) if entry.service_tier == terms.service_tier]
        held = list(public)
        for entry in own:
            held = [part for other in held for part in _outside(other, entry)]
            held.append(entry)
        return tuple(held)

    def _is_public(self, provider: str, model: str) -> bool:
        return (provider, model) in self._public

    def _public_terms(self, provider: str, model: str) -> Sequence[Terms]:
        return self._book.terms_of(provider, model) if self._is_public(provider, model) else ()


def _spelled(provider: str, model: str) -> tuple[str, str]:
    return provider.strip().lower(), model.strip().lower()


def _outside(entry: PriceEntry, other: PriceEntry) -> list[PriceEntry]:
    """What of the entry's time the other leaves to it: none, one or two parts, which are the same entry."""
    begins, ends = entry.valid_from or _FIRST, entry.valid_to or _LAST
    cut_from, cut_to = other.valid_from or _FIRST, other.valid_to or _LAST
    if cut_to <= begins or ends <= cut_from:
        return [entry]
    parts = []
    if begins < cut_from:
        parts.append(lasting(entry, entry.valid_from, other.valid_from))
    if cut_to < ends:
        parts.append(lasting(entry, other.valid_to, entry.valid_to))
    return parts
