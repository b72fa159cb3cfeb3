"""From a really published company and its mirror to findings: each detector once end to end, and nobody sees another's."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing import observers
from pipelines.watch import watch
from store import freshness, inbox, recovery_cases, usage_connections
from store.database import tenant_transaction
from store.freshness import Status
from store.inbox import Told
from store.usage_connections import CountsAs
from tests.pipelines.watched_company import (
    ACME,
    BROOK,
    NOW,
    customer,
    failed_case,
    of,
    published,
    spent,
    their_usage,
    two_customers,
)
from tests.store.stripe_money import Raw, charge, dispute, invoice, keep, paid_by, refund, seconds


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
        "Acme now costs more than it brings: $375.00 of AI cost against $300.00 of revenue in the 30 days to 30 November, a loss of "
        "$75.00; the 30 days before left $225.00. Talk to them about their plan, or limit what it includes."
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


def test_disputes_on_a_network_far_above_its_limit(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """12 disputes on 200 payments of November by Visa: 6 %, though no program binds below 1,500."""
    view = published(engine, tmp_path, tenant, [], [])
    card = {"payment_method_details": {"card": {"network": "visa"}}}
    at = seconds(11, 10)
    payments = [charge(f"ch_{place}", payment_intent=f"pi_{place}", created=at, **card) for place in range(200)]
    disputed = [
        dispute(f"dp_{place}", "needs_response", charge=f"ch_{place}", created=at + 86_400, reason="general") | card
        for place in range(12)
    ]
    with tenant_transaction(engine, tenant) as connection:
        observers.take_in(connection, tenant, [*payments, *disputed], NOW)
    (found,) = watch(engine, tmp_path, tenant, view, now=NOW)
    assert (found.detector, found.subject.name, found.actual) == ("dispute_rate", "visa", 60_000)
    assert (found.facts["numerator"], found.facts["denominator"], found.facts["level"]) == (12, 200, "below_minimum")


def test_a_source_that_has_gone_silent(engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path) -> None:
    """Six pulls five minutes apart, then one that failed, and nothing for six hours. A closed connection is no source any more."""
    view = published(engine, tmp_path, tenant, [], [])
    with tenant_transaction(engine, tenant) as connection:
        usage_connections.connect(connection, "openai", "main", CountsAs.BILL, principal="test", now=NOW)
        usage_connections.disconnect(connection, "openai", "main", principal="test", now=NOW)
        for minutes in range(30, 0, -5):
            at = NOW - timedelta(hours=6, minutes=minutes)
            freshness.record(connection, "stripe", status=Status.OK, now=at)
            freshness.record(connection, "openai:main", status=Status.OK, now=at)
        freshness.record(connection, "stripe", status=Status.FAILED, now=NOW, message="Stripe did not answer.")
    (found,) = watch(engine, tmp_path, tenant, view, now=NOW)
    assert (found.detector, found.subject.name, found.actual, found.expected) == (
        "stale_source",
        "stripe",
        6 * 3_600 + 300,
        300,
    )
    assert "The last try said: Stripe did not answer." in found.sentence
    assert found.is_provisional
    theirs = published(engine, tmp_path, mallory, [], [])
    assert watch(engine, tmp_path, mallory, theirs, now=NOW) == []


def test_webhooks_that_have_stopped(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """Some each hour until two days ago; many within an hour are one."""
    view = published(engine, tmp_path, tenant, [], [])
    with tenant_transaction(engine, tenant) as connection:
        for hours in range(60, 47, -1):
            for number in range(3):
                at = NOW - timedelta(hours=hours, minutes=number)
                told = Told(f"evt_{hours}_{number}", "invoice.paid", "invoice", "in_1", "{}", at)
                inbox.add(connection, tenant, [told], source="webhook", endpoint="main", now=at)
    (found,) = watch(engine, tmp_path, tenant, view, now=NOW)
    assert (found.subject.name, found.actual) == ("webhooks", 48 * 3_600)


def test_an_unpaid_customer_who_goes_on(engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path) -> None:
    """$70 in the seven closed days to 30 November: $10 a day; $40 since the failure of 27 November; 30 days after it is 27 December.

    What the running day has cost so far is told tomorrow.
    """
    days = [date(2026, 11, 24) + timedelta(days=number) for number in range(7)]
    view = published(
        engine, tmp_path, tenant, [customer(ACME, "Acme")], [spent(ACME, day, 10) for day in [*days, NOW.date()]]
    )
    with tenant_transaction(engine, tenant) as connection:
        recovery_cases.add(connection, tenant, **failed_case(ACME, datetime(2026, 11, 27, 9, tzinfo=UTC)))
    (found,) = watch(engine, tmp_path, tenant, view, now=NOW)
    assert (found.detector, found.subject.customer_id, found.impact_minor) == ("past_due_burn", ACME, 40_00)
    assert (found.day, found.is_provisional) == (date(2026, 11, 30), False)
    assert (found.facts["per_day_minor"], found.facts["last_try_by"]) == (10_00, "2026-12-27")
    # 27 more days at $10 from the end of the known ones.
    assert found.facts["until_last_try_minor"] == 40_00 + 270_00
    theirs = published(engine, tmp_path, mallory, [customer(ACME, "Acme")], [])
    assert watch(engine, tmp_path, mallory, theirs, now=NOW) == []


def test_a_model_without_a_price_and_names_without_a_customer(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """Of 120 events of equal size in the last week 24 are of house-7b (20 %); of 96 with a cost 48 are nobody's."""
    days = [date(2026, 11, 1), *[date(2026, 11, 24) + timedelta(days=number % 7) for number in range(120)]]
    lines = [
        f"e{number},{day}T12:00:00Z,{ACME if number % 2 else 'somebody'},openai,{'house-7b' if number % 5 == 1 else 'gpt-4o'},400000,0\n"
        for number, day in enumerate(days)
    ]
    view = published(engine, tmp_path, tenant, [customer(ACME, "Acme")], lines)
    found = watch(engine, tmp_path, tenant, view, now=NOW)
    (model,) = of(found, "unpriced_spend")
    assert (model.subject.model, model.facts["events"], model.facts["counted_in"]) == ("house-7b", 24, "tokens")
    assert model.facts["numerator"] == 24 * 400_000
    assert isinstance(model.facts["low_minor"], int)
    priced, attributed = of(found, "coverage_drop")
    assert (priced.subject.name, priced.actual) == ("priced", 800_000)
    assert (attributed.subject.name, attributed.actual) == ("attributed", 500_000)
    assert "Below 95 % every margin is shown as unknown." in priced.sentence
    assert of(found, "margin_floor") == []


