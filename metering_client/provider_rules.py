"""The `usage` part of a provider's answer to inclusive counters, each shape by the rule of the API it comes from."""

from collections.abc import Callable

from metering_client.values import Record, first, inner, maps, whole

# Bedrock's and Anthropic's input excludes what the cache gave and took; OpenAI's and Google's includes it.
_ANTHROPIC = frozenset({"cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation", "server_tool_use"})
# A picture's tokens cost many times what text does, and no bucket is theirs: whoever draws is counted by the picture.
# These count reasoning (and Perplexity citations) beside the completion, where OpenAI counts it inside.
_REASONING_BESIDE = frozenset({"xai", "perplexity"})

Counted = dict[str, int]


def counters(usage: Record, *, provider: str | None = None, model: str | None = None) -> Counted | None:
    """Totals including their subsets, under the names of a usage event; None for a shape that is not known.

    `provider` and `model` settle what the shape leaves open. Raises UsageRefused when a counter is no whole number.
    """
    seller = "".join(letter for letter in (provider or "").lower() if letter.isalnum())
    for names, rule in _SHAPES:
        if first(usage, *names) is not None:
            return rule(usage, seller, model or "")
    return None


def _chat(usage: Record, seller: str, model: str) -> Counted:
    """OpenAI's chat completions, and who speaks like them: subsets are parts of the totals, except where `_beside` says no."""
    prompt, completion = whole(usage, "prompt_tokens"), whole(usage, "completion_tokens")
    inputs, outputs = inner(usage, "prompt_tokens_details"), inner(usage, "completion_tokens_details")
    reasoning = whole(outputs, "reasoning_tokens") or whole(usage, "reasoning_tokens")
    beside = reasoning + whole(usage, "citation_tokens")
    missing = max(0, whole(usage, "total_tokens") - prompt - completion)
    if missing and not reasoning and model.rpartition("/")[2].startswith("gemini"):
        # Google's answers in OpenAI's shape leave the thoughts out of everything but the total.
        reasoning = beside = missing
    is_beside = missing == beside if "total_tokens" in usage else seller in _REASONING_BESIDE
    drawn = whole(outputs, "image_tokens")
    return {
        "input_tokens": prompt,
        "cache_read_tokens": whole(inputs, "cached_tokens")
        or whole(
            usage, "prompt_cache_hit_tokens", "cached_prompt_text_tokens", "cached_tokens", "cache_read_input_tokens"
        ),
        "cache_write_5m_tokens": whole(inputs, "cache_write_tokens", "cache_creation_tokens"),
        "input_audio_tokens": _uncached_audio(inputs),
        "output_tokens": max(0, completion - drawn) + (beside if is_beside else 0),
        "reasoning_tokens": reasoning,
        "output_audio_tokens": whole(outputs, "audio_tokens"),
        "images": int(drawn > 0),
        "search_requests": _chat_searches(usage),
    }


def _chat_searches(usage: Record) -> int:
    """Web searches as Perplexity, OpenRouter and xAI count them in the answer."""
    tools = inner(usage, "server_side_tool_usage_details")
    return (
        whole(usage, "num_search_queries")
        or whole(inner(usage, "server_tool_use"), "web_search_requests")
        or whole(tools, "web_search_calls") + whole(tools, "x_search_calls")
    )


def _messages_or_responses(usage: Record, seller: str, model: str) -> Counted:  # noqa: ARG001 - a rule's form
    """Anthropic and OpenAI's Responses API share their totals' names; what stands beside them tells them apart."""
    if _ANTHROPIC & set(usage) and not {"input_tokens_details", "input_token_details"} & set(usage):
        return _anthropic(usage)
    return _responses(usage)


def _responses(usage: Record) -> Counted:
    """OpenAI's Responses, Realtime, images and transcriptions: subsets are parts of the totals."""
    inputs = inner(usage, "input_tokens_details", "input_token_details")
    outputs = inner(usage, "output_tokens_details", "output_token_details")
    searches = inner(inner(usage, "tool_calls_details"), "search_web")
    tools = inner(usage, "server_side_tool_usage_details")
    drawn = whole(outputs, "image_tokens")
    return {
        "input_tokens": whole(usage, "input_tokens"),
        "cache_read_tokens": whole(inputs, "cached_tokens", "cache_read_input_tokens"),
        "cache_write_5m_tokens": whole(inputs, "cache_write_tokens"),
        "input_audio_tokens": _uncached_audio(inputs),
        "output_tokens": max(0, whole(usage, "output_tokens") - drawn),
        "images": int(drawn > 0),
        "reasoning_tokens": whole(outputs, "reasoning_tokens", "thinking_tokens"),
        "output_audio_tokens": whole(outputs, "audio_tokens"),
        "search_requests": whole(searches, "invocation")
        or whole(tools, "web_search_calls") + whole(tools, "x_search_calls"),
    }


def _uncached_audio(inputs: Record) -> int:
    """Cached audio is a cache read: no token is in two buckets."""
    return max(0, whole(inputs, "audio_tokens") - whole(inner(inputs, "cached_tokens_details"), "audio_tokens"))


def _anthropic(usage: Record) -> Counted:
    """Cache reads and writes come on top of the input; a compaction of the context comes on top of the whole answer."""
    counted = _one_message(usage)
    for iteration in maps(usage.get("iterations")):
        # The totals leave compactions out, and they are billed; the other iterations are what the totals sum.
        if iteration.get("type") == "compaction":
            counted = {name: count + _one_message(iteration)[name] for name, count in counted.items()}
    return counted


