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
from pipelines.pull_stripe_client import StripePullError
from pipelines.reprice import reprice_if_changed
from store.database import Engine
from store.usage_imports import ImportRunning
from store.warehouse import Publication
from store.warehouse_reads import current_version


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

    Safe to kill and to repeat at any point. Where Stripe cannot be read, what else came is shown all the same, and that its data are
    late can be told of; then the pull's StripePullError is raised.
    """
    try:
        pulled = pull_stripe.sync(engine, tenant_id, stripe, now=now, progress=progress)
    except StripePullError:
        # Before a first version there is nothing that could be late: a company without its revenue would only be wrong.
        if current_version(home, tenant_id) is not None:
            _show(engine, home, tenant_id, now=now)
        raise
    return RefreshOutcome(pulled, *_show(engine, home, tenant_id, now=now))


def _show(engine: Engine, home: Path, tenant_id: UUID, *, now: datetime) -> tuple[Publication, AlertRun]:
    # What is being imported is looked at by the next pass.
    with contextlib.suppress(ImportRunning):
        drain(engine, home, tenant_id, now=now)
    # A running import prices by the new book itself; what is older is looked at by the next pass.
    with contextlib.suppress(ImportRunning):
        reprice_if_changed(engine, home, tenant_id, now=now)
    publication = publish_warehouse.publish(engine, home, tenant_id, now=now)
    return publication, find_alerts(engine, home, tenant_id, now=now)
