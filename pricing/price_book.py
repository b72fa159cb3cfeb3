"""The price book: every dated price entry by model, found once for each distinct name of a usage log."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Protocol

import polars as pl

from pricing.catalogue import catalogue_models, flatten, own_tiers
from pricing.catalogue_names import find_model
from pricing.overlay import OverlaidPrices, load_overlay
from pricing.price_entry import (
    STANDARD_TIER,
    TIERS,
    AskedName,
    PriceEntry,
    Terms,
    entries_frame,
    quote,
    tier_named,
)

__all__ = [
    "AskedName",
    "PriceBook",
    "PriceEntry",
    "PriceSource",
    "Terms",
    "bare_catalogue",
    "entries_frame",
    "listed_prices",
    "load_catalogue",
    "quote",
]

RESOLUTION_SCHEMA: dict[str, pl.DataType] = {
    "provider": pl.String(),
    "model": pl.String(),
    "catalogue_provider": pl.String(),
    "catalogue_model": pl.String(),
    "reason": pl.String(),
}

Pair = tuple[str | None, str | None]


class PriceSource(Protocol):
    """Where price entries come from: the public catalogue, or a list."""

    def find(self, provider: str | None, model: str | None) -> tuple[str, str] | str:
        """The (catalogue provider, catalogue model) that two strings of a usage log mean, or why none."""

    def models(self) -> Iterable[tuple[str, str]]:
        """Every (catalogue provider, catalogue model) of the source."""

    def terms(self, provider: str, model: str) -> Sequence[Terms]:
        """The terms that the model has prices of its own for."""

    def terms_meant(self, provider: str, model: str, asked: AskedName) -> Terms:
        """Which terms an event's words come to for this model."""

    def flatten(self, provider: str, model: str, terms: Terms) -> tuple[PriceEntry, ...]:
        """The entries of one model on these terms. None overlap."""


class PriceBook:
    """Price entries, flattened model by model when they are first asked for."""

    def __init__(self, source: PriceSource) -> None:
        self._source = source
        self._found: dict[Pair, tuple[str, str] | str] = {}
        self._flat: dict[tuple[str, str, Terms], tuple[PriceEntry, ...]] = {}
        self._by_id: dict[int, PriceEntry] = {}

    @property
    def source(self) -> PriceSource:
        """Where the entries come from."""
        return self._source

    @property
    def entries(self) -> tuple[PriceEntry, ...]:
        """Every entry of every model, on the terms that it prices on their own. Takes about a second the first time."""
        return tuple(
            entry
            for provider, model in self._source.models()
            for terms in self._source.terms(provider, model)
            for entry in self._flattened(provider, model, terms)
        )

    def frame(self) -> pl.DataFrame:
        """`entries` as a frame (pricing.price_entry.ENTRY_SCHEMA)."""
        return entries_frame(self.entries)

    def models(self) -> Iterable[tuple[str, str]]:
        """Every (catalogue provider, catalogue model) that has a price."""
        return self._source.models()

    def find(self, provider: str | None, model: str | None) -> tuple[str, str] | str:
        """The (catalogue provider, catalogue model) of a usage log's two strings, or the sentence why there is none."""
        pair = (provider, model)
        if pair not in self._found:
            self._found[pair] = self._source.find(provider, model)
        return self._found[pair]

    def resolve(self, pairs: Iterable[Pair]) -> pl.DataFrame:
        """One row per distinct pair: what it means in the catalogue, or nulls and the reason."""
        rows = []
        for pair in dict.fromkeys(pairs):
            found = self.find(*pair)
            rows.append((*pair, None, None, found) if isinstance(found, str) else (*pair, *found, None))
        return pl.DataFrame(rows, schema=RESOLUTION_SCHEMA, orient="row")

    def entries_of(
        self,
        provider: str,
        model: str,
        tier: str = STANDARD_TIER,
        *,
        region: str | None = None,
        search_context_size: str | None = None,
    ) -> tuple[PriceEntry, ...]:
        """The entries of a catalogue model for an event of that tier, region and size. They never overlap."""
        asked = AskedName(provider, model, tier, region, search_context_size)
        return self._flattened(provider, model, self._source.terms_meant(provider, model, asked))

    def prices_for(self, asked: AskedName) -> tuple[PriceEntry, ...] | str:
        """The entries that hold events of these words, at one time or another; or the sentence why there are none."""
        found = self.find(asked.provider, asked.model)
        if isinstance(found, str):
            return found
        terms = self._source.terms_meant(*found, asked)
        priced = self._flattened(*found, terms)
        if priced:
            return priced
        of_size = "" if terms.search_context_size is None else f" for the size {terms.search_context_size!r}"
        return f"the price book lists {'/'.join(found)} without a price{of_size}"

    def terms_of(self, provider: str, model: str) -> Sequence[Terms]:
        """The terms that a catalogue model has prices of its own for."""
        return self._source.terms(provider, model)

    def terms_meant(self, provider: str, model: str, asked: AskedName) -> Terms:
        """Which terms an event's words come to for a catalogue model."""
        return self._source.terms_meant(provider, model, asked)

    def entries_on(self, provider: str, model: str, terms: Terms) -> tuple[PriceEntry, ...]:
        """The entries of a catalogue model on these terms. They never overlap."""
        return self._flattened(provider, model, terms)

    def by_id(self, price_ids: Iterable[int]) -> list[PriceEntry]:
        """The entries with these ids, sorted by id; an id that the book does not hold (any more) is left out.

        Entries used by this process are at hand; only for others the whole book is flattened.
        """
        wanted = sorted(set(price_ids))
        if any(price_id not in self._by_id for price_id in wanted):
            for provider, model in self._source.models():
                for terms in self._source.terms(provider, model):
                    for tier in TIERS:
                        self._flattened(provider, model, terms._replace(service_tier=tier))
        return [self._by_id[price_id] for price_id in wanted if price_id in self._by_id]

    def _flattened(self, provider: str, model: str, terms: Terms) -> tuple[PriceEntry, ...]:
        key = (provider, model, terms)
        if key not in self._flat:
            self._flat[key] = self._source.flatten(provider, model, terms)
            self._by_id.update((entry.price_id, entry) for entry in self._flat[key])
        return self._flat[key]


