"""Subscription schedules: phases that take effect by the sandbox's clock, and how a schedule ends."""

from typing import Any

import pytest
import stripe

from tests.sandbox.shop import DAY, FEBRUARY, MARCH, customer, lines, newest_invoice, price, subscribe
from tests.sandbox_fixtures import EMPTY_STARTS_AT, SandboxServer

APRIL = MARCH + 31 * DAY


def events(sdk: stripe.StripeClient) -> list[str]:
    """What happened to schedules, the oldest first."""
    return [one.type for one in sdk.v1.events.list({"type": "subscription_schedule.*", "limit": 100}).data[::-1]]


def bills(sdk: stripe.StripeClient) -> list[list[int]]:
    """The amounts of each invoice's lines, the oldest first."""
    return [[amount for _, amount in lines(one)] for one in sdk.v1.invoices.list({"limit": 100}).data[::-1]]


def test_a_plan_changes_with_its_next_period(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """31.00 in January, from February on 20.00 without any proration; after its last phase the schedule lets go."""
    dear, cheap = price(stripe_sdk, 3_100), price(stripe_sdk, 2_000)
    made = subscribe(stripe_sdk, customer(stripe_sdk), dear)
    schedule = stripe_sdk.v1.subscription_schedules.create({"from_subscription": made.id})
    [first] = schedule.phases
    assert (schedule.status, first.start_date, first.end_date) == ("active", EMPTY_STARTS_AT, FEBRUARY)
    phases: Any = [
        {"items": [{"price": dear}], "start_date": first.start_date, "end_date": first.end_date},
        {"items": [{"price": cheap}], "duration": {"interval": "month"}},
    ]
    stripe_sdk.v1.subscription_schedules.update(schedule.id, {"phases": phases})

    sandbox_server.advance(to=FEBRUARY + DAY)
    running = stripe_sdk.v1.subscription_schedules.retrieve(schedule.id)
    assert running.current_phase is not None
    assert running.current_phase.start_date == FEBRUARY
    sandbox_server.advance(to=MARCH + DAY)

    assert bills(stripe_sdk) == [[3_100], [2_000], [2_000]]
    ended = stripe_sdk.v1.subscription_schedules.retrieve(schedule.id)
    assert (ended.status, ended.released_subscription, ended.released_at) == ("released", made.id, MARCH)
    now = stripe_sdk.v1.subscriptions.retrieve(made.id)
    assert (now.schedule, now.status, now["items"].data[0].id) == (None, "active", made["items"].data[0].id)
    assert events(stripe_sdk)[-2:] == ["subscription_schedule.updated", "subscription_schedule.released"]


def test_a_schedule_begins_and_ends_a_subscription(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Two of 31.00 from February on for a month, then one and another plan, and the end with March."""
    plan, other = price(stripe_sdk, 3_100), price(stripe_sdk, 500)
    told: Any = {
        "customer": customer(stripe_sdk),
        "start_date": FEBRUARY,
        "end_behavior": "cancel",
        "phases": [
            {"items": [{"price": plan, "quantity": 2}], "end_date": MARCH},
            {"items": [{"price": plan}, {"price": other}], "end_date": APRIL},
        ],
    }
    schedule = stripe_sdk.v1.subscription_schedules.create(told)
    assert (schedule.status, schedule.subscription) == ("not_started", None)
    assert [one.id for one in stripe_sdk.v1.subscription_schedules.list({"scheduled": True}).data] == [schedule.id]

    sandbox_server.advance(to=APRIL + DAY)

    ended = stripe_sdk.v1.subscription_schedules.retrieve(schedule.id, {"expand": ["subscription"]})
    assert (ended.status, ended.completed_at) == ("completed", APRIL)
    assert ended.subscription["status"] == "canceled"  # type: ignore[index]  # expanded, an id by its type
    assert bills(stripe_sdk) == [[6_200], [3_100, 500]]


def test_a_phase_in_mid_period_is_prorated(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """From 31.00 to 62.00 after 11 of 31 days: -20.00 and +40.00 at once."""
    plan, dearer = price(stripe_sdk, 3_100), price(stripe_sdk, 6_200)
    change = EMPTY_STARTS_AT + 11 * DAY
    more: Any = {"items": [{"price": dearer}], "end_date": MARCH, "proration_behavior": "always_invoice"}
    told: Any = {
        "customer": customer(stripe_sdk),
        "start_date": "now",
        "phases": [{"items": [{"price": plan}], "end_date": change}, more],
    }
    stripe_sdk.v1.subscription_schedules.create(told)

    sandbox_server.advance(to=change)

    assert bills(stripe_sdk) == [[3_100], [-2_000, 4_000]]


def test_what_a_schedule_manages_ends_by_the_schedule(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))
    schedule = stripe_sdk.v1.subscription_schedules.create({"from_subscription": made.id})
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        stripe_sdk.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    with pytest.raises(stripe.InvalidRequestError, match="already attached"):
        stripe_sdk.v1.subscription_schedules.create({"from_subscription": made.id})

    released = stripe_sdk.v1.subscription_schedules.release(schedule.id)

    assert (released.status, stripe_sdk.v1.subscriptions.retrieve(made.id).schedule) == ("released", None)
    with pytest.raises(stripe.InvalidRequestError, match="released"):
        stripe_sdk.v1.subscription_schedules.update(schedule.id, {"end_behavior": "cancel"})
    again = stripe_sdk.v1.subscription_schedules.create({"from_subscription": made.id})
    sandbox_server.advance(days=11)
    canceled = stripe_sdk.v1.subscription_schedules.cancel(again.id)
    assert (canceled.status, stripe_sdk.v1.subscriptions.retrieve(made.id).status) == ("canceled", "canceled")
    assert newest_invoice(stripe_sdk).total == -2_000


def test_phases_must_join(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    items = [{"price": price(stripe_sdk, 3_100)}]
    apart: Any = [{"items": items, "end_date": FEBRUARY}, {"items": items, "start_date": MARCH, "end_date": APRIL}]

    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe_sdk.v1.subscription_schedules.create(
            {"customer": customer(stripe_sdk), "start_date": "now", "phases": apart}
        )

    assert refused.value.param == "phases[1][start_date]"
    assert stripe_sdk.v1.subscription_schedules.list().data == []


def test_default_settings_hold_where_a_phase_says_nothing_and_added_items_are_billed_once(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Set-up for 70.00 with the first month of 31.00; a change of the running phase does not bill it again."""
    plan, set_up = price(stripe_sdk, 3_100), stripe_sdk.v1.products.create({"name": "Set-up"}).id
    once: Any = {"price_data": {"currency": "usd", "product": set_up, "unit_amount": 7_000}}
    told: Any = {
        "customer": customer(stripe_sdk),
        "start_date": "now",
        "default_settings": {"description": "Ours", "collection_method": "charge_automatically"},
        "phases": [
            {"items": [{"price": plan}], "duration": {"interval": "month"}, "add_invoice_items": [once]},
            {"items": [{"price": plan}], "duration": {"interval": "month"}, "description": "Theirs"},
        ],
    }
    schedule = stripe_sdk.v1.subscription_schedules.create(told)
    made = str(schedule.subscription)
    assert stripe_sdk.v1.subscriptions.retrieve(made).description == "Ours"
    assert [one.quantity for one in schedule.phases[0].add_invoice_items] == [1]
    stripe_sdk.v1.subscription_schedules.update(schedule.id, {"default_settings": {"description": "Ours now"}})
    assert stripe_sdk.v1.subscriptions.retrieve(made).description == "Ours now"

    sandbox_server.advance(to=FEBRUARY + DAY)

    assert bills(stripe_sdk) == [[7_000, 3_100], [3_100]]
    assert stripe_sdk.v1.subscriptions.retrieve(made).description == "Theirs"


@pytest.mark.parametrize(("behavior", "then"), [("none", "canceled"), ("renew", "active")])
def test_a_schedule_ends_by_its_older_names(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, behavior: str, then: str
) -> None:
    """One of 31.00 for a month, then two: to renew is to begin again with one."""
    plan = price(stripe_sdk, 3_100)
    phases: Any = [
        {"items": [{"price": plan, "quantity": number}], "duration": {"interval": "month"}} for number in (1, 2)
    ]
    told: Any = {"customer": customer(stripe_sdk), "start_date": "now", "end_behavior": behavior, "phases": phases}
    schedule = stripe_sdk.v1.subscription_schedules.create(told)

    sandbox_server.advance(to=MARCH + DAY)

    assert stripe_sdk.v1.subscriptions.retrieve(str(schedule.subscription)).status == then
    assert bills(stripe_sdk) == [[3_100], [6_200], *([[3_100]] if behavior == "renew" else [])]
