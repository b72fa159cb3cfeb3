"""Changes in mid-period: what is credited and what is billed, by billing mode, moment, anchor, trial and end."""

from typing import Any

import pytest
import stripe

from tests.sandbox.shop import DAY, FEBRUARY, MARCH, customer, lines, meter, newest_invoice, price, report, subscribe
from tests.sandbox_fixtures import EMPTY_STARTS_AT, SandboxServer


def amounts(invoice: Any) -> list[int]:
    """What each line costs, in order."""
    return [amount for _, amount in lines(invoice)]


def change(sdk: stripe.StripeClient, subscription: Any, **given: Any) -> Any:
    """Change the only item (`price`, `quantity`) and whatever else is given, billed at once."""
    item = {name: given.pop(name) for name in ("price", "quantity") if name in given}
    items = [{"id": subscription["items"].data[0].id} | item] if item else []
    told: Any = {"proration_behavior": "always_invoice"} | ({"items": items} if items else {}) | given
    return sdk.v1.subscriptions.update(subscription.id, told)


@pytest.mark.parametrize(("mode", "credited"), [("flexible", -1_000), ("classic", -2_000)])
def test_what_is_given_back_after_a_discount_was_taken_off(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, mode: str, credited: int
) -> None:
    """31.00 at half price was 15.50; the coupon gone, 20 of 31 days: 10.00 of what was billed, or 20.00 of today's price."""
    half = stripe_sdk.v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    given: Any = {"billing_mode": {"type": mode}, "discounts": [{"coupon": half}]}
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100), **given)
    dearer = price(stripe_sdk, 6_200)
    stripe_sdk.v1.subscriptions.update(made.id, {"discounts": ""})
    sandbox_server.advance(days=11)

    change(stripe_sdk, made, price=dearer)

    assert amounts(newest_invoice(stripe_sdk)) == [credited, 4_000]


def test_itemized_prorations_show_their_discounts(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Ten percent off 31.00, then 62.00: -20.00 and +40.00 before discounts, -18.00 and +36.00 after them."""
    tenth = stripe_sdk.v1.coupons.create({"percent_off": 10, "duration": "forever"}).id
    mode = {"type": "flexible", "flexible": {"proration_discounts": "itemized"}}
    of = customer(stripe_sdk)
    made = subscribe(stripe_sdk, of, price(stripe_sdk, 3_100), billing_mode=mode, discounts=[{"coupon": tenth}])
    dearer = price(stripe_sdk, 6_200)
    sandbox_server.advance(days=11)

    change(stripe_sdk, made, price=dearer)

    invoice = newest_invoice(stripe_sdk)
    assert amounts(invoice) == [-2_000, 4_000]
    assert [line.discount_amounts[0].amount for line in invoice.lines.data] == [-200, 400]
    assert invoice.total == -1_800 + 3_600


def test_each_line_that_billed_the_time_is_given_back_once(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """31.00; after 10 days two of it, after 20 days one of it: each credit names the line of the invoice it takes back."""
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))
    first = newest_invoice(stripe_sdk)
    sandbox_server.advance(days=10)
    change(stripe_sdk, made, quantity=2)
    second = newest_invoice(stripe_sdk)
    sandbox_server.advance(days=10)
    change(stripe_sdk, made, quantity=1)
    third = newest_invoice(stripe_sdk)

    assert amounts(second) == [-2_100, 4_200]
    assert amounts(third) == [-2_200, 1_100]
    credited = [
        one.lines.data[0].parent.subscription_item_details.proration_details.credited_items for one in (second, third)
    ]
    assert [(one.invoice, one.invoice_line_items) for one in credited] == [
        (first.id, [first.lines.data[0].id]),
        (second.id, [second.lines.data[1].id]),
    ]
    assert len(stripe_sdk.v1.invoices.list({"limit": 100}).data) == 3
    change(stripe_sdk, made, quantity=1)
    assert newest_invoice(stripe_sdk).id == third.id


def test_the_date_of_the_proration_is_the_caller_s_within_the_period(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))
    sandbox_server.advance(days=11)

    change(stripe_sdk, made, quantity=2, proration_date=EMPTY_STARTS_AT + 10 * DAY)

    assert amounts(newest_invoice(stripe_sdk)) == [-2_100, 4_200]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        change(stripe_sdk, made, quantity=3, proration_date=EMPTY_STARTS_AT - 1)
    assert refused.value.param == "proration_date"


def test_a_change_without_prorations_counts_from_the_next_period(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))
    sandbox_server.advance(days=11)
    change(stripe_sdk, made, quantity=2, proration_behavior="none")
    sandbox_server.advance(days=21)

    assert amounts(newest_invoice(stripe_sdk)) == [6_200]


def test_an_item_added_in_mid_period_costs_what_is_left_of_it(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """20 of 31 days of 62.00."""
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))
    more = price(stripe_sdk, 6_200)
    sandbox_server.advance(days=11)

    told: Any = {"items": [{"price": more}], "proration_behavior": "always_invoice"}
    stripe_sdk.v1.subscriptions.update(made.id, told)

    assert amounts(newest_invoice(stripe_sdk)) == [4_000]


def test_the_cycle_begins_anew_today(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """After 11 of 31 days: 20.00 back, 31.00 for a month from now on; `unchanged` changes nothing."""
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))
    sandbox_server.advance(days=11)
    change(stripe_sdk, made, billing_cycle_anchor={"type": "unchanged"})

    moved = change(stripe_sdk, made, billing_cycle_anchor={"type": "now"})

    assert moved.billing_cycle_anchor == moved["items"].data[0].current_period_start == EMPTY_STARTS_AT + 11 * DAY
    assert amounts(newest_invoice(stripe_sdk)) == [-2_000, 3_100]


def test_a_first_period_up_to_the_anchor_costs_its_part(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Begun ten days before the anchor, which ends a month of 31 days: 10.00 of 31.00, then full months."""
    anchor = EMPTY_STARTS_AT + 10 * DAY
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100), billing_cycle_anchor=anchor)

    assert (amounts(newest_invoice(stripe_sdk)), made["items"].data[0].current_period_end) == ([1_000], anchor)
    sandbox_server.advance(days=11)
    assert amounts(newest_invoice(stripe_sdk)) == [3_100]