class _Catalogue:
    """genai-prices as a price source."""

    def find(self, provider: str | None, model: str | None) -> tuple[str, str] | str:
        found = find_model(provider, model)
        return found if isinstance(found, str) else (found.provider.id, found.name)

    def models(self) -> Iterable[tuple[str, str]]:
        return catalogue_models()

    def terms(self, provider: str, model: str) -> Sequence[Terms]:
        return [Terms(tier) for tier in own_tiers(catalogue_models()[provider, model])]

    def terms_meant(self, provider: str, model: str, asked: AskedName) -> Terms:  # noqa: ARG002 - the same for all models
        return Terms(tier_named(asked.service_tier))

    def flatten(self, provider: str, model: str, terms: Terms) -> tuple[PriceEntry, ...]:
        return flatten(catalogue_models()[provider, model], terms.service_tier)


class _ListedPrices:
    """A list of entries as a price source; models are found by their exact names."""

    def __init__(self, entries: Iterable[PriceEntry]) -> None:
        self._entries: dict[tuple[str, str], list[PriceEntry]] = {}
        for entry in entries:
            self._entries.setdefault((entry.provider, entry.model), []).append(entry)

    def find(self, provider: str | None, model: str | None) -> tuple[str, str] | str:
        if provider is not None and model is not None and (provider, model) in self._entries:
            return provider, model
        return f"the price book has no model {model!r} of {provider}"

    def models(self) -> Iterable[tuple[str, str]]:
        return self._entries

    def terms(self, provider: str, model: str) -> Sequence[Terms]:
        return list(dict.fromkeys(_terms_of(entry) for entry in self._entries[provider, model]))

    def terms_meant(self, provider: str, model: str, asked: AskedName) -> Terms:
        """Words that no entry of the model has fall to the standard tier, to everywhere, to no size."""
        tiers, regions, sizes = zip(*self.terms(provider, model), strict=True)
        tier = tier_named(asked.service_tier)
        return Terms(
            tier if tier in tiers else STANDARD_TIER,
            asked.region if asked.region in regions else None,
            asked.search_context_size if asked.search_context_size in sizes else None,
        )

    def flatten(self, provider: str, model: str, terms: Terms) -> tuple[PriceEntry, ...]:
        return tuple(entry for entry in self._entries[provider, model] if _terms_of(entry) == terms)


def _terms_of(entry: PriceEntry) -> Terms:
    return Terms(entry.service_tier, entry.region, entry.search_context_size)


@cache
def load_catalogue() -> PriceBook:
    """The public prices, one book per process: the catalogue with the overlay over it.

    Cheap: models are flattened when they are asked for.
    """
    return PriceBook(OverlaidPrices(_Catalogue(), load_overlay()))


@cache
def bare_catalogue() -> PriceBook:
    """The public catalogue without the overlay: what the overlay is compared with."""
    return PriceBook(_Catalogue())


def listed_prices(entries: Iterable[PriceEntry]) -> PriceBook:
    """A price book of just these entries, which must not overlap."""
    return PriceBook(_ListedPrices(entries))
