"""The figures of recovery: four rates of the same failures, each with its denominator, and who earned what."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from uuid import UUID

from billing.recovery_metrics import burn_of_all, by_currency, earned, rates
from store.recovery_reads import Failure, UsageCost

FAILED_AT = datetime(2026, 11, 1, tzinfo=UTC)


def failure(number: int, amount: int, state: str, tries: int = 1, days: int = 3, **more: object) -> Failure:
    values: dict[str, object] = {
        "case_id": UUID(int=number),
        "customer_id": f"cus_{number}",
        "currency": "usd",
        "amount_minor": amount,
        "state": state,
        "failed_at": FAILED_AT,
        "ended_at": None if state in {"scheduled", "with_stripe"} else FAILED_AT + timedelta(days=days),
        "recovered_minor": amount if state == "recovered" else None,
        "attribution": "our_retry" if state == "recovered" else None,
        "tries": tries,
    }
    return Failure(**values | more)  # type: ignore[arg-type]  # named as the fields are


COHORT = [
    failure(1, 4_000, "recovered", tries=2),
    failure(2, 1_000, "lost", tries=1),
    failure(3, 5_000, "scheduled", tries=2),
    failure(4, 9_000, "withdrawn"),
]


def test_the_same_failures_are_forty_and_eighty_per_cent_recovered() -> None:
    """All failures: 4,000 of 10,000. Without the half that is still in recovery: 4,000 of 5,000."""
    cohort, closed, by_count, attempted = rates(COHORT)
    assert (cohort.part, cohort.whole, cohort.pending) == (4_000, 4_000 + 1_000 + 5_000, 5_000)
    assert cohort.share == Fraction(40, 100)
    assert (closed.part, closed.whole) == (4_000, 4_000 + 1_000)
    assert closed.share == Fraction(80, 100)
    assert (by_count.unit, by_count.part, by_count.whole, by_count.pending) == ("invoices", 1, 3, 1)
    assert (attempted.part, attempted.whole, attempted.pending) == (4_000, 4_000 + 5_000, 5_000)


def test_money_that_came_after_thirty_days_is_not_of_the_cohort() -> None:
    late = [failure(1, 4_000, "recovered", days=31)]
    cohort, closed, by_count, _ = rates(late)
    assert (cohort.part, cohort.whole) == (0, 4_000)
    assert (closed.part, closed.whole) == (4_000, 4_000)
    assert (by_count.part, by_count.whole) == (0, 1)


def test_a_rate_of_nothing_is_unknown() -> None:
    assert [rate.share for rate in rates([])] == [None] * 4


def test_each_way_of_recovery_is_listed_with_what_it_brought() -> None:
    paid = [*COHORT, failure(5, 700, "recovered", attribution="card_update")]
    assert [(one.attribution, one.invoices, one.recovered_minor) for one in earned(paid)] == [
        ("stripe_retry", 0, 0),
        ("our_retry", 1, 4_000),
        ("card_update", 1, 700),
        ("email", 0, 0),
        ("manual", 0, 0),
    ]


def test_currencies_are_never_added_up() -> None:
    euro = failure(6, 300, "lost", currency="eur")
    assert list(by_currency([euro, *COHORT])) == ["usd", "eur"]


def test_a_customer_with_two_unpaid_invoices_burns_once() -> None:
    """Since the first failure: 70; the 20 since the second one are part of it. Another customer burned 5."""
    burns = {UUID(int=1): UsageCost(70, 10, 0), UUID(int=2): UsageCost(20, 10, 0), UUID(int=3): UsageCost(5, 1, 0)}
    assert burn_of_all(burns, {UUID(int=1): "cus_1", UUID(int=2): "cus_1", UUID(int=3): "cus_3"}) == 70 + 5
