"""Freshness: only a success moves the last success, and the newest record never moves back."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine

from store import freshness
from store.database import tenant_transaction
from store.freshness import Freshness, Status

MORNING = datetime(2026, 11, 24, 8, tzinfo=UTC)
NOON = MORNING + timedelta(hours=4)
EVENING = MORNING + timedelta(hours=12)


def test_a_failure_keeps_what_the_last_success_knew(engine: Engine, tenant: UUID) -> None:
    with tenant_transaction(engine, tenant) as connection:
        freshness.record(connection, "stripe", status=Status.OK, now=NOON, latest_record_at=MORNING, rows_total=60)
    with tenant_transaction(engine, tenant) as connection:
        freshness.record(connection, "stripe", status=Status.FAILED, now=EVENING, message="Stripe did not answer.")
        assert freshness.read(connection) == [
            Freshness("stripe", Status.FAILED, EVENING, NOON, MORNING, 60, "Stripe did not answer.", (NOON,))
        ]


def test_the_newest_record_never_moves_back_and_a_success_clears_the_message(engine: Engine, tenant: UUID) -> None:
    with tenant_transaction(engine, tenant) as connection:
        freshness.record(
            connection, "usage", status=Status.FAILED, now=MORNING, latest_record_at=NOON, message="No file."
        )
        freshness.record(connection, "usage", status=Status.OK, now=EVENING, latest_record_at=MORNING)
        assert freshness.read(connection) == [
            Freshness("usage", Status.OK, EVENING, EVENING, NOON, None, None, (EVENING,))
        ]


def test_successes_are_kept_in_order_once_each_and_only_the_newest_of_them(
    engine: Engine, tenant: UUID, mallory: UUID
) -> None:
    """Three more than are kept, one of them noted twice: the first three are gone."""
    moments = [NOON + timedelta(minutes=5 * number) for number in range(freshness.SUCCESSES_KEPT + 3)]
    with tenant_transaction(engine, tenant) as connection:
        for moment in [*moments, moments[-1]]:
            freshness.record(connection, "stripe", status=Status.OK, now=moment)
            freshness.record(connection, "stripe", status=Status.RUNNING, now=moment)
        (known,) = freshness.read(connection)
    assert known.recent_successes == tuple(moments[3:])
    with tenant_transaction(engine, mallory) as connection:
        assert freshness.read(connection) == []


def test_sources_come_by_name_and_mallory_sees_none(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    with tenant_transaction(engine, tenant) as connection:
        for source in ("usage", "fx", "stripe"):
            freshness.record(connection, source, status=Status.RUNNING, now=NOON)
        assert [known.source for known in freshness.read(connection)] == ["fx", "stripe", "usage"]
    with tenant_transaction(engine, mallory) as connection:
        assert freshness.read(connection) == []
