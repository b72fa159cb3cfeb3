"""Failed payments from the decline to the money, with Stripe, Postgres, two workers and double clicks."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing import observers, recovery_deeds
from billing.principals import Principal
from billing.recovery_deeds import RecoveryNotAllowed
from billing.retry_schedule import POLICY_VERSION
from pipelines.retry_payments import retry_due
from pipelines.send_commands import send_due
from store import audit, recovery_cases, stripe_commands
from store.database import DatabaseUrls, open_engine, tenant_transaction
from store.failpoints import armed
from store.stripe_commands import Command
from tests.pipelines.recovery_desk import LEA, SAM, RecoveryDesk, open_recovery_desk
from tests.sandbox_fixtures import SandboxServer


@pytest.fixture
def desk(engine: Engine, tenant: UUID, sandbox_server: SandboxServer) -> Iterator[RecoveryDesk]:
    with open_recovery_desk(engine, tenant, sandbox_server) as opened:
        yield opened


def test_our_retries_recover_an_invoice_that_stripe_gave_up(desk: RecoveryDesk, mallory: UUID) -> None:
    case = desk.fail("insufficient_funds", "insufficient_funds", "approved")
    assert (case.state, case.owner, case.decline_class, case.amount_minor) == ("scheduled", "ours", "later", 4_900)
    assert desk.retry_due() == 0  # not yet
    desk.wait_until(case.next_attempt_at)
    assert desk.retry_due() == 1
    assert desk.retry_due() == 0  # asked for already
    assert desk.see(case).state == "retrying"
    desk.send()
    again = desk.see(case)
    assert (again.state, again.try_number, again.tries_made) == ("scheduled", 2, 2)
    assert desk.tries(case) == [
        ("stripe", "declined", "insufficient_funds"),
        ("ours", "declined", "insufficient_funds"),
    ]
    desk.wait_until(again.next_attempt_at)
    desk.retry_due()
    desk.send()
    done = desk.see(case)
    assert (done.state, done.recovered_minor, done.attribution) == ("recovered", 4_900, "our_retry")
    assert desk.charges(case) == ["failed", "failed", "succeeded"]
    desk.pull()  # what the mirror brings later changes nothing
    assert [by for by, _, _ in desk.tries(case)] == ["stripe", "ours", "ours"]
    assert desk.see(case).attribution == "our_retry"
    assert desk.steps(case) == [
        "open", "scheduled", "retry", "retrying", "scheduled", "retry", "retrying", "recovered",
    ]  # fmt: skip
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        assert audit.verify(connection).intact
        tried = recovery_cases.attempts(connection, case.case_id)
        assert [attempt.policy_version for attempt in tried] == [None, POLICY_VERSION, POLICY_VERSION]
        assert tried[1].slot_probability_ppm == 1_000_000 // 45
    with tenant_transaction(desk.engine, mallory) as connection:
        assert recovery_cases.newest(connection) == []


def test_an_invoice_that_stripe_retries_is_left_to_stripe(desk: RecoveryDesk) -> None:
    case = desk.fail("do_not_honor", "approved", stripe_retries_after_days=(3, 5))
    assert (case.state, case.owner) == ("with_stripe", "stripe")
    desk.server.advance(days=2)
    assert desk.retry_due() == 0
    desk.server.advance(days=1)
    desk.pull()
    done = desk.see(case)
    assert (done.state, done.attribution) == ("recovered", "stripe_retry")
    assert desk.charges(case) == ["failed", "succeeded"]


def test_two_workers_and_a_double_click_make_one_attempt(desk: RecoveryDesk, database_urls: DatabaseUrls) -> None:
    case = desk.fail("do_not_honor")
    desk.wait_until(case.next_attempt_at)
    many = open_engine(database_urls.app, pool_size=8)
    start = threading.Barrier(6)

    def act(number: int) -> str | None:
        start.wait(30)
        if number < 2:
            retry_due(many, desk.tenant, now=desk.now)
            return None
        with tenant_transaction(many, desk.tenant) as connection:
            command = recovery_deeds.retry_now(
                connection, desk.tenant, case.case_id, try_number=case.try_number, principal=SAM, now=desk.now
            )
        return str(command.command_id)

    try:
        with ThreadPoolExecutor(6) as hands:
            clicked = {answer for answer in hands.map(act, range(6)) if answer is not None}
            list(hands.map(lambda _: send_due(many, desk.tenant, desk.gateway, now=desk.now), range(2)))
    finally:
        many.dispose()
    assert len(clicked) == 1
    assert desk.charges(case) == ["failed", "failed"]
    with pytest.raises(RecoveryNotAllowed, match="tried meanwhile"):
        desk.retry_now(case)  # the page still shows the try that has ended
    assert desk.charges(case) == ["failed", "failed"]


def test_a_try_whose_answer_is_lost_is_not_made_twice(desk: RecoveryDesk) -> None:
    case = desk.fail("do_not_honor", "do_not_honor", "approved")
    desk.server.advance(seconds=60)
    desk.retry_now(case)

    def die(place: str) -> None:
        if place == "answer received":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), armed(die):
        desk.send()
    desk.server.advance(days=2)  # Stripe has forgotten the key: the try has to be looked for
    desk.send()
    assert desk.charges(case) == ["failed", "failed"]
    assert desk.tries(case)[1] == ("manual", "declined", "do_not_honor")
    assert desk.see(case).state == "scheduled"


def test_a_try_that_stripe_made_meanwhile_holds_ours_back(desk: RecoveryDesk) -> None:
    case = desk.fail("do_not_honor")
    desk.retry_now(case)
    with pytest.raises(Exception, match="declined"):
        desk.sdk.v1.invoices.pay(case.invoice_id)  # by hand, at Stripe
    desk.send()
    assert desk.charges(case) == ["failed", "failed"]
    held = desk.see(case)
    assert held.state == "scheduled"
    assert held.hold_until == desk.now + timedelta(hours=1)
    assert "not tried" in desk.steps(case)


def test_a_stolen_card_waits_for_another_one_which_is_tried_at_once(desk: RecoveryDesk) -> None:
    case = desk.fail("stolen_card")
    assert (case.state, case.decline_class, case.next_attempt_at) == ("waiting_for_customer", "never", None)
    with pytest.raises(RecoveryNotAllowed, match="another one"):
        desk.retry_now(case)
    with pytest.raises(RecoveryNotAllowed, match="viewer"):
        desk.retry_now(case, Principal("vic", "viewer"))
    desk.server.advance(days=1)
    new = desk.sdk.v1.payment_methods.attach("pm_card_visa", {"customer": str(case.customer_id)}).id
    subscription = str(case.subscription_id)
    desk.sdk.v1.subscriptions.update(subscription, {"default_payment_method": new})
    desk.pull()
    assert (desk.see(case).state, desk.see(case).reason) == ("scheduled", "new_card")
    assert desk.retry_due() == 1
    desk.send()
    done = desk.see(case)
    assert (done.state, done.attribution) == ("recovered", "card_update")


def test_snooze_cancel_and_write_off_stop_the_tries(desk: RecoveryDesk) -> None:
    case = desk.fail("do_not_honor")
    until = desk.now + timedelta(days=5)
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        snoozed = recovery_deeds.snooze(
            connection, desk.tenant, case.case_id, until=until, why="they called", principal=SAM, now=desk.now
        )
    assert (snoozed.state, snoozed.next_attempt_at) == ("snoozed", until)
    with pytest.raises(RecoveryNotAllowed, match="support does not write off"):
        desk.write_off(case, who=SAM)
    desk.write_off(case, "bankrupt")
    assert desk.see(case).state == "written_off"
    desk.send()
    assert desk.sdk.v1.invoices.retrieve(case.invoice_id).status == "uncollectible"
    assert desk.see(case).state == "written_off"
    desk.server.advance(days=6)
    assert desk.retry_due() == 0
    assert desk.charges(case) == ["failed"]


def test_thirty_days_without_another_card_are_lost_until_money_comes_all_the_same(desk: RecoveryDesk) -> None:
    case = desk.fail("lost_card")
    desk.server.advance(days=31)
    assert desk.see(case).state == "waiting_for_customer"
    desk.retry_due()
    lost = desk.see(case)
    assert (lost.state, lost.reason, lost.ended_at) == ("lost", "too_late", case.failed_at + timedelta(days=30))
    desk.sdk.v1.invoices.pay(case.invoice_id, {"paid_out_of_band": True})
    desk.pull()
    late = desk.see(case)
    assert (late.state, late.attribution, late.recovered_minor) == ("recovered", "manual", 4_900)


def commands(desk: RecoveryDesk) -> list[Command]:
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        return stripe_commands.newest(connection)


def test_a_disputing_customer_is_not_charged(desk: RecoveryDesk) -> None:
    case = desk.fail("do_not_honor")
    first = desk.sdk.v1.charges.list({"customer": str(case.customer_id), "limit": 100}).data[-1]
    desk.server.control("/disputes", {"charge": first.id, "reason": "fraudulent"})
    desk.pull()
    assert (desk.see(case).state, desk.see(case).reason) == ("on_hold", "disputed")
    desk.server.advance(days=2)
    assert desk.retry_due() == 0
    with pytest.raises(RecoveryNotAllowed, match="disputed"):
        desk.retry_now(case, LEA)
    assert commands(desk) == []


def test_a_charge_and_its_payment_that_come_at_the_same_time_open_the_case(desk: RecoveryDesk) -> None:
    """Neither transaction sees what the other has not committed yet; the second one waits, and then it does."""
    desk.server.control("/retries", {"after_days": []})
    subscription = desk.subscribe("do_not_honor")
    read = {
        kind: desk.gateway.read(f"/v1/{kind}", {"limit": 100})["data"]
        for kind in ("customers", "invoices", "invoice_payments", "charges")
    }

    def take_in_payments() -> None:
        with tenant_transaction(desk.engine, desk.tenant) as connection:
            observers.take_in(connection, desk.tenant, read["invoice_payments"], desk.now)

    with ThreadPoolExecutor(1) as other:
        with tenant_transaction(desk.engine, desk.tenant) as connection:
            # Without the invoices' own word, so that only the charge tells of the failure.
            paid = [{**invoice, "status": "paid"} for invoice in read["invoices"]]
            observers.take_in(connection, desk.tenant, [*read["customers"], *paid, *read["charges"]], desk.now)
            begun = other.submit(take_in_payments)
            with pytest.raises(TimeoutError):
                begun.result(0.3)  # it waits for its turn
        begun.result(30)
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        (case,) = recovery_cases.newest(connection)
    assert case.subscription_id == subscription
