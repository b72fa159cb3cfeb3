"""Rows of the documented schema whose counters are a provider's own `usage` body."""

from pricing.usage import COUNTERS, EVENT_FIELDS, UsageRefused
from pricing.usage_sources.provider_bodies import provider_counters
from pricing.usage_sources.records import Record, inner
from pricing.usage_sources.schema import our_fields

USAGE_BODY = "usage"


def to_event(record: Record, mapping: dict[str, str]) -> dict[str, object]:
    """The row with the body's counters as ours; a counter of the row's own goes before the body's."""
    fields = our_fields(record, mapping)
    event: dict[str, object] = {ours: record[theirs] for ours, theirs in fields.items() if ours in EVENT_FIELDS}
    body = inner(record, USAGE_BODY)
    if not body:
        return event
    counted = provider_counters(body)
    if counted is None:
        raise UsageRefused(f"usage has none of the counters that are known, but {', '.join(list(body)[:8])}")
    given = {name for name in COUNTERS if event.get(name) not in (None, "")}
    event.update((name, count) for name, count in counted.items() if name not in given)
    if event.get("service_tier") is None:
        event["service_tier"] = body.get("service_tier")
    if event.get("search_context_size") is None:
        # Perplexity says in the body by which size it charged the request.
        event["search_context_size"] = body.get("search_context_size")
    if event.get("reported_cost_usd") is None:
        # OpenRouter states in the body what it took from the balance.
        event["reported_cost_usd"] = body.get("cost")
    return event
