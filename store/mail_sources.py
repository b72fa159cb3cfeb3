"""What the mirror knows of those who are written to: address, name, and which card pays for a running subscription."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, exists, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on

from store.schema import stripe_charges, stripe_customers, stripe_invoices, stripe_subscriptions, tenants
from store.stripe_values import inside, reference

LIVE = ("active", "trialing", "past_due")


@dataclass(frozen=True)
class Addressee:
    """A customer as one writes to them; `country` is two letters."""

    email: str | None
    name: str | None
    country: str | None


@dataclass(frozen=True)
class CardInUse:
    """The card that paid last for a customer with a running subscription, and the company's name on their invoices."""

    customer_id: str
    email: str | None
    name: str | None
    company: str | None
    payment_method_id: str
    brand: str | None
    last4: str | None
    expires: tuple[int, int]


def addressee(connection: Connection, customer_id: str | None) -> Addressee:
    """Whom to write to; all unknown when the customer is not mirrored."""
    customer = stripe_customers.c
    row = connection.execute(
        select(customer.email, customer.name, customer.country).where(customer.id == customer_id, ~customer.is_deleted)
    ).one_or_none()
    return Addressee(None, None, None) if row is None else Addressee(*row)


def company_name(connection: Connection) -> str:
    """The tenant's own name."""
    return str(connection.scalar(select(tenants.c.name)))


def cards_in_use(connection: Connection, months: Sequence[tuple[int, int]]) -> list[CardInUse]:
    """Cards that end with one of these months (year, month) and would pay the next invoice of a running subscription.

    A customer's card is the one of their last paid charge, unless another one has been made the default since.
    """
    charge, customer = stripe_charges.c, stripe_customers.c
    last = (
        select(charge.customer_id, charge.raw)
        .where(charge.status == "succeeded", ~charge.is_deleted)
        .ext(distinct_on(charge.customer_id))
        .order_by(charge.customer_id, charge.created_at.desc(), charge.id)
        .subquery()
    )
    card = last.c.raw["payment_method_details"]["card"]
    invoice = stripe_invoices.c
    company = (
        select(invoice.raw["account_name"].as_string())
        .where(invoice.customer_id == customer.id)
        .order_by(invoice.finalized_at.desc().nulls_last())
        .limit(1)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(
            customer.id,
            customer.email,
            customer.name,
            customer.raw,
            company.label("company"),
            last.c.raw.label("charge"),
        )
        .join(last, last.c.customer_id == customer.id)
        .where(
            ~customer.is_deleted,
            tuple_(card["exp_year"].as_integer(), card["exp_month"].as_integer()).in_(list(months)),
            _has_live_subscription(),
        )
        .order_by(customer.id)
    )
    found = (_card_in_use(row) for row in rows)
    return [one for one in found if one is not None]


def _has_live_subscription() -> Any:
    subscription = stripe_subscriptions.c
    return exists().where(
        subscription.customer_id == stripe_customers.c.id,
        subscription.status.in_(LIVE),
        subscription.cancel_at_period_end.is_not(True),
        ~subscription.is_deleted,
    )


def _card_in_use(row: Any) -> CardInUse | None:
    """The card of the charge; None when the customer's default is another one by now."""
    paid_with = reference(row.charge.get("payment_method"))
    default = reference(inside(row.raw, "invoice_settings", "default_payment_method"))
    if paid_with is None or (default is not None and default != paid_with):
        return None
    card = row.charge["payment_method_details"]["card"]
    expires = (int(card["exp_year"]), int(card["exp_month"]))
    return CardInUse(row.id, row.email, row.name, row.company, paid_with, card.get("brand"), card.get("last4"), expires)
