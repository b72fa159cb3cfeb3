"""Overlay entries applied to price entries: cut at the days and lengths that they hold, with other unit prices in the part held."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from pricing.overlay_entries import Alias, Multiplier, Price, Sourced
from pricing.price_entry import REMAINDER_PARTS, STANDARD_TIER, PriceEntry
from pricing.usage import BUCKETS, INPUT_BUCKETS, OUTPUT_BUCKETS

# As in the catalogue, a token without a price of its own costs what its input or its output costs.
_FALLS_TO = {
    **dict.fromkeys(INPUT_BUCKETS[1:], INPUT_BUCKETS[0]),
    **dict.fromkeys(OUTPUT_BUCKETS[1:], OUTPUT_BUCKETS[0]),
}


def priced(entries: Iterable[PriceEntry], rule: Price, *, is_assumed: bool) -> list[PriceEntry]:
    """The entries with the rule's prices where it holds; `is_assumed` says that the event did not say the rule's size."""
    changes: dict[str, Any] = {}
    if rule.search_context_size is not None:
        changes = {"search_context_size": rule.search_context_size, "is_size_assumed": is_assumed}
    found: list[PriceEntry] = []
    for entry in entries:
        inside, outside = _cut(entry, rule)
        found += outside
        if inside is not None:
            # A price for named tiers is a price of the tier's own.
            is_standard = inside.is_standard_price and STANDARD_TIER in rule.service_tiers
            marks = changes | {"is_standard_price": is_standard}
            found.append(_with_parts(inside, rule.unit_parts, rule, source=_name(rule), **marks))
    return found


def new_entry(rule: Price, model: str, tier: str) -> PriceEntry:
    """The entry of a model that the catalogue does not have."""
    parts = {bucket: rule.unit_parts.get(bucket, rule.unit_parts.get(_FALLS_TO.get(bucket, ""))) for bucket in BUCKETS}
    bare = PriceEntry(
        provider=rule.provider,
        model=model,
        service_tier=tier,
        unit_pico_usd=dict.fromkeys(BUCKETS),
        above_input_tokens=rule.above_input_tokens,
        up_to_input_tokens=rule.up_to_input_tokens,
        valid_from=rule.starts(),
        valid_to=rule.ends(),
    )
    known = {bucket: each for bucket, each in parts.items() if each is not None}
    return _with_parts(bare, known, rule, source=_name(rule))


def multiplied(
    entries: Iterable[PriceEntry], rule: Multiplier, first_listed: Sequence[tuple[PriceEntry, PriceEntry]] = ()
) -> list[PriceEntry]:
    """The entries at the rule's factor where it holds; for a tier only those that are charged at the standard price.

    `first_listed` are pairs of a tier's first own price and the standard price beside it: their ratio goes before the factor.
    """
    found: list[PriceEntry] = []
    for entry in entries:
        ratios = _ratios(first_listed, entry)
        fills_tier = entry.service_tier != STANDARD_TIER and entry.is_standard_price and (rule.factor or ratios)
        # An entry that the rule leaves alone stays whole, and keeps its id.
        inside, outside = _cut(entry, rule) if rule.region is not None or fills_tier else (None, [entry])
        found += outside
        if inside is not None:
            parts = {}
            for bucket in rule.buckets:
                each, factor = parts_of(inside, bucket), ratios.get(bucket, rule.factor)
                if each is not None and factor is not None:
                    # A price that no longer is whole is kept to the nearest 1/3600 pico-USD.
                    parts[bucket] = round(each * factor)
            marks = {"region": rule.region} if rule.region is not None else {"is_standard_price": False}
            source = f"{inside.source} by {_name(rule)}"
            found.append(_with_parts(inside, parts, rule, source=source, **marks))
    return found


def renamed(entries: Iterable[PriceEntry], meant: Iterable[PriceEntry], rule: Alias, name: str) -> list[PriceEntry]:
    """The entries of a name, with those of the model that it means (`meant`) in their place for as long as it means it."""
    outside = [part for entry in entries for part in _cut(entry, rule)[1]]
    held = (_cut(entry, rule)[0] for entry in meant)
    return outside + [
        replace(
            entry,
            model=name,
            source=f"{entry.source} by {_name(rule)}",
            source_url=rule.source_url,
            checked_on=rule.checked_on,
        )
        for entry in held
        if entry is not None
    ]


def parts_of(entry: PriceEntry, bucket: str) -> int | None:
    """The price of a unit in 1/3600 pico-USD."""
    unit = entry.unit_pico_usd.get(bucket)
    return None if unit is None else unit * REMAINDER_PARTS + entry.remainders.get(bucket, 0)


def _ratios(pairs: Sequence[tuple[PriceEntry, PriceEntry]], entry: PriceEntry) -> dict[str, Fraction]:
    """Each bucket's own price to its standard price, as first listed for requests of the entry's length."""
    for own, standard in pairs:
        if own.above_input_tokens == entry.above_input_tokens:
            both = {bucket: (parts_of(own, bucket), parts_of(standard, bucket)) for bucket in BUCKETS}
            return {bucket: Fraction(mine, theirs) for bucket, (mine, theirs) in both.items() if mine and theirs}
    return {}


def _name(rule: Sourced) -> str:
    return f"overlay/{rule.place.partition(',')[0]}"


def _with_parts(
    entry: PriceEntry, parts: Mapping[str, int], rule: Sourced, *, source: str, **changes: Any
) -> PriceEntry:
    units, remainders = dict(entry.unit_pico_usd), dict(entry.remainders)
    for bucket, each in parts.items():
        units[bucket], left = divmod(each, REMAINDER_PARTS)
        remainders.pop(bucket, None)
        if left:
            remainders[bucket] = left
    return replace(
        entry,
        unit_pico_usd=units,
        remainders=remainders,
        source=source,
        source_url=rule.source_url,
        checked_on=rule.checked_on,
        **changes,
    )


def _cut(entry: PriceEntry, rule: Sourced) -> tuple[PriceEntry | None, list[PriceEntry]]:
    """The part of an entry that a rule holds, if any, and the parts around it."""
    outside: list[PriceEntry] = []
    rest: PriceEntry | None = entry
    for low, high, start, end in (
        ("valid_from", "valid_to", rule.starts(), rule.ends()),
        (
            "above_input_tokens",
            "up_to_input_tokens",
            getattr(rule, "above_input_tokens", None),
            getattr(rule, "up_to_input_tokens", None),
        ),
    ):
        rest, around = _cut_between(rest, low, high, start, end)
        outside += around
        if rest is None:
            break
    return rest, outside


def _cut_between(entry: Any, low: str, high: str, start: Any, end: Any) -> tuple[Any, list[PriceEntry]]:
    """An entry cut at `start` and `end` (None: not) along the field pair `low`, `high`, of which None is open."""
    begins, ends = getattr(entry, low), getattr(entry, high)
    is_before = start is not None and ends is not None and ends <= start
    is_after = end is not None and begins is not None and begins >= end
    if is_before or is_after:
        return None, [entry]
    outside = []
    if start is not None and (begins is None or begins < start):
        outside.append(replace(entry, **{high: start}))
        entry = replace(entry, **{low: start})
    if end is not None and (ends is None or ends > end):
        outside.append(replace(entry, **{low: end}))
        entry = replace(entry, **{high: end})
    return entry, outside
