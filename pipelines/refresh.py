"""One pass of the data's way for one tenant: pull what changed at Stripe, then publish the warehouse."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from pipelines import publish_warehouse, pull_stripe
from pipelines.pull_stripe import PullProgress, PullSummary, StripeConfig
from store.database import Engine
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
    """Pull and publish once. Safe to kill and to repeat; both halves are idempotent."""
    pulled = pull_stripe.sync(engine, tenant_id, stripe, now=now, progress=progress)
    publication = publish_warehouse.publish(engine, home, tenant_id, now=now)
    return RefreshOutcome(pulled, publication)
