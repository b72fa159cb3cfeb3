"""How many more tries the card networks allow for one failed payment, as dated rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Budget:
    """At most `tries` declined tries within any stretch of `window`; `source` says whose rule it is and as of when."""

    tries: int
    window: timedelta
    source: str


# Visa quotes 20 since April 2026, but Stripe blocks a card after 15, so 15 is what can be used.
VISA = (Budget(15, timedelta(days=30), "Visa reattempts, as Stripe enforces them, 2026-11"),)
MASTERCARD = (
    Budget(10, timedelta(hours=24), "Mastercard excessive authorizations, 2026-11"),
    Budget(35, timedelta(days=30), "Mastercard excessive authorizations, 2026-11"),
)
BUDGETS: dict[str, tuple[Budget, ...]] = {"visa": VISA, "mastercard": MASTERCARD}
STRICTEST = (*VISA, *MASTERCARD)


def budgets_of(brand: str | None) -> tuple[Budget, ...]:
    """The budgets of a card brand (Stripe's word, lower case); a brand without known rules is held to all of them."""
    return BUDGETS.get(brand or "", STRICTEST)


def tries_left(brand: str | None, tried_at: Sequence[datetime], at: datetime) -> int:
    """How many tries the networks allow at `at`, counting whoever made those before; never below zero."""
    return max(0, min(budget.tries - _spent(budget, tried_at, at) for budget in budgets_of(brand)))


def earliest_try(brand: str | None, tried_at: Sequence[datetime], at: datetime) -> datetime:
    """The first moment from `at` on at which no budget is used up (aware, the zone of the inputs)."""
    moment = at
    for budget in budgets_of(brand):
        tries = sorted(tried_at)
        if len(tries) >= budget.tries:
            moment = max(moment, tries[-budget.tries] + budget.window)
    return moment


def _spent(budget: Budget, tried_at: Sequence[datetime], at: datetime) -> int:
    """The tries of the window that ends at `at`; one made exactly a window ago no longer counts."""
    return sum(at - budget.window < moment <= at for moment in tried_at)