def test_a_metered_invoice_that_differs_from_the_log(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """3,000,000 tokens logged from 1 to 31 October; the invoice of 1 November charges 4,000 thousand for $40.00: 25 % too many, $10.00."""
    price = {
        "id": "price_m",
        "object": "price",
        "product": "prod_m",
        "currency": "usd",
        "active": True,
        "nickname": "Tokens",
    }
    price |= {"recurring": {"interval": "month", "usage_type": "metered"}, "created": seconds(1, 1)}
    product = {
        "id": "prod_m",
        "object": "product",
        "name": "Tokens",
        "unit_label": "thousand tokens",
        "created": seconds(1, 1),
    }
    line = {
        "id": "il_m", "object": "line_item", "invoice": "in_m", "currency": "usd", "amount": 40_00, "quantity": 4_000,
        "period": {"start": seconds(10, 1), "end": seconds(11, 1)}, "pricing": {"price_details": {"price": "price_m", "product": "prod_m"}},
    }  # fmt: skip
    lines = {"object": "list", "data": [line], "has_more": False}
    bill = invoice("in_m", customer=ACME, total=40_00, total_excluding_tax=40_00, lines=lines)
    usage = [
        f"{day},{day}T12:00:00Z,{ACME},openai,gpt-4o,1000000,0\n" for day in ("2026-10-01", "2026-10-15", "2026-10-31")
    ]
    usage += [f"last,2026-11-30T12:00:00Z,{ACME},openai,gpt-4o,1,0\n"]
    view = published(engine, tmp_path, tenant, [customer(ACME, "Acme"), product, price, bill], usage)
    (found,) = of(watch(engine, tmp_path, tenant, view, now=NOW), "meter_drift")
    assert (found.subject.name, found.actual, found.expected, found.impact_minor) == ("Tokens", 4_000, 3_000, 10_00)
    assert found.subject.customer_id == ACME
