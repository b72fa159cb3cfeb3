"""The worker takes a round as soon as something is committed for it, long before it would have looked by itself."""

import threading
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine

from pipelines.attend import attending
from store import stripe_commands
from store.database import DatabaseUrls, tenant_transaction


def test_a_commit_begins_the_next_round_and_the_end_of_the_block_ends_the_sleep(
    engine: Engine, database_urls: DatabaseUrls, tenant: UUID
) -> None:
    rounds: list[datetime] = []
    began, woken = threading.Event(), threading.Event()

    def work(now: datetime) -> int:
        rounds.append(now)
        (began if len(rounds) == 1 else woken).set()
        return 0

    with attending(database_urls.app, {stripe_commands.CHANNEL: work}, look_every_seconds=3_600):
        assert began.wait(30)
        with tenant_transaction(engine, tenant) as connection:
            stripe_commands.wake(connection)
            assert not woken.is_set()  # only a commit wakes it
        assert woken.wait(30)
    assert rounds == sorted(rounds)
