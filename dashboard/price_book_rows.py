"""Rows of the price book's tables: models with their prices, entries of one model, terms and restatements, in words."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from dashboard import wording
from pricing import price_words
from pricing.price_entry import PriceEntry
from pricing.price_history import Held, listed_now, tiers_of
from pricing.usage import BUCKETS, TOKEN_BUCKETS
from store.contract_terms import RecordedTerm
from store.restatements import Restatement
from store.warehouse_prices import ModelUse

NOT_IN_USE = "not used"
# What stands in columns of its own.
_SHOWN = ("input_uncached_tokens", "cache_read_tokens", "output_text_tokens")
# What one written price covers, so that its repetition says nothing.
_COVERED = {bucket: parts[0] for parts in price_words.COVERS.values() for bucket in parts[1:]}


def per_million(entry: PriceEntry | None, bucket: str) -> str:
    """A token price per million; unknown is a dash."""
    return wording.UNKNOWN if entry is None else wording.unit_price(entry.unit_pico_usd.get(bucket))


def others(entry: PriceEntry | None) -> str:
    """The prices without a column of their own, those left out that repeat what covers them."""
    if entry is None:
        return ""
    found = []
    for bucket in BUCKETS:
        price = entry.unit_pico_usd.get(bucket)
        repeats = bucket in _COVERED and entry.unit_pico_usd.get(_COVERED[bucket]) == price
        if price and bucket not in _SHOWN and not repeats:
            unit = (
                f"{wording.unit_price(price)} / 1M" if bucket in TOKEN_BUCKETS else f"{wording.each_price(price)} each"
            )
            found.append(f"{bucket.replace('_', ' ')} {unit}")
    return ", ".join(found)


def model_row(provider: str, model: str, held: Sequence[Held], use: ModelUse | None) -> dict[str, str]:
    """A model: what it costs now, since when, by whom, and who uses it."""
    entry = listed_now(held)
    return {
        "Model": model,
        "Provider": provider,
        "Input / 1M": per_million(entry, "input_uncached_tokens"),
        "Cached / 1M": per_million(entry, "cache_read_tokens"),
        "Output / 1M": per_million(entry, "output_text_tokens"),
        "Customers": f"{use.customers:,}" if use else NOT_IN_USE,
        "Share of AI cost": wording.percent(use.share) if use else wording.UNKNOWN,
        "AI cost": wording.usd(use.cost_pico_usd) if use else wording.UNKNOWN,
        "Tiers": ", ".join(tiers_of(held)) or wording.UNKNOWN,
        "Source": source(entry),
        "Checked": str(entry.checked_on or wording.UNKNOWN) if entry else wording.UNKNOWN,
        "Also": others(entry),
    }


def entry_row(held: Held) -> dict[str, str]:
    """One dated entry of a model."""
    entry = held.entry
    lengths = []
    if entry.above_input_tokens is not None:
        lengths.append(f"above {entry.above_input_tokens:,} tokens in")
    if entry.up_to_input_tokens is not None:
        lengths.append(f"up to {entry.up_to_input_tokens:,} tokens in")
    if entry.tod_from_minute is not None and entry.tod_to_minute is not None:
        lengths.append(f"{_clock(entry.tod_from_minute)} to {_clock(entry.tod_to_minute)} UTC")
    tier = entry.service_tier + (
        " (standard price)" if entry.is_standard_price and entry.service_tier != "standard" else ""
    )
    words = (tier, entry.region, entry.search_context_size and f"search {entry.search_context_size}", *lengths)
    return {
        "Tier": ", ".join(filter(None, words)),
        "Input / 1M": per_million(entry, "input_uncached_tokens"),
        "Cached / 1M": per_million(entry, "cache_read_tokens"),
        "Output / 1M": per_million(entry, "output_text_tokens"),
        "Holds": {"now": "now", "past": "past", "future": "to come"}[held.when],
        "Valid": valid(entry.valid_from, entry.valid_to),
        "Source": source(entry),
        "Checked": str(entry.checked_on or wording.UNKNOWN),
        "Also": others(entry),
    }


def source(entry: PriceEntry | None) -> str:
    """Where the price is published, or else who says it."""
    return wording.UNKNOWN if entry is None else entry.source_url or entry.source


def valid(start: date | datetime | None, end: date | datetime | None) -> str:
    """From when to when, in words."""
    if start is None:
        return f"before {wording.day_of(end)}" if end else "always"
    return f"{wording.day_of(start)} \u2013 {f'before {wording.day_of(end)}' if end else 'now'}"


def term_row(recorded: RecordedTerm) -> dict[str, str]:
    """A contract term."""
    term = recorded.term
    return {
        "Contract": term.contract_id,
        "For": " ".join(
            filter(None, (term.provider, "all models" if term.models == "*" else term.models, term.service_tier))
        ),
        "Says": price_words.in_words(term.rule),
        "Valid": valid(term.valid_from, term.valid_to),
        "Why": recorded.because,
        "By": recorded.recorded_by,
        "Written down": wording.moment_of(recorded.recorded_at.astimezone(UTC)),
    }


def restatement_row(told: Restatement) -> dict[str, str]:
    """What a corrected price has changed."""
    return {
        "When": wording.moment_of(told.recorded_at.astimezone(UTC)),
        "Model": "/".join(filter(None, (told.provider, told.model))),
        "Usage of": wording.day_of(told.first_day)
        if told.first_day == told.last_day
        else f"{wording.day_of(told.first_day)} \u2013 {wording.day_of(told.last_day)}",
        "Events": f"{told.events:,}",
        "Before": wording.usd(told.cost_before_pico_usd) if told.from_price_key else "unpriced",
        "After": wording.usd(told.cost_after_pico_usd) if told.to_price_key else "unpriced",
        "From entry": told.from_price_key or wording.UNKNOWN,
        "To entry": told.to_price_key or wording.UNKNOWN,
        "Why": told.cause,
        "By": told.principal,
    }


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
