"""Changes of a subscription from intent to effect at the sandbox: once each, found again, refused where they must be."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import stripe
from sqlalchemy import Engine

from billing import commands
from billing import subscription_changes as changes
from billing.principals import Principal
from billing.schedule_phases import phases
from billing.stripe_gateway import StripeGateway
from pipelines.send_commands import send_due
from store import stripe_commands, stripe_mirror, subscription_reads
from store.database import tenant_transaction
from store.failpoints import armed
from store.stripe_commands import Command
from tests.sandbox.shop import DAY, customer, lines, newest_invoice, price, subscribe
from tests.sandbox_fixtures import EMPTY_STARTS_AT, SandboxServer

START = datetime.fromtimestamp(EMPTY_STARTS_AT, UTC)
AFTER_11_DAYS = START + timedelta(days=11)
LEAD = Principal("lea", "lead")
Submit = Callable[..., Command]


@pytest.fixture
def gateway(sandbox_server: SandboxServer) -> Iterator[StripeGateway]:
    opened = StripeGateway("sk_test_sandbox", sandbox_server.url, timeout_seconds=5)
    yield opened
    opened.close()


@pytest.fixture
def do(engine: Engine, tenant: UUID, mallory: UUID, gateway: StripeGateway) -> Submit:
    """Ask for a change, let the worker send it, and return what became of it."""

    def make(change: Any, raw: Any, deed: str, now: datetime = AFTER_11_DAYS) -> Command:
        intent = changes.intent(change, raw, deed)
        with tenant_transaction(engine, tenant) as connection:
            asked = commands.submit(connection, tenant, intent, principal=LEAD, now=now)
        assert send_due(engine, mallory, gateway, now=now) == 0
        send_due(engine, tenant, gateway, now=now)
        with tenant_transaction(engine, tenant) as connection:
            found = stripe_commands.find(connection, asked.command_id)
        assert found is not None
        return found

    return make


def raw(sdk: stripe.StripeClient, id_: str) -> dict[str, Any]:
    return dict(sdk.v1.subscriptions.retrieve(id_).to_dict())


@pytest.mark.parametrize("mode", ["flexible", "classic"])
def test_an_upgrade_and_its_undo_come_to_nothing(
    mode: str, do: Submit, engine: Engine, tenant: UUID, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """31.00 to 62.00 after 11 of 31 days: -20.00 +40.00; back two hours later at the same pinned second: -40.00 +20.00."""
    basic, pro = price(stripe_sdk, 3_100), price(stripe_sdk, 6_200)
    made = subscribe(stripe_sdk, customer(stripe_sdk), basic, billing_mode={"type": mode})
    sandbox_server.advance(days=11)
    before = raw(stripe_sdk, made.id)
    upgrade = changes.Switch(before["items"]["data"][0]["id"], pro, 1, AFTER_11_DAYS)

    done = do(upgrade, before, "click")
    assert (done.state, done.attempts) == ("succeeded", 1)
    assert do(upgrade, before, "click").attempts == 1  # a second click
    there = [amount for _, amount in lines(newest_invoice(stripe_sdk))]
    assert there == [-2_000, 4_000]
    with tenant_transaction(engine, tenant) as connection:
        [mirrored] = stripe_mirror.current(connection, "subscription", [made.id])
    assert mirrored["items"]["data"][0]["price"]["id"] == pro

    sandbox_server.advance(seconds=7_200)
    undo = changes.undo_of(done)
    assert do(undo, mirrored, "undo", AFTER_11_DAYS + timedelta(hours=2)).state == "succeeded"
    back = [amount for _, amount in lines(newest_invoice(stripe_sdk))]
    assert sum(there) + sum(back) == 0


def test_a_lost_answer_is_found_by_the_mark_that_the_change_left(
    do: Submit,
    engine: Engine,
    tenant: UUID,
    gateway: StripeGateway,
    sandbox_server: SandboxServer,
    stripe_sdk: stripe.StripeClient,
) -> None:
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))
    sandbox_server.advance(days=11)
    before = raw(stripe_sdk, made.id)
    change = changes.Switch(before["items"]["data"][0]["id"], price(stripe_sdk, 6_200), 1, AFTER_11_DAYS)
    sandbox_server.fail_next("server_error_after", method="POST", path=f"/v1/subscriptions/{made.id}", saved=True)
    asked = do(change, before, "click")
    assert asked.state == "unknown"
    send_due(engine, tenant, gateway, now=AFTER_11_DAYS + timedelta(minutes=1))
    with tenant_transaction(engine, tenant) as connection:
        [found] = stripe_commands.for_subject(connection, f"subscription:{made.id}")
    assert (found.state, found.attempts) == ("succeeded", 1)
    assert len(stripe_sdk.v1.invoices.list({"subscription": made.id}).data) == 2  # the first one and the change


def test_one_is_started_paused_resumed_let_end_kept_and_ended(
    do: Submit, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    payer, plan = customer(stripe_sdk), price(stripe_sdk, 3_100)
    started = do(changes.Start(payer, plan, 2), None, "a", START)
    assert started.state == "succeeded"
    id_ = str(started.answer_id)
    sandbox_server.advance(days=11)
    for change, seen in (
        (changes.Pause(), ("paused", False)),
        (changes.Resume("unchanged"), ("active", False)),
        (changes.CancelAtPeriodEnd(), ("active", True)),
        (changes.Reactivate(), ("active", False)),
        (changes.CancelNow(), ("canceled", False)),
    ):
        assert do(change, raw(stripe_sdk, id_), type(change).__name__).state == "succeeded"
        after = raw(stripe_sdk, id_)
        assert (after["status"], after["cancel_at_period_end"]) == seen
    refused = do(changes.Pause(), raw(stripe_sdk, id_), "too late")
    assert refused.refusal == {
        "sentence": f"The subscription {id_} has ended (it is canceled).",
        "code": "precondition",
    }
    nobody = do(changes.Start("cus_nobody", plan), None, "b", START)
    assert (nobody.refusal or {})["sentence"] == "Stripe has no customer cus_nobody."


def test_a_trial_ends_and_a_classic_one_stops_collecting(do: Submit, stripe_sdk: stripe.StripeClient) -> None:
    payer, plan = customer(stripe_sdk), price(stripe_sdk, 3_100)
    trial = do(changes.Start(payer, plan, trial_days=14, billing_mode="classic"), None, "a", START)
    id_ = str(trial.answer_id)
    assert raw(stripe_sdk, id_)["status"] == "trialing"
    assert do(changes.EndTrial(), raw(stripe_sdk, id_), "b", START).state == "succeeded"
    assert raw(stripe_sdk, id_)["trial_end"] == EMPTY_STARTS_AT
    assert do(changes.Pause(), raw(stripe_sdk, id_), "c", START).state == "succeeded"
    assert raw(stripe_sdk, id_)["pause_collection"]["behavior"] == "void"
    assert do(changes.Resume(), raw(stripe_sdk, id_), "d", START).state == "succeeded"
    assert raw(stripe_sdk, id_)["pause_collection"] is None


def test_what_someone_else_changed_meanwhile_is_not_overwritten(
    do: Submit, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    basic = price(stripe_sdk, 3_100)
    made = subscribe(stripe_sdk, customer(stripe_sdk), basic)
    seen = raw(stripe_sdk, made.id)
    item = seen["items"]["data"][0]["id"]
    stripe_sdk.v1.subscriptions.update(made.id, {"items": [{"id": item, "quantity": 5}]})
    sandbox_server.advance(seconds=DAY)
    refused = do(changes.Switch(item, basic, 2, START + timedelta(days=1)), seen, "late", START + timedelta(days=1))
    assert "was changed since the preview" in (refused.refusal or {})["sentence"]


def test_a_schedule_switches_the_plan_when_its_time_has_come_and_lets_go(
    do: Submit, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Basic until the period's end, Pro for one month, then free to go on."""
    basic, pro = price(stripe_sdk, 3_100), price(stripe_sdk, 6_200)
    made = subscribe(stripe_sdk, customer(stripe_sdk), basic)
    scheduled = do(changes.Schedule(), raw(stripe_sdk, made.id), "a", START)
    assert scheduled.state == "succeeded"
    again = do(changes.Schedule(), raw(stripe_sdk, made.id), "b", START)
    assert "already has the schedule" in (again.refusal or {})["sentence"]

    schedule_id = str(scheduled.answer_id)
    ends = EMPTY_STARTS_AT + 31 * DAY
    phases = [
        {"items": [{"price": basic, "quantity": 1}], "start_date": EMPTY_STARTS_AT, "end_date": ends},
        {"items": [{"price": pro, "quantity": 1}], "start_date": ends, "end_date": ends + 28 * DAY},
    ]
    told = do(changes.SetPhases(schedule_id, phases), raw(stripe_sdk, made.id), "c", START)
    assert told.state == "succeeded", told.refusal
    sandbox_server.advance(days=32)
    assert raw(stripe_sdk, made.id)["items"]["data"][0]["price"]["id"] == pro
    later = START + timedelta(days=32)
    assert do(changes.Release(schedule_id), raw(stripe_sdk, made.id), "d", later).state == "succeeded"
    assert raw(stripe_sdk, made.id)["schedule"] is None
    over = do(changes.Release(schedule_id), raw(stripe_sdk, made.id), "e", later)
    assert (over.refusal or {})["sentence"] == f"The schedule {schedule_id} is over (it is released)."


