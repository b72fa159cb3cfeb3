"""Short Stripe objects of a sale and what can happen to it, as the API sends them, for tests of the store."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from store import stripe_mirror
from store.database import tenant_transaction

Raw = dict[str, Any]
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def seconds(month: int, day: int, hour: int = 0) -> int:
    """A moment of 2026 as Stripe writes it."""
    return int(datetime(2026, month, day, hour, tzinfo=UTC).timestamp())


def keep(engine: Engine, tenant: UUID, *objects: Raw) -> None:
    """Put objects into the tenant's mirror."""
    with tenant_transaction(engine, tenant) as connection:
        stripe_mirror.upsert(connection, tenant, objects, NOON)


def invoice(id_: str = "in_1", **given: Any) -> Raw:
    """A plan for 310.00 with 31.00 off and 19 % tax on top, paid; its one line is inside."""
    line = {
        "id": f"il_{id_}",
        "object": "line_item",
        "invoice": id_,
        "description": "Team plan",
        "currency": given.get("currency", "usd"),
        "amount": 310_00,
        "period": {"start": seconds(1, 15), "end": seconds(2, 15)},
        "discount_amounts": [{"amount": 31_00, "discount": "di_1"}],
        "pretax_credit_amounts": [{"amount": 31_00, "discount": "di_1", "type": "discount"}],
        "taxes": [{"amount": 53_01, "tax_behavior": "exclusive"}],
    }
    fields: Raw = {
        "id": id_,
        "object": "invoice",
        "number": "A-0001",
        "customer": "cus_acme",
        "status": "paid",
        "currency": "usd",
        "total": 332_01,
        "total_excluding_tax": 279_00,
        "status_transitions": {"finalized_at": seconds(1, 15, 1)},
        "lines": {"object": "list", "data": [line], "has_more": False},
    }
    return fields | given


def charge(id_: str = "ch_1", **given: Any) -> Raw:
    """What paid the invoice, through a payment intent."""
    fields: Raw = {
        "id": id_,
        "object": "charge",
        "customer": "cus_acme",
        "payment_intent": "pi_1",
        "amount": 332_01,
        "currency": "usd",
        "status": "succeeded",
        "created": seconds(1, 15, 2),
    }
    return fields | given


def paid_by(invoice_id: str = "in_1", payment_intent_id: str = "pi_1") -> Raw:
    """The only link from a payment to its invoice."""
    payment = {"type": "payment_intent", "payment_intent": payment_intent_id}
    return {
        "id": f"inpay_{invoice_id}",
        "object": "invoice_payment",
        "invoice": invoice_id,
        "payment": payment,
        "status": "paid",
        "amount_paid": 332_01,
        "currency": "usd",
    }


def refund(id_: str, status: str = "succeeded", **given: Any) -> Raw:
    """119.00 of the charge given back."""
    fields: Raw = {
        "id": id_,
        "object": "refund",
        "charge": "ch_1",
        "amount": 119_00,
        "currency": "usd",
        "status": status,
        "reason": "requested_by_customer",
        "created": seconds(3, 3),
    }
    return fields | given


def dispute(id_: str, status: str, **given: Any) -> Raw:
    """The charge questioned at the bank."""
    fields: Raw = {
        "id": id_,
        "object": "dispute",
        "charge": "ch_1",
        "amount": 332_01,
        "currency": "usd",
        "status": status,
        "reason": "fraudulent",
        "created": seconds(3, 9),
    }
    return fields | given


def balance_transaction(id_: str, kind: str, amount: int, fee: int, source: str | None, **given: Any) -> Raw:
    """A change of the balance, in the currency of the settlement."""
    fields: Raw = {
        "id": id_,
        "object": "balance_transaction",
        "type": kind,
        "amount": amount,
        "fee": fee,
        "net": amount - fee,
        "currency": "usd",
        "source": source,
        "exchange_rate": None,
        "description": kind,
        "created": seconds(1, 15, 2),
    }
    return fields | given
