"""Evidence is written, staged and submitted once, or the dispute is accepted, whatever happens on the way to Stripe."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing import disputes as answers
from billing.commands import Outcome, Refused, Request
from billing.dispute_steps import DisputeNotAllowed
from billing.principals import Principal
from billing.stripe_gateway import StripeGateway
from pipelines.send_commands import send_due
from store import audit, disputes, stripe_commands
from store.database import tenant_transaction
from store.disputes import DisputeCase
from store.steps import read_steps
from tests.pipelines.refund_desk import LEA, SAM, Desk, open_desk
from tests.sandbox_fixtures import SandboxServer

TEXTS = {"customer_name": "Acme Ltd", "access_activity_log": "2026-01-01: 41 calls"}


class Refusing:
    """Stripe, when it does not like what it is sent."""

    def __init__(self, gateway: StripeGateway) -> None:
        self.read = gateway.read

    def send(self, _request: Request, _key: str) -> Outcome:
        return Refused("The evidence cannot be read.", status=400)


@pytest.fixture
def desk(engine: Engine, tenant: UUID, sandbox_server: SandboxServer) -> Iterator[Desk]:
    with open_desk(engine, tenant, sandbox_server) as opened:
        yield opened


def a_case(desk: Desk, **given: Any) -> DisputeCase:
    made = desk.server.control("/disputes", {"charge": desk.charge(), **given})
    desk.pull()
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        found = disputes.find_by_dispute(connection, made["id"])
    assert found is not None
    return found


def do(desk: Desk, deed: Any, case: DisputeCase, *given: Any, who: Principal = SAM, **more: Any) -> Any:
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        return deed(connection, desk.tenant, case.case_id, *given, principal=who, now=desk.now, **more)


def see(desk: Desk, case: DisputeCase) -> DisputeCase:
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        found = disputes.find(connection, case.case_id)
    assert found is not None
    return found


def at_stripe(desk: Desk, case: DisputeCase) -> tuple[str, int, str | None]:
    """Status, submissions and the customer's name in the evidence."""
    found = desk.sdk.v1.disputes.retrieve(case.dispute_id)
    return found.status, found.evidence_details.submission_count, found.evidence.customer_name


def test_evidence_is_staged_edited_and_submitted_once(desk: Desk, mallory: UUID) -> None:
    case = a_case(desk)
    first = do(desk, answers.write, case, {**TEXTS, "customer_purchase_ip": "192.0.2.7", "service_date": " "})
    assert (first.version, sorted(first.fields)) == (
        1,
        ["access_activity_log", "customer_name", "customer_purchase_ip"],
    )
    do(desk, answers.stage, case, version=1)
    do(desk, answers.stage, case, version=1)  # a second click
    assert (desk.send(), see(desk, case).state) == (1, "staged")
    assert at_stripe(desk, case) == ("needs_response", 0, "Acme Ltd")
    assert do(desk, answers.write, case, TEXTS).version == 2
    assert do(desk, answers.write, case, TEXTS).version == 2  # the same texts are the same version
    with pytest.raises(DisputeNotAllowed, match="wrote version 2 of the evidence since version 1"):
        do(desk, answers.submit, case, version=1)
    with pytest.raises(DisputeNotAllowed, match="viewer"):
        do(desk, answers.submit, case, version=2, who=Principal("vic", "viewer"))
    do(desk, answers.submit, case, version=2)
    assert do(desk, answers.submit, case, version=2).state == "submitting"  # a second click
    assert (desk.send(), at_stripe(desk, case)) == (1, ("under_review", 1, "Acme Ltd"))
    left_out = desk.sdk.v1.disputes.retrieve(case.dispute_id).evidence.customer_purchase_ip
    assert not left_out  # staged with version 1, taken out in version 2
    done = see(desk, case)
    assert (done.state, done.submitted_version, done.submitted_sha256) == (
        "submitted",
        2,
        disputes.evidence_hash(TEXTS),
    )
    assert do(desk, answers.submit, case, version=2).state == "submitted"
    with pytest.raises(DisputeNotAllowed, match="is submitted"):
        do(desk, answers.write, case, {"customer_name": "late"})
    desk.pull()
    assert see(desk, case).state == "submitted"
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        assert audit.verify(connection).intact
        assert [step.step for step in read_steps(connection, "dispute", case.case_id)] == [
            "needs_response",
            "staged",
            "submitting",
            "submitted",
        ]
    with tenant_transaction(desk.engine, mallory) as connection, pytest.raises(DisputeNotAllowed, match="no dispute"):
        answers.submit(connection, mallory, case.case_id, version=2, principal=LEA, now=desk.now)