def test_a_change_is_planned_in_one_deed_and_dropped_again(
    do: Submit, engine: Engine, tenant: UUID, stripe_sdk: stripe.StripeClient
) -> None:
    """Two commands: the second is written down where the first's answer is, in the name of the one who asked."""
    basic, pro = price(stripe_sdk, 3_100), price(stripe_sdk, 6_200)
    made = subscribe(stripe_sdk, customer(stripe_sdk), {"price": basic, "quantity": 2})
    [item] = made["items"].data
    at = START + timedelta(days=20)
    planned = do(changes.SwitchLater(item.id, pro, 3, at), raw(stripe_sdk, made.id), "a", AFTER_11_DAYS)
    assert (planned.kind, planned.state) == ("schedule.create", "succeeded")
    with tenant_transaction(engine, tenant) as connection:
        first, second = stripe_commands.for_subject(connection, f"subscription:{made.id}")
        schedules = subscription_reads.schedules(connection, [made.id])
    assert (second.kind, second.state, second.requested_by) == ("schedule.update", "succeeded", first.requested_by)
    [now, later] = phases(schedules[made.id])
    assert (now.end, later.start, now.items, later.items) == (at, at, ((basic, 2),), ((pro, 3),))
    refused = do(changes.SwitchLater(item.id, pro, 4, at), raw(stripe_sdk, made.id), "b", AFTER_11_DAYS)
    assert "already has the schedule" in (refused.refusal or {})["sentence"]
    assert do(changes.Release(str(planned.answer_id)), raw(stripe_sdk, made.id), "c").state == "succeeded"
    with tenant_transaction(engine, tenant) as connection:
        assert subscription_reads.schedules(connection, [made.id]) == {}


