"""Why a stream of revenue changed between two periods: quantity, price and exchange rate, exactly."""

from collections.abc import Iterable
from math import factorial
from typing import NamedTuple

from pricing.cost_drivers import shapley_weights

DRIVERS = ("revenue_quantity", "revenue_price", "exchange_rate")
# What revenue would have been with one driver alone is rounded to this part of a minor unit.
MINOR_PARTS = 10**6
# The effects are whole numbers of this part of a minor unit.
EFFECT_PARTS = MINOR_PARTS * factorial(len(DRIVERS))
_WEIGHTS = shapley_weights(len(DRIVERS))


class Billed(NamedTuple):
    """A stream in a period: its quantity in millionths, its net amount in its own currency and in the reporting currency."""

    quantity_micro: int = 0
    amount_minor: int = 0
    reporting_minor: int = 0

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was billed at all."""
        return self == Billed()


class Effects(NamedTuple):
    """What each driver adds to the revenue, in 1/EFFECT_PARTS minor units; the three sum to the change exactly."""

    revenue_quantity: int = 0
    revenue_price: int = 0
    exchange_rate: int = 0


def total(parts: Iterable[Billed]) -> Billed:
    """A stream over several months."""
    sums = [sum(column) for column in zip(*parts, strict=True)]
    return Billed(*sums) if sums else Billed()


def effects(before: Billed, after: Billed) -> Effects:
    """revenue = quantity x price x exchange rate; each effect is the mean over all orders in which the three can change.

    A stream that is new or gone is all quantity. Where the quantity says nothing (none is known, or more was given back than
    billed) the change is all price.
    """
    change = (after.reporting_minor - before.reporting_minor) * EFFECT_PARTS
    if before.is_nothing or after.is_nothing:
        return Effects(revenue_quantity=change)
    if before.quantity_micro <= 0 or after.quantity_micro <= 0:
        return Effects(revenue_price=change)
    worths = [_worth(before, after, chosen) for chosen in range(8)]
    worths[0], worths[-1] = before.reporting_minor * MINOR_PARTS, after.reporting_minor * MINOR_PARTS
    return Effects(*(sum(map(int.__mul__, row, worths)) for row in _WEIGHTS))


def _worth(before: Billed, after: Billed, chosen: int) -> int:
    """The revenue at one period's quantity, one's price and one's rate (bits 4, 2, 1), in 1/MINOR_PARTS minor units."""
    sides = (before, after)
    quantity, priced, rated = sides[chosen >> 2], sides[chosen >> 1 & 1], sides[chosen & 1]
    if rated.amount_minor == 0:
        # Nothing was converted in that period, so it has no rate of its own: the other's stands for it.
        rated = sides[1 - (chosen & 1)]
    if rated.amount_minor == 0:
        return 0
    numerator = quantity.quantity_micro * priced.amount_minor * rated.reporting_minor * MINOR_PARTS
    return numerator // (priced.quantity_micro * rated.amount_minor)
