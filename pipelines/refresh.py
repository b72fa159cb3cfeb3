"""One pass of the data's way for one tenant: pull from Stripe, price again what must be, publish, and look for what is unusual."""

import contextlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from pipelines import publish_warehouse, pull_stripe
from pipelines.drain_usage import drain
from pipelines.find_alerts import AlertRun, find_alerts
from pipelines.pull_stripe import PullProgress, PullSummary, StripeConfig
from pipelines.reprice import reprice_if_changed
from store.database import Engine
from store.usage_imports import ImportRunning
from store.warehouse import Publication


@dataclass(frozen=True)
class RefreshOutcome:
    """What one pass brought: the rows pulled, the version published or why the old one was kept, and what is unusual in it."""

    pulled: PullSummary
    publication: Publication
    alerts: AlertRun


def refresh(
    engine: Engine,
    home: Path,
    tenant_id: UUID,
    stripe: StripeConfig,
    *,
    now: datetime,
    progress: PullProgress | None = None,
) -> RefreshOutcome:
    """Pull, take in what came over HTTP, price again where prices have changed, publish, and look for alerts.

    Safe to kill and to repeat at any point.
    """
    pulled = pull_stripe.sync(engine, tenant_id, stripe, now=now, progress=progress)
    # What is being imported is looked at by the next pass.
    with contextlib.suppress(ImportRunning):
        drain(engine, home, tenant_id, now=now)
    # A running import prices by the new book itself; what is older is looked at by the next pass.
    with contextlib.suppress(ImportRunning):
        reprice_if_changed(engine, home, tenant_id, now=now)
    publication = publish_warehouse.publish(engine, home, tenant_id, now=now)
    return RefreshOutcome(pulled, publication, find_alerts(engine, home, tenant_id, now=now))
