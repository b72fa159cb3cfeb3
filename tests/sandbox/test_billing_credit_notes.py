"""Credit notes: an open invoice asks for less; of a paid one money returns, and never more than it was for."""

from typing import Any

import pytest
import stripe

from tests.sandbox.shop import customer, price, subscribe
from tests.sandbox_fixtures import SandboxServer


def billed(sdk: stripe.StripeClient, of: str, *amounts: int, finalize: bool = True, **given: Any) -> Any:
    """An invoice over these amounts; finalized but not paid."""
    made = sdk.v1.invoices.create({"customer": of} | given)  # type: ignore[arg-type]  # the SDK wants its own dict type
    for amount in amounts:
        sdk.v1.invoice_items.create({"customer": of, "invoice": made.id, "amount": amount, "currency": "usd"})
    return sdk.v1.invoices.finalize_invoice(made.id) if finalize else made


def note(sdk: stripe.StripeClient, invoice: Any, **given: Any) -> Any:
    """A credit note on the invoice."""
    told: Any = {"invoice": invoice.id} | given
    return sdk.v1.credit_notes.create(told)


def test_an_open_invoice_asks_for_less_until_the_note_is_voided(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """100.00 less 30.00 are 70.00; with the note void 100.00 again; less 100.00 it is paid without a payment."""
    ada = customer(stripe_sdk)
    invoice = billed(stripe_sdk, ada, 10_000)

    made = note(stripe_sdk, invoice, amount=3_000, reason="order_change")

    assert (made.type, made.pre_payment_amount, made.number) == ("pre_payment", 3_000, f"{invoice.number}-CN-01")
    less = stripe_sdk.v1.invoices.retrieve(invoice.id)
    assert (less.amount_remaining, less.pre_payment_credit_notes_amount, less.total) == (7_000, 3_000, 10_000)
    assert stripe_sdk.v1.credit_notes.void_credit_note(made.id).status == "void"
    assert stripe_sdk.v1.invoices.retrieve(invoice.id).amount_remaining == 10_000
    note(stripe_sdk, invoice, amount=10_000)
    paid = stripe_sdk.v1.invoices.retrieve(invoice.id)
    assert (paid.status, paid.amount_paid) == ("paid", 0)
    assert stripe_sdk.v1.charges.list().data == []
    types = {one.type for one in stripe_sdk.v1.events.list({"type": "credit_note.*"}).data}
    assert types == {"credit_note.created", "credit_note.voided"}


def test_what_an_invoice_asks_for_less_is_what_the_card_pays(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    invoice = billed(stripe_sdk, customer(stripe_sdk), 10_000)
    note(stripe_sdk, invoice, amount=3_000)

    stripe_sdk.v1.invoices.pay(invoice.id)

    assert [one.amount for one in stripe_sdk.v1.charges.list().data] == [7_000]


def test_a_debt_forgiven_makes_its_subscription_active_again(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """February's 100.00 are declined; a note over all of it, and nothing is owed or tried any more."""
    ada = customer(stripe_sdk)
    made = subscribe(stripe_sdk, ada, price(stripe_sdk, 10_000))
    card = stripe_sdk.v1.payment_methods.list({"customer": ada}).data[0].id
    sandbox_server.control(f"/payment_methods/{card}/outcomes", {"outcomes": ["insufficient_funds"]})
    sandbox_server.advance(days=32)
    assert stripe_sdk.v1.subscriptions.retrieve(made.id).status == "past_due"

    note(stripe_sdk, stripe_sdk.v1.invoices.list().data[0], amount=10_000)

    assert stripe_sdk.v1.subscriptions.retrieve(made.id).status == "active"
    assert stripe_sdk.v1.invoices.list().data[0].next_payment_attempt is None
    sandbox_server.advance(days=20)
    assert len(stripe_sdk.v1.charges.list().data) == 2


def test_of_a_paid_invoice_money_returns_in_three_ways(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """50.00 of 100.00: 20.00 to the card, 25.00 as balance, 5.00 outside of Stripe."""
    ada = customer(stripe_sdk)
    subscribe(stripe_sdk, ada, price(stripe_sdk, 10_000))
    invoice = stripe_sdk.v1.invoices.list().data[0]

    made = note(stripe_sdk, invoice, amount=5_000, refund_amount=2_000, credit_amount=2_500, out_of_band_amount=500)

    assert (made.type, made.post_payment_amount, made.refunds[0].amount_refunded) == ("post_payment", 5_000, 2_000)
    assert [one.amount for one in stripe_sdk.v1.refunds.list().data] == [2_000]
    assert stripe_sdk.v1.customers.retrieve(ada).balance == -2_500
    [moved] = stripe_sdk.v1.customers.balance_transactions.list(ada).data
    assert (moved.id, moved.amount, moved.credit_note) == (made.customer_balance_transaction, -2_500, made.id)
    after = stripe_sdk.v1.invoices.retrieve(invoice.id)
    assert (after.amount_paid, after.post_payment_credit_notes_amount) == (10_000, 5_000)
    with pytest.raises(stripe.InvalidRequestError):
        stripe_sdk.v1.credit_notes.void_credit_note(made.id)


def test_lines_bring_their_discount_and_tax(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """Half of 4 seats at 100.00 with 10 % off and 20 % tax: 200.00 - 20.00 + 36.00 = 216.00; and 10.00 of goodwill."""
    tenth = stripe_sdk.v1.coupons.create({"percent_off": 10, "duration": "forever"}).id
    vat = stripe_sdk.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False}).id
    seats: Any = {"price": price(stripe_sdk, 10_000), "quantity": 4}
    given: Any = {"discounts": [{"coupon": tenth}], "default_tax_rates": [vat]}
    subscribe(stripe_sdk, customer(stripe_sdk), seats, **given)
    invoice = stripe_sdk.v1.invoices.list().data[0]
    half: Any = {"type": "invoice_line_item", "invoice_line_item": invoice.lines.data[0].id, "quantity": 2}
    goodwill: Any = {"type": "custom_line_item", "description": "Goodwill", "unit_amount": 1_000, "quantity": 1}
    told: Any = {"invoice": invoice.id, "lines": [half, goodwill], "credit_amount": 22_600}
    before = sandbox_server.control("/state")

    seen = stripe_sdk.v1.credit_notes.preview(told)

    assert sandbox_server.control("/state") == before
    made = stripe_sdk.v1.credit_notes.create(told)
    assert (made.subtotal, made.discount_amount, made.total) == (21_000, 2_000, 20_000 - 2_000 + 3_600 + 1_000)
    assert (made.total_excluding_tax, seen.total) == (19_000, made.total)
    assert [line.amount for line in stripe_sdk.v1.credit_notes.line_items.list(made.id).data] == [20_000, 1_000]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe_sdk.v1.credit_notes.create(told | {"lines": [half | {"quantity": 3}]})
    assert refused.value.param == "lines[0][amount]"


def test_a_refund_made_before_can_be_explained_once(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 10_000))
    invoice = stripe_sdk.v1.invoices.list().data[0]
    refund = stripe_sdk.v1.refunds.create({"charge": stripe_sdk.v1.charges.list().data[0].id, "amount": 4_000})
    linked: Any = {"amount": 4_000, "refunds": [{"refund": refund.id, "amount_refunded": 4_000}]}

    assert note(stripe_sdk, invoice, **linked).refunds[0].refund == refund.id

    assert len(stripe_sdk.v1.refunds.list().data) == 1
    with pytest.raises(stripe.InvalidRequestError, match="can be linked"):
        note(stripe_sdk, invoice, **linked)


@pytest.mark.parametrize(
    "given",
    [
        {"amount": 10_001, "credit_amount": 10_001},
        {"amount": 5_000, "credit_amount": 4_000},
        {"amount": 5_000},
        {"credit_amount": 5_000},
        {"amount": 0},
        {"amount": 5_000, "credit_amount": 6_000, "refund_amount": -1_000},
    ],
)
def test_what_does_not_add_up_is_refused(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, given: dict[str, int]
) -> None:
    """Of a paid invoice over 100.00; and nothing of a draft."""
    ada = customer(stripe_sdk)
    subscribe(stripe_sdk, ada, price(stripe_sdk, 10_000))
    invoice = stripe_sdk.v1.invoices.list().data[0]

    with pytest.raises(stripe.InvalidRequestError):
        note(stripe_sdk, invoice, **given)
    with pytest.raises(stripe.InvalidRequestError):
        note(stripe_sdk, billed(stripe_sdk, ada, 10_000, finalize=False), **given)

    assert stripe_sdk.v1.credit_notes.list({"invoice": invoice.id}).data == []
    assert stripe_sdk.v1.customers.retrieve(ada).balance == 0
