"""A dispute's case follows what Stripe says, from the bank's question to its word, in whatever order it is heard."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing import observers
from billing.dispute_outcomes import expire_overdue
from store import audit, disputes, stripe_mirror
from store.database import tenant_transaction
from store.disputes import DisputeCase
from tests.pipelines.refund_desk import Desk, open_desk
from tests.sandbox_fixtures import SandboxServer


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
        return [(step.step, step.who) for step in disputes.steps(connection, case.case_id)]


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


def test_early_fraud_warnings_are_mirrored(desk: Desk, mallory: UUID) -> None:
    warning = {
        "id": "issfr_1",
        "object": "radar.early_fraud_warning",
        "actionable": True,
        "charge": "ch_1",
        "created": 1_767_225_600,
        "fraud_type": "unauthorized_use_of_card",
        "payment_intent": "pi_1",
    }
    for owner, expected in ((desk.tenant, 1), (mallory, 0)):
        with tenant_transaction(desk.engine, owner) as connection:
            if expected:
                observers.take_in(connection, owner, [warning], desk.now)
            kind = "radar.early_fraud_warning"
            assert len(stripe_mirror.current(connection, kind, ["issfr_1"])) == expected
