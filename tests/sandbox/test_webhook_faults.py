"""Deliveries that go wrong on request: twice, late, or in the wrong order."""

from typing import Any

import pytest
import stripe

from tests.sandbox.receiving import Receiver, endpoint, sent
from tests.sandbox_fixtures import SandboxServer


def test_a_duplicate_is_the_same_event_twice(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, receiver: Receiver
) -> None:
    sandbox_server.control("/webhook-faults", {"kind": "duplicate", "type": "customer.*"})
    endpoint(stripe_sdk, receiver)
    for name in ("Ada", "Grace"):
        stripe_sdk.v1.customers.create({"name": name})
    sent(sandbox_server)

    assert receiver.names == ["Ada", "Ada", "Grace"]
    assert receiver.got[0][0] == receiver.got[1][0]
    assert [one.pending_webhooks for one in stripe_sdk.v1.events.list().data] == [0, 0]


def test_a_delayed_event_comes_after_later_ones(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, receiver: Receiver
) -> None:
    """And tells what was so when it happened."""
    sandbox_server.control("/webhook-faults", {"kind": "delay", "delay_seconds": 600})
    endpoint(stripe_sdk, receiver)
    customer = stripe_sdk.v1.customers.create({"name": "Ada"})
    stripe_sdk.v1.customers.update(customer.id, {"name": "Ada Lovelace"})
    sent(sandbox_server)
    assert receiver.names == ["Ada Lovelace"]

    sandbox_server.advance(seconds=600)
    assert receiver.names == ["Ada Lovelace", "Ada"]
    assert receiver.types == ["customer.updated", "customer.created"]


def test_reordered_events_come_newest_first_when_all_are_there(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, receiver: Receiver
) -> None:
    order = {"kind": "reorder", "type": "customer.created", "times": 3}
    sandbox_server.control("/webhook-faults", order)
    endpoint(stripe_sdk, receiver)
    for name in ("Ada", "Grace", "Radia", "Barbara"):
        sent(sandbox_server)
        assert receiver.got == [] or name == "Barbara"
        stripe_sdk.v1.customers.create({"name": name})
    sent(sandbox_server)

    assert receiver.names == ["Radia", "Grace", "Ada", "Barbara"]


def test_forgetting_the_faults_lets_go_what_they_hold(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, receiver: Receiver
) -> None:
    sandbox_server.control("/webhook-faults", {"kind": "reorder", "times": 3})
    endpoint(stripe_sdk, receiver)
    for name in ("Ada", "Grace"):
        stripe_sdk.v1.customers.create({"name": name})
    [fault] = sandbox_server.control("/webhook-faults")["faults"]
    assert (fault["held"], fault["times"], receiver.got) == (2, 1, [])

    assert sandbox_server.control("/webhook-faults", method="DELETE") == {"faults": []}

    assert receiver.names == ["Grace", "Ada"]


@pytest.mark.parametrize("order", [{"kind": "lost"}, {"kind": "delay"}, {"kind": "duplicate", "times": 0}])
def test_an_order_that_makes_no_sense_is_refused(sandbox_server: SandboxServer, order: dict[str, Any]) -> None:
    with pytest.raises(OSError, match="400"):
        sandbox_server.control("/webhook-faults", order)


def test_a_lost_event_is_listed_but_never_sent(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, receiver: Receiver
) -> None:
    sandbox_server.control("/webhook-faults", {"kind": "lose", "type": "customer.created"})
    endpoint(stripe_sdk, receiver)
    for name in ("Ada", "Grace"):
        stripe_sdk.v1.customers.create({"name": name})
    sandbox_server.advance(days=4)
    sandbox_server.control("/webhooks/deliver", {})

    assert receiver.names == ["Grace"]
    [lost] = stripe_sdk.v1.events.list({"delivery_success": False}).data
    assert (lost.data.object["name"], lost.pending_webhooks) == ("Ada", 1)
