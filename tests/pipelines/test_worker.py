"""The worker's jobs do what the schedule says: a refresh pulls and publishes, and is there only with a key to pull with."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import procrastinate
import psycopg
import stripe
from sqlalchemy import Engine

from pipelines import worker
from pipelines.pull_stripe import StripeConfig
from pipelines.schedule import (
    ASK_CARD_MAILS,
    ASK_MAILS,
    COMPARE_METERS,
    FILL_GAPS,
    PULL_USAGE,
    PUSH_METERS,
    RECONCILE,
    REFRESH,
    SCHEDULE,
    SEND_DIGESTS,
)
from store import freshness, stripe_mirror, warehouse_reads
from store.database import DatabaseUrls, tenant_transaction
from store.settings import load_settings
from tests.sandbox_fixtures import SandboxServer

KEY = "rk_test_readonly_key"


def work_off(queue: procrastinate.App, name: str) -> None:
    """Defer the job once and let a worker run until nothing is left."""
    with queue.open():
        queue.tasks[name].defer(timestamp=0)
        queue.run_worker(wait=False, listen_notify=False, install_signal_handlers=False)


def states(superuser_url: str, name: str) -> set[str]:
    """How the jobs of that name have ended."""
    with psycopg.connect(superuser_url) as connection:
        jobs = connection.execute("select status::text from metering.procrastinate_jobs where task_name = %s", [name])
        return {status for (status,) in jobs}


def test_a_refresh_from_the_queue_pulls_and_publishes(
    engine: Engine,
    database_urls: DatabaseUrls,
    superuser_url: str,
    tenant: UUID,
    mallory: UUID,
    tmp_path: Path,
    sandbox_server: SandboxServer,
    stripe_sdk: stripe.StripeClient,
) -> None:
    stripe_sdk.v1.customers.create({"name": "Acme"})
    config = StripeConfig(api_key=KEY, api_base=sandbox_server.url, requests_per_second=500)
    before = datetime.now(UTC)

    work_off(worker.build_queue(engine, database_urls.app, tmp_path, tenant, config), REFRESH.name)

    assert states(superuser_url, REFRESH.name) == {"succeeded"}
    with tenant_transaction(engine, tenant) as connection:
        assert stripe_mirror.row_count(connection, "customer") == 1
        (source,) = (each for each in freshness.read(connection) if each.source == "stripe")
    assert source.last_success_at is not None
    assert source.last_success_at >= before
    assert warehouse_reads.current_version(tmp_path, tenant) is not None
    assert warehouse_reads.current_version(tmp_path, mallory) is None
    with tenant_transaction(engine, mallory) as connection:
        assert stripe_mirror.row_count(connection, "customer") == 0


def test_a_failed_refresh_fails_as_a_job_and_the_worker_goes_on(
    engine: Engine,
    database_urls: DatabaseUrls,
    superuser_url: str,
    tenant: UUID,
    tmp_path: Path,
    sandbox_server: SandboxServer,
) -> None:
    """The key is of no account that the sandbox knows; the next due time tries again, and freshness says why."""
    config = StripeConfig(api_key="sk_live_of_somebody_else", api_base=sandbox_server.url)
    work_off(worker.build_queue(engine, database_urls.app, tmp_path, tenant, config), REFRESH.name)
    assert states(superuser_url, REFRESH.name) == {"failed"}
    with tenant_transaction(engine, tenant) as connection:
        (source,) = (each for each in freshness.read(connection) if each.source == "stripe")
    assert source.status is freshness.Status.FAILED
    assert source.message


def test_every_scheduled_job_is_registered_those_that_ask_stripe_only_with_a_key(
    engine: Engine, database_urls: DatabaseUrls, tenant: UUID, tmp_path: Path
) -> None:
    config = StripeConfig(api_key=KEY)
    asked: Any = {
        "mails_customers": True,
        "portal_url": "https://billing.stripe.com/p/login/1",
        "settings": load_settings(smtp_url="smtp://127.0.0.1:9?tls=none", smtp_from="Acme <billing@acme.example>"),
    }
    with_key = worker.build_queue(engine, database_urls.app, tmp_path, tenant, config, has_webhooks=True, **asked)
    with_key_alone = worker.build_queue(engine, database_urls.app, tmp_path, tenant, config)
    without = worker.build_queue(engine, database_urls.app, tmp_path, tenant, None, **asked)
    named = {job.name for job in SCHEDULE}
    assert named <= set(with_key.tasks)
    assert named - set(with_key_alone.tasks) == {
        FILL_GAPS.name,  # without webhooks none can be missed
        ASK_MAILS.name,  # nobody is written to unless it is wished
        ASK_CARD_MAILS.name,
        PULL_USAGE.name,  # the settings hold the keys
        PUSH_METERS.name,
        COMPARE_METERS.name,
        SEND_DIGESTS.name,  # and the mail server
    }
    assert named - set(without.tasks) == {
        FILL_GAPS.name,
        RECONCILE.name,
        REFRESH.name,
        PUSH_METERS.name,
        COMPARE_METERS.name,
    }
    silent = asked | {"settings": load_settings(smtp_url="off")}
    no_server = worker.build_queue(engine, database_urls.app, tmp_path, tenant, config, **silent)
    assert SEND_DIGESTS.name not in no_server.tasks  # or the mails of many days would gather
