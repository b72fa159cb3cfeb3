"""From Stripe's word to the mirror: any order, any number of times, any worker; what cannot be handled waits in sight."""

import json
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import stripe
from sqlalchemy import Engine, text

from billing import dead_letters, observers
from billing.inbox_rules import read_event
from billing.principals import Principal
from pipelines.dry_run_inbox import dry_run_wanted
from pipelines.fill_gaps import fill_gaps
from pipelines.handle_inbox import handle_due
from pipelines.pull_stripe_client import StripeConfig, StripeReader
from store import audit, inbox, stripe_mirror
from store.database import Connection, tenant_transaction
from store.failpoints import armed
from store.inbox import InboxEvent
from tests.sandbox_fixtures import SandboxServer

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SAM = Principal("sam", "support")


class Killed(BaseException):
    """As kill -9: nothing catches it."""


@pytest.fixture
def reader(sandbox_server: SandboxServer) -> Iterator[StripeReader]:
    config = StripeConfig("sk_test_sandbox", sandbox_server.url, requests_per_second=1_000, first_wait_seconds=0.001)
    with StripeReader(config) as opened:
        yield opened


def put(engine: Engine, tenant: UUID, *events: dict[str, Any], now: datetime = NOW) -> int:
    with tenant_transaction(engine, tenant) as connection:
        told = [read_event(json.dumps(event)) for event in events]
        return len(inbox.add(connection, tenant, told, source="webhook", endpoint="main", now=now))


def told_by(server: SandboxServer) -> list[dict[str, Any]]:
    """Every event of the sandbox so far, oldest first."""
    return list(server.state.objects["event"].values())


def names(engine: Engine, tenant: UUID) -> dict[str, str]:
    with tenant_transaction(engine, tenant) as connection:
        rows = connection.execute(text("select id, name from stripe_customers where not is_deleted order by id"))
        return {row.id: row.name for row in rows}


def events(engine: Engine, tenant: UUID) -> dict[str, InboxEvent]:
    with tenant_transaction(engine, tenant) as connection:
        found = inbox.newest(connection, states=("received", "handled", "dead", "discarded"))
    return {event.event_id: event for event in found}


def customers(sdk: stripe.StripeClient, *given: str) -> list[str]:
    return [sdk.v1.customers.create({"name": name}).id for name in given]


def test_events_in_any_order_and_twice_end_with_what_stripe_says_now(
    engine: Engine,
    tenant: UUID,
    mallory: UUID,
    reader: StripeReader,
    sandbox_server: SandboxServer,
    stripe_sdk: stripe.StripeClient,
) -> None:
    ada, bob = customers(stripe_sdk, "Ada", "Bob")
    stripe_sdk.v1.customers.update(ada, {"name": "Ada Lovelace"})
    stripe_sdk.v1.customers.delete(bob)
    happened = told_by(sandbox_server)
    assert put(engine, tenant, *reversed(happened)) == len(happened)
    assert put(engine, tenant, *happened) == 0
    requests = sandbox_server.record()
    assert handle_due(engine, tenant, reader, now=NOW) == len(happened)
    assert handle_due(engine, tenant, reader, now=NOW + timedelta(days=9)) == 0
    assert len(requests) == 2  # two objects, however many events
    assert names(engine, tenant) == {ada: "Ada Lovelace"}
    assert {event.state for event in events(engine, tenant).values()} == {"handled"}
    assert events(engine, mallory) == {}
    assert names(engine, mallory) == {}


def test_a_kind_that_nobody_follows_and_an_event_without_an_object_are_handled_by_being_noted(
    engine: Engine, tenant: UUID, reader: StripeReader, sandbox_server: SandboxServer
) -> None:
    put(
        engine,
        tenant,
        {
            "id": "evt_1",
            "object": "event",
            "type": "coupon.created",
            "data": {"object": {"id": "c", "object": "coupon"}},
        },
        {"id": "evt_2", "object": "v2.core.event", "type": "v1.billing.meter.no_meter_found"},
    )
    requests = sandbox_server.record()
    handle_due(engine, tenant, reader, now=NOW)
    assert {event.state for event in events(engine, tenant).values()} == {"handled"}
    assert list(requests) == []


