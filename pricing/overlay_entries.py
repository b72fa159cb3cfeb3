"""The entries of the price overlay: what its TOML files may say, read and checked, each with its source and dates."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from pricing.price_entry import REMAINDER_PARTS, STANDARD_TIER, TIERS
from pricing.usage import BUCKETS, TOKEN_BUCKETS

SIZES = ("low", "medium", "high")
_PARTS_PER_USD = 10**12 * REMAINDER_PARTS


class OverlayRefused(ValueError):
    """An entry of the overlay cannot be used. Correct the file; the sentence says which entry and what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """What every entry has: whose price it is, from which day until before which (UTC), who says so, and when that was checked.

    `models` are the catalogue's names; `*` and `?` stand for any letters in them.
    """

    provider: str
    models: tuple[str, ...]
    valid_from: date
    valid_to: date | None = None
    source_url: str
    checked_on: date
    note: str = ""
    # Where the entry stands, as "perplexity.toml, price 3".
    place: str = field(default="", compare=False)

    def starts(self) -> datetime:
        """The first moment (UTC) that the entry holds."""
        return datetime.combine(self.valid_from, time(), UTC)

    def ends(self) -> datetime | None:
        """The first moment (UTC) that the entry no longer holds."""
        return None if self.valid_to is None else datetime.combine(self.valid_to, time(), UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(Sourced):
    """Prices of some buckets in place of the catalogue's, on every tier or on `service_tiers`.

    `unit_parts[bucket]` is the price of one unit in 1/3600 pico-USD. With a `search_context_size` it holds for events of that
    size; `is_assumed` makes it the price of events that do not say their size. `is_new` prices a model that the catalogue does not have.
    """

    unit_parts: Mapping[str, int]
    service_tiers: tuple[str, ...] = TIERS
    search_context_size: str | None = None
    is_assumed: bool = False
    is_new: bool = False
    above_input_tokens: int | None = None
    up_to_input_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiplier(Sourced):
    """A factor on prices: of a region (`region`, which the words `regions` mean), or of a tier that the catalogue has no price for.

    For a tier, `is_as_first_listed` takes each bucket's factor from the first price of that tier that the catalogue does list;
    without a `factor` besides, models that it lists none for are left alone.
    """

    factor: Fraction | None = None
    buckets: tuple[str, ...] = TOKEN_BUCKETS
    region: str | None = None
    regions: tuple[str, ...] = ()
    service_tiers: tuple[str, ...] = TIERS
    is_as_first_listed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias(Sourced):
    """A name (`models`) that means another model of the same provider for a time, as `-latest` names do."""

    means: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance(Sourced):
    """Units of a bucket that the provider gives away in each UTC day or month, counted over all of `models` together."""

    bucket: str
    quantity: int
    period: Literal["day", "month"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(Sourced):
    """A public price that no single event has: a monthly volume tier or a prepaid commitment, in the provider's own words.

    What a company has agreed to is a contract of its own; an offer is what anybody may agree to.
    """

    name: str
    terms: str


Entry = Price | Multiplier | Alias | Allowance | Offer
KINDS: dict[str, type[Entry]] = {
    "price": Price,
    "multiplier": Multiplier,
    "alias": Alias,
    "allowance": Allowance,
    "offer": Offer,
}


def parse_overlay(files: Mapping[str, str]) -> tuple[Entry, ...]:
    """The entries of TOML texts by file name, in the order of the files. Raises OverlayRefused at the first that is none."""
    return tuple(entry for name, text in sorted(files.items()) for entry in _parse_file(name, text))


def _parse_file(name: str, text: str) -> Iterable[Entry]:
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise OverlayRefused(f"{name} is no TOML: {error}.") from error
    for kind, tables in document.items():
        if kind not in KINDS or not isinstance(tables, list):
            raise OverlayRefused(f"{name} has {kind}, which is none of [[{']], [['.join(KINDS)}]].")
        for number, table in enumerate(tables, start=1):
            place = f"{name}, {kind} {number}"
            try:
                yield _parse_entry(KINDS[kind], dict(table), place)
            except (ValueError, TypeError, ArithmeticError) as error:
                raise OverlayRefused(f"{place}: {error}.") from error


def _parse_entry(kind: type[Entry], table: dict[str, Any], place: str) -> Entry:
    given: dict[str, Any] = {"place": place}
    if kind is Price:
        given["unit_parts"] = _unit_parts(table.pop("usd_per_million", {}), 10**6) | _unit_parts(
            table.pop("usd_per_thousand", {}), 10**3
        )
        if not given["unit_parts"]:
            raise ValueError("it has no price in usd_per_million or usd_per_thousand")
    if "factor" in table:
        table["factor"] = _positive(table["factor"], "factor")
    known = {each.name: each for each in fields(kind)}
    for key, value in table.items():
        if key not in known or key in given:
            raise ValueError(f"{key} is no field of it")
        given[key] = tuple(value) if isinstance(value, list) else value
    absent = [name for name, each in known.items() if each.default is MISSING and name not in given]
    if absent:
        raise ValueError(f"{', '.join(absent)} is missing")
    entry = kind(**given)
    _check(entry)
    return entry


def _unit_parts(prices: Mapping[str, Any], units: int) -> dict[str, int]:
    """USD per `units` units as 1/3600 pico-USD per unit, which must be whole."""
    parts: dict[str, int] = {}
    for bucket, usd in prices.items():
        each = _positive(usd, bucket, or_zero=True) * _PARTS_PER_USD / units
        if each.denominator != 1:
            raise ValueError(f"{bucket} at {usd} USD per {units} is no whole number of 1/3600 pico-USD")
        parts[bucket] = int(each)
    return parts


def _positive(value: object, name: str, *, or_zero: bool = False) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value < 0 or (value == 0 and not or_zero):
        raise ValueError(f"{name} ({value!r}) must be a number above 0")
    return Fraction(value)


def _check(entry: Entry) -> None:
    """Whether the values fit together. Raises ValueError with what does not."""
    for name in ("valid_from", "checked_on", "valid_to"):
        day: object = getattr(entry, name)
        if type(day) is not date and (name, day) != ("valid_to", None):
            raise ValueError(f"{name} ({day!r}) must be a date such as 2026-11-22")
    if entry.valid_to is not None and entry.valid_to <= entry.valid_from:
        raise ValueError(f"valid_to ({entry.valid_to}) must be after valid_from ({entry.valid_from})")
    if not str(entry.source_url).startswith("https://"):
        raise ValueError(f"source_url ({entry.source_url!r}) must be an https:// address")
    if not entry.models or any(str(model) != str(model).lower() for model in entry.models):
        raise ValueError(f"models ({entry.models!r}) must be a list of names in lower case")
    _one_of(getattr(entry, "unit_parts", ()), BUCKETS, "bucket")
    _one_of(getattr(entry, "buckets", ()), BUCKETS, "bucket")
    _one_of(getattr(entry, "service_tiers", ()), TIERS, "service tier")
    match entry:
        case Price():
            _check_price(entry)
        case Multiplier():
            _check_multiplier(entry)
        case Allowance():
            _one_of((entry.bucket,), BUCKETS, "bucket")
            _one_of((entry.period,), ("day", "month"), "period")
            if type(entry.quantity) is not int or entry.quantity <= 0:
                raise ValueError(f"quantity ({entry.quantity!r}) must be a whole number above 0")
        case Alias() | Offer():
            pass


def _check_price(price: Price) -> None:
    _one_of({price.search_context_size} - {None}, SIZES, "search_context_size")
    if price.is_assumed and price.search_context_size is None:
        raise ValueError("is_assumed needs a search_context_size")
    if price.is_new and any(set(name) & set("*?[") for name in price.models):
        raise ValueError(f"a new model has a name of its own, not a pattern ({', '.join(price.models)})")


def _check_multiplier(multiplier: Multiplier) -> None:
    if (multiplier.region is None) != (not multiplier.regions):
        raise ValueError("region and regions belong together")
    if multiplier.factor is None and not multiplier.is_as_first_listed:
        raise ValueError("factor is missing")
    if multiplier.region is None and STANDARD_TIER in multiplier.service_tiers:
        raise ValueError("it needs a region, or service_tiers without the standard tier")


def _one_of(words: Iterable[object], known: Iterable[str], name: str) -> None:
    strange = sorted(str(word) for word in set(words) - set(known))
    if strange:
        raise ValueError(f"there is no {name} {', '.join(strange)}")