def _one_message(usage: Record) -> Counted:
    """Writes without their split are the five-minute ones."""
    read = whole(usage, "cache_read_input_tokens")
    split = inner(usage, "cache_creation")
    hour = whole(split, "ephemeral_1h_input_tokens")
    written = whole(usage, "cache_creation_input_tokens") or hour + whole(split, "ephemeral_5m_input_tokens")
    return {
        "input_tokens": whole(usage, "input_tokens") + read + written,
        "cache_read_tokens": read,
        "cache_write_5m_tokens": written - hour,
        "cache_write_1h_tokens": hour,
        "output_tokens": whole(usage, "output_tokens"),
        "reasoning_tokens": whole(inner(usage, "output_tokens_details"), "thinking_tokens"),
        "search_requests": whole(inner(usage, "server_tool_use"), "web_search_requests"),
    }


def _bedrock(usage: Record, seller: str, model: str) -> Counted:  # noqa: ARG001 - a rule's form
    """The Converse API's counters, exclusive as Anthropic's."""
    read, written = whole(usage, "cacheReadInputTokens"), whole(usage, "cacheWriteInputTokens")
    hour = sum(whole(part, "inputTokens") for part in maps(usage.get("cacheDetails")) if part.get("ttl") == "1h")
    return {
        "input_tokens": whole(usage, "inputTokens") + read + written,
        "cache_read_tokens": read,
        "cache_write_5m_tokens": max(0, written - hour),
        "cache_write_1h_tokens": min(hour, written),
        "output_tokens": whole(usage, "outputTokens"),
    }


def _cohere(usage: Record, seller: str, model: str) -> Counted:  # noqa: ARG001 - a rule's form
    """What Cohere bills, which is less than the tokens that it counts."""
    billed = inner(usage, "billed_units")
    return {
        "input_tokens": whole(billed, "input_tokens"),
        "output_tokens": whole(billed, "output_tokens"),
        "images": whole(billed, "images"),
        "search_requests": whole(billed, "search_units"),
    }


def _google(usage: Record, seller: str, model: str) -> Counted:  # noqa: ARG001 - a rule's form
    """Cached content is a part of the prompt; thoughts come on top of the candidates, tool prompts on top of the prompt."""
    thoughts = whole(usage, "thoughtsTokenCount", "thoughts_token_count")
    inputs = ("promptTokensDetails", "prompt_tokens_details")
    outputs = ("candidatesTokensDetails", "candidates_tokens_details", "responseTokensDetails")
    cached_audio = _modality(usage, "AUDIO", "cacheTokensDetails", "cache_tokens_details")
    drawn = _modality(usage, "IMAGE", *outputs)
    answered = whole(
        usage, "candidatesTokenCount", "candidates_token_count", "responseTokenCount", "response_token_count"
    )
    return {
        "input_tokens": whole(usage, "promptTokenCount", "prompt_token_count")
        + whole(usage, "toolUsePromptTokenCount", "tool_use_prompt_token_count"),
        "cache_read_tokens": whole(usage, "cachedContentTokenCount", "cached_content_token_count"),
        "input_audio_tokens": max(0, _modality(usage, "AUDIO", *inputs) - cached_audio),
        "output_tokens": answered - drawn + thoughts,
        "reasoning_tokens": thoughts,
        "output_audio_tokens": _modality(usage, "AUDIO", *outputs),
        "images": int(drawn > 0),
    }


def _modality(usage: Record, modality: str, *names: str) -> int:
    """The tokens of one modality in Google's list of them."""
    parts = [part for part in maps(first(usage, *names)) if part.get("modality") == modality]
    return sum(whole(part, "tokenCount", "token_count") for part in parts)


def _llama_on_bedrock(usage: Record, seller: str, model: str) -> Counted:  # noqa: ARG001 - a rule's form
    """Meta's own names, as Bedrock's InvokeModel hands them on."""
    return {
        "input_tokens": whole(usage, "prompt_token_count"),
        "output_tokens": whole(usage, "generation_token_count"),
    }


def _seconds(usage: Record, seller: str, model: str) -> Counted:  # noqa: ARG001 - a rule's form
    """Audio that is billed by its length, to the nearest second."""
    length = str(first(usage, "seconds", "billable_audio_seconds"))
    seconds, _, fraction = length.partition(".")
    return {"seconds": whole({"seconds": seconds}, "seconds") + int(fraction[:1] >= "5")}


def _pages(usage: Record, seller: str, model: str) -> Counted:  # noqa: ARG001 - a rule's form
    """Mistral's OCR bills by the page."""
    return {"pages": whole(usage, "pages_processed")}


def _embedded(usage: Record, seller: str, model: str) -> Counted:  # noqa: ARG001 - a rule's form
    """Embeddings and rankings of those who say one number only."""
    return {"input_tokens": whole(usage, "total_tokens", "inputTextTokenCount"), "output_tokens": 0}


# The first shape whose names a body has is its own.
_SHAPES: tuple[tuple[tuple[str, ...], Callable[[Record, str, str], Counted]], ...] = (
    (("generation_token_count",), _llama_on_bedrock),
    (("promptTokenCount", "prompt_token_count", "candidatesTokenCount", "totalTokenCount"), _google),
    (("prompt_tokens", "completion_tokens"), _chat),
    (("inputTokens", "outputTokens"), _bedrock),
    (("billed_units",), _cohere),
    (("billable_audio_seconds",), _seconds),
    (("input_tokens", "output_tokens"), _messages_or_responses),
    (("seconds",), _seconds),
    (("pages_processed",), _pages),
    (("total_tokens", "inputTextTokenCount"), _embedded),
)
