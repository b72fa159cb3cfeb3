"""The overlay: what the public catalogue lacks or has wrong, as dated entries with their sources, laid over its prices."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from pricing.catalogue_names import find_provider
from pricing.overlay_entries import Alias, Entry, Multiplier, Offer, Price, parse_overlay
from pricing.overlay_rules import multiplied, new_entry, priced, renamed
from pricing.price_entry import STANDARD_TIER, AskedName, PriceEntry, Terms, tier_named

if TYPE_CHECKING:  # the price book lays the overlay over the catalogue, and so imports this module
    from pricing.price_book import PriceSource

__all__ = ["OverlaidPrices", "load_overlay", "public_offers"]


@cache
def load_overlay() -> tuple[Entry, ...]:
    """The overlay that comes with the program. Raises OverlayRefused when an entry is wrong."""
    folder = files("pricing") / "overlay"
    return parse_overlay(
        {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".toml")}
    )


@cache
def public_offers() -> tuple[Offer, ...]:
    """The volume tiers and prepaid commitments that anybody may agree to."""
    return tuple(entry for entry in load_overlay() if isinstance(entry, Offer))


class OverlaidPrices:
    """A price source with the overlay's entries over it: their prices, factors and names where they hold, else the source's."""

    def __init__(self, base: "PriceSource", entries: Iterable[Entry]) -> None:
        self._base = base
        self._listed = frozenset(base.models())
        self._rules: dict[str, list[Entry]] = {}
        for entry in entries:
            self._rules.setdefault(entry.provider, []).append(entry)
        # The names that the overlay itself gives a meaning.
        self._names = {
            (rule.provider, name): None
            for rules in self._rules.values()
            for rule in rules
            if isinstance(rule, Alias) or (isinstance(rule, Price) and rule.is_new)
            for name in rule.models
        }
        self._matching: dict[tuple[str, str], list[Entry]] = {}

    def find(self, provider: str | None, model: str | None) -> tuple[str, str] | str:
        """A name of the overlay's own goes first; without a provider it must be that of one alone."""
        found = self._base.find(provider, model)
        name = (model or "").strip().lower().rpartition("/")[2]
        if isinstance(found, str):
            named = find_provider(provider) if provider else None
            prefix = (model or "").partition("/")[0]
            # A single word is too little to go by.
            sellers = {seller for seller, own in self._names if own == name and "-" in name}
            if provider is None and prefix != model:
                named = find_provider(prefix)
            elif named is None and provider is None and len(sellers) == 1:
                return sellers.pop(), name
            return (named.id, name) if named is not None and (named.id, name) in self._names else found
        return (found[0], name) if (found[0], name) in self._names else found

    def models(self) -> Iterable[tuple[str, str]]:
        """The source's models, and those that the overlay adds."""
        return dict.fromkeys((*self._base.models(), *self._names))

    def terms(self, provider: str, model: str) -> Sequence[Terms]:
        """The source's terms, and the overlay's tiers, regions and sizes."""
        rules = self._rules_for(provider, model)
        of_base = self._base.terms(provider, model) if (provider, model) in self._listed else [Terms()]
        means = [rule.means for rule in rules if isinstance(rule, Alias)]
        of_meant = [terms for name in means for terms in self.terms(provider, name)]
        tiers = dict.fromkeys(terms.service_tier for terms in (*of_base, *of_meant))
        regions: dict[str | None, None] = {None: None}
        sizes: dict[str | None, None] = {None: None}
        for rule in rules:
            if isinstance(rule, Multiplier):
                regions.setdefault(rule.region)
            elif isinstance(rule, Price):
                sizes.setdefault(rule.search_context_size)
            if isinstance(rule, Price | Multiplier) and STANDARD_TIER not in rule.service_tiers:
                tiers |= dict.fromkeys(rule.service_tiers)
        own = [Terms(tier, region, size) for tier in tiers for region in regions for size in sizes]
        return list(dict.fromkeys([*own, *of_meant]))

    def terms_meant(self, provider: str, model: str, asked: AskedName) -> Terms:
        """The tier by its name, the region by the overlay's words for it, the size where the model has prices by size."""
        word = (asked.region or "").strip().lower()
        rules = self._rules_for(provider, model)
        regional = (
            rule.region
            for rule in rules
            if isinstance(rule, Multiplier) and any(fnmatchcase(word, pattern) for pattern in rule.regions)
        )
        for rule in rules:
            if isinstance(rule, Alias):
                meant = self.terms_meant(provider, rule.means, asked)
                if meant.region is not None:
                    return meant
        has_sizes = any(isinstance(rule, Price) and rule.search_context_size is not None for rule in rules)
        size = asked.search_context_size if has_sizes else None
        return Terms(tier_named(asked.service_tier), next(regional, None), size)

    def flatten(self, provider: str, model: str, terms: Terms) -> tuple[PriceEntry, ...]:
        """The entries of one model on these terms; none overlap. A size that the model has no price for has no entries."""
        rules = self._rules_for(provider, model)
        aliases = [rule for rule in rules if isinstance(rule, Alias)]
        if aliases:
            return tuple(self._meant(provider, model, terms, aliases))
        prices = [rule for rule in rules if isinstance(rule, Price) and not rule.is_new]
        sizes = {rule.search_context_size for rule in prices} - {None}
        if terms.search_context_size is not None and terms.search_context_size not in sizes:
            return ()
        if (provider, model) in self._listed:
            entries = list(self._base.flatten(provider, model, Terms(terms.service_tier)))
        else:
            new = (rule for rule in rules if isinstance(rule, Price) and rule.is_new)
            entries = [
                new_entry(rule, model, terms.service_tier) for rule in new if terms.service_tier in rule.service_tiers
            ]
        of_all_tiers = [rule for rule in prices if STANDARD_TIER in rule.service_tiers]
        of_the_tier = [rule for rule in prices if rule not in of_all_tiers and terms.service_tier in rule.service_tiers]
        entries = _with_prices(entries, of_all_tiers, terms)
        for rule in rules:
            if isinstance(rule, Multiplier) and rule.region is None and terms.service_tier in rule.service_tiers:
                entries = multiplied(entries, rule, self._first_listed(provider, model, terms, rule))
        entries = _with_prices(entries, of_the_tier, terms)
        for rule in rules:
            if (
                isinstance(rule, Multiplier)
                and rule.region is not None
                and rule.region == terms.region
                and terms.service_tier in rule.service_tiers
            ):
                entries = multiplied(entries, rule)
        return tuple(entries)

    def _meant(self, provider: str, model: str, terms: Terms, aliases: Sequence[Alias]) -> list[PriceEntry]:
        """The entries of a name that has meant several models: where no alias holds, what the source takes it for."""
        found = self._base.find(provider, model)
        entries: list[PriceEntry] = []
        if not isinstance(found, str) and found != (provider, model):
            entries = list(self.flatten(*found, terms))
        for rule in aliases:
            entries = renamed(entries, self.flatten(provider, rule.means, terms), rule, model)
        return entries

    def _first_listed(
        self, provider: str, model: str, terms: Terms, rule: Multiplier
    ) -> list[tuple[PriceEntry, PriceEntry]]:
        """The tier's first own prices in the source, each with the standard price of its time and length."""
        if not rule.is_as_first_listed or (provider, model) not in self._listed:
            return []
        own = [
            entry
            for entry in self._base.flatten(provider, model, Terms(terms.service_tier))
            if not entry.is_standard_price
        ]
        starts = min((entry.valid_from for entry in own if entry.valid_from is not None), default=None)
        standard = self._base.flatten(provider, model, Terms())
        return [
            (mine, theirs)
            for mine in own
            if mine.valid_from == starts
            for theirs in standard
            if theirs.above_input_tokens == mine.above_input_tokens
            and (theirs.valid_from is None or (starts is not None and theirs.valid_from <= starts))
            and (theirs.valid_to is None or (starts is not None and starts < theirs.valid_to))
        ]

    def _rules_for(self, provider: str, model: str) -> list[Entry]:
        """The entries whose names match the model's, in the order of the files."""
        key = (provider, model)
        if key not in self._matching:
            name = model.lower()
            self._matching[key] = [
                rule
                for rule in self._rules.get(provider, ())
                if any(fnmatchcase(name, pattern) for pattern in rule.models)
            ]
        return self._matching[key]


def _with_prices(entries: list[PriceEntry], rules: Sequence[Price], terms: Terms) -> list[PriceEntry]:
    """The entries with the prices that hold for the terms' size, or with those assumed where the event says none."""
    for rule in rules:
        is_assumed = rule.search_context_size is not None and terms.search_context_size is None
        if rule.is_assumed if is_assumed else rule.search_context_size in (None, terms.search_context_size):
            entries = priced(entries, rule, is_assumed=is_assumed)
    return entries
