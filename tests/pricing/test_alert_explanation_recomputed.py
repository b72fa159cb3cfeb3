"""Two hundred small companies explained twice: by the product, and call by call in exact fractions."""

from fractions import Fraction

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pricing.finding import Subject
from tests.pricing.explained_again import by, drivers
from tests.pricing.explained_company import Calls, explained
from tests.pricing.test_alert_explanation import CALLS


@settings(max_examples=200, deadline=None)
@given(
    before=st.lists(CALLS, max_size=8),
    now=st.lists(CALLS, max_size=8),
    expected=st.just(0) | st.integers(10**9, 20 * 10**12),
)
def test_drivers_and_lists_are_what_a_second_reckoning_finds(
    before: list[Calls], now: list[Calls], expected: int
) -> None:
    """The usual day's calls, scaled to what was expected, against today's: every part to a ten-thousandth of a cent."""
    assume(any(each.cost for each in (*before, *now)))
    found = explained(before, now, expected=expected, subject=Subject(scope="company"))

    again = drivers(before, now, expected)
    for part in found.drivers:
        assert abs(part.pico_usd - again[part.name or ""]) <= 10**6
    assert sum(again.values(), Fraction(0)) == found.impact_pico_usd
    named = {"customer": found.customers, "model": found.models, "feature": found.features, "key": found.api_keys}
    for name, parts in named.items():
        exact = by(name, before, now, expected)
        shown = [part for part in parts if not part.label.startswith("the others")]
        assert all(abs(part.pico_usd - exact[part.name]) <= 1 for part in shown)
        left = sum(exact.values(), Fraction(0)) - sum(part.pico_usd for part in shown)
        assert left == sum(part.pico_usd for part in parts) - sum(part.pico_usd for part in shown)


def test_of_three_hundred_customers_those_who_hardly_moved_are_taken_together() -> None:
    """One of them writes prompts twice as long; the others are as they were: nothing is told of them."""
    others = [Calls(requests=3, customer=f"cus_{number}") for number in range(300)]
    found = explained(
        [*others, Calls(customer="cus_a")],
        [*others, Calls(customer="cus_a", uncached=2_000, output=200)],
        subject=Subject(scope="company"),
    )

    assert {part.name: part.pico_usd for part in found.drivers if part.pico_usd} == {"tokens_per_request": Calls().cost}
    assert [(part.name, part.pico_usd) for part in found.customers] == [("cus_a", Calls().cost)]
