"""What a metered price counts, by the words of its label: "thousand tokens", "1M input tokens", "images"."""

import re
from collections.abc import Mapping
from fractions import Fraction

from pricing.usage import INPUT_BUCKETS, OUTPUT_BUCKETS, TOKEN_BUCKETS

_SIZES = {
    "thousand": 1_000,
    "1k": 1_000,
    "1000": 1_000,
    "1,000": 1_000,
    "k": 1_000,
    "million": 10**6,
    "1m": 10**6,
    "m": 10**6,
}
_COUNTED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("input token", INPUT_BUCKETS),
    ("output token", OUTPUT_BUCKETS),
    ("token", TOKEN_BUCKETS),
    ("image", ("images",)),
    ("second", ("seconds",)),
    ("page", ("pages",)),
    ("search", ("search_requests",)),
    ("request", ("requests",)),
    ("call", ("requests",)),
)


def metered_quantity(label: str | None, quantities: Mapping[str, int]) -> Fraction | None:
    """How many units of a label these quantities (by bucket) are; None where the label does not say what it counts."""
    words = (label or "").lower()
    buckets = next((buckets for word, buckets in _COUNTED if word in words), None)
    if buckets is None:
        return None
    size = next((_SIZES[word] for word in re.findall(r"[\w,]+", words) if word in _SIZES), 1)
    return Fraction(sum(quantities.get(bucket, 0) for bucket in buckets), size)
