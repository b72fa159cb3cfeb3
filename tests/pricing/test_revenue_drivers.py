"""Why revenue changed: seats are quantity, a dearer plan is price, a stronger euro is the rate, and nothing is left over."""

from hypothesis import given
from hypothesis import strategies as st

from pricing.revenue_drivers import EFFECT_PARTS, Billed, Effects, effects

SEAT = 10**6


def cents(before: Billed, after: Billed) -> tuple[float, float, float]:
    quantity, price, rate = (round(units / EFFECT_PARTS, 4) for units in effects(before, after))
    return quantity, price, rate


def test_two_more_seats_at_the_same_price_are_quantity() -> None:
    """10 seats at $39.00, then 12."""
    assert cents(Billed(10 * SEAT, 390_00, 390_00), Billed(12 * SEAT, 468_00, 468_00)) == (78_00, 0, 0)


def test_a_dearer_plan_is_price() -> None:
    assert cents(Billed(SEAT, 49_00, 49_00), Billed(SEAT, 199_00, 199_00)) == (0, 150_00, 0)


def test_seats_and_price_at_once_share_what_they_make_together() -> None:
    """10 x 40.00 to 20 x 60.00: quantity 10 x mean price 50.00, price 20.00 x mean quantity 15."""
    assert cents(Billed(10 * SEAT, 400_00, 400_00), Billed(20 * SEAT, 1200_00, 1200_00)) == (500_00, 300_00, 0)


def test_a_stronger_euro_is_the_rate() -> None:
    """100.00 euro at 1.05, then at 1.10."""
    assert cents(Billed(SEAT, 100_00, 105_00), Billed(SEAT, 100_00, 110_00)) == (0, 0, 5_00)


def test_a_stream_that_is_new_or_gone_is_quantity() -> None:
    assert cents(Billed(), Billed(SEAT, 100_00, 110_00)) == (110_00, 0, 0)
    assert cents(Billed(SEAT, 100_00, 110_00), Billed()) == (-110_00, 0, 0)


def test_a_full_discount_is_a_price_of_nothing() -> None:
    assert cents(Billed(SEAT, 100_00, 110_00), Billed(SEAT, 0, 0)) == (0, -110_00, 0)


def test_without_a_quantity_the_change_is_price() -> None:
    assert cents(Billed(0, 100_00, 100_00), Billed(0, 130_00, 130_00)) == (0, 30_00, 0)


amounts = st.integers(-(10**9), 10**9)
streams = st.builds(Billed, st.integers(-(10**9), 10**12), amounts, amounts)


@given(streams, streams)
def test_effects_sum_exactly_and_the_way_back_is_their_opposite(before: Billed, after: Billed) -> None:
    there, back = effects(before, after), effects(after, before)
    assert sum(there) == (after.reporting_minor - before.reporting_minor) * EFFECT_PARTS
    assert there == Effects(*(-units for units in back))