def test_a_trial_given_later_returns_what_was_paid(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Paid 31.00, on trial after 11 days: 20.00 stay as balance, and pay the first month after the trial in part."""
    ada = customer(stripe_sdk)
    made = subscribe(stripe_sdk, ada, price(stripe_sdk, 3_100))
    sandbox_server.advance(days=11)

    trial = stripe_sdk.v1.subscriptions.update(made.id, {"trial_end": EMPTY_STARTS_AT + 15 * DAY})

    assert (trial.status, amounts(newest_invoice(stripe_sdk))) == ("trialing", [-2_000, 0])
    assert stripe_sdk.v1.customers.retrieve(ada).balance == -2_000
    sandbox_server.advance(days=5)
    assert (newest_invoice(stripe_sdk).total, newest_invoice(stripe_sdk).amount_paid) == (3_100, 1_100)
    with pytest.raises(stripe.InvalidRequestError):
        stripe_sdk.v1.subscriptions.update(made.id, {"trial_end": EMPTY_STARTS_AT})


def test_a_trial_ended_today_is_billed_today(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    trial_end = EMPTY_STARTS_AT + 20 * DAY
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100), trial_end=trial_end)
    assert (made.status, made.trial_end) == ("trialing", trial_end)
    sandbox_server.advance(days=5)

    ended = stripe_sdk.v1.subscriptions.update(made.id, {"trial_end": "now"})

    assert (ended.status, newest_invoice(stripe_sdk).amount_paid) == ("active", 3_100)


def test_an_end_in_mid_period_gives_back_the_rest(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """To end after 21 of 31 days: 10.00 are given back; a change of mind bills them again."""
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))
    change(stripe_sdk, made, cancel_at=EMPTY_STARTS_AT + 21 * DAY)
    assert amounts(newest_invoice(stripe_sdk)) == [-1_000]

    change(stripe_sdk, made, cancel_at="")

    assert amounts(newest_invoice(stripe_sdk)) == [1_000]
    stripe_sdk.v1.subscriptions.update(made.id, {"cancel_at": FEBRUARY + 7 * DAY})
    sandbox_server.advance(to=MARCH)
    assert amounts(newest_invoice(stripe_sdk)) == [775]  # 7 of 28 days
    assert stripe_sdk.v1.subscriptions.retrieve(made.id).ended_at == FEBRUARY + 7 * DAY
    both: Any = {"cancel_at": MARCH + DAY, "cancel_at_period_end": True}
    with pytest.raises(stripe.InvalidRequestError):
        subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100), **both)


@pytest.mark.parametrize(
    ("behavior", "status"), [("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible"), ("void", "void")]
)
def test_a_hold_of_the_collection_ends_by_itself(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, behavior: str, status: str
) -> None:
    """Held over the first of February; from the second on it is collected again."""
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))
    hold: Any = {"pause_collection": {"behavior": behavior, "resumes_at": FEBRUARY + DAY}}
    assert stripe_sdk.v1.subscriptions.update(made.id, hold)["pause_collection"]["behavior"] == behavior

    sandbox_server.advance(to=MARCH + DAY)

    assert stripe_sdk.v1.subscriptions.retrieve(made.id).pause_collection is None
    newest = stripe_sdk.v1.invoices.list({"limit": 2}).data
    assert [(one.created, one.status) for one in newest] == [(MARCH, "paid"), (FEBRUARY, status)]


def test_previews_of_ends_trials_and_beginnings(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    ada = customer(stripe_sdk)
    monthly = price(stripe_sdk, 3_100)
    made = subscribe(stripe_sdk, ada, monthly)
    sandbox_server.advance(days=11)
    before = sandbox_server.control("/state")

    def seen(**details: Any) -> list[int]:
        told: Any = {"subscription": made.id, "subscription_details": details}
        return amounts(stripe_sdk.v1.invoices.create_preview(told))

    assert seen(cancel_now=True) == [-2_000]
    assert seen(cancel_now=True, proration_date=EMPTY_STARTS_AT + 10 * DAY) == [-2_100]
    assert seen(cancel_at=EMPTY_STARTS_AT + 21 * DAY, proration_behavior="always_invoice") == [-1_000]
    assert seen(trial_end=EMPTY_STARTS_AT + 40 * DAY) == [-2_000, 0]
    assert seen(billing_cycle_anchor={"type": "now"}) == [-2_000, 3_100]
    begun: Any = {"customer": ada, "subscription_details": {"items": [{"price": monthly, "quantity": 3}]}}
    assert stripe_sdk.v1.invoices.create_preview(begun).amount_due == 9_300
    assert sandbox_server.control("/state") == before


def test_a_pause_bills_the_usage_and_credits_the_rest(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """31.00 and 300 units at 0.01; paused after 10 of 31 days, resumed after 20 in the same cycle: -21.00, 3.00, 11.00."""
    counted = price(stripe_sdk, 1, recurring={"interval": "month", "usage_type": "metered", "meter": meter(stripe_sdk)})
    ada = customer(stripe_sdk)
    made = subscribe(stripe_sdk, ada, price(stripe_sdk, 3_100), counted)
    sandbox_server.advance(days=9)
    report(stripe_sdk, ada, 300, "e1")
    sandbox_server.advance(days=1)
    pause: Any = {"invoicing_behavior": "invoice"}
    stripe_sdk.v1.subscriptions.pause(made.id, pause)
    assert amounts(newest_invoice(stripe_sdk)) == [-2_100, 300]
    sandbox_server.advance(days=10)
    report(stripe_sdk, ada, 500, "meanwhile")
    again: Any = {"subscription": made.id, "subscription_details": {"resume_at": "now"}}
    assert amounts(stripe_sdk.v1.invoices.create_preview(again)) == [3_100]
    sandbox_server.advance(seconds=1)

    told: Any = {"billing_cycle_anchor": {"type": "unchanged"}, "proration_behavior": "always_invoice"}
    resumed = stripe_sdk.v1.subscriptions.resume(made.id, told | {"proration_date": EMPTY_STARTS_AT + 20 * DAY})

    assert (resumed.status, amounts(newest_invoice(stripe_sdk))) == ("active", [1_100])
    sandbox_server.advance(to=FEBRUARY + 1)
    assert amounts(newest_invoice(stripe_sdk)) == [3_100, 0]


@pytest.mark.parametrize(
    ("rule", "status"), [("create_invoice", "active"), ("cancel", "canceled"), ("pause", "paused")]
)
def test_a_trial_that_ends_without_a_card(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, rule: str, status: str
) -> None:
    given: Any = {"trial_period_days": 14, "trial_settings": {"end_behavior": {"missing_payment_method": rule}}}
    made = subscribe(stripe_sdk, customer(stripe_sdk, None), price(stripe_sdk, 3_100), **given)

    sandbox_server.advance(days=14)

    assert stripe_sdk.v1.subscriptions.retrieve(made.id).status == status
    assert len(stripe_sdk.v1.invoices.list().data) == (2 if rule == "create_invoice" else 1)


def test_classic_becomes_flexible_for_good(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    classic: Any = {"billing_mode": {"type": "classic"}}
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100), **classic)
    with pytest.raises(stripe.InvalidRequestError):
        stripe_sdk.v1.subscriptions.pause(made.id, {"type": "subscription"})

    moved = stripe_sdk.v1.subscriptions.migrate(made.id, {"billing_mode": {"type": "flexible"}})

    assert (moved.billing_mode.type, moved.billing_mode.updated_at) == ("flexible", EMPTY_STARTS_AT)
