"""How failed payments are tried again: when, how often, and never on a card whose bank said so."""

from itertools import pairwise
from typing import Any

import pytest
import stripe

from tests.sandbox.shop import DAY, FEBRUARY, customer, newest_invoice, price, subscribe
from tests.sandbox_fixtures import SandboxServer

HOUR = 3_600


def renewing(server: SandboxServer, sdk: stripe.StripeClient, outcomes: list[str]) -> tuple[str, str, str]:
    """A subscription begun on the first of January whose card answers so from February on: its id, customer and card."""
    of = customer(sdk)
    made = subscribe(sdk, of, price(sdk, 4_900))
    card = sdk.v1.payment_methods.list({"customer": of}).data[0].id
    server.control(f"/payment_methods/{card}/outcomes", {"outcomes": outcomes})
    return made.id, of, card


def test_smart_retries_try_eight_times_within_two_weeks(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Each try at the moment that the invoice announced; the ninth failure, the first included, is the last."""
    assert sandbox_server.control("/retries", {}) == {"tries": 8, "within_days": 14}
    subscription, _, _ = renewing(sandbox_server, stripe_sdk, ["insufficient_funds"])
    sandbox_server.advance(to=FEBRUARY + HOUR)
    announced = []
    while (at := newest_invoice(stripe_sdk).next_payment_attempt) is not None:
        announced.append(at)
        sandbox_server.advance(to=at)

    tried = [one.created for one in stripe_sdk.v1.charges.list({"limit": 100}).data[::-1]][2:]
    assert tried == announced
    assert len(announced) == 8
    assert announced[-1] <= FEBRUARY + HOUR + 14 * DAY
    gaps = [later - earlier for earlier, later in pairwise(announced)]
    assert min(gaps) >= 14 * DAY // 8 // 2
    assert newest_invoice(stripe_sdk).attempt_count == 9
    assert stripe_sdk.v1.subscriptions.retrieve(subscription).status == "canceled"


def test_another_rule_of_retries(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    sandbox_server.control("/retries", {"after_days": [2]})
    renewing(sandbox_server, stripe_sdk, ["insufficient_funds", "approved"])

    sandbox_server.advance(to=FEBRUARY + HOUR)

    assert newest_invoice(stripe_sdk).next_payment_attempt == FEBRUARY + HOUR + 2 * DAY
    sandbox_server.advance(days=2)
    assert newest_invoice(stripe_sdk).status == "paid"


def test_a_card_that_must_not_be_tried_again_is_blocked(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Asked by hand too; and a declined try by hand does not move the next one of Stripe's own."""
    _, _, card = renewing(sandbox_server, stripe_sdk, ["lost_card", "approved"])
    sandbox_server.advance(to=FEBRUARY + HOUR)
    invoice = newest_invoice(stripe_sdk)

    with pytest.raises(stripe.CardError) as refused:
        stripe_sdk.v1.invoices.pay(invoice.id)

    error: Any = refused.value.error
    assert error.decline_code == "previously_declined_do_not_retry"
    outcome: Any = stripe_sdk.v1.charges.list().data[0].outcome
    assert (outcome.type, outcome.reason) == ("blocked", "previously_declined_do_not_retry")
    assert outcome.advice_code == "do_not_try_again"
    assert newest_invoice(stripe_sdk).next_payment_attempt == invoice.next_payment_attempt
    sandbox_server.control(f"/payment_methods/{card}/outcomes", {"outcomes": ["approved"]})
    assert stripe_sdk.v1.invoices.pay(invoice.id).status == "paid"


def test_a_detached_card_pays_no_subscription_any_more(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Its default is gone; the renewal counts attempts without a charge until there is another card."""
    subscription, of, card = renewing(sandbox_server, stripe_sdk, ["approved"])
    stripe_sdk.v1.subscriptions.update(subscription, {"default_payment_method": card})

    stripe_sdk.v1.payment_methods.detach(card)

    assert stripe_sdk.v1.subscriptions.retrieve(subscription).default_payment_method is None
    settings: Any = stripe_sdk.v1.customers.retrieve(of).invoice_settings
    assert settings.default_payment_method is None
    sandbox_server.advance(to=FEBRUARY + HOUR)
    assert (newest_invoice(stripe_sdk).attempt_count, len(stripe_sdk.v1.charges.list().data)) == (1, 1)
    new = stripe_sdk.v1.payment_methods.attach("pm_card_mastercard", {"customer": of}).id
    stripe_sdk.v1.subscriptions.update(subscription, {"default_payment_method": new})
    sandbox_server.advance(days=3)
    assert newest_invoice(stripe_sdk).status == "paid"
