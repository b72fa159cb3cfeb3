"""Billing refuses what Stripe refuses, in Stripe's words, and a refused request changes nothing."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.sandbox.shop import DAY, customer, price, subscribe
from tests.sandbox_fixtures import SandboxServer

Attempt = Callable[[stripe.StripeClient], Any]


def refused(server: SandboxServer, attempt: Callable[[], Any]) -> stripe.InvalidRequestError:
    """Stripe's refusal of the attempt, after which everything is as it was."""
    before = server.control("/state")
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        attempt()
    assert server.control("/state") == before
    return refusal.value


def paid_charge(sdk: stripe.StripeClient, amount: int = 5_000) -> str:
    intent = sdk.v1.payment_intents.create(
        {"amount": amount, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    )
    return str(intent.latest_charge)


def invoice_of(sdk: stripe.StripeClient, amount: int = 1_000, **given: Any) -> str:
    """A draft over one item."""
    of = customer(sdk)
    made = sdk.v1.invoices.create({"customer": of, **given})  # type: ignore[typeddict-item]  # any parameter
    sdk.v1.invoice_items.create({"customer": of, "invoice": made.id, "amount": amount, "currency": "usd"})
    return made.id


def test_a_refund_above_the_charge(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """50.00 were paid and 20.00 are back: 30.01 are too much, 30.00 are not, then nothing is left."""
    charge = paid_charge(stripe_sdk)
    stripe_sdk.v1.refunds.create({"charge": charge, "amount": 2_000})

    error = refused(sandbox_server, lambda: stripe_sdk.v1.refunds.create({"charge": charge, "amount": 3_001}))
    assert "Refund amount ($30.01) is greater than unrefunded amount on charge ($30.00)" in str(error)
    assert (error.http_status, error.param) == (400, "amount")

    stripe_sdk.v1.refunds.create({"charge": charge, "amount": 3_000})
    error = refused(sandbox_server, lambda: stripe_sdk.v1.refunds.create({"charge": charge}))
    assert error.code == "charge_already_refunded"


@pytest.mark.parametrize("amount", [0, -1])
def test_a_refund_of_nothing(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, amount: int) -> None:
    charge = paid_charge(stripe_sdk)

    error = refused(sandbox_server, lambda: stripe_sdk.v1.refunds.create({"charge": charge, "amount": amount}))

    assert (error.code, error.param) == ("parameter_invalid_integer", "amount")


def test_a_refund_of_a_charge_that_failed(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as declined:
        stripe_sdk.v1.payment_intents.create(
            {"amount": 500, "currency": "usd", "payment_method": "pm_card_chargeDeclined", "confirm": True}
        )
    charge = declined.value.error.charge

    error = refused(sandbox_server, lambda: stripe_sdk.v1.refunds.create({"charge": charge}))

    assert error.code == "charge_not_refundable"


def test_a_refund_while_the_bank_decides(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """A chargeback forbids it; an inquiry, where the money is still here, does not."""
    disputed, asked_about = paid_charge(stripe_sdk), paid_charge(stripe_sdk)
    sandbox_server.control("/disputes", {"charge": disputed})
    sandbox_server.control("/disputes", {"charge": asked_about, "status": "warning_needs_response"})

    error = refused(sandbox_server, lambda: stripe_sdk.v1.refunds.create({"charge": disputed}))

    assert error.code == "charge_disputed"
    assert stripe_sdk.v1.refunds.create({"charge": asked_about}).status == "succeeded"


@pytest.mark.parametrize("status", ["won", "lost"])
def test_evidence_on_a_closed_dispute(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, status: str
) -> None:
    dispute = sandbox_server.control("/disputes", {"charge": paid_charge(stripe_sdk)})["id"]
    sandbox_server.control(f"/disputes/{dispute}/resolve", {"status": status})

    evidence = {"evidence": {"product_description": "Seats"}}
    error = refused(sandbox_server, lambda: stripe_sdk.v1.disputes.update(dispute, evidence))
    assert "evidence can no longer be changed" in str(error)
    refused(sandbox_server, lambda: stripe_sdk.v1.disputes.close(dispute))


def test_evidence_twice_or_too_late(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """`submit` is true unless it is said not to be, and submitting is final; after nine days it is too late."""
    answered, forgotten = (
        sandbox_server.control("/disputes", {"charge": paid_charge(stripe_sdk)})["id"] for _ in range(2)
    )
    evidence = {"evidence": {"product_description": "Seats"}}
    sent = stripe_sdk.v1.disputes.update(answered, evidence)
    assert (sent.status, sent.evidence_details.submission_count) == ("under_review", 1)

    refused(sandbox_server, lambda: stripe_sdk.v1.disputes.update(answered, evidence))
    sandbox_server.advance(seconds=9 * DAY + 1)
    error = refused(sandbox_server, lambda: stripe_sdk.v1.disputes.update(forgotten, evidence))
    assert "deadline" in str(error)


def test_pausing_a_classic_subscription(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """Only billing mode flexible can; a paused one cannot be paused again, and an active one not resumed."""
    monthly = price(stripe_sdk, 1_000)
    classic = subscribe(stripe_sdk, customer(stripe_sdk), monthly, billing_mode={"type": "classic"}).id
    flexible = subscribe(stripe_sdk, customer(stripe_sdk), monthly).id
    pause: Any = {"type": "subscription"}

    error = refused(sandbox_server, lambda: stripe_sdk.v1.subscriptions.pause(classic, pause))
    assert "`billing_mode` set to `flexible`" in str(error)
    refused(sandbox_server, lambda: stripe_sdk.v1.subscriptions.resume(flexible))
    assert stripe_sdk.v1.subscriptions.pause(flexible, pause).status == "paused"
    refused(sandbox_server, lambda: stripe_sdk.v1.subscriptions.pause(flexible, pause))


def test_changing_what_is_canceled(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    ended = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 1_000)).id
    stripe_sdk.v1.subscriptions.cancel(ended)

    refused(sandbox_server, lambda: stripe_sdk.v1.subscriptions.update(ended, {"cancel_at_period_end": True}))
    error = refused(sandbox_server, lambda: stripe_sdk.v1.subscriptions.cancel(ended))
    assert (error.http_status, error.code) == (404, "resource_missing")
    assert stripe_sdk.v1.subscriptions.update(ended, {"metadata": {"why": "left"}}).metadata["why"] == "left"


def test_changing_a_finalized_invoice(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """Its taxes, its items and itself stay; notes may still be made."""
    id_ = invoice_of(stripe_sdk)
    [item] = stripe_sdk.v1.invoice_items.list({"invoice": id_}).data
    rate = stripe_sdk.v1.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": False})
    of = stripe_sdk.v1.invoices.finalize_invoice(id_).customer
    late: Any = {"customer": of, "invoice": id_, "amount": 1, "currency": "usd"}
    attempts: list[Callable[[], Any]] = [
        lambda: stripe_sdk.v1.invoices.update(id_, {"default_tax_rates": [rate.id]}),
        lambda: stripe_sdk.v1.invoices.finalize_invoice(id_),
        lambda: stripe_sdk.v1.invoices.delete(id_),
        lambda: stripe_sdk.v1.invoice_items.update(item.id, {"amount": 1}),
        lambda: stripe_sdk.v1.invoice_items.delete(item.id),
        lambda: stripe_sdk.v1.invoice_items.create(late),
    ]

    assert {refused(sandbox_server, attempt).code for attempt in attempts} == {"invoice_not_editable"}
    assert stripe_sdk.v1.invoices.update(id_, {"description": "Thank you"}).description == "Thank you"


def test_paying_twice_and_voiding_what_is_paid(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    id_ = invoice_of(stripe_sdk)
    stripe_sdk.v1.invoices.pay(id_)

    assert "already paid" in str(refused(sandbox_server, lambda: stripe_sdk.v1.invoices.pay(id_)))
    for attempt in (stripe_sdk.v1.invoices.void_invoice, stripe_sdk.v1.invoices.mark_uncollectible):
        assert refused(sandbox_server, lambda do=attempt: do(id_)).code == "status_transition_invalid"


def test_deleting_a_draft_that_a_subscription_made(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 1_000))
    sandbox_server.advance(days=31)
    [draft] = stripe_sdk.v1.invoices.list({"status": "draft"}).data

    error = refused(sandbox_server, lambda: stripe_sdk.v1.invoices.delete(draft.id))

    assert "created by subscriptions" in str(error)


def test_paying_without_a_card(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    of = customer(stripe_sdk, None)
    made = stripe_sdk.v1.invoices.create({"customer": of})
    stripe_sdk.v1.invoice_items.create({"customer": of, "invoice": made.id, "amount": 500, "currency": "usd"})
    stripe_sdk.v1.invoices.finalize_invoice(made.id)

    error = refused(sandbox_server, lambda: stripe_sdk.v1.invoices.pay(made.id))

    assert "no attached payment source" in str(error)


def test_prices_that_do_not_go_together(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """Two currencies, two intervals, a price for once, a quantity for what is metered."""
    of, dollars = customer(stripe_sdk), price(stripe_sdk, 1_000)
    euros = price(stripe_sdk, 1_000, currency="eur")
    yearly = price(stripe_sdk, 9_000, recurring={"interval": "year"})
    once = price(stripe_sdk, 500, recurring={})
    for items in ([dollars, euros], [dollars, yearly], [once]):
        refused(sandbox_server, lambda items=items: subscribe(stripe_sdk, of, *items))
    seats = {"price": dollars, "quantity": -1}
    assert refused(sandbox_server, lambda: subscribe(stripe_sdk, of, seats)).param == "items[0][quantity]"


def test_a_price_that_is_none(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """No amount; a meter that is not there; tiers that do not reach to the end; less than nothing."""
    metered = {"interval": "month", "usage_type": "metered"}
    open_tiers = {"billing_scheme": "tiered", "tiers_mode": "volume", "tiers": [{"up_to": 5, "unit_amount": 1}]}
    attempts: list[Callable[[], Any]] = [
        lambda: price(stripe_sdk),
        lambda: price(stripe_sdk, 1, recurring=metered),
        lambda: price(stripe_sdk, 1, recurring=metered | {"meter": "mtr_none"}),
        lambda: price(stripe_sdk, **open_tiers),
        lambda: price(stripe_sdk, -1),
    ]
    for attempt in attempts:
        refused(sandbox_server, attempt)
