"""The document for the bank: made once for the same facts, uploaded once whatever happens, and never left out of the evidence."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing import disputes as answers
from billing import evidence_file
from billing.command_kinds import KINDS
from billing.commands import Outcome, Refused, Request
from billing.dispute_steps import DisputeNotAllowed
from billing.principals import Principal
from billing.stripe_gateway import StripeGateway
from pipelines.send_commands import LEASE, send_due
from sandbox.billing.files import sha256_of
from store import disputes, evidence_files, evidence_policies, stripe_commands
from store.database import tenant_transaction
from store.disputes import DisputeCase
from store.evidence_files import EvidenceFile
from store.failpoints import armed
from tests.pipelines.refund_desk import SAM, Desk, open_desk
from tests.sandbox_fixtures import SandboxServer


class Killed(BaseException):
    """The process is gone."""


class Refusing:
    """Stripe, when it does not like what it is sent."""

    def __init__(self, gateway: StripeGateway) -> None:
        self.read = gateway.read

    def send(self, _request: Request, _key: str) -> Outcome:
        return Refused("The file cannot be read.", status=400)


@pytest.fixture
def desk(engine: Engine, tenant: UUID, sandbox_server: SandboxServer) -> Iterator[Desk]:
    with open_desk(engine, tenant, sandbox_server) as opened:
        yield opened


def a_case(desk: Desk) -> DisputeCase:
    made = desk.server.control("/disputes", {"charge": desk.charge(), "reason": "product_not_received"})
    desk.pull()
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        found = disputes.find_by_dispute(connection, made["id"])
    assert found is not None
    return found


def make(desk: Desk, case: DisputeCase, who: Principal = SAM, now: datetime | None = None) -> EvidenceFile:
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        return evidence_file.make(connection, desk.tenant, None, case.case_id, principal=who, now=now or desk.now)


def see(desk: Desk, case: DisputeCase) -> evidence_file.Document:
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        found = evidence_file.document(connection, case.dispute_id)
    assert found is not None
    return found


def do(desk: Desk, deed: Any, case: DisputeCase, *given: Any, **more: Any) -> Any:
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        return deed(connection, desk.tenant, case.case_id, *given, principal=SAM, now=desk.now, **more)


def uploads(desk: Desk) -> list[str]:
    return [file.id for file in desk.sdk.v1.files.list({"purpose": "dispute_evidence"}).data]


def test_the_document_is_uploaded_once_and_goes_with_the_evidence(desk: Desk, mallory: UUID) -> None:
    case = a_case(desk)
    made = make(desk, case)
    assert make(desk, case, now=desk.now + timedelta(minutes=7)) == made, "nothing has changed since"
    do(desk, answers.write, case, {"customer_name": "Ada"})
    with pytest.raises(DisputeNotAllowed, match="on its way to Stripe"):
        do(desk, answers.submit, case, version=1)
    assert desk.send() == 1
    found = see(desk, case)
    assert (found.state, uploads(desk)) == ("uploaded", [found.file.stripe_file_id])
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        content = evidence_files.content_of(connection, made.file_id)
    assert content.startswith(b"%PDF-")
    sent = sha256_of(desk.server.state, str(found.file.stripe_file_id))
    assert sent == made.sha256 == hashlib.sha256(content).hexdigest()
    do(desk, answers.stage, case, version=1)
    desk.send()
    do(desk, answers.submit, case, version=1)
    desk.send()
    at_stripe = desk.sdk.v1.disputes.retrieve(case.dispute_id)
    assert (at_stripe.status, at_stripe.evidence.service_documentation) == ("under_review", found.file.stripe_file_id)
    with tenant_transaction(desk.engine, mallory) as connection:
        assert evidence_files.latest(connection, case.dispute_id) is None


def test_what_was_staged_before_is_staged_again_with_the_document(desk: Desk) -> None:
    case = a_case(desk)
    do(desk, answers.write, case, {"customer_name": "Ada"})
    do(desk, answers.stage, case, version=1)
    make(desk, case)
    desk.send()
    do(desk, answers.stage, case, version=1)
    desk.send()
    evidence = desk.sdk.v1.disputes.retrieve(case.dispute_id).evidence
    assert evidence.service_documentation == see(desk, case).file.stripe_file_id


@pytest.mark.parametrize("fault", ["timeout_after", "server_error_after"])
def test_an_upload_whose_answer_never_came_is_found_by_its_name(desk: Desk, fault: str) -> None:
    case = a_case(desk)
    make(desk, case)
    desk.server.fail_next(fault, method="POST", path="/v1/files", saved=True)
    desk.send()
    assert see(desk, case).state == "on_its_way"
    for minutes in (5, 10, 20):
        send_due(desk.engine, desk.tenant, desk.gateway, now=desk.now + timedelta(minutes=minutes))
    assert uploads(desk) == [see(desk, case).file.stripe_file_id]


@pytest.mark.parametrize(
    "place", ["claimed", "sending committed", "answer received", "result written", "result committed"]
)
def test_a_worker_that_is_killed_at_any_step_leaves_one_upload_and_one_answer(desk: Desk, place: str) -> None:
    case = a_case(desk)
    make(desk, case)
    do(desk, answers.write, case, {"customer_name": "Ada"})
    after_the_lease = desk.now + LEASE + timedelta(seconds=1)
    _die_once_at(place, desk)
    send_due(desk.engine, desk.tenant, desk.gateway, now=after_the_lease)
    document = see(desk, case).file
    assert (see(desk, case).state, uploads(desk)) == ("uploaded", [document.stripe_file_id])
    do(desk, answers.submit, case, version=1)
    _die_once_at(place, desk)
    send_due(desk.engine, desk.tenant, desk.gateway, now=after_the_lease)
    at_stripe = desk.sdk.v1.disputes.retrieve(case.dispute_id)
    assert at_stripe.evidence.service_documentation == document.stripe_file_id
    assert (at_stripe.status, at_stripe.evidence_details.submission_count) == ("under_review", 1)


def _die_once_at(place: str, desk: Desk) -> None:
    def die(name: str) -> None:
        if name == place:
            raise Killed

    with pytest.raises(Killed), armed(die):
        desk.send()


def test_the_look_up_reads_every_page_and_takes_no_other_file(desk: Desk) -> None:
    case = a_case(desk)
    made = make(desk, case)
    pages = [
        {"data": [{"id": "file_1", "filename": "evidence-dp_other-0123456789abcdef.pdf"}], "has_more": True},
        {"data": [{"id": "file_2", "filename": None}, {"id": "file_3", "filename": made.name}], "has_more": False},
    ]
    asked: list[dict[str, Any]] = []

    def read(_path: str, params: Any) -> dict[str, Any]:
        asked.append(dict(params))
        return pages[len(asked) - 1]

    with tenant_transaction(desk.engine, desk.tenant) as connection:
        command = stripe_commands.find(connection, made.command_id)
    assert command is not None
    assert KINDS["file.create"].look_up(read, command) == {"id": "file_3", "filename": made.name}
    assert asked[1]["starting_after"] == "file_1"


def test_a_refused_document_is_named_and_made_anew(desk: Desk) -> None:
    case = a_case(desk)
    make(desk, case)
    send_due(desk.engine, desk.tenant, Refusing(desk.gateway), now=desk.now)
    assert (see(desk, case).state, see(desk, case).sentence) == ("refused", "The file cannot be read.")
    do(desk, answers.write, case, {"customer_name": "Ada"})
    with pytest.raises(
        DisputeNotAllowed, match=r"Stripe did not take the document: The file cannot be read\. Make it anew"
    ):
        do(desk, answers.stage, case, version=1)
    make(desk, case)
    desk.send()
    assert see(desk, case).state == "uploaded"


def test_new_facts_make_a_new_document_and_a_viewer_makes_none(desk: Desk) -> None:
    case = a_case(desk)
    first = make(desk, case)
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        words = {"refund_text": "Within 14 days."}
        evidence_policies.change(connection, desk.tenant, words, by="fay (founder)", now=desk.now)
    second = make(desk, case)
    assert (second.sha256 != first.sha256, see(desk, case).file.file_id) == (True, second.file_id)
    with pytest.raises(DisputeNotAllowed, match="viewer"):
        make(desk, case, Principal("vic", "viewer"))
