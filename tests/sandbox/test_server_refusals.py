"""What the server refuses, with Stripe's status, code and words: keys, addresses, parameters, cards."""

import base64
import json
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
import stripe

from tests.sandbox_fixtures import SandboxServer, stripe_client

ENDIVE = "2026-10-28.endive"


def send(
    server: SandboxServer, method: str, path: str, form: dict[str, str] | None = None, **headers: str
) -> tuple[int, dict[str, Any], dict[str, str]]:
    """A bare request, for what the SDK would never send; status, JSON, headers."""
    request = Request(
        f"{server.url}{path}",
        data=None if form is None else urlencode(form).encode(),
        method=method,
        headers={
            "Authorization": "Bearer sk_test_bare",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        },
    )
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read()), dict(answer.headers)
    except HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read()), dict(refused.headers)


def test_without_a_key_nothing_is_said(sandbox_server: SandboxServer) -> None:
    status, body, _ = send(sandbox_server, "GET", "/v1/customers", Authorization="")

    assert status == 401
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"]["message"].startswith("You did not provide an API key.")


def test_a_live_key_is_invalid_here_and_is_not_repeated(sandbox_server: SandboxServer) -> None:
    with pytest.raises(stripe.AuthenticationError) as refused:
        stripe_client(sandbox_server.url, "sk_live_4eC39HqLyjWDarjtT1zdp7dc").v1.customers.list()

    assert "Invalid API Key provided: sk_live_" in str(refused.value)
    assert "4eC39HqLyjWDarjtT1z" not in str(refused.value)


def test_the_key_may_come_as_the_user_of_basic_auth(sandbox_server: SandboxServer) -> None:
    """As `curl -u sk_test_x:` sends it."""
    user = base64.b64encode(b"sk_test_x:").decode()

    assert send(sandbox_server, "GET", "/v1/customers", Authorization=f"Basic {user}")[0] == 200


def test_a_read_only_key_reads_and_changes_nothing(sandbox_server: SandboxServer) -> None:
    reader = stripe_client(sandbox_server.url, "rk_test_readonly_dashboard")

    assert reader.v1.customers.list().data == []
    with pytest.raises(stripe.PermissionError, match="rak_customer_write"):
        reader.v1.customers.create({"name": "Mallory"})
    assert reader.v1.customers.list().data == []


def test_an_unknown_address_and_an_unknown_object_are_404(sandbox_server: SandboxServer) -> None:
    status, body, _ = send(sandbox_server, "GET", "/v1/teapots")
    assert (status, body["error"]["message"].split(".")[0]) == (404, "Unrecognized request URL (GET: /v1/teapots)")

    status, body, _ = send(sandbox_server, "GET", "/v1/invoices/in_none")
    assert status == 404
    assert body["error"] | {"doc_url": ""} == {
        "code": "resource_missing",
        "doc_url": "",
        "message": "No such invoice: 'in_none'",
        "param": "id",
        "type": "invalid_request_error",
    }


@pytest.mark.parametrize("kind", ["sandbox.card_script", "sandbox.webhook_secret"])
def test_what_is_the_sandbox_s_own_has_no_address(sandbox_server: SandboxServer, kind: str) -> None:
    assert send(sandbox_server, "GET", f"/v1/{kind}")[0] == 404


def test_an_unknown_parameter_is_refused_on_every_kind_of_request(stripe_sdk: stripe.StripeClient) -> None:
    customer = stripe_sdk.v1.customers.create({"name": "Ada"})
    attempts = [
        lambda: stripe_sdk.v1.customers.create({"nmae": "Ada"}),
        lambda: stripe_sdk.v1.customers.update(customer.id, {"nmae": "Ada"}),
        lambda: stripe_sdk.v1.customers.list({"nmae": "Ada"}),
        lambda: stripe_sdk.v1.customers.retrieve(customer.id, {"nmae": "Ada"}),
    ]

    for attempt in attempts:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            attempt()
        assert (refused.value.http_status, refused.value.code, refused.value.param) == (
            400,
            "parameter_unknown",
            "nmae",
        )
        assert refused.value.user_message == "Received unknown parameter: nmae"


