"""Usage: the documented event schema, and the rule that turns its inclusive counters into disjoint buckets."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from metering_client.values import COUNTER_MAX, UsageRefused

__all__ = [
    "BUCKETS",
    "COUNTERS",
    "COUNTER_MAX",
    "EVENT_FIELDS",
    "INPUT_BUCKETS",
    "INPUT_SUBSETS",
    "LABELS",
    "OTHER_UNITS",
    "OUTPUT_BUCKETS",
    "OUTPUT_SUBSETS",
    "REQUIRED_FIELDS",
    "TOKEN_BUCKETS",
    "InclusiveUsage",
    "UsageRefused",
    "bucket_expressions",
    "input_tokens",
    "is_countable_expression",
    "refusal_expression",
    "to_buckets",
]

# Cost is a plain sum of bucket x unit price, so no token may be in two buckets. The order is that of every table.
BUCKETS = (
    "input_uncached_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "input_audio_tokens",
    "output_text_tokens",
    "reasoning_tokens",
    "output_audio_tokens",
    "images",
    "seconds",
    "pages",
    "search_requests",
    "requests",
)
INPUT_BUCKETS = BUCKETS[:5]
OUTPUT_BUCKETS = BUCKETS[5:8]
TOKEN_BUCKETS = INPUT_BUCKETS + OUTPUT_BUCKETS

INPUT_SUBSETS = ("cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "input_audio_tokens")
OUTPUT_SUBSETS = ("reasoning_tokens", "output_audio_tokens")
OTHER_UNITS = ("images", "seconds", "pages", "search_requests", "requests")

# The counters of an event as imported and posted. Totals include their subsets, as OpenTelemetry's GenAI convention says.
COUNTERS = ("input_tokens", *INPUT_SUBSETS, "output_tokens", *OUTPUT_SUBSETS, *OTHER_UNITS)
LABELS = (
    "event_id",
    "customer_id",
    "provider",
    "model",
    "feature",
    "api_key",
    "service_tier",
    "region",
    "search_context_size",
)
EVENT_FIELDS = (
    "event_id",
    "occurred_at",
    "customer_id",
    "provider",
    "model",
    "feature",
    "api_key",
    "service_tier",
    "region",
    "search_context_size",
    *COUNTERS,
    "reported_cost_usd",
)
REQUIRED_FIELDS = ("event_id", "occurred_at", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusiveUsage:
    """What one event consumed, as sources report it: `input_tokens` and `output_tokens` include their subsets."""

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    input_audio_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    output_audio_tokens: int = 0
    images: int = 0
    seconds: int = 0
    pages: int = 0
    search_requests: int = 0
    requests: int = 1


def to_buckets(usage: InclusiveUsage) -> dict[str, int]:
    """Disjoint quantities by bucket, in the order of BUCKETS. Refuses impossible counters with both numbers."""
    for counter in COUNTERS:
        quantity = getattr(usage, counter)
        if not 0 <= quantity <= COUNTER_MAX:
            raise UsageRefused(f"{counter} ({quantity}) must be between 0 and {COUNTER_MAX}")
    input_subsets = sum(getattr(usage, subset) for subset in INPUT_SUBSETS)
    output_subsets = sum(getattr(usage, subset) for subset in OUTPUT_SUBSETS)
    if input_subsets > usage.input_tokens:
        raise UsageRefused(_refusal("input_tokens", INPUT_SUBSETS).format(input_subsets, usage.input_tokens))
    if output_subsets > usage.output_tokens:
        raise UsageRefused(_refusal("output_tokens", OUTPUT_SUBSETS).format(output_subsets, usage.output_tokens))
    kept = {bucket: getattr(usage, bucket) for bucket in (*INPUT_SUBSETS, *OUTPUT_SUBSETS, *OTHER_UNITS)}
    kept["input_uncached_tokens"] = usage.input_tokens - input_subsets
    kept["output_text_tokens"] = usage.output_tokens - output_subsets
    return {bucket: kept[bucket] for bucket in BUCKETS}


def input_tokens(buckets: Mapping[str, int]) -> int:
    """The inclusive input of an event, which decides its length tier."""
    return sum(buckets[bucket] for bucket in INPUT_BUCKETS)


def bucket_expressions() -> list[pl.Expr]:
    """The rule of `to_buckets` for a frame with the columns COUNTERS (integers, none null): one column per bucket."""
    computed = {
        "input_uncached_tokens": pl.col("input_tokens") - pl.sum_horizontal(INPUT_SUBSETS),
        "output_text_tokens": pl.col("output_tokens") - pl.sum_horizontal(OUTPUT_SUBSETS),
    }
    return [computed.get(bucket, pl.col(bucket)).cast(pl.Int64).alias(bucket) for bucket in BUCKETS]


def is_countable_expression() -> pl.Expr:
    """Whether `to_buckets` would accept a row; true exactly where `refusal_expression` is null, and much cheaper."""
    in_range = [pl.col(counter).is_between(0, COUNTER_MAX) for counter in COUNTERS]
    contained = [
        pl.sum_horizontal(subsets) <= pl.col(total)
        for total, subsets in (("input_tokens", INPUT_SUBSETS), ("output_tokens", OUTPUT_SUBSETS))
    ]
    return pl.all_horizontal(*in_range, *contained).alias("is_countable")


def refusal_expression() -> pl.Expr:
    """Why `to_buckets` would refuse a row, as one sentence with both numbers; null for a good row."""
    verdict = pl.lit(None, dtype=pl.String)
    for total, subsets in (("output_tokens", OUTPUT_SUBSETS), ("input_tokens", INPUT_SUBSETS)):
        parts = pl.sum_horizontal(subsets)
        verdict = (
            pl.when(parts > pl.col(total))
            .then(pl.format(_refusal(total, subsets), parts, pl.col(total)))
            .otherwise(verdict)
        )
    for counter in reversed(COUNTERS):
        verdict = (
            pl.when(~pl.col(counter).is_between(0, COUNTER_MAX))
            .then(pl.format(f"{counter} ({{}}) must be between 0 and {COUNTER_MAX}", pl.col(counter)))
            .otherwise(verdict)
        )
    return verdict.alias("refusal")


def _refusal(total: str, subsets: tuple[str, ...]) -> str:
    """The sentence with two places for numbers: the subsets' sum and the total."""
    return f"{' + '.join(subsets)} ({{}}) cannot exceed {total} ({{}})"
