"""Helicone's requests (query API and export tool) to the documented event schema."""

from decimal import Decimal

from pricing.usage_sources.records import Record, first, text, whole

COLUMNS = frozenset(
    [
        "request_id",
        "request_created_at",
        "request_user_id",
        "helicone_user",
        "user_id",
        "request_model",
        "response_model",
        "model_override",
        "model",
        "provider",
        "prompt_tokens",
        "completion_tokens",
        "reasoning_tokens",
        "prompt_cache_read_tokens",
        "prompt_cache_write_tokens",
        "prompt_audio_tokens",
        "completion_audio_tokens",
        "costUSD",
        "cost_usd",
        "cost",
        "country_code",
    ]
)


def event_id(record: Record) -> str | None:
    """The request's id."""
    return text(record, "request_id", "id")


def to_event(record: Record) -> dict[str, object]:
    """Every counter stands beside the others, so totals are their sums."""
    read, written = whole(record, "prompt_cache_read_tokens"), whole(record, "prompt_cache_write_tokens")
    audio_in, audio_out = whole(record, "prompt_audio_tokens"), whole(record, "completion_audio_tokens")
    reasoning = whole(record, "reasoning_tokens")
    return {
        "event_id": event_id(record),
        "occurred_at": first(record, "request_created_at"),
        "customer_id": text(record, "request_user_id", "helicone_user", "user_id"),
        "provider": text(record, "provider"),
        # What answered is what is billed; an override is what the asker says it is.
        "model": text(record, "model_override", "response_model", "request_model", "model"),
        "input_tokens": whole(record, "prompt_tokens") + read + written + audio_in,
        "cache_read_tokens": read,
        "cache_write_5m_tokens": written,
        "input_audio_tokens": audio_in,
        "output_tokens": whole(record, "completion_tokens") + reasoning + audio_out,
        "reasoning_tokens": reasoning,
        "output_audio_tokens": audio_out,
        "reported_cost_usd": _cost_usd(record),
    }


def _cost_usd(record: Record) -> object:
    """Dollars as the API gives them. Rows of Helicone's own table, known by their `model`, count 10^-9 of one."""
    cost = first(record, "costUSD", "cost_usd", "cost")
    is_from_table = "model" in record and "request_model" not in record and first(record, "costUSD", "cost_usd") is None
    if cost is None or not is_from_table or not str(cost).isdigit():
        return cost
    return format(Decimal(str(cost)).scaleb(-9), "f")
