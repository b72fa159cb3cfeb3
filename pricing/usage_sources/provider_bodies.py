"""The `usage` body of a provider's own answer to inclusive counters, each shape by the rule of the API it comes from."""

from collections.abc import Callable

from pricing.usage_sources.records import Record, first, inner, whole

# Bedrock's and Anthropic's input excludes what the cache gave and took; OpenAI's and Google's includes it.
_ANTHROPIC = frozenset({"cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation", "server_tool_use"})


def provider_counters(body: Record) -> dict[str, int] | None:
    """Counters as pricing.usage.COUNTERS names them, totals including their subsets; None for a shape that is not known.

    Raises UsageRefused when a counter is no whole number.
    """
    return next((rule(body) for names, rule in _SHAPES if first(body, *names) is not None), None)


def _openai(body: Record, total_in: str, total_out: str) -> dict[str, int]:
    """Cached, written and audio tokens are parts of the input; reasoning and audio are parts of the output."""
    inputs, outputs = inner(body, f"{total_in}_details"), inner(body, f"{total_out}_details")
    return {
        "input_tokens": whole(body, total_in),
        "cache_read_tokens": whole(inputs, "cached_tokens") or whole(body, "prompt_cache_hit_tokens"),
        "cache_write_5m_tokens": whole(inputs, "cache_write_tokens", "cache_creation_tokens"),
        "input_audio_tokens": whole(inputs, "audio_tokens"),
        "output_tokens": whole(body, total_out),
        "reasoning_tokens": whole(outputs, "reasoning_tokens") or whole(body, "reasoning_tokens"),
        "output_audio_tokens": whole(outputs, "audio_tokens"),
        "search_requests": whole(body, "num_search_queries"),
    }


def _anthropic(body: Record) -> dict[str, int]:
    """Cache reads and writes come on top of the input; writes without their split are the five-minute ones."""
    read = whole(body, "cache_read_input_tokens")
    split = inner(body, "cache_creation")
    hour = whole(split, "ephemeral_1h_input_tokens")
    written = whole(body, "cache_creation_input_tokens") or hour + whole(split, "ephemeral_5m_input_tokens")
    return {
        "input_tokens": whole(body, "input_tokens") + read + written,
        "cache_read_tokens": read,
        "cache_write_5m_tokens": written - hour,
        "cache_write_1h_tokens": hour,
        "output_tokens": whole(body, "output_tokens"),
        "search_requests": whole(inner(body, "server_tool_use"), "web_search_requests"),
    }


def _bedrock(body: Record) -> dict[str, int]:
    """The Converse API's counters, exclusive as Anthropic's."""
    read, written = whole(body, "cacheReadInputTokens"), whole(body, "cacheWriteInputTokens")
    return {
        "input_tokens": whole(body, "inputTokens") + read + written,
        "cache_read_tokens": read,
        "cache_write_5m_tokens": written,
        "output_tokens": whole(body, "outputTokens"),
    }


def _cohere(body: Record) -> dict[str, int]:
    """What Cohere bills, which is less than the tokens that it counts."""
    billed = inner(body, "billed_units")
    return {
        "input_tokens": whole(billed, "input_tokens"),
        "output_tokens": whole(billed, "output_tokens"),
        "search_requests": whole(billed, "search_units"),
    }


def _google(body: Record) -> dict[str, int]:
    """Cached content is a part of the prompt; thoughts come on top of the candidates, tool prompts on top of the prompt."""
    thoughts = whole(body, "thoughtsTokenCount", "thoughts_token_count")
    return {
        "input_tokens": whole(body, "promptTokenCount", "prompt_token_count")
        + whole(body, "toolUsePromptTokenCount", "tool_use_prompt_token_count"),
        "cache_read_tokens": whole(body, "cachedContentTokenCount", "cached_content_token_count"),
        "input_audio_tokens": _audio(body, "promptTokensDetails", "prompt_tokens_details"),
        "output_tokens": whole(body, "candidatesTokenCount", "candidates_token_count") + thoughts,
        "reasoning_tokens": thoughts,
        "output_audio_tokens": _audio(body, "candidatesTokensDetails", "candidates_tokens_details"),
    }


def _audio(body: Record, *names: str) -> int:
    """The audio tokens of Google's list of modalities."""
    parts = first(body, *names)
    audio = (
        [part for part in parts if isinstance(part, dict) and part.get("modality") == "AUDIO"]
        if isinstance(parts, list)
        else []
    )
    return sum(whole(part, "tokenCount", "token_count") for part in audio)


def _messages_or_responses(body: Record) -> dict[str, int]:
    """Anthropic and OpenAI's Responses API share their totals' names; what stands beside them tells them apart."""
    if _ANTHROPIC & set(body) and "input_tokens_details" not in body:
        return _anthropic(body)
    return _openai(body, "input_tokens", "output_tokens")


# The first shape whose names a body has is its own.
_SHAPES: tuple[tuple[tuple[str, ...], Callable[[Record], dict[str, int]]], ...] = (
    (("promptTokenCount", "prompt_token_count", "candidatesTokenCount", "totalTokenCount"), _google),
    (("prompt_tokens", "completion_tokens"), lambda body: _openai(body, "prompt_tokens", "completion_tokens")),
    (("inputTokens", "outputTokens"), _bedrock),
    (("billed_units",), _cohere),
    (("input_tokens", "output_tokens"), _messages_or_responses),
)
