"""Holds new refund requests against Stripe's truth: the charge as it is now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from billing import refunds
from pipelines.pull_stripe_client import Raw, StripePullError
from store import refund_requests
from store.database import Engine, tenant_transaction
from store.failpoints import reach

AT_ONCE = 50


class Reader(Protocol):
    """What may read Stripe: `pipelines.pull_stripe_client.StripeReader`."""

    def find(self, path: str, parameters: Mapping[str, Any]) -> Raw | None:
        """One object; None when there is none."""
        ...


def check_due(engine: Engine, tenant_id: UUID, reader: Reader, *, now: datetime) -> int:
    """Check the requests that wait for it; returns how many were. One whose charge cannot be read says why and waits on."""
    with tenant_transaction(engine, tenant_id) as connection:
        waiting = refund_requests.to_check(connection, limit=AT_ONCE)
    checked = 0
    for asked in waiting:
        try:
            charge = reader.find(f"/v1/charges/{asked.charge_id}", {})
        except StripePullError as trouble:
            with tenant_transaction(engine, tenant_id) as connection:
                refund_requests.change(connection, asked, now=now, check_trouble=str(trouble))
            continue
        reach("refund charge read")
        with tenant_transaction(engine, tenant_id) as connection:
            checked += refunds.check(connection, tenant_id, asked, charge, now) is not None
    return checked
