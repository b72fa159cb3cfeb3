"""What providers charge for a unit, straight from the public catalogue, and half of it for batches."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from functools import cache

from genai_prices.data import providers
from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

# A unit without a price of its own costs what the unit costs that contains it.
_KEYS = {
    "uncached_input": ("input_text_mtok", "input_mtok"),
    "cache_read": ("cache_text_read_mtok", "cache_read_mtok", "input_text_mtok", "input_mtok"),
    "cache_write_5m": ("cache_write_5m_mtok", "cache_write_mtok", "input_text_mtok", "input_mtok"),
    "cache_write_1h": ("cache_write_1h_mtok", "cache_write_mtok", "input_text_mtok", "input_mtok"),
    "output": ("output_text_mtok", "output_mtok"),
    "requests": ("requests_kcount",),
}
UNITS = tuple(_KEYS)
# Perplexity charges a request by how much it may read, the least where a call does not say; the catalogue has the most for all.
_REQUEST_PICO_USD = {("perplexity", "sonar"): 5 * 10**9, ("perplexity", "sonar-pro"): 6 * 10**9}
# A day on which the catalogue lists batch prices.
_LISTED = datetime(2026, 11, 1, tzinfo=UTC)
_PER = {unit: 1_000 if unit == "requests" else 1_000_000 for unit in UNITS}


@dataclass(frozen=True)
class Rate:
    """Pico-USD per unit for calls with more than `above_input_tokens` input tokens; 0 for what the provider gives away."""

    above_input_tokens: int
    pico_usd: dict[str, int]


@cache
def rates(provider: str, model: str, tier: str, day: datetime) -> tuple[Rate, ...]:
    """The rates of a model on a day by length of input, the shortest first; empty when no provider lists it."""
    info = _find(provider, model)
    if info is None:
        return ()
    standard = info.get_prices(day)
    price = info.get_prices(day, {"processing": "batch"}) if tier == "batch" else standard
    # Catalogues know batch prices from a day on; batches cost that share of the standard price long before.
    shares = _batch_shares(info) if tier == "batch" and price == standard else {}
    steps = sorted(
        {tier.start for value in price.__dict__.values() if isinstance(value, TieredPrices) for tier in value.tiers}
    )
    fee = {"requests": _REQUEST_PICO_USD[provider, model]} if (provider, model) in _REQUEST_PICO_USD else {}
    return tuple(Rate(above, _pico_usd(price, above, shares) | fee) for above in (-1, *steps))


@cache
def _find(provider: str, model: str) -> ModelInfo | None:
    found = next((each for each in providers if each.id == provider), None)
    return None if found is None else found.find_model(model)


def _batch_shares(info: ModelInfo) -> dict[str, Fraction]:
    """What a batch costs of the standard price, by unit: a half, but for input from the cache where that keeps its price."""
    standard, batch = (_pico_usd(info.get_prices(_LISTED, asked), -1, {}) for asked in (None, {"processing": "batch"}))
    if batch == standard:
        return dict.fromkeys(UNITS[:-1], Fraction(1, 2))
    return {unit: Fraction(batch[unit], standard[unit]) for unit in UNITS if standard[unit]}


def _pico_usd(price: ModelPrice, above: int, shares: Mapping[str, Fraction]) -> dict[str, int]:
    dollars = {key: _at(value, above) for key, value in price.__dict__.items() if value is not None}
    found = {}
    for unit, keys in _KEYS.items():
        amount = next((dollars[key] for key in keys if key in dollars), Decimal(0))
        found[unit] = round(Fraction(amount) * 10**12 / _PER[unit] * shares.get(unit, 1))
    return found


def _at(value: object, above: int) -> Decimal:
    if isinstance(value, TieredPrices):
        reached = [tier.price for tier in value.tiers if tier.start <= above]
        return reached[-1] if reached else value.base
    assert isinstance(value, Decimal), "a price is a decimal or goes by length"
    return value


def midnight(day: object) -> datetime:
    """The first moment of a UTC day."""
    return datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=UTC)
