"""The life of a subscription by the sandbox's clock: trial, first payment, pause, debt, end; and what each bills."""

from typing import Any

import pytest
import stripe

from tests.sandbox.shop import DAY, FEBRUARY, customer, lines, meter, newest_invoice, price, report, subscribe
from tests.sandbox_fixtures import EMPTY_STARTS_AT, SandboxServer

HOUR = 3_600


def totals(sdk: stripe.StripeClient) -> list[tuple[int, int, str | None]]:
    """When each invoice was made, its total, its status; the oldest first."""
    return [(one.created, one.total, one.status) for one in sdk.v1.invoices.list({"limit": 100}).data[::-1]]


def test_a_trial_costs_nothing_until_it_ends(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """Fourteen days; then 49.00 a month from the fifteenth on."""
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 4_900), trial_period_days=14)
    assert (made.status, made.trial_end) == ("trialing", EMPTY_STARTS_AT + 14 * DAY)

    sandbox_server.advance(days=15)

    assert stripe_sdk.v1.subscriptions.retrieve(made.id).status == "active"
    assert totals(stripe_sdk) == [(EMPTY_STARTS_AT, 0, "paid"), (EMPTY_STARTS_AT + 14 * DAY, 4_900, "paid")]
    sandbox_server.advance(days=31)
    assert totals(stripe_sdk)[2:] == [(FEBRUARY + 14 * DAY, 4_900, "paid")]


