"""A refresh whom Stripe refuses: what else came is shown all the same, and that Stripe's data are late becomes an alert."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine

from pipelines.pull_stripe import StripeConfig
from pipelines.pull_stripe_client import StripeKeyRefused
from pipelines.refresh import refresh
from store import alert_reads, freshness
from store.database import tenant_transaction
from store.freshness import Status
from store.warehouse_reads import current_version
from tests.pipelines.watched_company import NOW, customer, published, steady_usage
from tests.sandbox_fixtures import SandboxServer


def test_late_data_become_an_alert_though_nothing_could_be_pulled(
    engine: Engine, tenant: UUID, mallory: UUID, sandbox_server: SandboxServer, tmp_path: Path
) -> None:
    refused = StripeConfig("nobody's key", sandbox_server.url)
    with pytest.raises(StripeKeyRefused):
        refresh(engine, tmp_path, tenant, refused, now=NOW)
    assert current_version(tmp_path, tenant) is None  # a first version without any revenue would only be wrong
    published(engine, tmp_path, tenant, [customer("cus_acme", "Acme")], steady_usage("cus_acme"))
    with tenant_transaction(engine, tenant) as connection:
        for minutes in range(30, 0, -5):
            freshness.record(connection, "stripe", status=Status.OK, now=NOW - timedelta(hours=6, minutes=minutes))
    with pytest.raises(StripeKeyRefused):
        refresh(engine, tmp_path, tenant, refused, now=NOW)
    assert current_version(tmp_path, tenant) == 2
    with tenant_transaction(engine, tenant) as connection:
        late = {alert.name: alert for alert in alert_reads.open_alerts(connection) if alert.detector == "stale_source"}
    assert list(late) == ["stripe"]
    assert (late["stripe"].actual, late["stripe"].unit, late["stripe"].state) == (6 * 3_600 + 300, "seconds", "new")
    assert "The last try said:" in late["stripe"].sentence
    with tenant_transaction(engine, mallory) as connection:
        assert alert_reads.open_alerts(connection) == []
