"""The public catalogue (genai-prices) flattened to dated price entries, model by model, by the library's own choice of price."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from importlib.metadata import version
from itertools import pairwise

from genai_prices.data import providers
from genai_prices.data_units import unit_data
from genai_prices.types import (
    ModelInfo,
    ModelPrice,
    PriceContext,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from pricing.price_entry import REMAINDER_PARTS, STANDARD_TIER, PriceEntry
from pricing.usage import BUCKETS

SOURCE = f"genai-prices {version('genai-prices')}"
# The catalogue's request context for each service tier. Its other contexts (a route, a search type) are no part of a usage
# event, so those variants are never chosen.
TIER_CONTEXTS: dict[str, PriceContext] = {
    "batch": {"processing": "batch"},
    "priority": {"service_tier": "priority"},
    "flex": {"service_tier": "flex"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}
# The catalogue's prices that a bucket falls to, the most specific first: a unit without a price of its own stays in the
# unit that contains it, as in the library (a cache read of a model without cache prices costs what its input costs).
FALLS_TO: dict[str, tuple[str, ...]] = {
    "input_uncached_tokens": ("input_text_mtok", "input_mtok"),
    "cache_read_tokens": ("cache_text_read_mtok", "cache_read_mtok", "input_text_mtok", "input_mtok"),
    "cache_write_5m_tokens": ("cache_write_5m_mtok", "cache_write_mtok", "input_text_mtok", "input_mtok"),
    "cache_write_1h_tokens": ("cache_write_1h_mtok", "cache_write_mtok", "input_text_mtok", "input_mtok"),
    "input_audio_tokens": ("input_audio_mtok", "input_mtok"),
    "output_text_tokens": ("output_text_mtok", "output_mtok"),
    "reasoning_tokens": ("output_reasoning_mtok", "output_text_mtok", "output_mtok"),
    "output_audio_tokens": ("output_audio_mtok", "output_mtok"),
    "seconds": ("input_audio_hours", "audio_hours"),
    "pages": ("input_document_kpages",),
    "search_requests": ("web_searches_kcount",),
    "requests": ("requests_kcount",),
}
_UNITS_PER_PRICE: dict[str, int] = {unit["price_key"]: unit["per"] for unit in unit_data.values()}
_LONG_AGO = date(2000, 1, 1)
_DAY_MINUTES = 24 * 60

Window = tuple[int, int]


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """A model as one provider sells it; `lender` is the provider whose price list it is borrowed from, if not its own."""

    provider: Provider
    info: ModelInfo
    lender: Provider | None = None

    @property
    def name(self) -> str:
        """The model's id, with the lender before it where borrowed: Azure's `openai/gpt-5.4`."""
        return f"{self.lender.id}/{self.info.id}" if self.lender else self.info.id


@cache
def catalogue_models() -> dict[tuple[str, str], CatalogueModel]:
    """Every model of every provider by (provider, name), and the models that a provider may borrow from another's list."""
    own = [CatalogueModel(provider, info) for provider in providers for info in provider.models]
    by_id = {provider.id: provider for provider in providers}
    borrowed = [
        CatalogueModel(provider, info, by_id[lender_id])
        for provider in providers
        for lender_id in provider.fallback_model_providers or ()
        for info in by_id[lender_id].models
    ]
    return {(model.provider.id, model.name): model for model in (*borrowed, *own)}


def own_tiers(model: CatalogueModel) -> list[str]:
    """The tiers that the model has prices of its own for, the standard one first."""
    variants = () if model.lender else model.info.price_variants or ()
    asked = {pair for variant in variants for pair in variant.when.items()}
    return [STANDARD_TIER, *(tier for tier, context in TIER_CONTEXTS.items() if asked & set(context.items()))]


def flatten(model: CatalogueModel, tier: str) -> tuple[PriceEntry, ...]:
    """The entries of one model and service tier, by date, hour and input length; none overlap, together they hold always.

    The library itself chooses the price in every cell of dates x hours. A tier without prices of its own gets the standard
    ones, and the entry says so.
    """
    days = _price_days(model, tier)
    entries: list[PriceEntry] = []
    for (started, windows), (ended, _) in pairwise([*days, (None, ())]):
        for window, price, is_standard in windows:
            lengths = _length_borders(price)
            for above, up_to in pairwise([*lengths, None]):
                units, remainders = _unit_prices(_at_length(price, above), is_free=_is_free(model))
                if all(unit is None for bucket, unit in units.items() if bucket != "requests"):
                    continue
                entries.append(
                    PriceEntry(
                        provider=model.provider.id,
                        model=model.name,
                        service_tier=tier,
                        unit_pico_usd=units,
                        remainders=remainders,
                        above_input_tokens=above,
                        up_to_input_tokens=up_to,
                        valid_from=_midnight(started),
                        valid_to=_midnight(ended),
                        tod_from_minute=window[0] if window else None,
                        tod_to_minute=window[1] if window else None,
                        is_standard_price=is_standard,
                        source=SOURCE,
                        source_url=_price_page(model),
                    )
                )
    return tuple(entries)


