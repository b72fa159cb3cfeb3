"""Shows the whole mirror to its observers again: for rows that were mirrored before anybody looked at their kind."""

from datetime import datetime
from uuid import UUID

from billing.observers import OBSERVERS, show
from store import stripe_mirror
from store.database import Engine, tenant_transaction

BATCH = 500


def observe_all(engine: Engine, tenant_id: UUID, *, now: datetime, batch: int = BATCH) -> int:
    """Show every living mirrored object of an observed kind, a batch a transaction; returns how many there were."""
    shown = 0
    for kind in OBSERVERS:
        after: str | None = ""
        while after is not None:
            with tenant_transaction(engine, tenant_id) as connection:
                objects = stripe_mirror.after(connection, kind, after, limit=batch)
                show(connection, tenant_id, kind, objects, now)
            shown += len(objects)
            after = objects[-1]["id"] if objects else None
    return shown
