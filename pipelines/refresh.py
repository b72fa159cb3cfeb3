"""One pass of the data's way for one tenant: pull what changed at Stripe, price again what must be, publish the warehouse."""

import contextlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from pipelines import publish_warehouse, pull_stripe
from pipelines.drain_usage import drain
from pipelines.pull_stripe import PullProgress, PullSummary, StripeConfig
from pipelines.reprice import reprice_if_changed
from store.database import Engine
from store.usage_imports import ImportRunning
from store.warehouse import Publication


@dataclass(frozen=True)
class RefreshOutcome:
    """What one pass brought: the rows pulled, and the version published or why the old one was kept."""

    pulled: PullSummary
    publication: Publication


def refresh(
    engine: Engine,
    home: Path,
    tenant_id: UUID,
    stripe: StripeConfig,
    *,
    now: datetime,
    progress: PullProgress | None = None,
) -> RefreshOutcome:
    """Pull, take in what came over HTTP, price again where the price book has changed, and publish. Safe to kill and to repeat at any point."""
    pulled = pull_stripe.sync(engine, tenant_id, stripe, now=now, progress=progress)
    # What is being imported is looked at by the next pass.
    with contextlib.suppress(ImportRunning):
        drain(engine, home, tenant_id, now=now)
    # A running import prices by the new book itself; what is older is looked at by the next pass.
    with contextlib.suppress(ImportRunning):
        reprice_if_changed(engine, home, tenant_id, now=now)
    publication = publish_warehouse.publish(engine, home, tenant_id, now=now)
    return RefreshOutcome(pulled, publication)
