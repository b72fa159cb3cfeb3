"""A dispute's case follows what Stripe says, from the bank's question to its word, in whatever order it is heard."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from billing import observers
from billing.dispute_outcomes import expire_overdue
from store import audit, dispute_reads, disputes
from store.database import tenant_transaction
from store.disputes import DisputeCase
from store.steps import read_steps
from tests.pipelines.refund_desk import Desk, open_desk
from tests.sandbox_fixtures import SandboxServer

ENDINGS = (
    ("fraudulent", "needs_response"),
    ("duplicate", "needs_response"),
    ("fraudulent", "needs_response"),
    ("fraudulent", "warning_needs_response"),
)


@pytest.fixture
def desk(engine: Engine, tenant: UUID, sandbox_server: SandboxServer) -> Iterator[Desk]:
    with open_desk(engine, tenant, sandbox_server) as opened:
        yield opened


def dispute(desk: Desk, amount: int = 10_000, **given: Any) -> dict[str, Any]:
    opened: dict[str, Any] = desk.server.control("/disputes", {"charge": desk.charge(amount), **given})
    return opened


def see(desk: Desk, dispute_id: str) -> DisputeCase:
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        found = disputes.find_by_dispute(connection, dispute_id)
    assert found is not None
    return found


def steps(desk: Desk, case: DisputeCase) -> list[tuple[str, str]]:
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        return [(step.step, step.who) for step in read_steps(connection, "dispute", case.case_id)]


def test_a_case_opens_with_the_dispute_and_ends_with_the_banks_word(desk: Desk, mallory: UUID) -> None:
    opened = dispute(desk, 12_500, reason="fraudulent")
    inquiry = dispute(desk, 2_000, status="warning_needs_response")
    desk.pull()
    case = see(desk, opened["id"])
    due = datetime.fromtimestamp(opened["evidence_details"]["due_by"], UTC)
    assert (case.state, case.amount_minor, case.due_by, case.network_reason_code) == (
        "needs_response",
        12_500,
        due,
        "10.4",
    )
    assert (case.fee_minor, case.fee_currency, case.is_inquiry) == (1_500, "usd", False)
    assert see(desk, inquiry["id"]).is_inquiry
    assert see(desk, inquiry["id"]).fee_minor is None  # no money has moved
    desk.sdk.v1.disputes.update(opened["id"], {"evidence": {"uncategorized_text": "they used it"}, "submit": True})
    desk.pull()  # somebody answered in Stripe's own dashboard
    assert (see(desk, opened["id"]).state, see(desk, opened["id"]).submission_count) == ("submitted", 1)
    desk.server.control(f"/disputes/{opened['id']}/resolve", {"status": "won"})
    desk.server.control(f"/disputes/{inquiry['id']}/resolve", {"status": "warning_closed"})
    desk.pull()
    desk.pull()
    assert steps(desk, case) == [("needs_response", "metering"), ("submitted", "metering"), ("won", "metering")]
    assert see(desk, inquiry["id"]).state == "closed"
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        assert disputes.counts(connection) == {"won": 1, "closed": 1}
        assert audit.verify(connection).rows == 5  # three moves of the one, two of the other
    with tenant_transaction(desk.engine, mallory) as connection:
        assert disputes.find_by_dispute(connection, opened["id"]) is None
        assert disputes.listed(connection) == []
        assert expire_overdue(connection, mallory, desk.now + timedelta(days=90)) == 0


def test_a_case_nobody_answered_ends_at_its_deadline(desk: Desk) -> None:
    opened = dispute(desk)
    desk.pull()
    case = see(desk, opened["id"])
    assert case.due_by is not None
    for before_end, expected in ((timedelta(seconds=1), 0), (timedelta(0), 1), (timedelta(0), 0)):
        with tenant_transaction(desk.engine, desk.tenant) as connection:
            assert expire_overdue(connection, desk.tenant, case.due_by - before_end) == expected
    assert steps(desk, case)[-1] == ("expired", "metering")
    desk.server.control(f"/disputes/{opened['id']}/resolve", {"status": "lost"})
    desk.pull()
    assert see(desk, opened["id"]).state == "lost"


def test_an_inquiry_that_becomes_a_chargeback_asks_for_one_more_answer(desk: Desk) -> None:
    opened = dispute(desk, status="warning_needs_response")
    answered = {**opened, "status": "warning_under_review"}
    answered["evidence_details"] = {**opened["evidence_details"], "submission_count": 1}
    charged_back = {**answered, "status": "needs_response"}

    def hear(raw: dict[str, Any], minutes: int) -> DisputeCase:
        with tenant_transaction(desk.engine, desk.tenant) as connection:
            observers.take_in(connection, desk.tenant, [raw], desk.now + timedelta(minutes=minutes))
        return see(desk, opened["id"])

    assert hear(answered, 1).state == "submitted"
    asked = hear(charged_back, 2)
    assert (asked.state, asked.answer_number, asked.submissions_before) == ("needs_response", 2, 1)
    assert hear(answered, 3).state == "needs_response"  # an old word that came late
    assert hear(charged_back, 4) == hear(charged_back, 4)
    assert steps(desk, asked) == [("submitted", "metering"), ("needs_response", "metering")]


def test_early_fraud_warnings_are_pulled_and_followed(desk: Desk, mallory: UUID) -> None:
    warned, refunded, disputed = (desk.charge(amount) for amount in (4_000, 5_000, 6_000))
    for charge in (warned, refunded, disputed):
        desk.server.control("/fraud_warnings", {"charge": charge})
    desk.sdk.v1.refunds.create({"charge": refunded})
    desk.server.control("/disputes", {"charge": disputed})
    desk.pull()
    later = desk.now + timedelta(days=60)
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        found = dispute_reads.early_warnings(connection)
        assert {(one.charge_id, one.is_actionable, one.is_disputed) for one in found} == {
            (warned, True, False),
            (refunded, False, False),
            (disputed, False, True),
        }
        assert found[0].charge_id == warned  # what can be acted on comes first
        # One of the two that nobody refunded became a dispute; those of the last days say nothing yet.
        assert dispute_reads.warnings_that_became_disputes(connection, before=later) == (1, 2)
        assert dispute_reads.warnings_that_became_disputes(connection, before=desk.now) == (0, 0)
    with tenant_transaction(desk.engine, mallory) as connection:
        assert dispute_reads.early_warnings(connection) == []


def test_warnings_from_before_an_upgrade_are_read_from_their_beginning(desk: Desk) -> None:
    desk.server.control("/fraud_warnings", {"charge": desk.charge()})
    desk.pull()
    with tenant_transaction(desk.engine, desk.tenant) as connection:  # as the version before this list left it
        connection.execute(text("delete from sync_windows where stream = 'radar/early_fraud_warnings'"))
        connection.execute(text("delete from stripe_early_fraud_warnings"))
    desk.pull()
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        assert len(dispute_reads.early_warnings(connection)) == 1


def test_the_record_and_the_months_count_what_the_rules_count(desk: Desk, mallory: UUID) -> None:
    won, lost, unanswered, inquiry = (dispute(desk, reason=reason, status=status) for reason, status in ENDINGS)
    for one in (won, lost):
        desk.sdk.v1.disputes.update(one["id"], {"evidence": {"uncategorized_text": "used"}, "submit": True})
    desk.server.control(f"/disputes/{won['id']}/resolve", {"status": "won"})
    for one in (lost, unanswered):
        desk.server.control(f"/disputes/{one['id']}/resolve", {"status": "lost"})
    desk.pull()
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        # Lost without an answer says nothing about fighting.
        assert dispute_reads.ended_by_reason(connection) == {"fraudulent": (1, 1), "duplicate": (0, 1)}
        assert dispute_reads.fees_by_currency(connection) == {"usd": 1_500}
        taken = dispute_reads.withdrawn(connection, [won["id"], inquiry["id"]])
        assert taken == {won["id"]: (10_000, "usd")}  # of an inquiry nothing
        (month,) = dispute_reads.activity(connection, since=desk.now.date())
        assert (month.month, month.network, month.payments) == (date(2026, 1, 1), "visa", 4)
        # Three chargebacks, two of them for fraud at $100 each; the inquiry is none yet.
        assert (month.disputes, month.fraud_disputes, month.fraud_usd_minor) == (3, 2, 20_000)
    with tenant_transaction(desk.engine, mallory) as connection:
        assert dispute_reads.activity(connection, since=desk.now.date()) == []
        assert dispute_reads.ended_by_reason(connection) == {}
