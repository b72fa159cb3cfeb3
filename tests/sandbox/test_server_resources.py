"""Every resource through the typed services of the official SDK: made, read, changed, ended."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
import stripe

from sandbox.http.operations import RESOURCES
from sandbox.http.parameters import taken
from tests.sandbox_fixtures import SandboxServer

MONTHLY = {"interval": "month"}


@pytest.fixture
def customer(stripe_sdk: stripe.StripeClient) -> str:
    """Ada, with a card that works."""
    card = "pm_card_visa"
    return stripe_sdk.v1.customers.create(
        {"name": "Ada", "payment_method": card, "invoice_settings": {"default_payment_method": card}}
    ).id


@pytest.fixture
def product(stripe_sdk: stripe.StripeClient) -> str:
    return stripe_sdk.v1.products.create({"name": "Team"}).id


@pytest.fixture
def price(stripe_sdk: stripe.StripeClient, product: str) -> str:
    """10.00 a month."""
    return stripe_sdk.v1.prices.create(
        {"product": product, "currency": "usd", "unit_amount": 1_000, "recurring": MONTHLY}
    ).id


def test_catalogue(stripe_sdk: stripe.StripeClient, product: str) -> None:
    """Prices keep fractions of a cent; a product with a price stays, one without goes."""
    fine = stripe_sdk.v1.prices.create({"product": product, "currency": "usd", "unit_amount_decimal": Decimal("0.25")})
    assert (fine.unit_amount, fine.unit_amount_decimal) == (None, Decimal("0.25"))
    assert not stripe_sdk.v1.prices.update(fine.id, {"active": False}).active
    assert stripe_sdk.v1.products.update(product, {"name": "Crew"}).name == "Crew"
    with pytest.raises(stripe.InvalidRequestError, match="one or more user-created prices"):
        stripe_sdk.v1.products.delete(product)
    other = stripe_sdk.v1.products.create({"name": "Other"})
    assert stripe_sdk.v1.products.delete(other.id).deleted

    coupon = stripe_sdk.v1.coupons.create({"amount_off": 500, "currency": "usd", "duration": "once", "id": "FIVE"})
    assert stripe_sdk.v1.coupons.update("FIVE", {"name": "Five off"}).name == "Five off"
    assert stripe_sdk.v1.coupons.delete(coupon.id).deleted
    rate = stripe_sdk.v1.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": False})
    assert not stripe_sdk.v1.tax_rates.update(rate.id, {"active": False}).active
    assert stripe_sdk.v1.tax_rates.list({"active": True}).data == []


def test_cards(stripe_sdk: stripe.StripeClient, customer: str) -> None:
    made = stripe_sdk.v1.payment_methods.create({"type": "card", "card": {"token": "tok_mastercard"}})
    assert (made.card.brand, made.customer) == ("mastercard", None)
    stripe_sdk.v1.payment_methods.attach(made.id, {"customer": customer})
    assert [one.card.brand for one in stripe_sdk.v1.customers.payment_methods.list(customer).data] == [
        "mastercard",
        "visa",
    ]
    stripe_sdk.v1.payment_methods.detach(made.id)
    assert [one.card.brand for one in stripe_sdk.v1.payment_methods.list({"customer": customer}).data] == ["visa"]


def test_subscription(stripe_sdk: stripe.StripeClient, customer: str, price: str) -> None:
    """Two seats, then three; paused, resumed, canceled."""
    made = stripe_sdk.v1.subscriptions.create({"customer": customer, "items": [{"price": price, "quantity": 2}]})
    [item] = made["items"].data
    assert (made.status, item.quantity, item.price.id) == ("active", 2, price)
    stripe_sdk.v1.subscription_items.update(item.id, {"quantity": 3, "proration_behavior": "none"})
    assert [one.quantity for one in stripe_sdk.v1.subscription_items.list({"subscription": made.id}).data] == [3]
    assert stripe_sdk.v1.subscriptions.pause(made.id, {"type": "subscription"}).status == "paused"
    assert (
        stripe_sdk.v1.subscriptions.resume(made.id, {"billing_cycle_anchor": {"type": "unchanged"}}).status == "active"
    )
    assert stripe_sdk.v1.subscriptions.update(made.id, {"cancel_at_period_end": True}).cancel_at
    ended = stripe_sdk.v1.subscriptions.cancel(made.id, {"cancellation_details": {"feedback": "too_expensive"}})
    assert (ended.status, ended.cancellation_details.feedback) == ("canceled", "too_expensive")


def test_invoice(stripe_sdk: stripe.StripeClient, customer: str) -> None:
    """An item of 12.00 becomes 15.00 and is paid; a second invoice is voided, a third written off, a draft deleted."""

    def finalized(amount: int) -> str:
        invoice = stripe_sdk.v1.invoices.create({"customer": customer})
        item = stripe_sdk.v1.invoice_items.create(
            {"customer": customer, "invoice": invoice.id, "amount": amount, "currency": "usd"}
        )
        stripe_sdk.v1.invoice_items.update(item.id, {"amount": amount + 300})
        return stripe_sdk.v1.invoices.finalize_invoice(invoice.id).id

    paid = stripe_sdk.v1.invoices.pay(finalized(1_200), {"expand": ["payments"]})
    assert (paid.status, paid.amount_paid, paid.payments.data[0].amount_paid) == ("paid", 1_500, 1_500)
    assert stripe_sdk.v1.invoices.update(paid.id, {"metadata": {"po": "7"}}).metadata["po"] == "7"
    assert stripe_sdk.v1.invoices.void_invoice(finalized(100)).status == "void"
    assert stripe_sdk.v1.invoices.mark_uncollectible(finalized(100)).status == "uncollectible"
    draft = stripe_sdk.v1.invoices.create({"customer": customer})
    assert stripe_sdk.v1.invoices.delete(draft.id).deleted
    [payment] = stripe_sdk.v1.invoice_payments.list({"invoice": paid.id}).data
    assert stripe_sdk.v1.invoice_payments.retrieve(payment.id).status == "paid"


def test_an_invoice_to_be_sent_is_finalized_by_sending_it(stripe_sdk: stripe.StripeClient, customer: str) -> None:
    invoice = stripe_sdk.v1.invoices.create(
        {"customer": customer, "collection_method": "send_invoice", "days_until_due": 14}
    )
    stripe_sdk.v1.invoice_items.create(
        {"customer": customer, "invoice": invoice.id, "amount": 1_200, "currency": "usd"}
    )

    sent = stripe_sdk.v1.invoices.send_invoice(invoice.id)

    assert (sent.status, sent.due_date) == ("open", sent.created + 14 * 86_400)


def test_payment_and_refund(stripe_sdk: stripe.StripeClient, customer: str) -> None:
    """30.00 tried, corrected to 20.00, paid; 5.00 back."""
    intent = stripe_sdk.v1.payment_intents.create({"amount": 3_000, "currency": "usd", "customer": customer})
    stripe_sdk.v1.payment_intents.update(intent.id, {"amount": 2_000})
    paid = stripe_sdk.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert (paid.status, paid.amount_received) == ("succeeded", 2_000)
    refund = stripe_sdk.v1.refunds.create({"payment_intent": intent.id, "amount": 500})
    assert stripe_sdk.v1.refunds.update(refund.id, {"metadata": {"ticket": "9"}}).metadata["ticket"] == "9"
    charge = stripe_sdk.v1.charges.update(paid.latest_charge, {"description": "noted"})
    assert (charge.amount_refunded, charge.description) == (500, "noted")
    with pytest.raises(stripe.InvalidRequestError, match="cannot be canceled"):
        stripe_sdk.v1.refunds.cancel(refund.id)
    unpaid = stripe_sdk.v1.payment_intents.create({"amount": 3_000, "currency": "usd"})
    assert stripe_sdk.v1.payment_intents.cancel(unpaid.id).status == "canceled"
    row = stripe_sdk.v1.balance_transactions.list({"source": refund.id}).data[0]
    assert stripe_sdk.v1.balance_transactions.retrieve(row.id).net == -500


def test_dispute(stripe_sdk: stripe.StripeClient) -> None:
    """A draft of the evidence is kept, and accepting the dispute loses it."""
    stripe_sdk.v1.payment_intents.create(
        {"amount": 4_000, "currency": "usd", "payment_method": "pm_card_createDispute", "confirm": True}
    )
    [dispute] = stripe_sdk.v1.disputes.list().data
    staged = stripe_sdk.v1.disputes.update(
        dispute.id, {"evidence": {"customer_purchase_ip": "198.51.100.7"}, "submit": False}
    )
    assert (staged.status, staged.evidence.customer_purchase_ip) == ("needs_response", "198.51.100.7")
    assert stripe_sdk.v1.disputes.close(dispute.id).status == "lost"


def test_meter_and_credit(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, customer: str) -> None:
    meter = stripe_sdk.v1.billing.meters.create(
        {"display_name": "Tokens", "event_name": "tokens", "default_aggregation": {"formula": "sum"}}
    )
    sent = {
        "event_name": "tokens",
        "identifier": "e1",
        "payload": {"stripe_customer_id": customer, "value": "12"},
    }
    assert stripe_sdk.v1.billing.meter_events.create(sent).identifier == "e1"
    with pytest.raises(stripe.InvalidRequestError, match="An event already exists with identifier e1") as twice:
        stripe_sdk.v1.billing.meter_events.create(sent)
    assert twice.value.headers["stripe-should-retry"] == "false"
    assert stripe_sdk.v1.billing.meters.update(meter.id, {"display_name": "LLM tokens"}).display_name == "LLM tokens"
    assert stripe_sdk.v1.billing.meters.deactivate(meter.id).status == "inactive"
    assert stripe_sdk.v1.billing.meters.reactivate(meter.id).status == "active"

    grant = stripe_sdk.v1.billing.credit_grants.create(
        {
            "customer": customer,
            "amount": {"type": "monetary", "monetary": {"value": 5_000, "currency": "usd"}},
            "applicability_config": {"scope": {"price_type": "metered"}},
            "category": "paid",
        }
    )
    summary = stripe_sdk.v1.billing.credit_balance_summary.retrieve(
        {"customer": customer, "filter": {"type": "credit_grant", "credit_grant": grant.id}}
    )
    assert summary.balances[0].available_balance.monetary.value == 5_000
    [movement] = stripe_sdk.v1.billing.credit_balance_transactions.list({"customer": customer}).data
    assert movement.credit.type == "credits_granted"
    assert stripe_sdk.v1.billing.credit_grants.expire(grant.id).expires_at == sandbox_server.state.now
    assert [one.id for one in stripe_sdk.v1.billing.credit_grants.list({"customer": customer}).data] == [grant.id]


def test_webhook_endpoint(stripe_sdk: stripe.StripeClient) -> None:
    """Its secret is told once."""
    made = stripe_sdk.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/hook", "enabled_events": ["invoice.paid"]}
    )
    assert made.secret.startswith("whsec_")
    assert "secret" not in stripe_sdk.v1.webhook_endpoints.retrieve(made.id)
    changed = stripe_sdk.v1.webhook_endpoints.update(made.id, {"enabled_events": ["*"], "disabled": True})
    assert (changed.status, changed.enabled_events) == ("disabled", ["*"])
    assert stripe_sdk.v1.webhook_endpoints.delete(made.id).deleted
    assert stripe_sdk.v1.webhook_endpoints.list().data == []


@pytest.mark.shared
def test_the_table_of_parameters_names_what_stripe_names(shared: Path) -> None:
    """Every name in it is one that Stripe's specification has for the same operation, and every operation is Stripe's."""
    spec = json.loads((shared / "stripe" / "spec3.from-sdk-16.1.0.json").read_text(encoding="utf-8"))
    known = {}
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            names = {"page"} if path.startswith("/v2/") else set()  # in the addresses of further pages alone
            for body in operation.get("requestBody", {}).get("content", {}).values():
                names |= set(body["schema"].get("properties", {}))
            names |= {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
            known[f"{method.upper()} {re.sub(r'{[^}]*}', '{id}', path)}"] = names

    for operation, names in taken().items():
        assert names <= known[operation], operation
    for name, resource in RESOURCES.items():
        for word in resource.actions:
            assert f"POST /v1/{name}/{{id}}/{word}" in known
