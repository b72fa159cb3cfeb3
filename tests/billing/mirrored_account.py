"""The sandbox's account in the mirror, as a pull would have brought it, for tests of what follows from it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from billing import observers
from billing.stripe_gateway import StripeGateway

# Wholes before what refers to them.
PATHS = (
    "customers",
    "products",
    "prices",
    "subscriptions",
    "invoices",
    "payment_intents",
    "charges",
    "refunds",
    "disputes",
)


def mirror(connection: Connection, tenant: UUID, gateway: StripeGateway, now: datetime) -> None:
    """Take in everything the account holds; small accounts only."""
    for path in PATHS:
        params: dict[str, Any] = {"limit": 100} | ({"status": "all"} if path == "subscriptions" else {})
        page = gateway.read(f"/v1/{path}", params)
        assert not page["has_more"]
        observers.take_in(connection, tenant, page["data"], now)
    payments = gateway.read("/v1/invoice_payments", {"limit": 100})
    observers.take_in(connection, tenant, payments["data"], now)
