"""Which source wrote a usage file, told from the names of its columns or keys."""

from collections.abc import Callable, Collection

from pricing.usage import REQUIRED_FIELDS
from pricing.usage_sources import cloudevents
from pricing.usage_sources.own_logs import ANSWERS, holds_answers
from pricing.usage_sources.schema import our_fields

FORMATS = ("metering", "litellm", "langfuse", "helicone", "otel", "cloudevents")
# Their records hold other records, whose names a mapping may give; the file's own columns do not list them.
MAPPED_INSIDE = frozenset({"otel", "cloudevents"})
# Rows that are, or hold, a provider's answer need no column of ours beside it.
_SAYS_THE_MODEL = frozenset({"model", "modelVersion", "model_version", *ANSWERS})


def detect_format(names: Collection[str], mapping: dict[str, str]) -> str | None:
    """One of FORMATS, or None.

    A mapping of columns means the product's own schema, except where it can only name what is inside: a span's attributes,
    an event's data.
    """
    present = set(names)
    found = next((name for name, is_it in _MARKS if is_it(present)), None)
    return "metering" if mapping and found not in MAPPED_INSIDE else found


def _is_otel(present: set[str]) -> bool:
    if present & {"resourceSpans", "resource_spans", "scopeSpans"} or any(
        name.startswith("gen_ai.") for name in present
    ):
        return True
    return "attributes" in present and bool(present & {"span_id", "spanId", "context", "trace_id", "traceId"})


def _is_cloudevents(present: set[str]) -> bool:
    return present >= cloudevents.CONTEXT or present >= cloudevents.ENVELOPE


def _is_langfuse(present: set[str]) -> bool:
    return bool(present & {"usage_details", "usageDetails", "provided_model_name", "providedModelName"})


def _is_litellm(present: set[str]) -> bool:
    return {"request_id", "startTime"} <= present and bool(present & {"custom_llm_provider", "spend"})


def _is_helicone(present: set[str]) -> bool:
    return bool(present & {"request_created_at", "helicone_user"})


def _is_ours(present: set[str]) -> bool:
    is_complete = set(REQUIRED_FIELDS) <= set(our_fields(present, {}))
    return is_complete or (holds_answers(present) and bool(present & _SAYS_THE_MODEL))


# The first that knows its marks among the names decides; our own schema, whose names are common words, comes last.
_MARKS: tuple[tuple[str, Callable[[set[str]], bool]], ...] = (
    ("otel", _is_otel),
    ("cloudevents", _is_cloudevents),
    ("langfuse", _is_langfuse),
    ("litellm", _is_litellm),
    ("helicone", _is_helicone),
    ("metering", _is_ours),
)
