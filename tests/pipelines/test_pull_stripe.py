"""A pull over real HTTP from the sandbox: the mirror equals the account, after a backfill and after every change since."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import stripe
from sqlalchemy import Engine, select

from pipelines.pull_stripe import StripeConfig, sync
from store import freshness
from store.database import tenant_transaction
from store.freshness import Status
from store.schema import metadata
from store.stripe_rows import KINDS
from tests.sandbox_fixtures import SandboxServer

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
# Where the sandbox keeps what we mirror; events are the account's history and not objects of it.
MIRRORED = sorted(set(KINDS) - {"event", "line_item", "subscription_item"})


def config(server: SandboxServer, **given: Any) -> StripeConfig:
    settings: dict[str, Any] = {"api_key": "sk_test_sandbox", "requests_per_second": 500, "first_wait_seconds": 0.01}
    return StripeConfig(api_base=server.url, **{**settings, **given})


def mirror(engine: Engine, tenant: UUID, kind: str) -> dict[str, Any]:
    """The raw objects of a kind that are not deleted, by id."""
    table = metadata.tables[KINDS[kind].table]
    with tenant_transaction(engine, tenant) as connection:
        return {row.id: row.raw for row in connection.execute(select(table).where(~table.c.is_deleted))}


def account(server: SandboxServer, kind: str) -> set[str]:
    return {id_ for id_, found in server.state.objects.get(kind, {}).items() if not found.get("deleted")}


def test_a_backfill_holds_every_object_of_the_demo_company(
    engine: Engine, tenant: UUID, mallory: UUID, demo_company_server: SandboxServer
) -> None:
    summary = sync(engine, tenant, config(demo_company_server), now=NOON)
    assert summary.is_backfill
    assert summary.refused == {}
    for kind in MIRRORED:
        assert set(mirror(engine, tenant, kind)) == account(demo_company_server, kind), kind
    invoices = demo_company_server.state.objects["invoice"]
    assert {id_: raw["total"] for id_, raw in mirror(engine, tenant, "invoice").items()} == {
        id_: found["total"] for id_, found in invoices.items()
    }
    lines = mirror(engine, tenant, "line_item")
    assert len(lines) == sum(len(found["lines"]["data"]) for found in invoices.values())
    assert mirror(engine, mallory, "invoice") == {}
    with tenant_transaction(engine, tenant) as connection:
        (source,) = freshness.read(connection)
    assert (source.source, source.status, source.last_success_at) == ("stripe", Status.OK, NOON)


def test_changes_after_the_backfill_arrive_by_their_events(
    engine: Engine, tenant: UUID, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    kept = stripe_sdk.v1.customers.create({"name": "Kept", "payment_method": "pm_card_visa"})
    gone = stripe_sdk.v1.customers.create({"name": "Gone"})
    sync(engine, tenant, config(sandbox_server), now=NOON)

    stripe_sdk.v1.customers.update(kept.id, {"name": "Renamed"})
    stripe_sdk.v1.customers.delete(gone.id)
    stripe_sdk.v1.payment_intents.create(
        {"amount": 5_000, "currency": "usd", "customer": kept.id, "payment_method": "pm_card_visa", "confirm": True}
    )
    (charge,) = stripe_sdk.v1.charges.list({"customer": kept.id}).data
    stripe_sdk.v1.refunds.create({"charge": charge.id, "amount": 1_200})
    summary = sync(engine, tenant, config(sandbox_server), now=NOON + timedelta(minutes=5))

    assert not summary.is_backfill
    assert {id_: raw["name"] for id_, raw in mirror(engine, tenant, "customer").items()} == {kept.id: "Renamed"}
    assert mirror(engine, tenant, "charge")[charge.id]["amount_refunded"] == 1_200
    assert [raw["amount"] for raw in mirror(engine, tenant, "refund").values()] == [1_200]
    for kind in MIRRORED:
        assert set(mirror(engine, tenant, kind)) == account(sandbox_server, kind), kind
    again = sync(engine, tenant, config(sandbox_server), now=NOON + timedelta(minutes=10))
    assert again.events == 0


@pytest.mark.parametrize("kind", ["server_error", "rate_limit", "lock_timeout", "timeout_before", "timeout_after"])
def test_a_troubled_stripe_is_waited_out(
    engine: Engine, tenant: UUID, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, kind: str
) -> None:
    for number in range(3):
        stripe_sdk.v1.customers.create({"name": f"Customer {number}"})
    sandbox_server.fail_next(kind, method="GET", path="/v1/customers", times=2)
    sync(engine, tenant, config(sandbox_server, timeout_seconds=2), now=NOON)
    assert set(mirror(engine, tenant, "customer")) == account(sandbox_server, "customer")


def test_a_restricted_read_only_key_is_enough(
    engine: Engine, tenant: UUID, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    stripe_sdk.v1.customers.create({"name": "Acme"})
    exchanges = sandbox_server.record()
    summary = sync(engine, tenant, config(sandbox_server, api_key="rk_test_readonly_key"), now=NOON)
    assert summary.refused == {}
    assert len(mirror(engine, tenant, "customer")) == 1
    assert {exchange.method for exchange in exchanges} == {"GET"}
