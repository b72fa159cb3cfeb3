"""Events reach webhook endpoints: signed, in order, and again when the endpoint fails."""

import pytest
import stripe

from sandbox.http.service import Service
from sandbox.state import State
from sandbox.webhook_sending import signature
from tests.sandbox.receiving import Receiver, endpoint, sent
from tests.sandbox_fixtures import EMPTY_STARTS_AT, SEED, SandboxServer, serving, stripe_client

HOUR = 3_600


def test_the_official_library_accepts_the_signature(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, receiver: Receiver
) -> None:
    """It refuses the same body under another secret, and another body under the same."""
    secret = endpoint(stripe_sdk, receiver).secret
    customer = stripe_sdk.v1.customers.create({"name": "Ada"})
    sent(sandbox_server)
    [(body, signed)] = receiver.got

    event = stripe_sdk.construct_event(body, signed, secret)

    assert (event.type, event.data.object["id"], event.api_version) == (
        "customer.created",
        customer.id,
        "2026-10-28.endive",
    )
    assert event.id == stripe_sdk.v1.events.list().data[0].id
    with pytest.raises(stripe.SignatureVerificationError):
        stripe_sdk.construct_event(body, signed, "whsec_mallory")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe_sdk.construct_event(body.replace(b"Ada", b"Eve"), signed, secret)


def test_the_signature_is_an_hmac_over_time_dot_and_body() -> None:
    """Computed once by `printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_test`."""
    digest = "35495024f4ef3f94e5a93e22221544c4b75e9a42300cd965ab81cb85cd994e91"

    assert signature("whsec_test", b"{}", 1_700_000_000) == f"t=1700000000,v1={digest}"


def test_an_endpoint_gets_only_what_it_asked_for(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, receiver: Receiver
) -> None:
    """And nothing while it is disabled, and nothing of another account."""
    made = endpoint(stripe_sdk, receiver, "product.created", "product.updated")
    product = stripe_sdk.v1.products.create({"name": "Team"})
    stripe_sdk.v1.customers.create({"name": "Ada"})
    with serving(Service(State(SEED + 1, EMPTY_STARTS_AT))) as mallory:
        stripe_client(mallory.url).v1.products.create({"name": "Mallory's"})
        sent(mallory)
    sent(sandbox_server)
    stripe_sdk.v1.webhook_endpoints.update(made.id, {"disabled": True})
    stripe_sdk.v1.products.update(product.id, {"name": "Crew"})
    sent(sandbox_server)

    assert receiver.types == ["product.created"]


def test_everything_is_sent_in_the_order_in_which_it_happened(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, receiver: Receiver
) -> None:
    """A month passes in one step: the renewal's events come as the events list tells them, none is missing."""
    card = "pm_card_visa"
    customer = stripe_sdk.v1.customers.create(
        {"payment_method": card, "invoice_settings": {"default_payment_method": card}}
    )
    product = stripe_sdk.v1.products.create({"name": "Team"})
    price = stripe_sdk.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 4_900, "recurring": {"interval": "month"}}
    )
    stripe_sdk.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    since = sandbox_server.state.now
    endpoint(stripe_sdk, receiver)

    sandbox_server.advance(days=32)

    listed = [one.type for one in stripe_sdk.v1.events.list({"created": {"gt": since}, "limit": 100}).data]
    assert receiver.types == listed[::-1]
    assert {"invoice.created", "invoice.finalized", "charge.succeeded", "invoice.paid"} <= set(receiver.types)


def test_events_older_than_the_list_keeps_them_are_still_sent(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, receiver: Receiver
) -> None:
    sandbox_server.control("/webhook-faults", {"kind": "delay", "delay_seconds": 40 * 24 * HOUR})
    endpoint(stripe_sdk, receiver)
    stripe_sdk.v1.customers.create({"name": "Ada"})

    sandbox_server.advance(days=41)

    assert (receiver.names, stripe_sdk.v1.events.list().data) == (["Ada"], [])


