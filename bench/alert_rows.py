"""Five hundred alerts with their explanations, for the bench of the pages: thirty are open, the others have ended."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine

from pricing.finding import Subject
from store.database import tenant_transaction
from tests.dashboard.stored_alerts import explained, store_alert, store_run

OPEN = 30
DRIVERS = (("More usage", 150_00), ("Dearer models", 60_00), ("Longer requests", 20_00), ("Cache", -10_00))


def store_alerts(engine: Engine, tenant_id: UUID, number: int, as_of: datetime) -> None:
    """Write `number` cost spikes down, the newest the day before `as_of` (naive UTC), a third of the open ones under another."""
    now = as_of.replace(tzinfo=UTC)
    with tenant_transaction(engine, tenant_id) as connection:
        above = None
        for place in range(number):
            customer_id = f"cus_{place:04d}"
            day = as_of.date() - timedelta(days=1 + place // 10)
            found = explained(
                f"Customer {place:04d}", day, usual=120, found=[180, 280], drivers=DRIVERS,
                customers=[(customer_id, f"Customer {place:04d}", 220_00)],
            )  # fmt: skip
            is_open = place < OPEN
            ended = {} if is_open else {"state": "resolved", "resolved_at": now, "resolved_why": "Seven quiet days."}
            alert_id = store_alert(
                connection, tenant_id, Subject(scope="customer", customer_id=customer_id), found, now=now,
                parent_alert_id=above if place % 3 == 1 and is_open else None, **ended,
            )  # fmt: skip
            above = alert_id if place % 3 == 0 else above
        store_run(connection, tenant_id, now)
