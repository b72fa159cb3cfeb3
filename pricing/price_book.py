"""The price book: every dated price entry by catalogue model, found once for each distinct name of a usage log."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Protocol

import polars as pl

from pricing.catalogue import catalogue_models, flatten, own_tiers
from pricing.catalogue_names import find_model
from pricing.price_entry import STANDARD_TIER, TIERS, PriceEntry, entries_frame, quote

__all__ = ["PriceBook", "PriceEntry", "PriceSource", "entries_frame", "listed_prices", "load_catalogue", "quote"]

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

    def tiers(self, provider: str, model: str) -> Sequence[str]:
        """The service tiers that the model has prices of its own for."""

    def flatten(self, provider: str, model: str, tier: str) -> tuple[PriceEntry, ...]:
        """The entries of one model and service tier. None overlap."""


class PriceBook:
    """Price entries, flattened model by model when they are first asked for."""

    def __init__(self, source: PriceSource) -> None:
        self._source = source
        self._found: dict[Pair, tuple[str, str] | str] = {}
        self._flat: dict[tuple[str, str, str], tuple[PriceEntry, ...]] = {}
        self._by_id: dict[int, PriceEntry] = {}

    @property
    def entries(self) -> tuple[PriceEntry, ...]:
        """Every entry of every model, for the tiers that it prices on its own. Takes about a second the first time."""
        return tuple(
            entry
            for provider, model in self._source.models()
            for tier in self._source.tiers(provider, model)
            for entry in self.entries_of(provider, model, tier)
        )

    def frame(self) -> pl.DataFrame:
        """`entries` as a frame (pricing.price_entry.ENTRY_SCHEMA)."""
        return entries_frame(self.entries)

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

    def entries_of(self, provider: str, model: str, tier: str = STANDARD_TIER) -> tuple[PriceEntry, ...]:
        """The entries of a catalogue model and service tier (one of TIERS). They never overlap."""
        key = (provider, model, tier)
        if key not in self._flat:
            self._flat[key] = self._source.flatten(provider, model, tier)
            self._by_id.update((entry.price_id, entry) for entry in self._flat[key])
        return self._flat[key]

    def by_id(self, price_ids: Iterable[int]) -> list[PriceEntry]:
        """The entries with these ids, sorted by id; an id that the book does not hold (any more) is left out.

        Entries used by this process are at hand; only for others the whole book is flattened.
        """
        wanted = sorted(set(price_ids))
        if any(price_id not in self._by_id for price_id in wanted):
            for provider, model in self._source.models():
                for tier in TIERS:
                    self.entries_of(provider, model, tier)
        return [self._by_id[price_id] for price_id in wanted if price_id in self._by_id]


class _Catalogue:
    """genai-prices as a price source."""

    def find(self, provider: str | None, model: str | None) -> tuple[str, str] | str:
        found = find_model(provider, model)
        return found if isinstance(found, str) else (found.provider.id, found.name)

    def models(self) -> Iterable[tuple[str, str]]:
        return catalogue_models()

    def tiers(self, provider: str, model: str) -> Sequence[str]:
        return own_tiers(catalogue_models()[provider, model])

    def flatten(self, provider: str, model: str, tier: str) -> tuple[PriceEntry, ...]:
        return flatten(catalogue_models()[provider, model], tier)


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

    def tiers(self, provider: str, model: str) -> Sequence[str]:
        return list(dict.fromkeys(entry.service_tier for entry in self._entries[provider, model]))

    def flatten(self, provider: str, model: str, tier: str) -> tuple[PriceEntry, ...]:
        entries = self._entries[provider, model]
        chosen = tuple(entry for entry in entries if entry.service_tier == tier)
        return chosen or tuple(entry for entry in entries if entry.service_tier == STANDARD_TIER)


@cache
def load_catalogue() -> PriceBook:
    """The public catalogue as a price book, one per process. Cheap: models are flattened when they are asked for."""
    return PriceBook(_Catalogue())


def listed_prices(entries: Iterable[PriceEntry]) -> PriceBook:
    """A price book of just these entries, which must not overlap."""
    return PriceBook(_ListedPrices(entries))