def test_an_unknown_name_inside_a_parameter_is_refused_too(stripe_sdk: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe_sdk.v1.subscriptions.create({"customer": "cus_1", "items": [{"price": "p"}, {"prise": "p"}]})

    assert (refused.value.code, refused.value.param) == ("parameter_unknown", "items[1][prise]")


def test_a_missing_parameter_is_named(stripe_sdk: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe_sdk.v1.subscription_items.list({})  # type: ignore[typeddict-item]  # the missing one is the point

    assert (refused.value.code, refused.value.param) == ("parameter_missing", "subscription")


def test_endive_refuses_what_older_versions_may_still_send(sandbox_server: SandboxServer) -> None:
    """The same payment intent with `payment_method_types`: named endive, named dahlia, named nothing."""
    form = {"amount": "500", "currency": "usd", "payment_method_types[0]": "card"}

    status, body, headers = send(sandbox_server, "POST", "/v1/payment_intents", form, Stripe_Version=ENDIVE)
    assert (status, body["error"]["code"]) == (400, "payment_method_types_no_longer_supported")
    assert headers["stripe-version"] == ENDIVE

    for version in ({"Stripe_Version": "2026-03-25.dahlia"}, {}):
        status, body, _ = send(sandbox_server, "POST", "/v1/payment_intents", form, **version)
        assert (status, body["object"], body["amount"]) == (200, "payment_intent", 500)


def test_an_older_client_may_name_a_coupon_and_a_price_the_old_way(sandbox_server: SandboxServer) -> None:
    """20 % off 10.00 by `coupon`, and an invoice item by `price`."""
    sdk = stripe_client(sandbox_server.url)
    card = {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    customer = sdk.v1.customers.create(card)
    product = sdk.v1.products.create({"name": "Seat"})
    monthly = sdk.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 1_000, "recurring": {"interval": "month"}}
    )
    once = sdk.v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 250})
    coupon = sdk.v1.coupons.create({"percent_off": 20, "duration": "forever"})

    form = {"customer": customer.id, "items[0][price]": monthly.id, "coupon": coupon.id}
    status, subscription, _ = send(sandbox_server, "POST", "/v1/subscriptions", form)
    assert status == 200
    assert sdk.v1.invoices.retrieve(subscription["latest_invoice"]).total == 1_000 - 200

    status, item, _ = send(sandbox_server, "POST", "/v1/invoiceitems", {"customer": customer.id, "price": once.id})
    assert (status, item["amount"]) == (200, 250)
    assert send(sandbox_server, "POST", "/v1/subscriptions", form, Stripe_Version=ENDIVE)[0] == 400


def test_a_declined_card_is_a_card_error_and_leaves_its_failed_charge(stripe_sdk: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as declined:
        stripe_sdk.v1.payment_intents.create(
            {
                "amount": 700,
                "currency": "usd",
                "payment_method": "pm_card_chargeDeclinedInsufficientFunds",
                "confirm": True,
            }
        )

    assert declined.value.http_status == 402
    assert (declined.value.error.decline_code, declined.value.error.advice_code) == (
        "insufficient_funds",
        "try_again_later",
    )
    [charge] = stripe_sdk.v1.charges.list().data
    assert (charge.status, charge.failure_code, charge.id) == ("failed", "card_declined", declined.value.error.charge)


def test_a_refused_request_leaves_nothing_behind(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """A customer with a card that does not exist: neither customer nor event."""
    with pytest.raises(stripe.InvalidRequestError, match="No such PaymentMethod"):
        stripe_sdk.v1.customers.create({"name": "Ada", "payment_method": "pm_none"})

    assert stripe_sdk.v1.customers.list().data == []
    assert stripe_sdk.v1.events.list().data == []


def test_a_change_refused_half_way_is_undone(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """The seats go from 2 to 5 and a price is named that does not exist: there are still 2, and nothing was prorated."""
    customer = stripe_sdk.v1.customers.create({"name": "Ada"})
    product = stripe_sdk.v1.products.create({"name": "Seat"})
    price = stripe_sdk.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 1_000, "recurring": {"interval": "month"}}
    )
    subscription = stripe_sdk.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price.id, "quantity": 2}]}
    )
    before = sandbox_server.control("/state")
    item = subscription["items"].data[0].id

    with pytest.raises(stripe.InvalidRequestError, match="No such price"):
        stripe_sdk.v1.subscriptions.update(
            subscription.id, {"items": [{"id": item, "quantity": 5}, {"price": "price_none"}]}
        )

    assert sandbox_server.control("/state") == before
    stripe_sdk.v1.subscription_items.update(item, {"quantity": 3})
    assert stripe_sdk.v1.subscriptions.retrieve(subscription.id)["items"].data[0].quantity == 3


def test_every_answer_names_its_request(sandbox_server: SandboxServer) -> None:
    _, _, first = send(sandbox_server, "GET", "/v1/customers")
    _, _, second = send(sandbox_server, "GET", "/v1/nowhere")

    assert first["request-id"].startswith("req_")
    assert second["request-id"].startswith("req_")
    assert first["request-id"] != second["request-id"]


def test_json_is_no_form(sandbox_server: SandboxServer) -> None:
    status, body, _ = send(sandbox_server, "POST", "/v1/customers", {"name": "Ada"}, Content_Type="application/json")

    assert status == 400
    assert "application/x-www-form-urlencoded" in body["error"]["message"]


def test_metadata_keys_are_the_caller_s_own_words(stripe_sdk: stripe.StripeClient) -> None:
    """Numbers as keys make no list there, an empty value takes a key away."""
    customer = stripe_sdk.v1.customers.create({"metadata": {"0": "zero", "plan": "pro"}})
    assert customer.metadata.to_dict() == {"0": "zero", "plan": "pro"}

    changed = stripe_sdk.v1.customers.update(customer.id, {"metadata": {"plan": ""}})
    assert changed.metadata.to_dict() == {"0": "zero"}