def test_a_failing_endpoint_is_tried_again_by_the_clock(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, receiver: Receiver
) -> None:
    """503, a redirection, then 200: at once, an hour later, and two hours after that. The body stays the same."""
    receiver.answers = [503, 302, 200]
    endpoint(stripe_sdk, receiver)
    stripe_sdk.v1.customers.create({"name": "Ada"})
    sent(sandbox_server)
    assert len(receiver.got) == 1
    assert stripe_sdk.v1.events.list().data[0].pending_webhooks == 1

    sandbox_server.advance(seconds=HOUR - 1)
    assert len(receiver.got) == 1
    sandbox_server.advance(seconds=1)
    assert len(receiver.got) == 2
    sandbox_server.advance(seconds=2 * HOUR)
    sandbox_server.advance(days=10)

    assert len({body for body, _ in receiver.got}) == 1
    attempts = sandbox_server.control("/webhooks")["sent"]
    assert [(one["attempts"], one["status"]) for one in attempts] == [(1, 503), (2, 302), (3, 200)]
    assert stripe_sdk.v1.events.list().data[0].pending_webhooks == 0


def test_an_endpoint_that_is_not_there_is_given_up_after_three_days(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """At once and after 1, 3, 7, 15, 31 and 63 hours: seven tries, in one step of the clock. The list still has it."""
    stripe_sdk.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/hooks", "enabled_events": ["*"]})
    stripe_sdk.v1.customers.create({"name": "Ada"})

    sandbox_server.advance(days=3)

    told = sandbox_server.control("/webhooks")
    hours = [(one["due"] - EMPTY_STARTS_AT) / HOUR for one in told["sent"]]
    assert hours == [0, 1, 1 + 2, 3 + 4, 7 + 8, 15 + 16, 31 + 32]
    assert {one["status"] for one in told["sent"]} == {None}
    assert told["waiting"] == []
    assert stripe_sdk.v1.events.list({"delivery_success": False}).data[0].type == "customer.created"


def test_what_waits_can_be_sent_at_once(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, receiver: Receiver
) -> None:
    receiver.answers = [500]
    endpoint(stripe_sdk, receiver)
    stripe_sdk.v1.customers.create({"name": "Ada"})
    sent(sandbox_server)

    assert sandbox_server.control("/webhooks/deliver", {}) == {"due": 1}
    assert receiver.names == ["Ada", "Ada"]


def test_what_a_refused_request_had_begun_is_not_sent(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, receiver: Receiver
) -> None:
    """The item is credited before the unknown price is found; a declined card's failure is told."""
    product = stripe_sdk.v1.products.create({"name": "Seat"})
    price = stripe_sdk.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 1_000, "recurring": {"interval": "month"}}
    )
    customer = stripe_sdk.v1.customers.create({"name": "Ada"})
    made = stripe_sdk.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price.id}], "collection_method": "send_invoice"}
    )
    endpoint(stripe_sdk, receiver)
    item = made["items"].data[0].id

    with pytest.raises(stripe.InvalidRequestError, match="No such price"):
        stripe_sdk.v1.subscriptions.update(made.id, {"items": [{"id": item, "quantity": 5}, {"price": "price_none"}]})
    with pytest.raises(stripe.CardError):
        stripe_sdk.v1.payment_intents.create(
            {"amount": 700, "currency": "usd", "payment_method": "pm_card_chargeDeclined", "confirm": True}
        )
    sent(sandbox_server)

    assert receiver.types == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]


def test_the_same_seed_has_the_same_secrets(stripe_sdk: stripe.StripeClient, receiver: Receiver) -> None:
    first = endpoint(stripe_sdk, receiver).secret
    with serving(Service(State(SEED, EMPTY_STARTS_AT))) as same, serving(Service(State(SEED + 1))) as other:
        assert endpoint(stripe_client(same.url), receiver).secret == first
        assert endpoint(stripe_client(other.url), receiver).secret != first
