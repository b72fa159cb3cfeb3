"""The sandbox tells what it was asked to change, and where the money of every charge stands."""

import pytest
import stripe

from tests.sandbox.shop import customer
from tests.sandbox.test_billing_refusals import invoice_of, paid_charge
from tests.sandbox_fixtures import SandboxServer


def test_every_change_asked_for_is_listed_with_what_came_of_it(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """An answer that got lost was an effect, its replay is none; a connection closed before anything was done is neither."""
    charge = paid_charge(stripe_sdk)
    sandbox_server.control("/requests", {}, method="DELETE")

    def refund(key: str, amount: int = 1_000) -> None:
        stripe_sdk.v1.refunds.create({"charge": charge, "amount": amount}, {"idempotency_key": key})

    sandbox_server.fail_next("timeout_after", path="/v1/refunds")
    for _ in range(2):
        try:
            refund("intent-1")
        except stripe.APIConnectionError:
            stripe_sdk.v1.refunds.list()
    sandbox_server.fail_next("timeout_before", path="/v1/refunds")
    with pytest.raises(stripe.APIConnectionError):
        refund("intent-2")
    with pytest.raises(stripe.InvalidRequestError):
        refund("intent-3", 9_999)

    [made] = stripe_sdk.v1.refunds.list().data
    rows = sandbox_server.control("/requests")["requests"]
    assert [(row["idempotency_key"], row["replayed"], row["status"], row["object"]) for row in rows] == [
        ("intent-1", False, 200, made.id),
        ("intent-1", True, 200, None),
        ("intent-2", False, None, None),
        ("intent-3", False, 400, None),
    ]
    assert {(row["method"], row["path"]) for row in rows} == {("POST", "/v1/refunds")}


def test_the_ledger_shows_each_charge_and_each_invoice(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """50.00 with 10.00 back and in dispute; an invoice over 10.00 paid at the second try. Fees: 1.75, 15.00 and 0.59."""
    charge = paid_charge(stripe_sdk)
    refund = stripe_sdk.v1.refunds.create({"charge": charge, "amount": 1_000}).id
    dispute = sandbox_server.control("/disputes", {"charge": charge})["id"]
    invoice = invoice_of(stripe_sdk)
    card = stripe_sdk.v1.payment_methods.attach("pm_card_visa", {"customer": customer_of(stripe_sdk, invoice)}).id
    sandbox_server.control(f"/payment_methods/{card}/outcomes", {"outcomes": ["insufficient_funds", "approved"]})
    with pytest.raises(stripe.CardError):
        stripe_sdk.v1.invoices.pay(invoice, {"payment_method": card})
    stripe_sdk.v1.invoices.pay(invoice, {"payment_method": card})

    found = sandbox_server.control("/ledger")

    shown = found["charges"][charge]
    assert (shown["amount_captured"], shown["amount_refunded"]) == (5_000, 1_000)
    assert [(one["id"], one["status"]) for one in shown["refunds"]] == [(refund, "succeeded")]
    assert [(one["id"], one["amount"], one["status"]) for one in shown["disputes"]] == [
        (dispute, 4_000, "needs_response")
    ]
    paid = found["invoices"][invoice]
    assert (paid["status"], paid["amount_paid"], paid["attempt_count"]) == ("paid", 1_000, 2)
    assert [one["status"] for one in paid["attempts"]] == ["failed", "succeeded"]
    assert found["balance"] == (5_000 - 175) - 1_000 - (4_000 + 1_500) + (1_000 - 59)
    assert customer(stripe_sdk) not in {one["customer"] for one in found["charges"].values()}


def customer_of(sdk: stripe.StripeClient, invoice: str) -> str:
    return str(sdk.v1.invoices.retrieve(invoice).customer)
