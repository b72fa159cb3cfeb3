"""What recovery achieved, as figures that say what they are shares of: four rates side by side, attribution, burn. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Literal
from uuid import UUID

from billing.recovery_rules import ATTRIBUTIONS
from billing.recovery_states import IN_RECOVERY
from store.recovery_reads import Failure, UsageCost

METRICS_VERSION = "recovery-2026-11"
COUNTS_WITHIN = timedelta(days=30)
Unit = Literal["minor", "invoices"]
RateName = Literal["cohort", "closed", "by_count", "attempted"]

FORMULAS: Mapping[RateName, str] = {
    "cohort": "amount recovered within 30 days ÷ amount of all failures; what is still in recovery counts as not recovered",
    "closed": "amount recovered ÷ (recovered + lost + written off); what is still in recovery is left out",
    "by_count": "invoices recovered within 30 days ÷ all failed invoices; a small invoice counts as much as a large one",
    "attempted": "amount recovered ÷ amount of the failures that were tried again at least once",
}


@dataclass(frozen=True)
class Rate:
    """`part` of `whole`, both in `unit`; `pending` of the same failures is still in recovery."""

    name: RateName
    unit: Unit
    part: int
    whole: int
    pending: int

    @property
    def share(self) -> Fraction | None:
        """The rate; None of nothing."""
        return Fraction(self.part, self.whole) if self.whole else None


def rates(failures: Sequence[Failure]) -> tuple[Rate, ...]:
    """The four rates of failures in one currency. Withdrawn claims count in none: nothing was owed any more."""
    owed = [one for one in failures if one.state != "withdrawn"]
    pending = [one for one in owed if one.state in IN_RECOVERY]
    ended = [one for one in owed if one.state not in IN_RECOVERY]
    in_time = [one for one in owed if _is_recovered_in_time(one)]
    tried = [one for one in owed if one.retries > 0]
    still = _amount(pending)
    return (
        Rate("cohort", "minor", _recovered(in_time), _amount(owed), still),
        Rate("closed", "minor", _recovered(ended), _amount(ended), still),
        Rate("by_count", "invoices", len(in_time), len(owed), len(pending)),
        Rate(
            "attempted", "minor", _recovered(tried), _amount(tried), _amount([one for one in tried if one in pending])
        ),
    )


def _is_recovered_in_time(one: Failure) -> bool:
    return one.state == "recovered" and one.ended_at is not None and one.ended_at - one.failed_at <= COUNTS_WITHIN


def _amount(failures: Sequence[Failure]) -> int:
    return sum(one.amount_minor for one in failures)


def _recovered(failures: Sequence[Failure]) -> int:
    return sum(one.recovered_minor or 0 for one in failures)


@dataclass(frozen=True)
class Earned:
    """What one way of recovery brought in, of one currency."""

    attribution: str
    invoices: int
    recovered_minor: int


def earned(failures: Sequence[Failure]) -> tuple[Earned, ...]:
    """The recovered failures of one currency by who earned them, in a fixed order; zeros are kept, so that none is missed."""
    return tuple(
        Earned(
            name,
            sum(one.attribution == name for one in failures),
            _recovered([one for one in failures if one.attribution == name]),
        )
        for name in ATTRIBUTIONS
    )


def by_currency(failures: Sequence[Failure]) -> dict[str, list[Failure]]:
    """Failures by currency, the one with most of them first: amounts of different currencies are never added up."""
    found: dict[str, list[Failure]] = {}
    for one in failures:
        found.setdefault(one.currency, []).append(one)
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def burn_of_all(burns: Mapping[UUID, UsageCost], customers: Mapping[UUID, str | None]) -> int:
    """What all customers burned, in pico-USD; one with several unpaid invoices counts once, from the first failure on."""
    most: dict[str | UUID, int] = {}
    for case_id, burn in burns.items():
        of = customers.get(case_id) or case_id
        most[of] = max(most.get(of, 0), burn.since_pico_usd)
    return sum(most.values())
