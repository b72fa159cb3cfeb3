"""A backfill that is killed twenty times ends with exactly the rows of one that nobody disturbed."""

import multiprocessing
import random
import signal
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, func, select

from pipelines.pull_stripe import StripeConfig, sync
from store.database import DatabaseUrls, tenant_transaction
from store.schema import metadata
from store.stripe_rows import KINDS
from store.tenants import ensure_tenant
from tests.journeys.backfill_process import pull
from tests.sandbox_fixtures import SandboxServer

NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)
KILLS = 20
SEED = 20_261_125
# Each life lasts at most so many requests, answers and writes: twenty of them cannot finish the work by themselves.
LONGEST_LIFE = 24


def run(urls: DatabaseUrls, tenant: UUID, url: str, now: datetime, die_at: int) -> int | None:
    """One life of the pull in a process of its own; how it ended."""
    # A server forks the lives from one process that has imported everything: twenty starts of Python would take a minute.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([pull.__module__])
    life = context.Process(target=pull, args=(urls.app, tenant, url, now, die_at))
    life.start()
    life.join(120)
    ended = life.exitcode
    life.close()
    return ended


def rows(engine: Engine, tenant: UUID) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every mirrored kind, without whose it is and when it was fetched."""
    found: dict[str, list[tuple[object, ...]]] = {}
    with tenant_transaction(engine, tenant) as connection:
        for kind in KINDS.values():
            table = metadata.tables[kind.table]
            columns = [column for column in table.c if column.name not in {"tenant_id", "synced_at"}]
            found[kind.table] = [tuple(row) for row in connection.execute(select(*columns).order_by(table.c.id))]
    return found


@pytest.mark.slow
def test_twenty_kills_change_no_row(
    engine: Engine, database_urls: DatabaseUrls, tenant: UUID, mallory: UUID, demo_company_server: SandboxServer
) -> None:
    chance = random.Random(SEED)
    ends = []
    for life in range(KILLS):
        now = NOW + timedelta(minutes=life)
        ends.append(run(database_urls, tenant, demo_company_server.url, now, die_at=chance.randint(1, LONGEST_LIFE)))
    assert ends == [-signal.SIGKILL] * KILLS  # each life ended by SIGKILL, none by having finished
    assert run(database_urls, tenant, demo_company_server.url, NOW + timedelta(hours=1), die_at=0) == 0

    undisturbed = ensure_tenant(engine, "undisturbed", "Undisturbed", "usd")
    config = StripeConfig(api_key="sk_test_sandbox", api_base=demo_company_server.url, requests_per_second=500)
    sync(engine, undisturbed, config, now=NOW + timedelta(hours=1))

    after_kills, expected = rows(engine, tenant), rows(engine, undisturbed)
    assert {name: len(of_table) for name, of_table in after_kills.items()} == {
        name: len(of_table) for name, of_table in expected.items()
    }
    assert after_kills == expected
    assert len(expected["stripe_invoices"]) == len(demo_company_server.state.objects["invoice"])
    with tenant_transaction(engine, mallory) as connection:
        assert connection.scalar(select(func.count()).select_from(metadata.tables["stripe_invoices"])) == 0
