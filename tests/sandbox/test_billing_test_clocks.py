"""Test clocks: time passes for the customers bound to one, and what a sandbox with a single clock must refuse."""

from typing import Any

import pytest
import stripe

from tests.sandbox.shop import FEBRUARY, customer, newest_invoice, price, subscribe
from tests.sandbox_fixtures import EMPTY_STARTS_AT, SandboxServer

HOUR = 3_600


def clock(sdk: stripe.StripeClient, at: int = EMPTY_STARTS_AT) -> Any:
    """A test clock that stands there."""
    return sdk.v1.test_helpers.test_clocks.create({"frozen_time": at, "name": "months"})


def test_time_passes_by_the_test_clock(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """A month on: the renewal is made, and everything of the customer says whose clock it follows."""
    made = clock(stripe_sdk)
    ada = customer(stripe_sdk, test_clock=made.id)
    subscription = subscribe(stripe_sdk, ada, price(stripe_sdk, 3_100))
    assert (made.status, made.frozen_time, subscription.test_clock) == ("ready", EMPTY_STARTS_AT, made.id)

    stripe_sdk.v1.test_helpers.test_clocks.advance(made.id, {"frozen_time": EMPTY_STARTS_AT + HOUR})
    events = [one.type for one in stripe_sdk.v1.events.list({"type": "test_helpers.*"}).data[::-1]]
    assert events == [f"test_helpers.test_clock.{word}" for word in ("created", "advancing", "ready")]
    advanced = stripe_sdk.v1.test_helpers.test_clocks.advance(made.id, {"frozen_time": FEBRUARY + HOUR})

    assert (advanced.status, advanced.frozen_time) == ("ready", FEBRUARY + HOUR)
    renewal = newest_invoice(stripe_sdk)
    assert (renewal.created, renewal.status, renewal.test_clock) == (FEBRUARY, "paid", made.id)
    sandbox_server.advance(days=1)
    shown = stripe_sdk.v1.test_helpers.test_clocks.retrieve(made.id)
    assert shown.frozen_time == sandbox_server.state.now


def test_lists_leave_out_who_follows_a_test_clock(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    made = clock(stripe_sdk)
    plan = price(stripe_sdk, 3_100)
    ada, mallory = customer(stripe_sdk, test_clock=made.id), customer(stripe_sdk)
    for one in (ada, mallory):
        subscribe(stripe_sdk, one, plan)

    assert [one.id for one in stripe_sdk.v1.customers.list().data] == [mallory]
    assert [one.id for one in stripe_sdk.v1.customers.list({"test_clock": made.id}).data] == [ada]
    assert [one.customer for one in stripe_sdk.v1.subscriptions.list().data] == [mallory]
    assert [one.customer for one in stripe_sdk.v1.subscriptions.list({"customer": ada}).data] == [ada]


def test_its_customers_go_with_it(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    made = clock(stripe_sdk)
    ada, mallory = customer(stripe_sdk, test_clock=made.id), customer(stripe_sdk)
    subscription = subscribe(stripe_sdk, ada, price(stripe_sdk, 3_100))

    assert stripe_sdk.v1.test_helpers.test_clocks.delete(made.id).deleted

    assert stripe_sdk.v1.customers.retrieve(ada).deleted
    assert stripe_sdk.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert not getattr(stripe_sdk.v1.customers.retrieve(mallory), "deleted", False)
    assert stripe_sdk.v1.test_helpers.test_clocks.list().data == []
    assert clock(stripe_sdk).status == "ready"


def test_what_one_clock_cannot_do_is_refused(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """No time past, no second clock, no step back, no fourth customer."""
    with pytest.raises(stripe.InvalidRequestError, match="cannot go back"):
        clock(stripe_sdk, EMPTY_STARTS_AT - 1)
    made = clock(stripe_sdk, EMPTY_STARTS_AT + HOUR)
    assert sandbox_server.state.now == EMPTY_STARTS_AT + HOUR
    with pytest.raises(stripe.InvalidRequestError, match="one clock"):
        clock(stripe_sdk, EMPTY_STARTS_AT + HOUR)
    with pytest.raises(stripe.InvalidRequestError, match="must be after"):
        stripe_sdk.v1.test_helpers.test_clocks.advance(made.id, {"frozen_time": EMPTY_STARTS_AT + HOUR})
    for _ in range(3):
        customer(stripe_sdk, test_clock=made.id)
    with pytest.raises(stripe.InvalidRequestError, match="at most 3"):
        customer(stripe_sdk, test_clock=made.id)
