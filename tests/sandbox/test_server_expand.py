"""`expand`: ids become objects, lists appear that are not there by themselves, and what cannot be expanded is refused."""

import pytest
import stripe

from tests.sandbox_fixtures import SandboxServer, stripe_client


@pytest.fixture(scope="module")
def sdk(demo_company_server: SandboxServer) -> stripe.StripeClient:
    return stripe_client(demo_company_server.url)


def test_an_id_becomes_the_object_that_it_names(sdk: stripe.StripeClient) -> None:
    """From the list of charges three places down: data, payment intent, customer."""
    page = sdk.v1.charges.list({"limit": 5, "expand": ["data.payment_intent.customer", "data.balance_transaction"]})

    for charge in page.data:
        assert isinstance(charge.payment_intent, stripe.PaymentIntent)
        assert isinstance(charge.payment_intent.customer, stripe.Customer)
        if charge.paid:
            assert isinstance(charge.balance_transaction, stripe.BalanceTransaction)
            assert charge.balance_transaction.source == charge.id


def test_what_only_expand_shows_is_absent_without_it(sdk: stripe.StripeClient) -> None:
    """Payments of an invoice, refunds of a charge, subscriptions of a customer, tiers of a price."""
    invoice = sdk.v1.invoices.list({"status": "paid", "limit": 1}).data[0]
    tiered = next(one for one in sdk.v1.prices.list({"limit": 100}).data if one.billing_scheme == "tiered")

    assert "payments" not in invoice
    assert "tiers" not in tiered
    with_payments = sdk.v1.invoices.retrieve(invoice.id, {"expand": ["payments.data.payment.payment_intent"]})
    [payment] = with_payments.payments.data
    assert payment.payment.payment_intent.amount_received == invoice.amount_paid
    assert sdk.v1.prices.retrieve(tiered.id, {"expand": ["tiers"]}).tiers[-1].up_to is None
    refund = sdk.v1.refunds.list({"limit": 1}).data[0]
    assert refund.id in [one.id for one in sdk.v1.charges.retrieve(refund.charge, {"expand": ["refunds"]}).refunds.data]


def test_tiers_can_be_asked_for_inside_a_subscription(sdk: stripe.StripeClient) -> None:
    """Four places deep, the most that is allowed."""
    subscriptions = sdk.v1.subscriptions.list({"limit": 100}).data
    tiered = next(one for one in subscriptions if one["items"].data[-1].price.billing_scheme == "tiered")

    whole = sdk.v1.subscriptions.retrieve(tiered.id, {"expand": ["items.data.price.tiers"]})

    assert whole["items"].data[-1].price.tiers[-1].up_to is None


def test_a_source_is_expanded_to_what_its_id_says(sdk: stripe.StripeClient) -> None:
    page = sdk.v1.balance_transactions.list({"limit": 100, "expand": ["data.source"]})

    named = {
        "charge": "charge",
        "refund": "refund",
        "refund_failure": "refund",
        "adjustment": "dispute",
        "payout": "payout",
    }
    assert len({row.type for row in page.data}) > 1
    assert all(row.source.object == named[row.type] for row in page.data)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("data.currency", "This property cannot be expanded (currency)"),
        ("data.nonsense", "This property cannot be expanded (nonsense)"),
        ("customer", "This property cannot be expanded (customer)"),
        ("data.lines.data.pricing.price_details", "You cannot expand more than 4 levels"),
    ],
)
def test_what_cannot_be_expanded_is_refused(sdk: stripe.StripeClient, path: str, said: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.invoices.list({"expand": [path]})

    assert refused.value.http_status == 400
    assert said in str(refused.value.user_message)


def test_a_bad_expand_is_refused_before_anything_happens(stripe_sdk: stripe.StripeClient) -> None:
    customer = stripe_sdk.v1.customers.create({"name": "Before"})

    with pytest.raises(stripe.InvalidRequestError):
        stripe_sdk.v1.customers.update(customer.id, {"name": "After", "expand": ["name"]})
    with pytest.raises(stripe.InvalidRequestError):
        stripe_sdk.v1.customers.create({"name": "Second", "expand": ["name"]})

    assert [one.name for one in stripe_sdk.v1.customers.list().data] == ["Before"]
