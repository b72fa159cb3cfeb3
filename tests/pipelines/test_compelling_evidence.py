"""Visa's Compelling Evidence 3.0 goes with the answer where Stripe takes it and we hold what it asks for, and only there."""

from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing import disputes as answers
from store import disputes
from store.database import tenant_transaction
from tests.pipelines.refund_desk import SAM, Desk, open_desk
from tests.sandbox import shop
from tests.sandbox_fixtures import EMPTY_STARTS_AT, SandboxServer

BUYER = {"customer_purchase_ip": "203.0.113.7", "customer_account_id": "ada"}


@pytest.fixture
def desk(engine: Engine, tenant: UUID, sandbox_server: SandboxServer) -> Iterator[Desk]:
    with open_desk(engine, tenant, sandbox_server) as opened:
        yield opened


@pytest.mark.parametrize(("stored", "status"), [(BUYER, "qualified"), ({}, "requires_action")])
def test_what_was_stored_at_checkout_answers_a_fraud_dispute(desk: Desk, stored: dict[str, str], status: str) -> None:
    ada = shop.customer(desk.sdk, name="Ada Lovelace")
    shop.subscribe(desk.sdk, ada, shop.price(desk.sdk, 4_900))
    # From 1 January to 1 July, 181 days: the payments of January, February and 1 March lie 181, 150 and 122 days before it.
    desk.server.advance(to=EMPTY_STARTS_AT + 181 * shop.DAY + 2 * 3_600)
    charges = desk.sdk.v1.charges.list({"customer": ada}).data
    assert len(charges) == 7
    for charge in charges:
        desk.sdk.v1.charges.update(charge.id, cast("Any", {"metadata": stored}))
    made = desk.server.control("/disputes", {"charge": charges[0].id, "reason": "fraudulent"})
    desk.pull()
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        case = disputes.find_by_dispute(connection, made["id"])
        assert case is not None
        given: dict[str, Any] = {"principal": SAM, "now": desk.now}
        answers.write(connection, desk.tenant, case.case_id, {"customer_name": "Ada Lovelace"}, **given)
        answers.stage(connection, desk.tenant, case.case_id, version=1, **given)
    assert desk.send() == 1
    at_stripe = desk.sdk.v1.disputes.retrieve(case.dispute_id)
    eligibility: Any = at_stripe.evidence_details.enhanced_eligibility
    assert eligibility.visa_compelling_evidence_3.status == status
    if stored:
        enhanced: Any = at_stripe.evidence.enhanced_evidence
        named = [one.charge for one in enhanced.visa_compelling_evidence_3.prior_undisputed_transactions]
        assert named == [charges[4].id, charges[5].id], "the newest two of the three within the days"
