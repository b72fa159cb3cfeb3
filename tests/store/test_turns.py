"""A tenant's work is done by one at a time, and neither another tenant's nor other work waits for it."""

from uuid import UUID

from sqlalchemy import Engine

from store.turns import ALERT_RUN, RECONCILIATION, alone


def test_one_at_a_time_for_each_tenant_and_work(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    with (
        alone(engine, tenant, ALERT_RUN) as first,
        alone(engine, tenant, ALERT_RUN) as second,
        alone(engine, mallory, ALERT_RUN) as other,
        alone(engine, tenant, RECONCILIATION) as unlike,
    ):
        assert (first, second, other, unlike) == (True, False, True, True)
    with alone(engine, tenant, ALERT_RUN) as again:
        assert again