@pytest.mark.parametrize("place", ["inbox claimed", "inbox fetched", "inbox written", "inbox committed"])
def test_a_worker_that_dies_leaves_events_that_the_next_one_takes_up(
    engine: Engine,
    tenant: UUID,
    reader: StripeReader,
    sandbox_server: SandboxServer,
    stripe_sdk: stripe.StripeClient,
    place: str,
) -> None:
    (ada,) = customers(stripe_sdk, "Ada")
    put(engine, tenant, *told_by(sandbox_server))

    def die(reached: str) -> None:
        if reached == place:
            raise Killed

    with pytest.raises(Killed), armed(die):
        handle_due(engine, tenant, reader, now=NOW)
    is_done = place == "inbox committed"
    assert names(engine, tenant) == ({ada: "Ada"} if is_done else {})  # both or neither
    assert handle_due(engine, tenant, reader, now=NOW + timedelta(minutes=4)) == 0  # its lease still holds
    assert handle_due(engine, tenant, reader, now=NOW + timedelta(minutes=5)) == (0 if is_done else 1)
    assert names(engine, tenant) == {ada: "Ada"}


def test_several_workers_never_hold_the_same_event(
    engine: Engine, tenant: UUID, reader: StripeReader, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    customers(stripe_sdk, *(f"Customer {number}" for number in range(24)))
    put(engine, tenant, *told_by(sandbox_server))
    taken: list[int] = []

    def work() -> None:
        while handled := handle_due(engine, tenant, reader, now=NOW, limit=3, threads=1):
            taken.append(handled)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert sum(taken) == 24
    assert {(event.state, event.attempts) for event in events(engine, tenant).values()} == {("handled", 1)}


def test_one_customers_poison_holds_up_nobody_else_and_ends_as_a_dead_letter(
    engine: Engine,
    tenant: UUID,
    reader: StripeReader,
    sandbox_server: SandboxServer,
    stripe_sdk: stripe.StripeClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada, bob = customers(stripe_sdk, "Ada", "Bob")
    put(engine, tenant, *told_by(sandbox_server))

    def choke(_connection: Connection, _tenant: UUID, objects: Sequence[dict[str, Any]], _now: datetime) -> None:
        if ada in {raw["id"] for raw in objects}:
            raise KeyError("address")

    monkeypatch.setattr(observers, "OBSERVERS", {"customer": (choke,)})
    now = NOW
    for _ in range(8):
        handle_due(engine, tenant, reader, now=now)
        assert list(names(engine, tenant)) == [bob]
        now += timedelta(hours=8)
    dead = next(event for event in events(engine, tenant).values() if event.object_id == ada)
    assert (dead.state, dead.attempts, dead.last_error) == ("dead", 8, "KeyError: 'address'")

    with tenant_transaction(engine, tenant) as connection:
        assert dead_letters.ask_for_dry_run(connection, dead.event_id, principal=SAM, now=now)
    assert dry_run_wanted(engine, tenant, reader, now=now) == 1
    assert events(engine, tenant)[dead.event_id].dry_run == {"changes": [], "error": "KeyError: 'address'"}

    monkeypatch.setattr(observers, "OBSERVERS", {})  # mended
    with tenant_transaction(engine, tenant) as connection:
        dead_letters.ask_for_dry_run(connection, dead.event_id, principal=SAM, now=now)
    assert dry_run_wanted(engine, tenant, reader, now=now + timedelta(seconds=1)) == 1
    assert dry_run_wanted(engine, tenant, reader, now=now + timedelta(seconds=2)) == 0
    expected = {"object": f"customer {ada}", "field": None, "before": None, "after": "there"}
    assert events(engine, tenant)[dead.event_id].dry_run == {"changes": [expected], "error": None}
    assert list(names(engine, tenant)) == [bob]  # a dry run changes nothing

    with tenant_transaction(engine, tenant) as connection:
        assert dead_letters.retry(connection, principal=SAM, now=now, event_type="customer.created") == 1
        assert dead_letters.retry(connection, principal=SAM, now=now) == 0  # a second click finds none
    handle_due(engine, tenant, reader, now=now)
    assert names(engine, tenant) == {ada: "Ada", bob: "Bob"}
    with tenant_transaction(engine, tenant) as connection:
        assert audit.verify(connection).rows == 3  # two questions and a retry


def test_while_stripe_is_down_events_wait_and_none_is_lost(
    engine: Engine, tenant: UUID, reader: StripeReader, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    (ada,) = customers(stripe_sdk, "Ada")
    put(engine, tenant, *told_by(sandbox_server))
    sandbox_server.fail_next("server_error", method="GET", path="/v1/customers/*", times=99)
    handle_due(engine, tenant, reader, now=NOW)
    (waiting,) = events(engine, tenant).values()
    assert (waiting.state, waiting.attempts) == ("received", 1)
    assert waiting.last_error is not None
    assert "500" in waiting.last_error
    assert NOW + timedelta(seconds=4) <= waiting.next_attempt_at <= NOW + timedelta(seconds=6)
    sandbox_server.control("/faults", method="DELETE")
    handle_due(engine, tenant, reader, now=waiting.next_attempt_at)
    assert names(engine, tenant) == {ada: "Ada"}


def test_a_dead_letter_is_put_away_with_a_reason_only(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    put(engine, tenant, {"id": "evt_1", "object": "event", "type": "customer.created"})
    with tenant_transaction(engine, tenant) as connection:
        assert not dead_letters.discard(connection, "evt_1", principal=SAM, reason="too soon", now=NOW)  # not dead yet
        connection.execute(text("update stripe_inbox set state = 'dead'"))
        with pytest.raises(dead_letters.ReasonMissing):
            dead_letters.discard(connection, "evt_1", principal=SAM, reason="  ", now=NOW)
    with tenant_transaction(engine, mallory) as connection:
        assert not dead_letters.discard(connection, "evt_1", principal=SAM, reason="mine now", now=NOW)
    with tenant_transaction(engine, tenant) as connection:
        assert dead_letters.discard(connection, "evt_1", principal=SAM, reason="a test of ours", now=NOW)
    kept = events(engine, tenant)["evt_1"]
    assert (kept.state, kept.discarded_by, kept.discard_reason) == ("discarded", "sam (support)", "a test of ours")


def test_events_that_never_came_are_found_in_stripes_list_and_handled(
    engine: Engine, tenant: UUID, reader: StripeReader, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    now = datetime.fromtimestamp(sandbox_server.state.now, UTC)
    ada, bob, _ = customers(stripe_sdk, "Ada", "Bob", "Cleo")
    came, lost, followed = told_by(sandbox_server)
    put(engine, tenant, came, now=now)
    with tenant_transaction(engine, tenant) as connection:
        stripe_mirror.upsert(connection, tenant, [followed], now)  # a pull has been there already
    assert (
        fill_gaps(engine, tenant, reader, now=now + timedelta(minutes=4)).listed == 0
    )  # they may still be on their way
    report = fill_gaps(engine, tenant, reader, now=now + timedelta(minutes=6))
    assert (report.listed, report.missed) == (3, 1)
    assert events(engine, tenant)[lost["id"]].source == "backfill"
    again = fill_gaps(engine, tenant, reader, now=now + timedelta(minutes=8))
    assert (again.missed, again.since) == (0, report.until - timedelta(minutes=10))
    handle_due(engine, tenant, reader, now=now + timedelta(minutes=8))
    assert names(engine, tenant) == {ada: "Ada", bob: "Bob"}
