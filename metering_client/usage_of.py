"""The answer of a model's provider to the fields of a usage event."""

from collections.abc import Mapping
from datetime import UTC, datetime

from metering_client.provider_rules import counters
from metering_client.values import Record, UsageRefused, first, inner, maps, text, whole

# Where an answer, or what an SDK, a batch or a stream wraps it in, keeps what was used.
_USAGE_KEYS = ("usage", "usageMetadata", "usage_metadata", "usage_info")
_WRAPPERS = ("response", "body", "result", "message")
# Of a priority or flexible traffic Google says so; on demand is the ordinary price, and what was bought before has none.
_TRAFFIC = {"ON_DEMAND_PRIORITY": "priority", "ON_DEMAND_FLEX": "flex"}
# Bedrock hands on models that count beside what they answer.
_BESIDE_THE_ANSWER = ("inputTextTokenCount", "prompt_token_count", "generation_token_count")
_WRAPPED_MAX = 4


def usage_of(answer: object, *, provider: str | None = None) -> dict[str, object]:
    """The fields of a usage event that the answer tells: model, counters, and where it says so tier, region, id, time, cost.

    `answer` is the body of a provider's answer as a map, or an SDK's object of it; also a line of a batch's results and the
    last event of a stream. Totals include their subsets. `provider` is passed on and settles what a body alone leaves open.
    What the answer does not say is not in it. Raises UsageRefused when there is no usage, or a counter is no counter.
    """
    outer = as_record(answer)
    body = _unwrapped(outer)
    usage = _usage_part(body)
    model = text(body, "model", "modelVersion", "model_version")
    counted = counters(usage, provider=provider, model=model) if usage else None
    if counted is None:
        counted = _without_usage(body)
    if counted is None:
        known = ", ".join(list(usage or body)[:8]) or "nothing"
        raise UsageRefused(f"the answer has none of the counters that are known, but {known}")
    searched = _searches(body, model or "")
    counted = _with_pictures(counted, body, usage)
    told: dict[str, object] = {
        "event_id": text(body, "id", "responseId", "response_id"),
        "occurred_at": _moment(first(body, "created", "created_at", "createTime", "create_time")),
        "provider": provider,
        "model": model,
        "service_tier": _tier(outer, body, usage),
        "region": _region(usage),
        "search_context_size": text(usage, "search_context_size"),
        **counted,
        "search_requests": counted.get("search_requests", 0) or searched,
        # OpenRouter says what it took from the balance; Perplexity says so part by part.
        "reported_cost_usd": _cost(usage),
    }
    return {name: value for name, value in told.items() if value is not None and value != 0}


def as_record(answer: object) -> Record:
    """An answer as a map: as it is, or by what SDKs' objects offer for it. Raises UsageRefused for anything else."""
    if isinstance(answer, Mapping):
        return answer
    for name in ("model_dump", "to_dict", "dict"):
        convert = getattr(answer, name, None)
        if callable(convert):
            record = convert()
            if isinstance(record, Mapping):
                return record
    raise UsageRefused(f"an answer is a map or an SDK's object, but this is a {type(answer).__name__}")


def has_usage(answer: Record) -> bool:
    """Whether an answer, or what is wrapped in it, has a part that counts what was used."""
    return bool(_usage_part(_unwrapped(answer)))


def _usage_part(body: Record) -> Record:
    """The map of counters in an answer; empty when there is none."""
    found = inner(body, *_USAGE_KEYS)
    if found:
        return found
    meta = body.get("meta")
    if isinstance(meta, Mapping) and ("billed_units" in meta or "tokens" in meta):
        return meta
    return {name: body[name] for name in _BESIDE_THE_ANSWER if name in body}


def _unwrapped(answer: Record) -> Record:
    """The body inside a batch's line, a stream's event or a gateway's envelope."""
    body = answer
    for _ in range(_WRAPPED_MAX):
        if _usage_part(body):
            return body
        inside = next((value for name in _WRAPPERS if isinstance(value := body.get(name), Mapping)), None)
        if inside is None:
            return body
        body = inside
    return body


def _without_usage(body: Record) -> dict[str, int] | None:
    """Pictures and transcripts of those who count nothing: what was delivered is what is billed."""
    if pictures := _delivered(body):
        return {"images": pictures}
    if first(body, "duration") is not None and first(body, "text", "segments") is not None:
        return counters({"seconds": body["duration"]})
    return None


def _searches(body: Record, model: str) -> int:
    """Searches of the web that the answer lists but does not count.

    Google bills every query from Gemini 3 on, and before that every prompt that was grounded.
    """
    calls = [each for each in maps(body.get("output")) if each.get("type") == "web_search_call"]
    actions = [inner(call, "action").get("type", "search") for call in calls]
    searched = sum(action == "search" for action in actions)
    grounding = [inner(each, "groundingMetadata", "grounding_metadata") for each in maps(body.get("candidates"))]
    queries = sum(
        len(found)
        for each in grounding
        if isinstance(found := first(each, "webSearchQueries", "web_search_queries"), list)
    )
    is_by_prompt = any(f"gemini-{major}" in model for major in ("1", "2"))
    return searched + (min(1, queries) if is_by_prompt else queries)


def _with_pictures(counted: dict[str, int], body: Record, usage: Record) -> dict[str, int]:
    """The pictures that were drawn, counted where the answer shows them; in an answer of OpenAI's images API nothing else is out."""
    parts = [part for each in maps(body.get("candidates")) for part in maps(inner(each, "content").get("parts"))]
    drawn = sum(first(part, "inlineData", "inline_data") is not None for part in parts)
    delivered = _delivered(body)
    if delivered and usage:
        written = whole(inner(usage, "output_tokens_details"), "text_tokens")
        counted = counted | {"output_tokens": written, "images": delivered}
    return counted | {"images": max(counted["images"], drawn)} if counted.get("images") else counted


def _delivered(body: Record) -> int:
    """The pictures in the answer of an API that makes nothing else."""
    return sum(bool({"url", "b64_json"} & set(each)) for each in maps(body.get("data")))


def _tier(outer: Record, body: Record, usage: Record) -> str | None:
    """The service tier that was charged; a line of a batch's results is `batch`."""
    if body is not outer and "custom_id" in outer:
        return "batch"
    said = first(usage, "service_tier", "serviceTier") or first(body, "service_tier", "serviceTier")
    if isinstance(said, Mapping):
        said = said.get("type")
    if said is None and text(usage, "speed") == "fast":
        return "fast"
    if said is None:
        return _TRAFFIC.get(str(first(usage, "trafficType", "traffic_type")))
    return "fast" if text(usage, "speed") == "fast" else str(said)


def _region(usage: Record) -> str | None:
    """Where Anthropic says that it ran, which may cost more."""
    place = text(usage, "inference_geo")
    return None if place == "not_available" else place


def _cost(usage: Record) -> str | None:
    cost = usage.get("cost")
    if isinstance(cost, Mapping):
        cost = cost.get("total_cost")
    return None if cost is None else str(cost)


def _moment(value: object) -> str | None:
    """Seconds since 1970, or a moment as it was written."""
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, str):
        return value
    return datetime.fromtimestamp(whole({"created": value}, "created"), UTC).isoformat()
