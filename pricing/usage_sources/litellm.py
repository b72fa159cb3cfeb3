"""LiteLLM's spend logs (table LiteLLM_SpendLogs) to the documented event schema."""

from pricing.usage_sources.records import Record, first, inner, text, whole

COLUMNS = frozenset(
    [
        "request_id",
        "startTime",
        "model",
        "custom_llm_provider",
        "end_user",
        "api_key",
        "spend",
        "prompt_tokens",
        "completion_tokens",
        "cache_hit",
        "metadata",
    ]
)


def event_id(record: Record) -> str | None:
    """The request's id."""
    return text(record, "request_id")


def to_event(record: Record) -> dict[str, object]:
    """Totals include their subsets, whatever the provider: LiteLLM adds Anthropic's cached tokens to `prompt_tokens`.

    The subsets are only in `metadata.additional_usage_values`, or `metadata.usage_object`. An answer from LiteLLM's own
    cache (`cache_hit`) consumed nothing at the provider.
    """
    event: dict[str, object] = {
        "event_id": event_id(record),
        "occurred_at": first(record, "startTime"),
        "customer_id": text(record, "end_user"),
        "provider": text(record, "custom_llm_provider"),
        "model": text(record, "model"),
        "api_key": text(record, "api_key"),
        "reported_cost_usd": first(record, "spend"),
    }
    if str(record.get("cache_hit")).lower() == "true":
        return event | {"requests": 0}
    metadata = inner(record, "metadata")
    extra = inner(metadata, "additional_usage_values") or inner(metadata, "usage_object")
    return event | {
        "input_tokens": whole(record, "prompt_tokens"),
        "output_tokens": whole(record, "completion_tokens"),
        "service_tier": text(extra, "service_tier"),
        **_subsets(extra),
    }


def _subsets(extra: Record) -> dict[str, object]:
    inputs, outputs = inner(extra, "prompt_tokens_details"), inner(extra, "completion_tokens_details")
    split = inner(inputs, "cache_creation_token_details")
    written = whole(extra, "cache_creation_input_tokens") or whole(
        inputs, "cache_creation_tokens", "cache_write_tokens"
    )
    hour = min(written, whole(split, "ephemeral_1h_input_tokens"))
    return {
        # Both names say the same tokens where both are there.
        "cache_read_tokens": whole(extra, "cache_read_input_tokens") or whole(inputs, "cached_tokens"),
        "cache_write_5m_tokens": written - hour,
        "cache_write_1h_tokens": hour,
        "input_audio_tokens": whole(inputs, "audio_tokens"),
        "reasoning_tokens": whole(outputs, "reasoning_tokens"),
        "output_audio_tokens": whole(outputs, "audio_tokens"),
        "search_requests": whole(inner(extra, "server_tool_use"), "web_search_requests")
        or whole(inputs, "web_search_requests"),
    }
