"""What becomes of a change that costs money at once when the card says no; and the balance of a customer, row by row."""

from typing import Any

import pytest
import stripe

from tests.sandbox.shop import customer, price, subscribe
from tests.sandbox.test_billing_refusals import refused
from tests.sandbox_fixtures import SandboxServer

UPGRADE: Any = {"proration_behavior": "always_invoice"}


def declining(server: SandboxServer, sdk: stripe.StripeClient, of: str) -> None:
    card = str(sdk.v1.customers.retrieve(of).invoice_settings["default_payment_method"])  # type: ignore[index]
    server.control(f"/payment_methods/{card}/outcomes", {"outcomes": ["insufficient_funds"]})


@pytest.mark.parametrize(
    ("behavior", "quantity", "status"),
    [("allow_incomplete", 2, "past_due"), ("default_incomplete", 2, "past_due"), ("error_if_incomplete", 1, "active")],
)
def test_an_upgrade_that_is_not_paid(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, behavior: str, quantity: int, status: str
) -> None:
    """It stands, waits for the customer without a try, or is taken back with a 402 as if it had never been asked for."""
    buyer = customer(stripe_sdk)
    made = subscribe(stripe_sdk, buyer, price(stripe_sdk, 3_100))
    declining(sandbox_server, stripe_sdk, buyer)
    item = made["items"].data[0].id
    change: Any = {"items": [{"id": item, "quantity": 2}], "payment_behavior": behavior, **UPGRADE}
    before = sandbox_server.control("/state")
    if behavior == "error_if_incomplete":
        with pytest.raises(stripe.CardError) as declined:
            stripe_sdk.v1.subscriptions.update(made.id, change)
        assert declined.value.error.decline_code == "insufficient_funds"
        assert sandbox_server.control("/state")["counts"] == before["counts"]
    else:
        stripe_sdk.v1.subscriptions.update(made.id, change)

    now = stripe_sdk.v1.subscriptions.retrieve(made.id)

    assert (now["items"].data[0].quantity, now.status) == (quantity, status)
    tried = len(stripe_sdk.v1.charges.list({"customer": buyer}).data)
    assert tried == (2 if behavior == "allow_incomplete" else 1)


def test_pending_updates_are_not_there(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))
    change: Any = {"payment_behavior": "pending_if_incomplete"}
    refused(sandbox_server, lambda: stripe_sdk.v1.subscriptions.update(made.id, change))


def test_every_movement_of_a_customer_s_balance_is_a_row(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """20.00 of credit pay 12.00 of an invoice; 8.00 of them and 4.00 more make the next one, which is voided."""
    buyer, mallory = customer(stripe_sdk), customer(stripe_sdk)
    stripe_sdk.v1.customers.balance_transactions.create(buyer, {"amount": -2_000, "currency": "usd"})

    def bill(amount: int) -> str:
        made = stripe_sdk.v1.invoices.create({"customer": buyer, "auto_advance": False})
        stripe_sdk.v1.invoice_items.create({"customer": buyer, "invoice": made.id, "amount": amount, "currency": "usd"})
        return stripe_sdk.v1.invoices.finalize_invoice(made.id).id

    first, second = bill(1_200), bill(1_200)
    stripe_sdk.v1.invoices.void_invoice(second)

    rows = stripe_sdk.v1.customers.balance_transactions.list(buyer).data[::-1]
    assert [(row.type, row.amount, row.ending_balance, row.invoice) for row in rows] == [
        ("adjustment", -2_000, -2_000, None),
        ("applied_to_invoice", 1_200, -800, first),
        ("applied_to_invoice", 800, 0, second),
        ("unapplied_from_invoice", -800, -800, second),
    ]
    assert stripe_sdk.v1.customers.retrieve(buyer).balance == -800
    assert stripe_sdk.v1.customers.balance_transactions.list(mallory).data == []
