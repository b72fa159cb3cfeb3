"""The public catalogue (genai-prices) flattened to dated price entries, model by model, with the library's own price selection."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from importlib.metadata import version
from itertools import pairwise
from math import lcm

from genai_prices.data import providers
from genai_prices.types import (
    ModelInfo,
    ModelPrice,
    PriceContext,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
    Usage,
)

from pricing.price_book import STANDARD_TIER, PriceEntry
from pricing.usage import BUCKETS, OUTPUT_BUCKETS

SOURCE = f"genai-prices {version('genai-prices')}"
# How the catalogue's request context is spelled as a service tier. Its other contexts (a route, a search type) are not
# part of a usage event, so those variants cannot be chosen.
_TIER_CONTEXT: dict[str, PriceContext] = {
    "batch": {"processing": "batch"},
    "priority": {"service_tier": "priority"},
    "flex": {"service_tier": "flex"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}
_PROBE = 1_000_000
# What a probe of one bucket hands the library: inclusive counters, so a subset brings its total with it.
_PROBES: dict[str, dict[str, int]] = {
    "input_uncached_tokens": {"input_tokens": _PROBE},
    "cache_read_tokens": {"input_tokens": _PROBE, "cache_read_tokens": _PROBE},
    "cache_write_5m_tokens": {"input_tokens": _PROBE, "cache_write_tokens": _PROBE, "cache_write_5m_tokens": _PROBE},
    "cache_write_1h_tokens": {"input_tokens": _PROBE, "cache_write_tokens": _PROBE, "cache_write_1h_tokens": _PROBE},
    "input_audio_tokens": {"input_tokens": _PROBE, "input_audio_tokens": _PROBE},
    "output_text_tokens": {"output_tokens": _PROBE},
    "reasoning_tokens": {"output_tokens": _PROBE, "output_reasoning_tokens": _PROBE},
    "output_audio_tokens": {"output_tokens": _PROBE, "output_audio_tokens": _PROBE},
    "seconds": {"audio_seconds": _PROBE, "input_audio_seconds": _PROBE},
    "pages": {"input_document_pages": _PROBE},
    "search_requests": {"web_searches": _PROBE},
}
# The catalogue's price keys that give a bucket a price at all. Without any of them the bucket is unpriced, not free.
_PRICED_BY: dict[str, tuple[str, ...]] = {
    "input_uncached_tokens": ("input_mtok", "input_text_mtok"),
    "cache_read_tokens": ("cache_read_mtok", "cache_text_read_mtok", "input_mtok", "input_text_mtok"),
    "cache_write_5m_tokens": ("cache_write_5m_mtok", "cache_write_mtok", "input_mtok", "input_text_mtok"),
    "cache_write_1h_tokens": ("cache_write_1h_mtok", "cache_write_mtok", "input_mtok", "input_text_mtok"),
    "input_audio_tokens": ("input_audio_mtok", "input_mtok"),
    "output_text_tokens": ("output_mtok", "output_text_mtok"),
    "reasoning_tokens": ("output_reasoning_mtok", "output_mtok", "output_text_mtok"),
    "output_audio_tokens": ("output_audio_mtok", "output_mtok"),
    "seconds": ("audio_hours", "input_audio_hours"),
    "pages": ("input_document_kpages",),
    "search_requests": ("web_searches_kcount",),
    "requests": ("requests_kcount",),
}
_BEFORE_ALL = datetime(2000, 1, 1, tzinfo=UTC)
_PICO = 10**12


def catalogue_providers() -> list[Provider]:
    """Every provider of the catalogue."""
    return providers


@cache
def model_entries(provider_id: str, model_id: str, *, with_tiers: bool) -> tuple[PriceEntry, ...]:
    """All price entries of one catalogue model, by tier, date, hour and input length; none overlap.

    `with_tiers` is False for a model borrowed by another provider (Azure's OpenAI models): the library applies no variants
    there. Raises LookupError when the catalogue has no such model.
    """
    provider = next((each for each in providers if each.id == provider_id), None)
    model = next((each for each in provider.models if each.id == model_id), None) if provider else None
    if provider is None or model is None:
        raise LookupError(f"the catalogue has no model {model_id!r} of provider {provider_id!r}")
    tiers = [STANDARD_TIER, *(_tiers(model) if with_tiers else ())]
    url = provider.pricing_urls[0] if provider.pricing_urls else None
    entries: list[PriceEntry] = []
    for tier in tiers:
        for minutes in _day_parts(model):
            entries += _dated_entries(model, tier, minutes, provider_id, url)
    return tuple(entries)


def _tiers(model: ModelInfo) -> list[str]:
    asked = {key_value for variant in model.price_variants or () for key_value in variant.when.items()}
    return [tier for tier, context in _TIER_CONTEXT.items() if asked & set(context.items())]


def _constraints(model: ModelInfo) -> Iterator[StartDateConstraint | TimeOfDateConstraint]:
    conditional = model.prices if isinstance(model.prices, list) else []
    for holder in (*conditional, *(model.price_variants or ())):
        if holder.constraint is not None:
            yield holder.constraint


def _day_parts(model: ModelInfo) -> list[tuple[int, int] | None]:
    """The parts of a UTC day, in minutes, between which a price may change; [None] for a model with no such hours."""
    borders = {0, 24 * 60}
    for constraint in _constraints(model):
        if isinstance(constraint, TimeOfDateConstraint):
            borders |= {_utc_minute(constraint.start_time), _utc_minute(constraint.end_time)}
    ordered = sorted(borders)
    return [None] if len(ordered) == 2 else list(pairwise(ordered))


def _utc_minute(moment: time) -> int:
    if moment.tzinfo is not None:
        moment = datetime.combine(date(2000, 1, 1), moment).astimezone(UTC).timetz()
    return moment.hour * 60 + moment.minute


def _dated_entries(
    model: ModelInfo, tier: str, minutes: tuple[int, int] | None, provider_id: str, url: str | None
) -> list[PriceEntry]:
    """The entries of one tier and part of the day; neighbouring dates with the same prices become one."""
    starts = sorted({each.start_date for each in _constraints(model) if isinstance(each, StartDateConstraint)})
    cells: list[tuple[datetime | None, ModelPrice]] = []
    for start in (None, *starts):
        begins = _BEFORE_ALL if start is None else datetime.combine(start, time(), UTC)
        price = model.get_prices(begins + timedelta(minutes=minutes[0] if minutes else 0), _TIER_CONTEXT.get(tier))
        if not cells or cells[-1][1] != price:
            cells.append((None if start is None else begins, price))
    entries = []
    for (valid_from, price), following in zip(cells, [*cells[1:], (None, None)], strict=True):
        borders = _length_borders(price)
        for above, up_to in zip(borders, [*borders[1:], None], strict=True):
            units, quantity = _unit_prices(_at_length(price, above))
            entries.append(
                PriceEntry(
                    provider=provider_id,
                    model=model.id,
                    service_tier=tier,
                    unit_pico_usd=units,
                    pricing_quantity=quantity,
                    above_input_tokens=above,
                    up_to_input_tokens=up_to,
                    valid_from=valid_from,
                    valid_to=following[0],
                    tod_from_minute=minutes[0] if minutes else None,
                    tod_to_minute=minutes[1] if minutes else None,
                    source=SOURCE,
                    source_url=url,
                )
            )
    return entries


def _length_borders(price: ModelPrice) -> list[int | None]:
    """Where a longer input re-rates the whole request; None stands for the beginning."""
    starts = {
        tier.start for value in price.__dict__.values() if isinstance(value, TieredPrices) for tier in value.tiers
    }
    return [None, *sorted(starts)]


def _at_length(price: ModelPrice, above: int | None) -> ModelPrice:
    """The same prices with every length tier replaced by what it is above that many input tokens."""
    flat: dict[str, Decimal | TieredPrices | None] = {}
    for key, value in price.__dict__.items():
        if isinstance(value, TieredPrices):
            reached = [tier.price for tier in value.tiers if above is not None and tier.start <= above]
            flat[key] = reached[-1] if reached else value.base
        else:
            flat[key] = value
    return ModelPrice(**flat)


def _unit_prices(price: ModelPrice) -> tuple[dict[str, int | None], int]:
    """What each bucket's unit costs in pico-USD, and for how many units (1 but for repeating fractions).

    The library decides which price a unit falls to (an unpriced cache read costs what its input costs): it is asked for the
    cost of a million units of the bucket alone.
    """
    exact: dict[str, Fraction | None] = dict.fromkeys(BUCKETS)
    request_fee = price.requests_kcount
    per_call = price.calc_price(Usage())["total_price"]
    for bucket, probe in _PROBES.items():
        if any(getattr(price, key) is not None for key in _PRICED_BY[bucket]):
            total = price.calc_price(Usage(**probe))["total_price"] - per_call
            exact[bucket] = _clean(total) * _PICO / _PROBE
    if exact["input_uncached_tokens"] is not None and exact["output_text_tokens"] is None:
        # Embedding, ranking and classifying models are billed by their input alone: their price lists name one rate.
        exact |= dict.fromkeys(OUTPUT_BUCKETS, Fraction(0))
    if isinstance(request_fee, Decimal):
        exact["requests"] = _clean(request_fee) * _PICO / 1000
    quantity = lcm(*(value.denominator for value in exact.values() if value is not None))
    return {bucket: None if value is None else int(value * quantity) for bucket, value in exact.items()}, quantity


def _clean(price: Decimal) -> Fraction:
    """The price without the noise of a float it once was: the nearest simple fraction, where it is within 1e-13 of it."""
    raw = Fraction(price)
    simple = raw.limit_denominator(10**9)
    return simple if abs(simple - raw) <= raw * Fraction(1, 10**13) else raw


# Names by which other tools call the catalogue's providers (OpenTelemetry GenAI, LiteLLM, Helicone, Langfuse).
_ALIASES = {
    "aws.bedrock": "aws",
    "bedrock": "aws",
    "bedrock_converse": "aws",
    "amazon_bedrock": "aws",
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "az.ai.openai": "azure",
    "az.ai.inference": "azure",
    "azure_ai": "azure",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "gcp.gen_ai": "google",
    "gemini": "google",
    "vertex_ai": "google",
    "vertex_ai_beta": "google",
    "google_ai_studio": "google",
    "google-genai": "google",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "together_ai": "together",
    "togetherai": "together",
    "fireworks_ai": "fireworks",
    "x_ai": "x-ai",
    "xai": "x-ai",
    "text-completion-openai": "openai",
    "cohere_chat": "cohere",
}


def find_in_catalogue(provider: str | None, model: str) -> tuple[Provider, ModelInfo, bool] | str:
    """The catalogue's provider and model for two strings of a usage log, and whether the model is that provider's own.

    A sentence instead when there is none. Without a provider the model's name must point to exactly one.
    """
    asked = (provider or "").strip().lower()
    name = model.strip()
    if not asked and "/" in name:
        asked, _, rest = name.partition("/")
        name = rest if _provider(asked) else name
    if asked:
        found = _provider(asked)
        if found is None:
            return f"the price book has no provider {provider!r}"
    else:
        named = [each for each in providers if each.model_match is not None and each.model_match.is_match(name.lower())]
        if len(named) != 1:
            return f"no provider is given, and the model's name {model!r} points to {len(named) or 'none'}"
        found = named[0]
    info = found.find_model(name, all_providers=providers)
    info = info or found.find_model(name.removeprefix(f"{asked}/"), all_providers=providers)
    if info is None:
        return f"the price book has no model {model!r} of {found.id}"
    return found, info, any(info is own for own in found.models)


def _provider(name: str) -> Provider | None:
    wanted = _ALIASES.get(name, name)
    return next((each for each in providers if each.id == wanted), None)


@cache
def entries_for(provider: str | None, model: str) -> tuple[PriceEntry, ...] | str:
    """Every price entry of what a usage log calls (provider, model), or the sentence why there is none."""
    found = find_in_catalogue(provider, model)
    if isinstance(found, str):
        return found
    catalogue_provider, info, is_own = found
    if is_own:
        return model_entries(catalogue_provider.id, info.id, with_tiers=True)
    lender = next(each for each in providers if any(info is own for own in each.models))
    return model_entries(lender.id, info.id, with_tiers=False)
