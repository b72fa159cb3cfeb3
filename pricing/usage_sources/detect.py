"""Which source wrote a usage file, told from the names of its columns or keys."""

from collections.abc import Collection

from pricing.usage import REQUIRED_FIELDS
from pricing.usage_sources.schema import our_fields

FORMATS = ("metering", "litellm", "langfuse", "helicone", "otel")


def detect_format(names: Collection[str], mapping: dict[str, str]) -> str | None:
    """One of FORMATS, or None. A mapping of columns means the product's own schema."""
    present = set(names)
    if mapping:
        return "metering"
    if _is_otel(present):
        return "otel"
    if present & {"usage_details", "usageDetails", "provided_model_name", "providedModelName"}:
        return "langfuse"
    if {"request_id", "startTime"} <= present and present & {"custom_llm_provider", "spend"}:
        return "litellm"
    if present & {"request_created_at", "helicone_user"}:
        return "helicone"
    return "metering" if set(REQUIRED_FIELDS) <= set(our_fields(present, {})) else None


def _is_otel(present: set[str]) -> bool:
    if present & {"resourceSpans", "resource_spans", "scopeSpans"} or any(
        name.startswith("gen_ai.") for name in present
    ):
        return True
    return "attributes" in present and bool(present & {"span_id", "spanId", "context", "trace_id", "traceId"})
