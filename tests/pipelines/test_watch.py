"""From a really published company and its mirror to findings: each detector once end to end, and nobody sees another's."""

from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine

from pipelines.watch import watch
from pricing.finding import Finding
from tests.pipelines.watched_company import NOW, customer, month_paid, published, spent, steady_usage
from tests.store.stripe_money import Raw, charge, keep, paid_by, refund, seconds

ACME, BROOK = "cus_acme", "cus_brook"


def of(found: list[Finding], detector: str) -> list[Finding]:
    return [each for each in found if each.detector == detector]


def two_customers() -> list[Raw]:
    """Acme and Brook pay $10.00 a day in October (31 days) and in November (30)."""
    paid = [month_paid(who, month, minor) for who in (ACME, BROOK) for month, minor in ((10, 310_00), (11, 300_00))]
    return [customer(ACME, "Acme"), customer(BROOK, "Brook"), *paid]


def their_usage() -> list[str]:
    """Acme costs $75 in October and $375 in November, Brook $270 in each; on 1 October there is a dollar of each."""
    acme = [spent(ACME, date(2026, 10, 20), 75), spent(ACME, date(2026, 11, 20), 374)]
    return [spent(ACME, date(2026, 10, 1), 1), *acme, spent(ACME, date(2026, 11, 30), 1), *steady_usage(BROOK)]


def test_who_turns_unprofitable_and_whose_margin_is_low(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """Acme: 300.00 earned, 375.00 spent: a loss of 75.00 after a profit of 300.00 - 75.00. Brook: (300 - 270) / 300 = 10 %."""
    view = published(engine, tmp_path, tenant, two_customers(), their_usage())
    found = watch(engine, tmp_path, tenant, view, now=NOW)
    (turned,) = of(found, "turned_unprofitable")
    assert (turned.subject.customer_id, turned.actual, turned.expected, turned.impact_minor) == (
        ACME,
        375_00,
        300_00,
        75_00,
    )
    assert turned.day == date(2026, 11, 30)
    assert turned.sentence == (
        "Acme now costs more than it brings: $375.00 of AI cost in the 30 days to 30 November against $300.00 of revenue, "
        "a loss of $75.00. Talk to them about their plan, or limit what it includes."
    )
    company, brook = of(found, "margin_floor")
    # The company: 600.00 - 645.00; what the floor of 50 % lets it spend is 300.00.
    assert (company.subject.scope, company.actual, company.impact_minor) == ("company", -75_000, 345_00)
    assert (brook.subject.customer_id, brook.actual, brook.expected, brook.impact_minor) == (
        BROOK,
        100_000,
        200_000,
        30_00,
    )
    assert brook.facts["numerator_minor"] == 30_00
    assert brook.facts["denominator_minor"] == 300_00


def test_an_outsider_hears_of_their_own_company_alone(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path
) -> None:
    view = published(engine, tmp_path, tenant, two_customers(), their_usage())
    theirs = published(engine, tmp_path, mallory, [customer("cus_mallory", "Mallory")], [])
    assert watch(engine, tmp_path, mallory, theirs, now=NOW) == []
    with pytest.raises(ValueError, match="no version of tenant"):
        watch(engine, tmp_path, mallory, view, now=NOW)


def test_the_same_version_says_the_same_twice(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    view = published(engine, tmp_path, tenant, two_customers(), their_usage())
    assert watch(engine, tmp_path, tenant, view, now=NOW) == watch(engine, tmp_path, tenant, view, now=NOW)


def tries(place: int, day: date, *outcomes: str) -> list[Raw]:
    """An invoice's payment with its charges in order, an hour apart; $49.00 each."""
    intent, at = f"pi_{place}", seconds(day.month, day.day, 6)
    given = {"payment_intent": intent, "amount": 49_00, "customer": ACME}
    made = [
        charge(f"ch_{place}_{number}", status=outcome, created=at + number * 3_600, **given)
        for number, outcome in enumerate(outcomes)
    ]
    return [*made, paid_by(f"in_{place}", intent)]


def test_first_payments_that_fail_more_often_than_before(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path
) -> None:
    """84 days with 5 of 100 first tries failed (5 %), then 12 of 30 within 28 days (40 %); later tries count in neither."""
    view = published(engine, tmp_path, tenant, [], [])
    long_ago, lately = NOW.date() - timedelta(days=60), NOW.date() - timedelta(days=20)
    objects = [each for place in range(5) for each in tries(place, long_ago, "failed", "succeeded")]
    objects += [each for place in range(5, 100) for each in tries(place, long_ago, "succeeded")]
    objects += [each for place in range(100, 112) for each in tries(place, lately, "failed", "failed")]
    objects += [each for place in range(112, 130) for each in tries(place, lately, "succeeded")]
    keep(engine, tenant, *objects)
    (found,) = watch(engine, tmp_path, tenant, view, now=NOW)
    assert (found.detector, found.actual, found.expected) == ("failed_payment_rate", 400_000, 50_000)
    assert (found.facts["numerator"], found.facts["denominator"], found.facts["days"]) == (12, 30, 28)
    # 12 x 49.00 failed; of that the share beyond the usual: 588.00 x (0.40 - 0.05) / 0.40 = 514.50.
    assert found.impact_minor == 514_50
    assert found.score == 3.5  # 35 points over a limit of 10
    theirs = published(engine, tmp_path, mallory, [], [])
    assert watch(engine, tmp_path, mallory, theirs, now=NOW) == []


def test_refunds_that_become_more_frequent(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """1 of 60 payments was refunded before, 14 of 40 lately; a refund that failed is none."""
    view = published(engine, tmp_path, tenant, [], [])
    long_ago, lately = NOW.date() - timedelta(days=60), NOW.date() - timedelta(days=20)
    objects = [each for place in range(60) for each in tries(place, long_ago, "succeeded")]
    objects += [each for place in range(60, 100) for each in tries(place, lately, "succeeded")]
    at = seconds(lately.month, lately.day, 20)
    objects += [refund("re_old", charge="ch_0_0", created=seconds(long_ago.month, long_ago.day, 20))]
    objects += [refund(f"re_{place}", charge=f"ch_{place}_0", amount=49_00, created=at) for place in range(60, 74)]
    objects += [refund(f"re_{place}", "failed", charge=f"ch_{place}_0", created=at) for place in range(80, 90)]
    keep(engine, tenant, *objects)
    (found,) = watch(engine, tmp_path, tenant, view, now=NOW)
    assert (found.detector, found.actual, found.facts["numerator"], found.facts["denominator"]) == (
        "refund_rate",
        350_000,
        14,
        40,
    )
