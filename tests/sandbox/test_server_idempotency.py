"""Idempotency keys: the same key gives the same answer, whatever the answer was."""

import threading
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest
import stripe

from tests.sandbox_fixtures import SandboxServer, stripe_client


def charged(sdk: stripe.StripeClient, amount: int = 5_000) -> str:
    """The payment intent of a charge that went well."""
    intent = sdk.v1.payment_intents.create(
        {"amount": amount, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    )
    return intent.id


def test_the_same_key_refunds_once_and_answers_twice(stripe_sdk: stripe.StripeClient) -> None:
    """20.00 of 50.00, sent twice: one refund, and 30.00 are left."""
    intent = charged(stripe_sdk)
    params = {"payment_intent": intent, "amount": 2_000}

    first = stripe_sdk.v1.refunds.create(params, {"idempotency_key": "refund:1"})
    second = stripe_sdk.v1.refunds.create(params, {"idempotency_key": "refund:1"})

    assert second.to_dict() == first.to_dict()
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert second.last_response.headers["Original-Request"] == first.last_response.request_id
    assert "Idempotent-Replayed" not in first.last_response.headers
    [charge] = stripe_sdk.v1.charges.list().data
    assert charge.amount_refunded == 2_000


def test_a_decline_is_replayed_even_when_the_bank_would_now_say_yes(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Same key, same decline; the second try needs a key of its own."""
    customer = stripe_sdk.v1.customers.create({"name": "Ada"})
    card = stripe_sdk.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    sandbox_server.control(f"/payment_methods/{card.id}/outcomes", {"outcomes": ["do_not_honor", "approved"]})
    params = {
        "amount": 900,
        "currency": "usd",
        "customer": customer.id,
        "payment_method": card.id,
        "confirm": True,
    }

    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            stripe_sdk.v1.payment_intents.create(params, {"idempotency_key": "retry:1"})
        assert declined.value.error.decline_code == "do_not_honor"

    assert stripe_sdk.v1.payment_intents.create(params, {"idempotency_key": "retry:2"}).status == "succeeded"
    assert [charge.status for charge in stripe_sdk.v1.charges.list().data] == ["succeeded", "failed"]


def test_other_parameters_under_the_same_key_are_refused(stripe_sdk: stripe.StripeClient) -> None:
    intent = charged(stripe_sdk)
    stripe_sdk.v1.refunds.create({"payment_intent": intent, "amount": 100}, {"idempotency_key": "k"})

    with pytest.raises(stripe.IdempotencyError) as refused:
        stripe_sdk.v1.refunds.create({"payment_intent": intent, "amount": 200}, {"idempotency_key": "k"})
    assert refused.value.http_status == 400
    assert "the same parameters they were first used with" in str(refused.value)

    with pytest.raises(stripe.IdempotencyError, match="the same endpoint"):
        stripe_sdk.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})


def test_a_refusal_of_the_deed_is_kept_and_one_of_the_form_is_not(stripe_sdk: stripe.StripeClient) -> None:
    """More than was charged: kept. A misspelled parameter: the key is still free."""
    intent = charged(stripe_sdk, 1_000)
    too_much = {"payment_intent": intent, "amount": 1_001}
    for replayed in (None, "true"):
        with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount") as refused:
            stripe_sdk.v1.refunds.create(too_much, {"idempotency_key": "deed"})
        assert refused.value.headers.get("idempotent-replayed") == replayed

    with pytest.raises(stripe.InvalidRequestError):
        stripe_sdk.v1.refunds.create({"payment_intent": intent, "amonut": 5}, {"idempotency_key": "form"})
    made = stripe_sdk.v1.refunds.create({"payment_intent": intent, "amount": 5}, {"idempotency_key": "form"})
    assert made.amount == 5


def test_a_key_is_forgotten_after_a_day_of_the_sandbox(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    first = stripe_sdk.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})

    sandbox_server.advance(seconds=86_399)
    assert stripe_sdk.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"}).id == first.id
    sandbox_server.advance(seconds=1)
    assert stripe_sdk.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"}).id != first.id


def test_a_key_in_flight_is_refused_until_its_first_request_is_answered(sandbox_server: SandboxServer) -> None:
    """The first answer is held back for half a second; the second request meets it under way."""
    sandbox_server.fail_next("delay", method="POST", path="/v1/customers", delay_seconds=0.5)
    sdk = stripe_client(sandbox_server.url)
    made: list[str] = []
    arrived = threading.Event()
    sandbox_server.state.on_event = lambda _event: arrived.set()

    def first() -> None:
        made.append(sdk.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"}).id)

    thread = threading.Thread(target=first)
    thread.start()
    assert arrived.wait(5)
    with pytest.raises(stripe.APIError) as refused:
        stripe_client(sandbox_server.url).v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    thread.join()

    assert (refused.value.http_status, refused.value.error.code) == (409, "idempotency_key_in_use")
    assert sdk.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"}).id == made[0]


def test_a_hundred_requests_at_once_under_one_key_make_one_customer(sandbox_server: SandboxServer) -> None:
    """Ten threads, ten requests each."""
    host = sandbox_server.url.removeprefix("http://")
    statuses: list[int] = []

    def ask() -> None:
        connection = HTTPConnection(host, timeout=10)
        for _ in range(10):
            connection.request(
                "POST",
                "/v1/customers",
                urlencode({"name": "Ada"}),
                {
                    "Authorization": "Bearer sk_test_x",
                    "Idempotency-Key": "same",
                    "Content-Type": "application/x-www-form-urlencoded",
                },
            )
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(statuses) <= {200, 409}
    assert len(sandbox_server.state.objects["customer"]) == 1
