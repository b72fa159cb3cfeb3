"""A thin event from Stripe to the mirror: signed, stored, and what it names is read as it is now."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import stripe
from sqlalchemy import Engine, text
from starlette.applications import Starlette

from api import webhooks
from billing.inbox_rules import read_event
from pipelines.handle_inbox import handle_due
from pipelines.pull_stripe_client import StripeConfig, StripeReader
from store import inbox
from store.database import tenant_transaction
from tests.sandbox_fixtures import SandboxServer, listening

# Deliveries are stored at the real time, so the worker comes after whatever that is.
LATER = datetime(2100, 1, 1, tzinfo=UTC)
# The address is known before the secret, which the routes look up at each request.
Secrets = dict[str, tuple[str, ...]]


def customers(engine: Engine, tenant: UUID) -> list[tuple[str, str]]:
    with tenant_transaction(engine, tenant) as connection:
        return [tuple(row) for row in connection.execute(text("select id, name from stripe_customers"))]


def test_a_thin_delivery_ends_as_a_row_of_the_mirror(
    engine: Engine, tenant: UUID, mallory: UUID, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """The renaming that came after the delivery is read as well: a thin event holds nothing that could be old."""
    secrets: Secrets = {}
    with listening(Starlette(routes=webhooks.routes(secrets, lambda: (engine, tenant)))) as url:
        destination = stripe_sdk.v2.core.event_destinations.create(
            {
                "name": "Metering Service",
                "type": "webhook_endpoint",
                "event_payload": "thin",
                "enabled_events": ["v1.customer.created"],
                "webhook_endpoint": {"url": f"{url}/webhooks/stripe/thin"},
                "include": ["webhook_endpoint.signing_secret"],
            }
        )
        assert destination.webhook_endpoint is not None
        secrets["thin"] = (str(destination.webhook_endpoint.signing_secret),)
        ada = stripe_sdk.v1.customers.create({"name": "Ada"}).id
        sandbox_server.control("/webhooks/deliver", {})
    assert [one["status"] for one in sandbox_server.control("/webhooks")["sent"]] == [200]
    stripe_sdk.v1.customers.update(ada, {"name": "Ada Lovelace"})

    config = StripeConfig("sk_test_sandbox", sandbox_server.url, requests_per_second=1_000)
    with StripeReader(config) as reader:
        assert handle_due(engine, tenant, reader, now=LATER) == 1

    assert customers(engine, tenant) == [(ada, "Ada Lovelace")]
    assert customers(engine, mallory) == []


def test_a_thin_event_about_a_dispute_shows_the_charge_as_disputed(
    engine: Engine, tenant: UUID, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """The event names the dispute alone, and no event of its own tells of the charge."""
    intent = stripe_sdk.v1.payment_intents.create(
        {"amount": 5_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    )
    dispute = sandbox_server.control("/disputes", {"charge": intent.latest_charge})["id"]
    told = [event.to_dict() for event in stripe_sdk.v2.core.events.list({"object_id": dispute}).data]
    with tenant_transaction(engine, tenant) as connection:
        events = [read_event(msgspec.json.encode(event)) for event in told]
        inbox.add(connection, tenant, events, source="webhook", endpoint="thin", now=LATER)

    config = StripeConfig("sk_test_sandbox", sandbox_server.url, requests_per_second=1_000)
    with StripeReader(config) as reader:
        assert handle_due(engine, tenant, reader, now=LATER) == len(told)

    with tenant_transaction(engine, tenant) as connection:
        assert connection.execute(text("select id, is_disputed from stripe_charges")).all() == [
            (intent.latest_charge, True)
        ]
