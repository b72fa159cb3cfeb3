"""The worker's job about alerts: a refresh looks at what it publishes itself; this one at what imports and corrections have published."""

from pathlib import Path
from uuid import UUID

import procrastinate
import structlog

from pipelines.find_alerts import find_alerts
from pipelines.schedule import FIND_ALERTS
from store.database import Engine, clock

log = structlog.get_logger(__name__)


def register(queue: procrastinate.App, engine: Engine, home: Path, tenant_id: UUID) -> None:
    """Let the queue look for alerts every five minutes; without a new version nothing is done."""
    lock = f"alerts-{tenant_id}"

    @queue.periodic(cron=FIND_ALERTS.cron, periodic_id=str(tenant_id))
    @queue.task(name=FIND_ALERTS.name, queueing_lock=lock, lock=lock, pass_context=False)
    def run_find_alerts(timestamp: int) -> None:
        run = find_alerts(engine, home, tenant_id, now=clock(engine))
        log.info("alerts_looked_for", due=timestamp, version=run.version, open=run.open, troubles=dict(run.troubles))
