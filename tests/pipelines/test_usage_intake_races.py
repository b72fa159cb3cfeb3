"""Many writers and a drain at the same time on the same ids: nobody waits in a circle, nothing is lost or twice, no quota is passed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from uuid import UUID

from sqlalchemy import Engine, func, select

from billing import api_keys
from billing.principals import OPERATOR
from billing.usage_intake import Arrival, keep
from pipelines.drain_usage import Drained, drain
from store.database import tenant_transaction
from store.schema import usage_intake as intake_table
from tests.pipelines.test_drain_usage import NOW, held, text_of

WRITERS, BATCHES, BATCH, IDS = 6, 12, 50, 400


def test_six_writers_and_a_drain_on_the_same_ids(engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path) -> None:
    """6 writers x 12 batches of 50 of 400 ids in any order, of which those of one batch go to another tenant, too."""
    texts = {f"evt_{number}": text_of(number) for number in range(IDS)}
    is_over, drained = threading.Event(), []

    def write(writer: int) -> int:
        chance, new = Random(writer), 0
        for _ in range(BATCHES):
            mine = [Arrival(tenant, None, {each: texts[each] for each in chance.sample(sorted(texts), BATCH)})]
            others = [Arrival(mallory, None, {each: texts[each] for each in chance.sample(sorted(texts), 5)})]
            (outcome, _) = keep(engine, mine + others, NOW)
            assert all(outcome.known.values())
            new += BATCH - len(outcome.known)
        return new

    def move() -> None:
        while not is_over.is_set():
            drained.append(drain(engine, tmp_path, tenant, now=NOW, part_rows=70))

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        mover = pool.submit(move)
        try:
            new = sum(pool.map(write, range(WRITERS)))
        finally:
            is_over.set()
        mover.result()
    drained.append(drain(engine, tmp_path, tenant, now=NOW))
    events = held(engine, tmp_path, tenant)
    together = sum(drained, Drained())
    assert events["event_id"].n_unique() == events.height == together.accepted
    # An id that comes while it is drained may be taken again: the lake knows it, and so it is a duplicate there.
    assert new == together.accepted + together.duplicate
    assert together.conflict == 0
    with tenant_transaction(engine, mallory) as connection:
        assert connection.scalar(select(func.count()).select_from(intake_table)) > 0


def test_a_quota_is_not_passed_by_many_who_send_with_the_same_key(engine: Engine, tenant: UUID) -> None:
    """8 senders x 10 requests of 7 new events with a quota of 200: 28 requests fit, 196 events."""
    with tenant_transaction(engine, tenant) as connection:
        key = api_keys.create(
            connection, name="gateway", scopes=["usage:write"], expires_at=None, events_per_day=200,
            requests_per_second=None, principal=OPERATOR, now=datetime.now(UTC),
        ).key  # fmt: skip

    def send(sender: int) -> int:
        taken = 0
        for request in range(10):
            events = {f"evt_{sender}_{request}_{number}": text_of(number) for number in range(7)}
            (outcome,) = keep(engine, [Arrival(tenant, key, events)], NOW)
            taken += 0 if outcome.over_quota else 7
        return taken

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(8))) == 196
    with tenant_transaction(engine, tenant) as connection:
        assert connection.scalar(select(func.count()).select_from(intake_table)) == 196