def test_fifty_submissions_at_once_are_one(desk: Desk) -> None:
    case = a_case(desk)
    do(desk, answers.write, case, TEXTS)
    with ThreadPoolExecutor(4) as hands:
        states = list(hands.map(lambda _: do(desk, answers.submit, case, version=1).state, range(50)))
    assert set(states) == {"submitting"}
    with ThreadPoolExecutor(2) as workers:
        list(workers.map(lambda _: desk.send(), range(2)))
    assert at_stripe(desk, case)[:2] == ("under_review", 1)


@pytest.mark.parametrize("fault", ["timeout_after", "server_error_after"])
def test_an_answer_that_never_came_is_found_again(desk: Desk, fault: str) -> None:
    case = a_case(desk)
    do(desk, answers.write, case, TEXTS)
    do(desk, answers.submit, case, version=1)
    desk.server.fail_next(fault, method="POST", path="/v1/disputes/*", saved=True)
    desk.send()
    assert see(desk, case).state == "submitting"
    for minutes in (5, 10, 20):
        send_due(desk.engine, desk.tenant, desk.gateway, now=desk.now + timedelta(minutes=minutes))
    assert (see(desk, case).state, at_stripe(desk, case)[1]) == ("submitted", 1)


def test_what_stripe_refuses_can_be_mended(desk: Desk) -> None:
    case = a_case(desk)
    do(desk, answers.write, case, TEXTS)
    do(desk, answers.submit, case, version=1)
    send_due(desk.engine, desk.tenant, Refusing(desk.gateway), now=desk.now)
    refused = see(desk, case)
    assert (refused.state, refused.answer_number) == ("needs_response", 2)
    assert refused.outcome == "The evidence cannot be read."
    do(desk, answers.submit, case, version=1)
    desk.send()
    assert (see(desk, case).state, see(desk, case).outcome, at_stripe(desk, case)[1]) == ("submitted", None, 1)


def test_nothing_is_sent_after_the_deadline_or_after_somebody_else_answered(desk: Desk) -> None:
    late, answered = a_case(desk), a_case(desk)
    for case in (late, answered):
        do(desk, answers.write, case, TEXTS)
        do(desk, answers.submit, case, version=1)
    desk.sdk.v1.disputes.update(answered.dispute_id, {"evidence": {"customer_name": "theirs"}, "submit": True})
    desk.send()
    assert at_stripe(desk, late)[:2] == ("under_review", 1)
    assert at_stripe(desk, answered) == ("under_review", 1, "theirs")
    assert "no evidence is taken any more" in str(see(desk, answered).outcome)
    desk.pull()
    assert see(desk, answered).state == "submitted"
    overdue = a_case(desk)
    do(desk, answers.write, overdue, TEXTS)
    do(desk, answers.submit, overdue, version=1)
    desk.server.advance(days=10)
    desk.send()
    assert (see(desk, overdue).state, at_stripe(desk, overdue)[:2]) == ("needs_response", ("lost", 0))
    assert "is lost at Stripe" in str(see(desk, overdue).outcome)
    with pytest.raises(DisputeNotAllowed, match="was due by"):
        do(desk, answers.submit, overdue, version=1)


def test_a_dispute_is_accepted_with_a_reason_by_who_may(desk: Desk) -> None:
    case, inquiry = a_case(desk), a_case(desk, status="warning_needs_response")
    with pytest.raises(DisputeNotAllowed, match="Only a lead or a founder"):
        do(desk, answers.accept, case, why="ours")
    with pytest.raises(DisputeNotAllowed, match="Say why"):
        do(desk, answers.accept, case, why=" ", who=LEA)
    for one in (case, inquiry):
        do(desk, answers.accept, one, why="we charged twice", who=LEA)
        do(desk, answers.accept, one, why="we charged twice", who=LEA)
    with pytest.raises(DisputeNotAllowed, match="is accepting"):
        do(desk, answers.submit, case, version=1)
    assert desk.send() == 2
    assert (see(desk, case).state, at_stripe(desk, case)[0]) == ("accepted", "lost")
    assert (see(desk, inquiry).state, at_stripe(desk, inquiry)[0]) == ("accepted", "warning_closed")
    desk.pull()
    assert see(desk, case).state == "accepted"
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        steps = read_steps(connection, "dispute", case.case_id)
        assert [(step.step, step.who, step.why) for step in steps[1:]] == [
            ("accepting", "lea (lead)", "we charged twice"),
            ("accepted", "metering", None),
        ]
        assert len(stripe_commands.newest(connection)) == 2
