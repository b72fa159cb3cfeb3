"""The control plane: time that only the caller moves, what banks decide, and one hash over everything."""

import pytest
import stripe

from sandbox.http.service import Service
from sandbox.state import State
from tests.sandbox_fixtures import EMPTY_STARTS_AT, SEED, SandboxServer, serving, stripe_client

DAY = 86_400


def subscribed(sdk: stripe.StripeClient, card: str = "pm_card_visa") -> stripe.Subscription:
    """A customer who pays 49.00 a month."""
    customer = sdk.v1.customers.create({"payment_method": card, "invoice_settings": {"default_payment_method": card}})
    product = sdk.v1.products.create({"name": "Team"})
    price = sdk.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 4_900, "recurring": {"interval": "month"}}
    )
    return sdk.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})


def test_the_clock_answers_and_moves_by_request_alone(sandbox_server: SandboxServer) -> None:
    assert sandbox_server.control("/clock") == {"now": EMPTY_STARTS_AT}
    assert sandbox_server.advance(seconds=90) == EMPTY_STARTS_AT + 90
    assert sandbox_server.advance(to="2026-01-02T00:00:00Z") == EMPTY_STARTS_AT + DAY
    assert sandbox_server.advance(to=EMPTY_STARTS_AT + 2 * DAY) == EMPTY_STARTS_AT + 2 * DAY


@pytest.mark.parametrize("to", [EMPTY_STARTS_AT - 1, "2025-12-31T00:00:00Z", "2026-01-02T00:00:00", "tomorrow"])
def test_the_clock_goes_neither_back_nor_to_a_moment_that_is_none(sandbox_server: SandboxServer, to: int | str) -> None:
    with pytest.raises(OSError, match="400"):
        sandbox_server.advance(to=to)

    assert sandbox_server.control("/clock") == {"now": EMPTY_STARTS_AT}


def test_what_falls_due_happens_on_the_way(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """Sixty days from 1 January: renewals on 1 February and 1 March, each finalized and paid an hour later."""
    subscribed(stripe_sdk)

    sandbox_server.advance(days=60)

    invoices = stripe_sdk.v1.invoices.list().data[::-1]
    february, march = EMPTY_STARTS_AT + 31 * DAY, EMPTY_STARTS_AT + 59 * DAY
    assert [(one.created, one.status, one.amount_paid) for one in invoices] == [
        (EMPTY_STARTS_AT, "paid", 4_900),
        (february, "paid", 4_900),
        (march, "paid", 4_900),
    ]
    assert [one.status_transitions.paid_at for one in invoices] == [EMPTY_STARTS_AT, february + 3_600, march + 3_600]


def test_the_same_seed_and_requests_make_the_same_state(sandbox_server: SandboxServer) -> None:
    """Told twice, it has one hash; another seed has other ids and so another."""

    def story(server: SandboxServer) -> str:
        sdk = stripe_client(server.url)
        # The SDK's own keys are random and stand in the events that a request causes.
        options = {"idempotency_key": "one"}
        sdk.v1.customers.create({"name": "Ada", "payment_method": "pm_card_visa"}, options)
        server.advance(days=2)
        return str(server.control("/state")["sha256"])

    with (
        serving(Service(State(SEED, EMPTY_STARTS_AT))) as same,
        serving(Service(State(SEED + 1, EMPTY_STARTS_AT))) as other,
    ):
        first = story(sandbox_server)
        assert story(same) == first
        assert story(other) != first


def test_one_account_knows_nothing_of_another(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """Mallory has an account of her own and asks it for Ada's customer."""
    ada = stripe_sdk.v1.customers.create({"name": "Ada"})

    with serving(Service(State(SEED + 1, EMPTY_STARTS_AT))) as server:
        mallory = stripe_client(server.url, "sk_test_mallory")
        assert mallory.v1.customers.list().data == []
        with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
            mallory.v1.customers.retrieve(ada.id)


def test_a_bank_challenges_and_decides(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """49.00 and a fee of 15.00 go at the challenge; won, the 49.00 come back and the fee does not."""
    subscribed(stripe_sdk)
    charge = stripe_sdk.v1.charges.list().data[0]

    opened = sandbox_server.control("/disputes", {"charge": charge.id, "reason": "fraudulent"})
    assert (opened["status"], stripe_sdk.v1.disputes.retrieve(opened["id"]).amount) == ("needs_response", 4_900)
    assert stripe_sdk.v1.charges.retrieve(charge.id).disputed

    sandbox_server.control(f"/disputes/{opened['id']}/resolve", {"status": "won"})
    dispute = stripe_sdk.v1.disputes.retrieve(opened["id"])
    assert dispute.status == "won"
    assert [one.net for one in dispute.balance_transactions] == [-4_900 - 1_500, 4_900]


def test_a_dispute_is_past_due_once_its_deadline_is_over(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Nine days to answer."""
    subscribed(stripe_sdk)
    opened = sandbox_server.control("/disputes", {"charge": stripe_sdk.v1.charges.list().data[0].id})

    sandbox_server.advance(days=9)
    assert not stripe_sdk.v1.disputes.retrieve(opened["id"]).evidence_details.past_due
    sandbox_server.advance(seconds=1)
    assert stripe_sdk.v1.disputes.retrieve(opened["id"]).evidence_details.past_due


def test_money_becomes_available_after_two_days(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    subscribed(stripe_sdk)

    def status() -> str:
        return stripe_sdk.v1.balance_transactions.list().data[0].status

    sandbox_server.advance(seconds=2 * DAY - 1)
    assert status() == "pending"
    sandbox_server.advance(seconds=1)
    assert status() == "available"


def test_a_refund_that_succeeded_can_still_fail(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """10.00 of 49.00 go out and come back: nothing counts as refunded."""
    subscribed(stripe_sdk)
    charge = stripe_sdk.v1.charges.list().data[0]
    refund = stripe_sdk.v1.refunds.create({"charge": charge.id, "amount": 1_000})

    sandbox_server.control(f"/refunds/{refund.id}/fail", {"reason": "lost_or_stolen_card"})

    failed = stripe_sdk.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_reason) == ("failed", "lost_or_stolen_card")
    assert failed.failure_balance_transaction.amount == 1_000
    assert stripe_sdk.v1.charges.retrieve(charge.id).amount_refunded == 0


def test_what_becomes_of_a_subscription_that_nobody_pays_is_set(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """The February renewal fails at once and again after 3, 5 and 7 days: 15 days later it is over."""
    subscription = subscribed(stripe_sdk)
    card = stripe_sdk.v1.payment_methods.list({"customer": subscription.customer}).data[0]
    sandbox_server.control(f"/payment_methods/{card.id}/outcomes", {"outcomes": ["insufficient_funds"]})
    sandbox_server.control(f"/subscriptions/{subscription.id}/final_dunning", {"becomes": "unpaid"})

    sandbox_server.advance(days=31 + 1)
    assert stripe_sdk.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    sandbox_server.advance(days=15)
    assert stripe_sdk.v1.subscriptions.retrieve(subscription.id).status == "unpaid"
