"""The refund queue from asking to the money's arrival, with Stripe, Postgres and many hands at once."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing import observers, refund_outcomes, refunds
from billing.principals import Principal
from billing.refund_states import NoSuchStep
from billing.refund_steps import RefundNotAllowed
from store import audit, refund_requests, stripe_commands
from store.database import DatabaseUrls, open_engine, tenant_transaction
from store.refund_requests import RefundRequest
from tests.pipelines.refund_desk import FAY, LEA, SAM, Desk, open_desk
from tests.sandbox_fixtures import SandboxServer


@pytest.fixture
def desk(engine: Engine, tenant: UUID, sandbox_server: SandboxServer) -> Iterator[Desk]:
    with open_desk(engine, tenant, sandbox_server) as opened:
        yield opened


def test_a_refund_goes_through_its_six_steps(desk: Desk, mallory: UUID) -> None:
    charge = desk.charge()
    asked = desk.ask(charge, 3_000, note="  charged twice ")
    assert (asked.state, asked.note, asked.requested_by) == ("requested", "charged twice", "sam (support)")
    with pytest.raises(NoSuchStep, match="cannot become decided"):
        desk.approve(asked)
    assert desk.check() == 1
    assert desk.see(asked).findings == []
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        kept = refunds.attach(
            connection, desk.tenant, asked.request_id, name="mail.txt", content=b"twice!", principal=SAM, now=desk.now
        )
    assert (
        kept.sha256 == "1c03c2311d2bf7ef2f0d620a800e5791e783c8ed619c2c1149c4623a9b953ffe"
    )  # printf twice! | sha256sum
    assert desk.approve(asked, why="ok").state == "decided"
    assert desk.refunded(charge) == []  # deciding sends nothing
    assert desk.send() == 1
    done = desk.see(asked)
    assert (done.state, desk.refunded(charge)) == ("settled", [3_000])
    assert desk.steps(asked) == [
        ("requested", "sam (support)"),
        ("checked", "metering"),
        ("evidence", "sam (support)"),
        ("decided", "sam (support)"),
        ("sent", "metering"),
        ("settled", "metering"),
    ]
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        assert audit.verify(connection).rows == 8  # six steps, and the command's beginning and end
    with tenant_transaction(desk.engine, mallory) as connection:
        assert refund_requests.find(connection, asked.request_id) is None
        assert refund_requests.newest(connection) == []
        with pytest.raises(RefundNotAllowed, match="no refund request"):
            refunds.decline(connection, mallory, asked.request_id, principal=FAY, why="mine", now=desk.now)


def test_two_hundred_approvals_at_once_make_one_refund(desk: Desk, database_urls: DatabaseUrls) -> None:
    charge = desk.charge()
    asked = desk.ask(charge, 3_000)
    desk.check()
    many = open_engine(database_urls.app, pool_size=16)
    start = threading.Barrier(16)

    def approve(number: int) -> str:
        if number < 16:
            start.wait(30)
        try:
            with tenant_transaction(many, desk.tenant) as connection:
                refunds.approve(connection, desk.tenant, asked.request_id, principal=LEA, now=desk.now)
        except NoSuchStep:
            return "too late"
        return "approved"

    try:
        with ThreadPoolExecutor(16) as hands:
            answers = list(hands.map(approve, range(200)))
    finally:
        many.dispose()
    assert (answers.count("approved"), answers.count("too late")) == (1, 199)
    desk.send()
    assert desk.refunded(charge) == [3_000]


def test_requests_of_one_charge_approved_at_once_never_exceed_it(desk: Desk, database_urls: DatabaseUrls) -> None:
    charge = desk.charge(10_000)
    asked = [desk.ask(charge, 2_000 + number) for number in range(8)]
    desk.check()
    many = open_engine(database_urls.app, pool_size=8)
    start = threading.Barrier(8)

    def approve(one: RefundRequest) -> str:
        start.wait(30)
        try:
            with tenant_transaction(many, desk.tenant) as connection:
                refunds.approve(connection, desk.tenant, one.request_id, principal=LEA, now=desk.now)
        except RefundNotAllowed as refusal:
            return str(refusal)
        return "approved"

    try:
        with ThreadPoolExecutor(8) as hands:
            answers = list(hands.map(approve, asked))
    finally:
        many.dispose()
    assert (
        answers.count("approved") == 4
    )  # five of at least 2,000 each, 2,000 and 2,001 … among them, are more than 10,000
    assert all("are too much" in answer for answer in answers if answer != "approved")
    desk.send()
    assert sum(desk.refunded(charge)) <= 10_000
    assert len(desk.refunded(charge)) == 4


def test_what_a_refund_made_elsewhere_leaves_too_little_for_is_refused_at_the_last_look(desk: Desk) -> None:
    charge = desk.charge()
    asked = desk.ask(charge, 7_000)
    desk.check()
    desk.approve(asked, LEA)
    desk.sdk.v1.refunds.create({"charge": charge, "amount": 5_000})  # in Stripe's own pages
    desk.send()
    done = desk.see(asked)
    assert (done.state, desk.refunded(charge)) == ("failed", [5_000])
    assert done.outcome == "Only 5000 usd (minor units) of the charge are left to refund, not 7000."


def test_a_disputed_charge_is_found_by_the_check_and_nobody_may_refund_it(desk: Desk) -> None:
    charge = desk.charge()
    asked = desk.ask(charge, 1_000)
    desk.server.control("/disputes", {"charge": charge, "reason": "fraudulent"})
    desk.check()
    (finding,) = desk.see(asked).findings or ()
    assert (finding["code"], finding["level"]) == ("disputed", "stop")
    with pytest.raises(RefundNotAllowed, match="would pay the customer twice"):
        desk.approve(asked, FAY, override_reason="all the same")


def test_an_old_charge_takes_a_lead_with_a_reason(desk: Desk) -> None:
    charge = desk.charge()
    desk.server.advance(days=31)
    asked = desk.ask(charge, 1_000)
    desk.check()
    with pytest.raises(RefundNotAllowed, match="A lead or founder may override"):
        desk.approve(asked)
    with pytest.raises(RefundNotAllowed, match="Say why"):
        desk.approve(asked, LEA)
    assert desk.approve(asked, LEA, override_reason="a good customer").override_reason == "a good customer"


def test_a_refund_that_fails_later_shows_up_and_frees_the_amount(desk: Desk) -> None:
    charge = desk.charge()
    asked = desk.ask(charge, 10_000)
    desk.check()
    desk.approve(asked, LEA)
    desk.send()
    refund_id = desk.see(asked).refund_id
    assert desk.see(asked).state == "settled"
    desk.server.control(f"/refunds/{refund_id}/fail", {"reason": "lost_or_stolen_card"})
    desk.server.advance(seconds=10)
    desk.pull()
    failed = desk.see(asked)
    assert failed.state == "failed"
    assert failed.outcome == (
        "Stripe says that the refund did not arrive (lost or stolen card): the money is back in the balance."
    )
    again = desk.ask(charge, 10_000)
    desk.check()
    assert desk.see(again).findings == []  # all of it is left again
    desk.approve(again, LEA)
    desk.send()
    assert desk.see(again).state == "settled"


def test_a_failure_that_was_mirrored_before_the_answer_was_written_down_counts(desk: Desk) -> None:
    charge = desk.charge()
    asked = desk.ask(charge, 4_000)
    desk.check()
    command_id = desk.approve(asked, LEA).command_id
    failed = {
        "id": "re_early",
        "object": "refund",
        "status": "failed",
        "amount": 4_000,
        "currency": "usd",
        "charge": charge,
    }
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        observers.take_in(connection, desk.tenant, [failed | {"failure_reason": "unknown"}], desk.now)
        command = stripe_commands.claim(connection, now=desk.now, lease=timedelta(minutes=1))
        assert command is not None
        assert command.command_id == command_id
        settled = stripe_commands.record(
            connection, command, state="succeeded", answer=failed | {"status": "succeeded"}, answer_id="re_early"
        )
        assert settled is not None
        refund_outcomes.settle(connection, desk.tenant, settled, desk.now)
    assert desk.see(asked).state == "failed"


def test_a_request_is_taken_back_or_declined_as_long_as_it_was_not_sent(desk: Desk) -> None:
    charge = desk.charge()
    first, second, third = desk.ask(charge, 1_000), desk.ask(charge, 1_001), desk.ask(charge, 1_002)
    desk.check()
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        with pytest.raises(RefundNotAllowed, match="Say why"):
            refunds.decline(connection, desk.tenant, first.request_id, principal=SAM, why=" ", now=desk.now)
        refunds.decline(connection, desk.tenant, first.request_id, principal=SAM, why="no", now=desk.now)
        with pytest.raises(RefundNotAllowed, match="takes this request back"):
            refunds.cancel(
                connection,
                desk.tenant,
                second.request_id,
                principal=Principal("ann", "support"),
                why=None,
                now=desk.now,
            )
    desk.approve(second)
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        refunds.cancel(connection, desk.tenant, second.request_id, principal=SAM, why="wrong one", now=desk.now)
    desk.approve(third)
    desk.send()
    with (
        pytest.raises(RefundNotAllowed, match="on its way"),
        tenant_transaction(desk.engine, desk.tenant) as connection,
    ):
        refunds.cancel(connection, desk.tenant, third.request_id, principal=SAM, why=None, now=desk.now)
    assert [desk.see(one).state for one in (first, second, third)] == ["declined", "canceled", "settled"]
    assert desk.refunded(charge) == [1_002]


def test_the_same_external_id_is_one_request_and_an_invoice_means_its_charge(desk: Desk) -> None:
    customer = desk.sdk.v1.customers.create({"payment_method": "pm_card_visa", "name": "Ada"})
    methods = desk.sdk.v1.payment_methods.list({"customer": customer.id}).data
    desk.sdk.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": methods[0].id}})
    desk.sdk.v1.invoice_items.create({"customer": customer.id, "amount": 5_000, "currency": "usd"})
    draft: Any = {"customer": customer.id, "pending_invoice_items_behavior": "include"}
    invoice = desk.sdk.v1.invoices.create(draft)
    desk.sdk.v1.invoices.finalize_invoice(str(invoice.id))
    desk.sdk.v1.invoices.pay(str(invoice.id))
    desk.pull()
    first = desk.ask(str(invoice.id), None, external_id="ticket-7")
    again = desk.ask(str(invoice.id), None, external_id="ticket-7")
    assert first == again
    with pytest.raises(RefundNotAllowed, match="'ticket-7' stands for another refund already"):
        desk.ask(str(invoice.id), 1, external_id="ticket-7")
    assert (first.amount_minor, first.invoice_id, first.customer_id) == (5_000, invoice.id, customer.id)  # all of it
    with pytest.raises(RefundNotAllowed, match="No paid charge is known by 'in_nothing'"):
        desk.ask("in_nothing", 1)
    with pytest.raises(RefundNotAllowed, match="5001 usd"):
        desk.ask(str(invoice.id), 5_001)
    with pytest.raises(RefundNotAllowed, match="not in eur"):
        desk.ask(str(invoice.id), 1, currency="EUR")


def test_while_stripe_is_down_a_request_says_why_it_is_not_checked_yet(desk: Desk) -> None:
    charge = desk.charge()
    asked = desk.ask(charge, 1_000)
    desk.server.fail_next("server_error", method="GET", path="/v1/charges/*", times=99)
    assert desk.check() == 0
    waiting = desk.see(asked)
    assert waiting.state == "requested"
    assert "500" in str(waiting.check_trouble)
    desk.server.control("/faults", method="DELETE")
    assert desk.check() == 1
    assert desk.see(asked).check_trouble is None
