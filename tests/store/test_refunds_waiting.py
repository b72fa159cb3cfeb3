"""Refunds that wait for a person: asked for, on their way, or come back; each until somebody has dealt with it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from store import refund_requests, refunds_waiting
from store.database import tenant_transaction
from tests.store.stripe_money import charge, keep, refund, seconds

MARCH, APRIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


def read(engine: Engine, tenant: UUID, source: Any, **given: Any) -> Any:
    with tenant_transaction(engine, tenant) as connection:
        return source(connection, **given)


def request(engine: Engine, tenant: UUID, state: str, *, charge_id: str = "ch_1", at: datetime = MARCH) -> str:
    """A request of 5.00 in this state, as the queue keeps it; its id."""
    with tenant_transaction(engine, tenant) as connection:
        asked, _ = refund_requests.add(
            connection,
            tenant,
            now=at,
            external_id=None,
            idempotency_key=None,
            asked_sha256=None,
            source="page",
            charge_id=charge_id,
            invoice_id=None,
            customer_id="cus_acme",
            amount_minor=5_00,
            currency="usd",
            reason="duplicate",
            note=None,
            requested_by="sam (support)",
        )
        refund_requests.change(connection, asked, now=at, state=state, outcome=f"it is {state}")
    return str(asked.request_id)


def test_a_request_waits_until_it_is_decided_and_a_note_until_the_queue_has_it(engine: Engine, tenant: UUID) -> None:
    noted = {"refund_requested_at": "2026-11-20T10:00:00Z", "refund_request_reason": "Billed twice"}
    keep(
        engine,
        tenant,
        charge("ch_1", amount_captured=100_00, amount_refunded=40_00, metadata=noted),
        charge("ch_2", amount_captured=100_00, amount_refunded=100_00, metadata=noted),
        charge("ch_3", amount_captured=100_00, amount_refunded=0, metadata={}),
        charge("ch_4", amount_captured=100_00, amount_refunded=0, metadata=noted),
    )
    for state in ("checked", "decided", "declined", "settled"):
        request(engine, tenant, state, charge_id="ch_4")
    note, queued = read(engine, tenant, refunds_waiting.asked_for)
    assert (note["charge_id"], note["amount_minor"], note["reason"]) == ("ch_1", 60_00, "Billed twice")
    assert (queued["charge_id"], queued["amount_minor"], queued["requested_at"]) == ("ch_4", 5_00, MARCH)


def test_a_refund_is_on_its_way_until_it_arrives(engine: Engine, tenant: UUID) -> None:
    keep(engine, tenant, charge(), refund("re_1", "pending"), refund("re_2", "succeeded"))
    (waiting,) = read(engine, tenant, refunds_waiting.on_their_way)
    assert (waiting["refund_id"], waiting["customer_id"], waiting["amount_minor"]) == ("re_1", "cus_acme", 119_00)


@pytest.mark.parametrize(
    ("then", "waits"),
    [
        ("nothing", True),
        ("another refund that failed as well", True),
        ("another refund", False),
        ("a request that was taken back", True),
        ("a request", False),
    ],
)
def test_a_refund_that_came_back_waits_until_it_is_followed_by_another(
    engine: Engine, tenant: UUID, then: str, waits: bool
) -> None:
    keep(engine, tenant, charge(), refund("re_1", "failed", failure_reason="lost_or_stolen_card"), refund("re_0"))
    if then.startswith("another"):
        keep(engine, tenant, refund("re_2", "failed" if "failed" in then else "pending", created=seconds(3, 4)))
    elif then != "nothing":
        request(engine, tenant, "canceled" if "back" in then else "checked", at=APRIL)
    found = read(engine, tenant, refunds_waiting.come_back, since=MARCH)
    assert ("re_1" in [row["refund_id"] for row in found]) == waits
    if waits:
        first = next(row for row in found if row["refund_id"] == "re_1")
        assert (first["customer_id"], first["amount_minor"], first["reason"]) == (
            "cus_acme",
            119_00,
            "lost_or_stolen_card",
        )
    assert read(engine, tenant, refunds_waiting.come_back, since=APRIL) == []  # by then it is an old story


def test_what_stripe_refused_waits_as_well_and_nobody_else_sees_it(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    keep(engine, tenant, charge())
    first = request(engine, tenant, "failed")
    (waiting,) = read(engine, tenant, refunds_waiting.come_back, since=MARCH)
    assert (waiting["refund_id"], waiting["amount_minor"], waiting["reason"]) == (first, 5_00, "it is failed")
    second = request(engine, tenant, "failed", at=MARCH + timedelta(days=1))
    found = read(engine, tenant, refunds_waiting.come_back, since=MARCH)
    assert sorted(row["refund_id"] for row in found) == sorted([first, second])
    request(engine, tenant, "decided", at=MARCH + timedelta(days=2))
    assert read(engine, tenant, refunds_waiting.come_back, since=MARCH) == []
    for source in (refunds_waiting.asked_for, refunds_waiting.on_their_way):
        assert read(engine, mallory, source) == []