def test_a_planned_change_happens_when_its_moment_has_come_and_lets_go(
    do: Submit, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """From 2 x 31.00 to 1 x 62.00 in the second month, which the first one's end does not divide: 62.00 as before."""
    basic, pro = price(stripe_sdk, 3_100), price(stripe_sdk, 6_200)
    made = subscribe(stripe_sdk, customer(stripe_sdk), {"price": basic, "quantity": 2})
    [item] = made["items"].data
    ends = datetime.fromtimestamp(item.current_period_end, UTC)
    assert do(changes.SwitchLater(item.id, pro, 1, ends), raw(stripe_sdk, made.id), "a", START).state == "succeeded"
    sandbox_server.advance(days=32)
    [held] = raw(stripe_sdk, made.id)["items"]["data"]
    assert (held["price"]["id"], held["quantity"]) == (pro, 1)
    assert [amount for _, amount in lines(newest_invoice(stripe_sdk))] == [6_200]
    sandbox_server.advance(days=31)
    assert raw(stripe_sdk, made.id)["schedule"] is None


class DiedError(BaseException):
    """The worker's death: nothing of the program may catch it."""


PLACES = ("claimed", "sending committed", "answer received", "result written", "result committed")


@pytest.mark.parametrize("until", [timedelta(minutes=2), timedelta(hours=24)], ids=["same key", "key forgotten"])
def test_whatever_dies_in_between_stripe_sees_each_change_once(
    until: timedelta,
    engine: Engine,
    tenant: UUID,
    gateway: StripeGateway,
    sandbox_server: SandboxServer,
    stripe_sdk: stripe.StripeClient,
) -> None:
    """Every change on a subscription of its own for each place of death; a second worker comes later, under the same key or
    after Stripe has forgotten it. What Stripe did is what it does when nobody dies."""
    payer, basic, pro = customer(stripe_sdk), price(stripe_sdk, 3_100), price(stripe_sdk, 6_200)

    def story(place: str, now: datetime) -> tuple[list[str], list[int]]:
        def die(reached: str) -> None:
            if reached == place:
                raise DiedError

        made = subscribe(stripe_sdk, payer, basic)
        item = made["items"].data[0].id
        steps = (changes.Switch(item, pro, 1, START), changes.Pause(), changes.Resume(), changes.CancelNow())
        for number, change in enumerate(steps):
            at = now + timedelta(days=3 * number)
            intent = changes.intent(change, raw(stripe_sdk, made.id), "deed")
            with tenant_transaction(engine, tenant) as connection:
                asked = commands.submit(connection, tenant, intent, principal=LEAD, now=at)
            try:
                with armed(die):
                    send_due(engine, tenant, gateway, now=at)
            except DiedError:
                send_due(engine, tenant, gateway, now=at + until)
                send_due(engine, tenant, gateway, now=at + until + timedelta(minutes=1))
            with tenant_transaction(engine, tenant) as connection:
                found = stripe_commands.find(connection, asked.command_id)
            assert found is not None
            assert found.state == "succeeded", (place, change, found.refusal, found.last_trouble)
        seen = stripe_sdk.v1.events.list({"limit": 100}).data
        objects = [(one.type, one.data.object) for one in seen]
        of_it = [type_ for type_, about in objects if made.id in {about["id"], getattr(about, "subscription", None)}]
        bills = stripe_sdk.v1.invoices.list({"subscription": made.id}).data
        return sorted(of_it), [amount for bill in bills for _, amount in lines(bill)]

    undisturbed = story("nowhere", START)
    for number, place in enumerate(PLACES, start=1):
        assert story(place, START + timedelta(days=30 * number)) == undisturbed, place