def test_a_first_payment_that_fails_leaves_it_incomplete_for_23_hours(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    lost = subscribe(stripe_sdk, customer(stripe_sdk, "pm_card_chargeDeclined"), price(stripe_sdk, 4_900)).id
    saved = subscribe(stripe_sdk, customer(stripe_sdk, "pm_card_chargeDeclined"), price(stripe_sdk, 4_900)).id
    assert stripe_sdk.v1.subscriptions.retrieve(saved).status == "incomplete"
    stripe_sdk.v1.invoices.pay(newest_invoice(stripe_sdk).id, {"payment_method": "pm_card_visa"})
    assert stripe_sdk.v1.subscriptions.retrieve(saved).status == "active"

    sandbox_server.advance(seconds=23 * HOUR)

    assert stripe_sdk.v1.subscriptions.retrieve(lost).status == "incomplete_expired"
    assert [status for _, _, status in totals(stripe_sdk)] == ["void", "paid"]


def test_an_error_instead_of_an_incomplete_one(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """`error_if_incomplete`: the decline is answered and there is no subscription."""
    of = customer(stripe_sdk, "pm_card_chargeDeclined")
    monthly = price(stripe_sdk, 4_900)

    with pytest.raises(stripe.CardError):
        subscribe(stripe_sdk, of, monthly, payment_behavior="error_if_incomplete")

    assert stripe_sdk.v1.subscriptions.list({"status": "all"}).data == []


def test_it_ends_with_its_period_and_bills_the_last_usage(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """20.00 in advance, 300 units at 0.01: canceled on the eleventh for the end of January, which bills 3.00 and no more."""
    counted = price(stripe_sdk, 1, recurring={"interval": "month", "usage_type": "metered", "meter": meter(stripe_sdk)})
    ada = customer(stripe_sdk)
    made = subscribe(stripe_sdk, ada, price(stripe_sdk, 2_000), counted)
    sandbox_server.advance(days=10)
    report(stripe_sdk, ada, 300, "e1")
    asked = stripe_sdk.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    assert (asked.status, asked.cancel_at) == ("active", FEBRUARY)

    sandbox_server.advance(days=60)

    ended = stripe_sdk.v1.subscriptions.retrieve(made.id)
    assert (ended.status, ended.ended_at, ended.canceled_at) == ("canceled", FEBRUARY, EMPTY_STARTS_AT + 10 * DAY)
    assert totals(stripe_sdk) == [(EMPTY_STARTS_AT, 2_000, "paid"), (FEBRUARY, 300, "paid")]


def test_a_change_of_mind_keeps_it_going(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 2_000))
    stripe_sdk.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    kept = stripe_sdk.v1.subscriptions.update(made.id, {"cancel_at_period_end": False})
    sandbox_server.advance(days=32)

    assert (kept.cancel_at, kept.canceled_at) == (None, None)
    assert [total for _, total, _ in totals(stripe_sdk)] == [2_000, 2_000]


def test_ended_at_once_with_what_is_unused_given_back(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """31.00 paid, ended after 11 of 31 days: 20.00 are credited, and are taken off the next subscription's 49.00."""
    ada = customer(stripe_sdk)
    made = subscribe(stripe_sdk, ada, price(stripe_sdk, 3_100))
    sandbox_server.advance(days=11)
    stripe_sdk.v1.subscriptions.cancel(made.id, {"prorate": True, "invoice_now": True})
    sandbox_server.advance(seconds=HOUR)
    assert stripe_sdk.v1.customers.retrieve(ada).balance == -2_000

    subscribe(stripe_sdk, ada, price(stripe_sdk, 4_900))

    assert (newest_invoice(stripe_sdk).total, newest_invoice(stripe_sdk).amount_paid) == (4_900, 4_900 - 2_000)


def test_a_paused_one_makes_no_invoices(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """Paused from the eleventh to the first of March, resumed with a new period: less the 21.00 not used of January."""
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))
    sandbox_server.advance(days=10)
    pause: Any = {"type": "subscription"}
    paused = stripe_sdk.v1.subscriptions.pause(made.id, pause)
    assert paused.status_details.paused.subscription.type == "pause_requested"
    sandbox_server.advance(days=49)
    assert len(totals(stripe_sdk)) == 1

    resumed = stripe_sdk.v1.subscriptions.resume(made.id, {"billing_cycle_anchor": {"type": "now"}})

    assert (resumed.status, resumed.billing_cycle_anchor) == ("active", EMPTY_STARTS_AT + 59 * DAY)
    assert totals(stripe_sdk)[1:] == [(EMPTY_STARTS_AT + 59 * DAY, 3_100 - 2_100, "paid")]


def test_one_whose_collection_is_paused_makes_drafts(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Unlike a paused one it stays active."""
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))
    kept: Any = {"pause_collection": {"behavior": "keep_as_draft"}}
    assert stripe_sdk.v1.subscriptions.update(made.id, kept).status == "active"

    sandbox_server.advance(days=40)

    assert totals(stripe_sdk)[1:] == [(FEBRUARY, 3_100, "draft")]


def test_a_new_interval_begins_today(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """From 31.00 a month to 365.00 a year after 11 of 31 days: 20.00 are credited and the year is billed at once."""
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))
    sandbox_server.advance(days=11)
    yearly = price(stripe_sdk, 36_500, recurring={"interval": "year"})
    stripe_sdk.v1.subscription_items.update(made["items"].data[0].id, {"price": yearly})

    invoice = newest_invoice(stripe_sdk)
    assert [amount for _, amount in lines(invoice)] == [-2_000, 36_500]
    assert (invoice.status, invoice.amount_paid) == ("paid", 34_500)
    [item] = stripe_sdk.v1.subscriptions.retrieve(made.id)["items"].data
    assert (item.current_period_start, item.current_period_end) == (
        EMPTY_STARTS_AT + 11 * DAY,
        EMPTY_STARTS_AT + (11 + 365) * DAY,
    )


def test_the_thirty_first_renews_on_the_last_day_of_shorter_months(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    sandbox_server.advance(to="2026-01-31T00:00:00Z")
    subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))

    sandbox_server.advance(to="2026-05-31T00:00:00Z")

    days = [(at - EMPTY_STARTS_AT) // DAY for at, _, _ in totals(stripe_sdk)]
    assert days == [30, 31 + 27, 31 + 28 + 30, 31 + 28 + 31 + 29, 31 + 28 + 31 + 30 + 30]


def test_voiding_gives_back_credit_and_balance(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """An invoice of 10.00 against a balance of 4.00: 6.00 were due, and after voiding it the 4.00 are there again."""
    ada = customer(stripe_sdk, balance=-400)
    made = stripe_sdk.v1.invoices.create({"customer": ada})
    stripe_sdk.v1.invoice_items.create({"customer": ada, "invoice": made.id, "amount": 1_000, "currency": "usd"})
    assert stripe_sdk.v1.invoices.finalize_invoice(made.id).amount_due == 600
    assert stripe_sdk.v1.customers.retrieve(ada).balance == 0

    stripe_sdk.v1.invoices.void_invoice(made.id)

    assert stripe_sdk.v1.customers.retrieve(ada).balance == -400
    [payment] = stripe_sdk.v1.invoice_payments.list({"invoice": made.id}).data
    assert payment.status == "canceled"
