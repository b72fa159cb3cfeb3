"""A metered price's label says what it counts, and in which size; a label that does not say it is not guessed at."""

from fractions import Fraction

import pytest

from pricing.metered_units import metered_quantity

USED = {"input_uncached_tokens": 900, "cache_read_tokens": 100, "output_text_tokens": 500, "images": 3, "requests": 7}


@pytest.mark.parametrize(
    ("label", "quantity"),
    [
        ("thousand tokens", Fraction(3, 2)),
        ("1M input tokens", Fraction(1_000, 10**6)),
        ("Output tokens, per 1,000", Fraction(1, 2)),
        ("image", 3),
        ("API calls", 7),
        ("seat", None),
        (None, None),
    ],
)
def test_a_label_counts_what_it_names(label: str | None, quantity: Fraction | None) -> None:
    assert metered_quantity(label, USED) == quantity
