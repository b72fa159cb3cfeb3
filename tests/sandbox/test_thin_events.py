"""Thin events of API v2: sent to destinations that want them, read one by one and as a list."""

from typing import Any

import pytest
import stripe

from tests.sandbox.receiving import Receiver, endpoint, sent
from tests.sandbox.test_billing_refusals import paid_charge
from tests.sandbox_fixtures import SandboxServer


def destination(sdk: stripe.StripeClient, receiver: Receiver, *types: str, payload: Any = "thin") -> Any:
    return sdk.v2.core.event_destinations.create(
        {
            "name": "Ours",
            "type": "webhook_endpoint",
            "event_payload": payload,
            "enabled_events": list(types) or ["*"],
            "webhook_endpoint": {"url": receiver.url},
            "include": ["webhook_endpoint.signing_secret", "webhook_endpoint.url"],
        }
    )


def test_a_thin_event_names_its_object_and_leads_to_it(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, receiver: Receiver
) -> None:
    """The library checks the signature, and what it fetches is the dispute as it is now, not as it was."""
    made = destination(stripe_sdk, receiver, "v1.charge.dispute.created")
    dispute = sandbox_server.control("/disputes", {"charge": paid_charge(stripe_sdk)})["id"]
    sent(sandbox_server)
    stripe_sdk.v1.disputes.close(dispute)
    [(body, signed)] = receiver.got

    told: Any = stripe_sdk.parse_event_notification(body, signed, made.webhook_endpoint.signing_secret)

    assert (told.type, told.related_object.id, told.reason) == ("v1.charge.dispute.created", dispute, None)
    assert b"needs_response" not in body
    assert told.fetch_related_object().status == "lost"
    whole = told.fetch_event()
    snapshot = stripe_sdk.v1.events.retrieve(str(whole.snapshot_event))
    assert (whole.id, snapshot.type, snapshot.data.object["id"]) == (told.id, "charge.dispute.created", dispute)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe_sdk.parse_event_notification(body, signed, "whsec_mallory")


def test_thin_and_snapshot_go_side_by_side(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, receiver: Receiver
) -> None:
    """One destination gets snapshots too; what is disabled or deleted gets nothing."""
    endpoint(stripe_sdk, receiver, "customer.created")
    destination(stripe_sdk, receiver, "customer.created", payload="snapshot")
    thin, gone = (destination(stripe_sdk, receiver, "v1.customer.created") for _ in range(2))
    stripe_sdk.v2.core.event_destinations.delete(gone.id)
    stripe_sdk.v1.customers.create({"name": "Ada"})
    sent(sandbox_server)
    assert sorted(receiver.types) == ["customer.created", "customer.created", "v1.customer.created"]

    assert stripe_sdk.v2.core.event_destinations.disable(thin.id).status == "disabled"
    stripe_sdk.v1.customers.create({"name": "Grace"})
    sent(sandbox_server)

    assert len(receiver.got) == 3 + 2
    assert {one.webhook_endpoint.url for one in stripe_sdk.v2.core.event_destinations.list().data} == {None}


def test_thin_events_are_listed_page_by_page(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """Newest first, by type and by object, for thirty days; the customer was made by a request."""
    ada = stripe_sdk.v1.customers.create({"name": "Ada"}).id
    for number in range(3):
        stripe_sdk.v1.customers.update(ada, {"name": f"Ada {number}"})
    stripe_sdk.v1.customers.create({"name": "Grace"})

    listed = list(stripe_sdk.v2.core.events.list({"object_id": ada, "limit": 2}).auto_paging_iter())

    assert [one.type for one in listed] == ["v1.customer.updated"] * 3 + ["v1.customer.created"]
    assert all(one.reason is not None and one.reason.type == "request" for one in listed)
    assert len(stripe_sdk.v2.core.events.list({"types": ["v1.customer.created"]}).data) == 2
    assert stripe_sdk.v2.core.events.list({"created": {"lt": "2026-01-01T00:00:00Z"}}).data == []
    sandbox_server.advance(days=31)
    assert stripe_sdk.v2.core.events.list({}).data == []
    with pytest.raises(stripe.InvalidRequestError):
        stripe_sdk.v2.core.events.retrieve(listed[0].id)
