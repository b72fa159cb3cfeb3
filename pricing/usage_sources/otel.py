"""OpenTelemetry GenAI spans, as OTLP JSON or one flat object a span, to the documented event schema."""

from collections.abc import Mapping

from metering_client.values import UsageRefused, shown
from pricing.usage_sources.records import Record, decoded, first, maps, text, whole

COLUMNS = frozenset(
    [
        "trace_id",
        "traceId",
        "span_id",
        "spanId",
        "parent_id",
        "context",
        "name",
        "attributes",
        "resource",
        "start_time",
        "startTime",
        "startTimeUnixNano",
        "start_time_unix_nano",
        "timestamp",
        "status",
        "customer_id",
        "customer.id",
        "enduser.id",
        "user.id",
        "baggage.customer_id",
        "feature",
        "region",
        "error.type",
        "openai.response.service_tier",
        "openai.request.service_tier",
    ]
)
# These describe what was around the model calls, and some repeat the sum of their tokens.
AROUND_CALLS = frozenset({"create_agent", "invoke_agent", "invoke_workflow", "execute_tool", "plan"})
# The specification names no customer, so these are looked for, in this order, on the span and then on its resource.
CUSTOMER_ATTRIBUTES = ("customer_id", "customer.id", "baggage.customer_id", "enduser.id", "user.id")
_INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
_OUTPUT = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
_CACHE_READ = ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens")
# The same tokens under the newer and the older name: one of them is taken.
_CACHE_WRITE = (
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
)
_SPAN_ERROR = frozenset({"2", "STATUS_CODE_ERROR", "ERROR"})


def spans(record: Record) -> list[Record]:
    """Every span that one object holds, each flat: its attributes beside its own fields, the resource's under `resource.`."""
    groups = first(record, "resourceSpans", "resource_spans")
    if isinstance(groups, list):
        return [span for group in groups if isinstance(group, Mapping) for span in _group_spans(group)]
    return [_flat(record, _resource(record))]


def event_id(record: Record) -> str | None:
    """Trace and span together: a span's id is unique within its trace only."""
    trace, span = text(record, "traceId", "trace_id"), text(record, "spanId", "span_id")
    return f"{trace}:{span}" if trace and span else span


def to_event(record: Record, mapping: dict[str, str]) -> dict[str, object] | None:
    """A span of a model call; None for any other span, and for a call that failed without usage.

    Totals include their subsets, as the convention says. `mapping` ({ours: attribute}) names attributes of your own, of
    the span or its resource, which go before ours. Raises UsageRefused when a call has no token counts.
    """
    if "attributes" in record:
        raise UsageRefused(f"attributes ({shown(record['attributes'])}) is no JSON object")
    operation = text(record, "gen_ai.operation.name")
    is_call = any(name.startswith("gen_ai.") for name in record) and operation not in AROUND_CALLS
    if not is_call:
        return None
    if first(record, *_INPUT, *_OUTPUT) is None:
        is_failed = first(record, "error.type") is not None or str(record.get("status.code")) in _SPAN_ERROR
        if is_failed or operation is None:
            return None
        raise UsageRefused("the span has no gen_ai.usage.input_tokens and no gen_ai.usage.output_tokens")
    told = {
        "event_id": event_id(record),
        "occurred_at": first(
            record, "startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime", "timestamp"
        ),
        "customer_id": text(record, *CUSTOMER_ATTRIBUTES, *(f"resource.{name}" for name in CUSTOMER_ATTRIBUTES)),
        "provider": text(record, "gen_ai.provider.name", "gen_ai.system"),
        "model": text(record, "gen_ai.response.model", "gen_ai.request.model"),
        "feature": text(record, "feature", "resource.feature"),
        "service_tier": text(record, "openai.response.service_tier", "openai.request.service_tier"),
        # The resource's cloud.region is where the caller runs, not where the provider does.
        "region": text(record, "region"),
        "input_tokens": whole(record, *_INPUT),
        "cache_read_tokens": whole(record, *_CACHE_READ),
        "cache_write_5m_tokens": whole(record, *_CACHE_WRITE),
        "input_audio_tokens": whole(record, "gen_ai.usage.audio.input_tokens"),
        "output_tokens": whole(record, *_OUTPUT),
        "reasoning_tokens": whole(record, "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"),
        "output_audio_tokens": whole(record, "gen_ai.usage.audio.output_tokens"),
    }
    named = {ours: first(record, theirs, f"resource.{theirs}") for ours, theirs in mapping.items()}
    return told | {ours: value for ours, value in named.items() if value is not None}


def _group_spans(group: Record) -> list[Record]:
    resource = _resource(group)
    scopes = first(group, "scopeSpans", "scope_spans", "instrumentationLibrarySpans")
    return [
        _flat(span, resource)
        for scope in (scopes if isinstance(scopes, list) else [])
        if isinstance(scope, Mapping)
        for span in maps(scope.get("spans"))
    ]


def _flat(span: Record, resource: Record) -> Record:
    """One level: the span's fields, its context and status, its attributes."""
    flat: dict[str, object] = {f"resource.{name}": value for name, value in resource.items()}
    for name, value in span.items():
        if name in {"context", "status"} and isinstance(value, Mapping):
            prefix = "status." if name == "status" else ""
            flat.update((f"{prefix}{key}", _plain(held)) for key, held in value.items())
        elif name not in {"attributes", "resource"}:
            flat[name] = _plain(value)
    attributes = span.get("attributes")
    return flat | (_read(attributes) if isinstance(attributes, str) else _attributes(attributes))


def _read(text_of_attributes: str) -> dict[str, object]:
    """Attributes that a CSV cell holds as JSON; under their own name where they cannot be read, so that this is seen."""
    try:
        return _attributes(decoded(text_of_attributes))
    except ValueError:
        return {"attributes": text_of_attributes}


def _resource(record: Record) -> Record:
    resource = record.get("resource")
    return _attributes(resource.get("attributes", resource)) if isinstance(resource, Mapping) else {}


def _attributes(value: object) -> dict[str, object]:
    """Attributes as a map: OTLP lists them as key and typed value, others write an object."""
    if isinstance(value, Mapping):
        return {str(name): _plain(held) for name, held in value.items()}
    return {str(pair["key"]): _plain(pair.get("value")) for pair in maps(value) if "key" in pair}


def _plain(value: object) -> object:
    """OTLP's `{"intValue": "5"}` as what is in it."""
    if isinstance(value, Mapping) and len(value) == 1:
        [(kind, held)] = value.items()
        if kind in {"stringValue", "intValue", "doubleValue", "boolValue", "string_value", "int_value", "double_value"}:
            return held
    return value