PricedWindow = tuple[Window | None, ModelPrice, bool]


def _price_days(model: CatalogueModel, tier: str) -> list[tuple[date | None, tuple[PricedWindow, ...]]]:
    """From which date which prices hold; neighbouring dates with the same prices are one."""
    starts = {each.start_date for each in _constraints(model.info) if isinstance(each, StartDateConstraint)}
    days: list[tuple[date | None, tuple[PricedWindow, ...]]] = []
    for start in (None, *sorted(starts)):
        windows = _priced_windows(model, tier, start or _LONG_AGO)
        if not days or days[-1][1] != windows:
            days.append((start, windows))
    return days


def _priced_windows(model: CatalogueModel, tier: str, day: date) -> tuple[PricedWindow, ...]:
    """The parts of a day with their price; one part without hours where the price does not change within the day."""
    context = None if model.lender else TIER_CONTEXTS.get(tier)
    found: list[tuple[Window, ModelPrice, bool]] = []
    for start, end in pairwise(_minute_borders(model.info)):
        at = datetime.combine(day, time(), UTC) + timedelta(minutes=start)
        price = model.info.get_prices(at, context)
        is_standard = tier == STANDARD_TIER or price == model.info.get_prices(at)
        if found and found[-1][1:] == (price, is_standard):
            found[-1] = ((found[-1][0][0], end), price, is_standard)
        else:
            found.append(((start, end), price, is_standard))
    if len(found) == 1:
        return ((None, *found[0][1:]),)
    return tuple(found)


def _constraints(info: ModelInfo) -> Iterator[StartDateConstraint | TimeOfDateConstraint]:
    conditional = info.prices if isinstance(info.prices, list) else []
    for holder in (*conditional, *(info.price_variants or ())):
        if holder.constraint is not None:
            yield holder.constraint


def _minute_borders(info: ModelInfo) -> list[int]:
    """The minutes of the UTC day at which a price may change, its beginning and end among them."""
    borders = {0, _DAY_MINUTES}
    for constraint in _constraints(info):
        if isinstance(constraint, TimeOfDateConstraint):
            borders |= {_utc_minute(constraint.start_time), _utc_minute(constraint.end_time)}
    return sorted(borders)


def _utc_minute(moment: time) -> int:
    if moment.second or moment.microsecond:
        raise ValueError(f"a price that changes at {moment}, within a minute, cannot be flattened")
    if moment.tzinfo is not None:
        moment = datetime.combine(_LONG_AGO, moment).astimezone(UTC).timetz()
    return moment.hour * 60 + moment.minute


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)


def _length_borders(price: ModelPrice) -> list[int | None]:
    """Where a longer input re-rates the whole request; None is the beginning."""
    tiered = [value for value in price.__dict__.values() if isinstance(value, TieredPrices)]
    return [None, *sorted({tier.start for value in tiered for tier in value.tiers})]


def _at_length(price: ModelPrice, above: int | None) -> dict[str, Decimal]:
    """The prices of a request with more than `above` input tokens, by price key."""
    flat: dict[str, Decimal] = {}
    for key, value in price.__dict__.items():
        if isinstance(value, TieredPrices):
            reached = [tier.price for tier in value.tiers if above is not None and tier.start <= above]
            flat[key] = reached[-1] if reached else value.base
        elif isinstance(value, Decimal):
            flat[key] = value
    return flat


def _unit_prices(price: dict[str, Decimal], *, is_free: bool) -> tuple[dict[str, int | None], dict[str, int]]:
    """Whole pico-USD per unit of each bucket, and what they leave out in 1/3600 pico-USD."""
    if is_free and not price:
        price = {"input_mtok": Decimal(0), "output_mtok": Decimal(0)}
    if "input_mtok" in price and "output_mtok" not in price:
        # Embedding, ranking and classifying models are billed by their input alone: their price lists name one rate.
        price = {"output_mtok": Decimal(0), **price}
    units: dict[str, int | None] = dict.fromkeys(BUCKETS)
    remainders: dict[str, int] = {}
    for bucket, keys in FALLS_TO.items():
        key = next((key for key in keys if key in price), None)
        if key is not None:
            # The rounding only takes away the noise of floats that some prices once were (0.18000000000000002).
            parts = round(Fraction(price[key]) * 10**12 * REMAINDER_PARTS / _UNITS_PER_PRICE[key])
            units[bucket], left = divmod(parts, REMAINDER_PARTS)
            if left:
                remainders[bucket] = left
    return units, remainders


def _is_free(model: CatalogueModel) -> bool:
    """OpenRouter names what it gives away. Any other model that is listed without a price has an unknown one."""
    return model.provider.id == "openrouter" and model.info.id.endswith(":free")


def _price_page(model: CatalogueModel) -> str | None:
    pages = (model.lender or model.provider).pricing_urls
    return pages[0] if pages else None
