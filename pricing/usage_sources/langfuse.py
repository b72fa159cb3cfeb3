"""Langfuse's observations (batch and blob exports, API answers) to the documented event schema."""

from metering_client import provider_rules
from pricing.usage import COUNTERS, UsageRefused
from pricing.usage_sources.records import Record, first, inner, text, to_whole

# Usage and cost are kept on these kinds of observation; the others are steps around them.
MODEL_CALLS = frozenset({"GENERATION", "EMBEDDING"})
COLUMNS = frozenset(
    [
        "id",
        "type",
        "start_time",
        "startTime",
        "user_id",
        "userId",
        "provided_model_name",
        "providedModelName",
        "model",
        "name",
        "level",
        "metadata",
        "model_parameters",
        "modelParameters",
        "usage_details",
        "usageDetails",
        "total_cost",
        "totalCost",
        "calculatedTotalCost",
        "promptTokens",
        "completionTokens",
    ]
)
_INPUT, _OUTPUT = "input_tokens", "output_tokens"
# Each bucket stands beside the others; what is not named here goes by its first word: input or output.
_BUCKETS: dict[str, str] = {
    **dict.fromkeys(
        ("input_cached_tokens", "cache_read_input_tokens", "input_cache_read", "cached_tokens"), "cache_read_tokens"
    ),
    **dict.fromkeys(
        (
            "cache_creation_input_tokens",
            "cache_write_input_tokens",
            "input_cache_creation",
            "input_cache_creation_5m",
            "input_cache_write_tokens",
            "input_cache_write",
        ),
        "cache_write_5m_tokens",
    ),
    "input_cache_creation_1h": "cache_write_1h_tokens",
    **dict.fromkeys(("input_audio_tokens", "input_audio"), "input_audio_tokens"),
    **dict.fromkeys(("output_reasoning_tokens", "output_reasoning", "reasoning_tokens"), "reasoning_tokens"),
    **dict.fromkeys(("output_audio_tokens", "output_audio"), "output_audio_tokens"),
    **dict.fromkeys(("web_search_queries", "web_search_requests", "input_web_search_requests"), "search_requests"),
}
_TOTAL_OF = {
    "cache_read_tokens": _INPUT,
    "cache_write_5m_tokens": _INPUT,
    "cache_write_1h_tokens": _INPUT,
    "input_audio_tokens": _INPUT,
    "reasoning_tokens": _OUTPUT,
    "output_audio_tokens": _OUTPUT,
}


def event_id(record: Record) -> str | None:
    """The observation's id."""
    return text(record, "id")


def to_event(record: Record) -> dict[str, object] | None:
    """A generation or embedding; None for any other observation, and for a call that failed without usage.

    Raises UsageRefused when a call that succeeded has no usage: its cost is unknown, not nothing.
    """
    kind = text(record, "type")
    if kind is not None and kind.upper() not in MODEL_CALLS:
        return None
    details = inner(record, "usage_details", "usageDetails") or _old_usage(record)
    if not details:
        if text(record, "level") == "ERROR":
            return None
        raise UsageRefused("the observation has no usage_details")
    metadata = _metadata(record)
    return {
        "event_id": event_id(record),
        "occurred_at": first(record, "start_time", "startTime"),
        "customer_id": text(record, "user_id", "userId"),
        "provider": text(metadata, "ls_provider", "gen_ai.provider.name", "gen_ai.system", "provider"),
        "model": text(record, "provided_model_name", "providedModelName", "model"),
        "feature": text(record, "name"),
        "service_tier": text(inner(record, "model_parameters", "modelParameters"), "service_tier"),
        "reported_cost_usd": first(record, "total_cost", "totalCost", "calculatedTotalCost"),
        **counters(details),
    }


def counters(details: Record) -> dict[str, int]:
    """Langfuse's exclusive buckets as totals with subsets; a provider's own counters by that provider's rule."""
    body = None if {"input", "output"} & set(details) else provider_rules.counters(details)
    if body is not None:
        return body
    counted = dict.fromkeys(COUNTERS[:-1], 0)
    for name, value in details.items():
        if value is None or name == "total":
            continue
        quantity = to_whole(name, value)
        bucket = _BUCKETS.get(name)
        if bucket is None and name.startswith(("input", "output")):
            bucket = _INPUT if name.startswith("input") else _OUTPUT
        if bucket is None:
            raise UsageRefused(f"usage_details has {name} ({quantity}), which is no unit that is known")
        counted[bucket] += quantity
        if bucket in _TOTAL_OF:
            counted[_TOTAL_OF[bucket]] += quantity
    return counted


def _old_usage(record: Record) -> Record:
    """The counters of exports before usage_details."""
    old = {"input": first(record, "promptTokens"), "output": first(record, "completionTokens")}
    return {name: value for name, value in old.items() if value is not None}


def _metadata(record: Record) -> Record:
    """What people put beside an observation may be anything; only a map can name the provider."""
    try:
        return inner(record, "metadata")
    except UsageRefused:
        return {}
