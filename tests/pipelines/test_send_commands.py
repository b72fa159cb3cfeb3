"""A refund from intent to effect: once, whatever Stripe answers and wherever the worker dies."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import stripe
from sqlalchemy import Engine

from billing import commands
from billing.principals import SYSTEM, Principal
from billing.refund_command import KIND
from billing.stripe_gateway import StripeGateway
from pipelines.send_commands import send_due
from store import audit, stripe_commands
from store.database import DatabaseUrls, open_engine, tenant_transaction
from store.failpoints import armed
from store.stripe_commands import Command
from tests.sandbox_fixtures import SandboxServer

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SUPPORT = Principal("sam", "support")
PLACES = ("claimed", "sending committed", "answer received", "result written", "result committed")


@pytest.fixture
def gateway(sandbox_server: SandboxServer) -> Iterator[StripeGateway]:
    opened = StripeGateway("sk_test_sandbox", sandbox_server.url, timeout_seconds=5)
    yield opened
    opened.close()


@pytest.fixture
def charge(stripe_sdk: stripe.StripeClient) -> str:
    """A paid charge of $100.00."""
    given: Any = {"amount": 10_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    return str(stripe_sdk.v1.payment_intents.create(given).latest_charge)


def ask(engine: Engine, tenant: UUID, charge: str, amount_minor: int = 3_000, key: str = "refund_request:1") -> Command:
    intent = commands.Intent(KIND, key, key, charge, {"reason": "duplicate"}, amount_minor, "usd")
    with tenant_transaction(engine, tenant) as connection:
        return commands.submit(connection, tenant, intent, principal=SUPPORT, now=NOW)


def now_at(engine: Engine, tenant: UUID, command: Command) -> Command:
    with tenant_transaction(engine, tenant) as connection:
        found = stripe_commands.find(connection, command.command_id)
    assert found is not None
    return found


def refunds(sdk: stripe.StripeClient, charge: str) -> list[int]:
    return [refund.amount for refund in sdk.v1.refunds.list({"charge": charge}).data]


def test_a_refund_is_asked_for_sent_once_and_recorded(
    engine: Engine, tenant: UUID, mallory: UUID, gateway: StripeGateway, charge: str, stripe_sdk: stripe.StripeClient
) -> None:
    command = ask(engine, tenant, charge)
    assert refunds(stripe_sdk, charge) == []  # nothing is sent by asking
    assert send_due(engine, mallory, gateway, now=NOW) == 0
    assert send_due(engine, tenant, gateway, now=NOW) == 1
    assert send_due(engine, tenant, gateway, now=NOW + timedelta(days=2)) == 0

    done = now_at(engine, tenant, command)
    assert (done.state, done.attempts, refunds(stripe_sdk, charge)) == ("succeeded", 1, [3_000])
    refund = stripe_sdk.v1.refunds.retrieve(str(done.answer_id))
    assert refund.metadata is not None
    assert refund.metadata["metering_command"] == str(command.command_id)
    with tenant_transaction(engine, tenant) as connection:
        assert audit.verify(connection).rows == 2  # asked for, and done
    with tenant_transaction(engine, mallory) as connection:
        assert stripe_commands.newest(connection) == []
        assert stripe_commands.find(connection, command.command_id) is None


def test_a_second_click_finds_the_first_ones_command(engine: Engine, tenant: UUID, charge: str) -> None:
    first = ask(engine, tenant, charge, 3_000)
    second = ask(engine, tenant, charge, 9_999)
    assert (second.command_id, second.amount_minor) == (first.command_id, 3_000)


def test_a_500_that_stripe_remembers_though_it_refunded_is_looked_up(
    engine: Engine,
    tenant: UUID,
    gateway: StripeGateway,
    charge: str,
    sandbox_server: SandboxServer,
    stripe_sdk: stripe.StripeClient,
) -> None:
    command = ask(engine, tenant, charge)
    sandbox_server.fail_next("server_error_after", method="POST", path="/v1/refunds", saved=True)
    send_due(engine, tenant, gateway, now=NOW)
    assert now_at(engine, tenant, command).state == "unknown"
    assert send_due(engine, tenant, gateway, now=NOW + timedelta(seconds=59)) == 0  # not before a minute has passed
    send_due(engine, tenant, gateway, now=NOW + timedelta(seconds=60))
    done = now_at(engine, tenant, command)
    assert (done.state, done.attempts, refunds(stripe_sdk, charge)) == ("succeeded", 1, [3_000])


def test_a_500_before_the_effect_is_sent_again_under_a_new_key(
    engine: Engine,
    tenant: UUID,
    gateway: StripeGateway,
    charge: str,
    sandbox_server: SandboxServer,
    stripe_sdk: stripe.StripeClient,
) -> None:
    command = ask(engine, tenant, charge)
    sandbox_server.fail_next("server_error", method="POST", path="/v1/refunds", saved=True)
    send_due(engine, tenant, gateway, now=NOW)
    send_due(engine, tenant, gateway, now=NOW + timedelta(minutes=1))
    done = now_at(engine, tenant, command)
    assert (done.state, done.key_version, refunds(stripe_sdk, charge)) == ("succeeded", 2, [3_000])


def test_a_timeout_after_the_effect_is_sent_again_under_the_same_key_or_looked_up_after_a_day(
    engine: Engine,
    tenant: UUID,
    gateway: StripeGateway,
    charge: str,
    sandbox_server: SandboxServer,
    stripe_sdk: stripe.StripeClient,
) -> None:
    soon, late = ask(engine, tenant, charge, 1_000, "soon"), None
    for wait, amount_minor in ((timedelta(seconds=5), 1_000), (timedelta(hours=25), 2_000)):
        late = soon if amount_minor == 1_000 else ask(engine, tenant, charge, amount_minor, "late")
        sandbox_server.fail_next("timeout_after", method="POST", path="/v1/refunds")
        send_due(engine, tenant, gateway, now=NOW)
        assert now_at(engine, tenant, late).state == "sending"
        sandbox_server.advance(seconds=int(wait.total_seconds()))
        send_due(engine, tenant, gateway, now=NOW + wait)
        assert now_at(engine, tenant, late).state == "succeeded"
    assert late is not None
    assert now_at(engine, tenant, soon).attempts == 2  # the replay
    assert now_at(engine, tenant, late).attempts == 1  # found, not sent
    assert sorted(refunds(stripe_sdk, charge)) == [1_000, 2_000]


def test_what_stripe_says_last_decides_whether_it_is_sent(
    engine: Engine,
    tenant: UUID,
    gateway: StripeGateway,
    charge: str,
    stripe_sdk: stripe.StripeClient,
) -> None:
    command = ask(engine, tenant, charge, 6_000)
    stripe_sdk.v1.refunds.create({"charge": charge, "amount": 5_000})  # by hand, between the click and the call
    send_due(engine, tenant, gateway, now=NOW)
    refused = now_at(engine, tenant, command)
    assert (refused.state, refused.attempts) == ("refused", 0)
    assert refused.refusal == {
        "code": "precondition",
        "sentence": "Only 5000 usd (minor units) of the charge are left to refund, not 6000.",
    }


def test_a_refused_key_leaves_the_command_waiting(
    engine: Engine, tenant: UUID, charge: str, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    command = ask(engine, tenant, charge)
    read_only = StripeGateway("rk_test_readonly_x", sandbox_server.url)
    send_due(engine, tenant, read_only, now=NOW)
    read_only.close()
    found = now_at(engine, tenant, command)
    assert (found.state, refunds(stripe_sdk, charge)) == ("sending", [])
    assert found.last_trouble is not None
    assert "permission" in found.last_trouble


def test_a_pause_stops_sending_and_survives_until_it_is_ended(
    engine: Engine, tenant: UUID, mallory: UUID, gateway: StripeGateway, charge: str, stripe_sdk: stripe.StripeClient
) -> None:
    ask(engine, tenant, charge)
    with tenant_transaction(engine, tenant) as connection:
        stripe_commands.pause(connection, tenant, by=str(SYSTEM), reason="odd refunds", now=NOW)
    assert send_due(engine, tenant, gateway, now=NOW) == 0
    with tenant_transaction(engine, mallory) as connection:
        assert not stripe_commands.is_paused(connection)  # another tenant's sending goes on
        assert stripe_commands.resume(connection, by="mallory", now=NOW) == 0
    with tenant_transaction(engine, tenant) as connection:
        assert stripe_commands.resume(connection, by=str(SYSTEM), now=NOW) == 1
    assert send_due(engine, tenant, gateway, now=NOW) == 1
    assert refunds(stripe_sdk, charge) == [3_000]


def test_what_was_never_sent_can_be_taken_back_and_what_was_sent_cannot(
    engine: Engine, tenant: UUID, mallory: UUID, gateway: StripeGateway, charge: str, stripe_sdk: stripe.StripeClient
) -> None:
    first, second = ask(engine, tenant, charge, 100, "a"), ask(engine, tenant, charge, 200, "b")
    with tenant_transaction(engine, mallory) as connection:
        assert not commands.cancel(connection, first.command_id, principal=SUPPORT, now=NOW)
    with tenant_transaction(engine, tenant) as connection:
        assert commands.cancel(connection, first.command_id, principal=SUPPORT, now=NOW)
    send_due(engine, tenant, gateway, now=NOW)
    with tenant_transaction(engine, tenant) as connection:
        assert not commands.cancel(connection, second.command_id, principal=SUPPORT, now=NOW)
    assert refunds(stripe_sdk, charge) == [200]


def test_a_command_behind_an_unanswered_one_of_the_same_charge_waits(
    engine: Engine, tenant: UUID, gateway: StripeGateway, charge: str, sandbox_server: SandboxServer
) -> None:
    first, second = ask(engine, tenant, charge, 7_000, "a"), ask(engine, tenant, charge, 7_000, "b")
    sandbox_server.fail_next("server_error_after", method="POST", path="/v1/refunds", saved=True)
    assert send_due(engine, tenant, gateway, now=NOW) == 1
    assert now_at(engine, tenant, second).state == "waiting"
    send_due(engine, tenant, gateway, now=NOW + timedelta(minutes=1))
    # $70 of $100 are gone, so the second $70 are not sent.
    assert [now_at(engine, tenant, each).state for each in (first, second)] == ["succeeded", "refused"]


def test_patience_ends_with_a_person_and_the_persons_retry_looks_first(
    engine: Engine,
    tenant: UUID,
    gateway: StripeGateway,
    charge: str,
    sandbox_server: SandboxServer,
    stripe_sdk: stripe.StripeClient,
) -> None:
    command = ask(engine, tenant, charge)
    sandbox_server.fail_next("timeout_after", method="POST", path="/v1/refunds")
    sandbox_server.fail_next("server_error", method="*", path="/v1/*", times=99)
    for day in range(12):
        send_due(engine, tenant, gateway, now=NOW + timedelta(days=day))
    assert now_at(engine, tenant, command).state == "needs_review"
    sandbox_server.control("/faults", method="DELETE")
    later = NOW + timedelta(days=20)
    with tenant_transaction(engine, tenant) as connection:
        assert commands.retry(connection, command.command_id, principal=SYSTEM, now=later)
    send_due(engine, tenant, gateway, now=later)
    assert now_at(engine, tenant, command).state == "succeeded"
    assert refunds(stripe_sdk, charge) == [3_000]


def die_at(place: str, app_url: str, tenant: UUID, stripe_url: str) -> None:
    """A worker's process that ends by SIGKILL at the place."""

    def hook(reached: str) -> None:
        if reached == place:
            os.kill(os.getpid(), signal.SIGKILL)

    with armed(hook):
        send_due(open_engine(app_url), tenant, StripeGateway("sk_test_sandbox", stripe_url), now=NOW)


@pytest.mark.parametrize("place", PLACES)
def test_a_worker_killed_anywhere_is_followed_by_one_that_finishes(
    place: str,
    engine: Engine,
    database_urls: DatabaseUrls,
    tenant: UUID,
    gateway: StripeGateway,
    charge: str,
    sandbox_server: SandboxServer,
    stripe_sdk: stripe.StripeClient,
) -> None:
    command = ask(engine, tenant, charge)
    process = multiprocessing.get_context("fork").Process(
        target=die_at, args=(place, database_urls.app, tenant, sandbox_server.url)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    if place != "result committed":
        assert send_due(engine, tenant, gateway, now=NOW + timedelta(seconds=119)) == 0  # the dead one's lease
    send_due(engine, tenant, gateway, now=NOW + timedelta(seconds=120))
    assert now_at(engine, tenant, command).state == "succeeded"
    assert refunds(stripe_sdk, charge) == [3_000]
