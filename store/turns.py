"""Work that one process at a time does for a tenant: whoever comes second is told so and does not wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import Engine, text

# What is done alone.
ALERT_RUN, RECONCILIATION = "alert_run", "reconciliation"


@contextmanager
def alone(engine: Engine, tenant_id: UUID, work: str) -> Iterator[bool]:
    """Whether nobody else does this work for the tenant now; nobody may begin it inside the block. A process that dies lets go by itself."""
    key = {"key": f"{work}:{tenant_id}"}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        is_free = connection.scalar(text("select pg_try_advisory_lock(hashtextextended(:key, 0))"), key)
        try:
            yield bool(is_free)
        finally:
            if is_free:
                connection.execute(text("select pg_advisory_unlock(hashtextextended(:key, 0))"), key)
