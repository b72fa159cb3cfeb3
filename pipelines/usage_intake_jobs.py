"""The worker's jobs about usage that came over HTTP: into the lake with it, and what it was called is forgotten after a while."""

from pathlib import Path
from uuid import UUID

import procrastinate
import structlog

from pipelines.drain_usage import drain_due, forget_ids
from pipelines.schedule import DRAIN_USAGE, FORGET_USAGE_IDS
from store.database import Engine, clock
from store.usage_imports import ImportRunning

log = structlog.get_logger(__name__)


def register(queue: procrastinate.App, engine: Engine, home: Path, tenant_id: UUID) -> None:
    """Register both for this installation's tenant."""
    lock = f"drain-{tenant_id}"

    @queue.periodic(cron=DRAIN_USAGE.cron, periodic_id=str(tenant_id))
    @queue.task(name=DRAIN_USAGE.name, queueing_lock=lock, lock=lock, pass_context=False)
    def run_drain(timestamp: int) -> None:
        try:
            drained = drain_due(engine, home, tenant_id, now=clock(engine))
        except ImportRunning as other:
            log.info("usage_not_drained", due=timestamp, reason=str(other))
            return
        if drained.accepted + drained.duplicate + drained.conflict:
            log.info("usage_drained", due=timestamp, **vars(drained))

    @queue.periodic(cron=FORGET_USAGE_IDS.cron, periodic_id=str(tenant_id))
    @queue.task(name=FORGET_USAGE_IDS.name, queueing_lock=FORGET_USAGE_IDS.name, pass_context=False)
    def run_forget(timestamp: int) -> None:
        log.info("usage_ids_forgotten", due=timestamp, ids=forget_ids(engine, tenant_id, now=clock(engine)))
