"""LiteLLM's price file as a price list, to compare with: its names are looked up in our book, its numbers read exactly."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import polars as pl

from pricing.catalogue_diff import LIST_SCHEMA
from pricing.price_book import PriceBook
from pricing.price_entry import STANDARD_TIER

# LiteLLM's keys for our buckets, as they begin; what may follow is a length and a tier.
_KEYS = {
    "input_cost_per_token": "input_uncached_tokens",
    "cache_read_input_token_cost": "cache_read_tokens",
    "cache_creation_input_token_cost": "cache_write_5m_tokens",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h_tokens",
    "input_cost_per_audio_token": "input_audio_tokens",
    "output_cost_per_token": "output_text_tokens",
    "output_cost_per_reasoning_token": "reasoning_tokens",
    "output_cost_per_audio_token": "output_audio_tokens",
    "ocr_cost_per_page": "pages",
    "input_cost_per_query": "search_requests",
}
_TIERS = {"": STANDARD_TIER, "_batches": "batch", "_priority": "priority", "_flex": "flex"}
_KEY = re.compile(
    rf"({'|'.join(sorted(_KEYS, key=len, reverse=True))})(?:_above_(\d+)k_tokens)?(_batches|_priority|_flex)?"
)
# Its providers that sell under a provider of ours; the others' models are not compared.
PROVIDERS = {
    "openai": "openai",
    "text-completion-openai": "openai",
    "anthropic": "anthropic",
    "gemini": "google",
    "mistral": "mistral",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "perplexity": "perplexity",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "deepseek": "deepseek",
    "xai": "x-ai",
    "openrouter": "openrouter",
}


class NotLiteLLMPrices(ValueError):
    """The file is no price file of LiteLLM. Give its `model_prices_and_context_window` JSON."""


def litellm_list(document: object, book: PriceBook) -> pl.DataFrame:
    """LiteLLM's prices (its JSON, decimals read as Decimal) as a price list (LIST_SCHEMA).

    A model is named as our book names it where the book knows the name, else as LiteLLM does. Raises NotLiteLLMPrices.
    """
    if not isinstance(document, Mapping) or not any(_provider(entry) for entry in document.values()):
        raise NotLiteLLMPrices(
            "The file is no price file of LiteLLM: it names no model with litellm_provider. Give its "
            "model_prices_and_context_window JSON."
        )
    rows = [row for name, entry in document.items() for row in _rows(str(name), entry, book)]
    return pl.DataFrame(rows, schema=LIST_SCHEMA, orient="row").unique(maintain_order=True)


def _provider(entry: object) -> str | None:
    return PROVIDERS.get(str(entry.get("litellm_provider"))) if isinstance(entry, Mapping) else None


def _rows(name: str, entry: Any, book: PriceBook) -> Iterator[tuple[object, ...]]:
    provider = _provider(entry)
    if provider is None:
        return
    prefix, slash, rest = name.partition("/")
    bare = rest if slash and prefix == entry["litellm_provider"] else name
    found = book.find(provider, bare)
    seller, model = (provider, bare) if isinstance(found, str) else found
    for key, value in entry.items():
        matched = _KEY.fullmatch(key)
        price = _pico_usd(value) if matched else None
        if matched is None or price is None:
            continue
        start, length, tier = matched.groups()
        above = None if length is None else int(length) * 1000
        yield seller, model, _TIERS[tier or ""], above, _KEYS[start], price, None


def _pico_usd(value: object) -> int | None:
    """Dollars a unit in pico-USD, to the nearest one; None for what is no price."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    try:
        return round(Decimal(value) * 10**12)
    except (InvalidOperation, OverflowError):
        return None
