"""Whoever acts on a kind of object sees each one as the mirror holds it, in the transaction that wrote it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing import observers
from pipelines.observe_stripe import observe_all
from store.database import Connection, tenant_transaction

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def refund(id_: str, status: str) -> dict[str, Any]:
    return {"id": id_, "object": "refund", "status": status, "amount": 100, "currency": "usd", "charge": "ch_1"}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[UUID, str, str]]:
    found: list[tuple[UUID, str, str]] = []

    def look(_connection: Connection, tenant_id: UUID, objects: Sequence[dict[str, Any]], _now: datetime) -> None:
        found.extend((tenant_id, raw["id"], raw["status"]) for raw in objects)

    monkeypatch.setattr(observers, "OBSERVERS", {"refund": (look,)})
    monkeypatch.setattr("pipelines.observe_stripe.OBSERVERS", {"refund": (look,)})
    return found


def test_an_answer_that_comes_late_shows_what_the_mirror_holds_and_not_itself(
    engine: Engine, tenant: UUID, seen: list[tuple[UUID, str, str]]
) -> None:
    customer = {"id": "cus_1", "object": "customer"}  # nobody looks at those
    for status, minutes in (("failed", 5), ("pending", 0)):
        with tenant_transaction(engine, tenant) as connection:
            at = NOON + timedelta(minutes=minutes)
            assert observers.take_in(connection, tenant, [customer, refund("re_1", status)], at) == 2
    assert seen == [(tenant, "re_1", "failed"), (tenant, "re_1", "failed")]


def test_an_observer_that_fails_takes_the_mirrors_row_back_with_it(
    engine: Engine, tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_given: object) -> None:
        raise ValueError("no such request")

    monkeypatch.setattr(observers, "OBSERVERS", {"refund": (stumble,)})
    with (
        pytest.raises(ValueError, match="no such request"),
        tenant_transaction(engine, tenant) as connection,
    ):
        observers.take_in(connection, tenant, [refund("re_1", "pending")], NOON)
    monkeypatch.setattr(observers, "OBSERVERS", {})
    assert observe_all(engine, tenant, now=NOON) == 0


def test_the_whole_mirror_is_shown_again_batch_by_batch_to_its_own_tenant(
    engine: Engine, tenant: UUID, mallory: UUID, seen: list[tuple[UUID, str, str]]
) -> None:
    with tenant_transaction(engine, tenant) as connection:
        observers.take_in(connection, tenant, [refund(f"re_{number}", "pending") for number in range(5)], NOON)
    seen.clear()
    assert observe_all(engine, mallory, now=NOON) == 0
    assert observe_all(engine, tenant, now=NOON, batch=2) == 5
    assert seen == [(tenant, f"re_{number}", "pending") for number in range(5)]
