"""788 real answers of providers, read by our rules and priced at the prices of their date, beside a reference's reading."""

from collections import Counter
from pathlib import Path

import pytest

from pricing.price_book import load_catalogue
from tests.pricing.provider_bodies import EXCEPTIONS, Reading, answers, readings

Difference = tuple[tuple[str, ...], bool]


@pytest.mark.shared
def test_every_real_answer_gives_the_reference_s_counters_and_cost_or_a_reason(shared: Path) -> None:
    """Every answer as every provider that may have given it: equal, or listed with what differs and why, and nothing else is."""
    cases = answers(shared)
    book = load_catalogue()
    read = [reading for number, case in enumerate(cases) for reading in readings(number, case, book)]
    listed = listed_differences()
    differing = {(each.provider, each.body): difference(each) for each in read if not each.is_equal}
    print(
        f"\n{len(cases)} answers, {len(read)} readings of them by provider: {len(read) - len(differing)} equal, "
        f"{len(listed)} with a reason; {sum(each.expected_usd is not None for each in read)} with a cost, "
        f"{sum(each.expected_usd is not None and each.is_same_cost for each in read)} of them equal to the pico-dollar"
    )
    assert len(cases) == 788
    assert differing == listed


@pytest.mark.shared
def test_nearly_every_real_answer_is_read_as_the_reference_reads_it_for_some_provider(shared: Path) -> None:
    """An answer does not say who sent it. Six differ for all: what they have, the reference has no rule or we no bucket for."""
    book = load_catalogue()
    equal = {
        each.body
        for number, case in enumerate(answers(shared))
        for each in readings(number, case, book)
        if each.is_equal
    }
    assert set(range(788)) - equal == {
        108, 549,  # pictures
        112,  # cached audio
        402, 453,  # thoughts that only the total knows
        626,  # a compaction
    }  # fmt: skip


def listed_differences() -> dict[tuple[str, int], Difference]:
    """What the exceptions' file allows. No reading is named twice, and every reason is a sentence."""
    named = [
        ((provider, body), (tuple(exception["counters"]), exception["is_same_cost"]))
        for exception in EXCEPTIONS["exception"]
        for provider, bodies in exception["answers"].items()
        for body in bodies
    ]
    assert all(exception["reason"].endswith(".") for exception in EXCEPTIONS["exception"])
    assert max(Counter(reading for reading, _ in named).values()) == 1
    return dict(named)


def difference(reading: Reading) -> Difference:
    return reading.differing, reading.is_same_cost
