"""Whose revenue is not known yet is compared with nothing, and an open alert ends only clearly beyond its limit."""

from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine

from billing.alert_limits import set_limit
from billing.principals import Principal
from pipelines.find_alerts import find_alerts
from pipelines.publish_warehouse import publish
from pipelines.watch import watch
from store import alert_reads
from store.database import tenant_transaction
from tests.pipelines.watched_company import (
    ACME,
    BROOK,
    NOW,
    customer,
    month_paid,
    of,
    published,
    spent,
    steady_usage,
    their_usage,
    two_customers,
)
from tests.store.stripe_money import Raw, keep, seconds


def metered_subscription(since: int, interval: str = "month") -> list[Raw]:
    """Acme's metered item whose running period began then."""
    recurring = {"interval": interval, "usage_type": "metered"}
    price = {"id": "price_m", "object": "price", "product": "prod_m", "currency": "usd", "recurring": recurring}
    item = {
        "id": "si_1",
        "object": "subscription_item",
        "subscription": "sub_1",
        "price": price,
        "created": seconds(1, 1),
    }
    item |= {"current_period_start": since, "current_period_end": since + 31 * 86_400}
    items = {"object": "list", "data": [item], "has_more": False}
    subscription = {
        "id": "sub_1",
        "object": "subscription",
        "customer": ACME,
        "status": "active",
        "currency": "usd",
        "items": items,
    }
    return [price | {"created": seconds(1, 1)}, subscription | {"created": seconds(1, 1)}]


def test_days_whose_metered_revenue_is_on_no_invoice_yet_are_compared_with_nothing(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    """The meter runs since 11 November: Acme's $374 of the 20th wait for its invoice. Brook's days end with November as before.

    The company's 30 days are 12 October to 10 November, with $75 and $270 of cost: (600.00 - 345.00) / 600.00 = 42.5 %.
    """
    objects = [*two_customers(), *metered_subscription(seconds(11, 11, 8))]
    view = published(engine, tmp_path, tenant, objects, their_usage())
    found = watch(engine, tmp_path, tenant, view, now=NOW)
    assert of(found, "turned_unprofitable") == []
    company, brook = of(found, "margin_floor")
    assert (company.subject.scope, company.actual) == ("company", 425_000)
    assert (company.facts["first_day"], company.facts["last_day"]) == ("2026-10-12", "2026-11-10")
    assert (brook.subject.customer_id, brook.facts["last_day"]) == (BROOK, "2026-11-30")


def test_who_is_billed_for_a_meter_by_the_year_leaves_the_companys_margin_unknown(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    """Acme has 375 of the 645 dollars that November cost, and what it will pay for them nobody knows yet."""
    objects = [*two_customers(), *metered_subscription(seconds(1, 1), "year")]
    view = published(engine, tmp_path, tenant, objects, their_usage())
    (found,) = watch(engine, tmp_path, tenant, view, now=NOW)
    assert (found.detector, found.subject.customer_id) == ("margin_floor", BROOK)


def test_an_open_alert_ends_only_clearly_above_its_floor(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path
) -> None:
    """A margin of 10 % costs 0.90 of the revenue: 1.06 of what a floor of 15 % lets it, 0.95 of what 5 % lets it, 0.9 of all."""
    objects = [customer(BROOK, "Brook"), month_paid(BROOK, 10, 310_00), month_paid(BROOK, 11, 300_00)]
    published(engine, tmp_path, tenant, objects, [*steady_usage(BROOK), spent(BROOK, NOW.date(), 1)])
    states = []
    for floor in (50_000, 150_000, 50_000, 1):
        with tenant_transaction(engine, tenant) as connection:
            set_limit(connection, "margin_floor", "", floor, principal=Principal("fay", "founder"), now=NOW)
        publish(engine, tmp_path, tenant, now=NOW)
        assert find_alerts(engine, tmp_path, tenant, now=NOW).troubles == {}
        with tenant_transaction(engine, tenant) as connection:
            found = [each for each in alert_reads.recent(connection, NOW) if each.subject_key.startswith("customer")]
        states.append([(each.detector, each.state) for each in found])
    # A floor of a millionth cannot be cleared by 10 %: 0.9000009 of what it allows.
    assert states == [[], [("margin_floor", "new")], [("margin_floor", "new")], [("margin_floor", "new")]]
    with tenant_transaction(engine, tenant) as connection:
        set_limit(connection, "margin_floor", "", 1, principal=Principal("fay", "founder"), now=NOW)
    keep(engine, tenant, month_paid(BROOK, 11, 330_00))
    publish(engine, tmp_path, tenant, now=NOW)
    find_alerts(engine, tmp_path, tenant, now=NOW)
    with tenant_transaction(engine, tenant) as connection:
        assert [each for each in alert_reads.open_alerts(connection) if each.detector == "margin_floor"] == []
    with tenant_transaction(engine, mallory) as connection:
        assert alert_reads.recent(connection, NOW) == []
