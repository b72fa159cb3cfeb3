"""What is mirrored of a customer's subscriptions: the subscriptions, what is for sale, and the lines that billed them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from store.schema import (
    stripe_charges,
    stripe_customers,
    stripe_invoice_lines,
    stripe_invoice_payments,
    stripe_invoices,
    stripe_payment_intents,
    stripe_prices,
    stripe_products,
    stripe_subscription_schedules,
    stripe_subscriptions,
)

Raw = dict[str, Any]
SHOWN_PRICES = 200


@dataclass(frozen=True)
class Billed:
    """A line of an invoice as Stripe gave it; the invoice's total with tax, and what of it went back, in minor units."""

    line: Raw
    total_minor: int
    refunded_minor: int


@dataclass(frozen=True)
class Offer:
    """A price that can be subscribed to, as Stripe gave it, and its product's name."""

    price: Raw
    product_name: str


def customer(connection: Connection, customer_id: str) -> Raw | None:
    """The customer as mirrored; None when there is none."""
    wanted = select(stripe_customers.c.raw).where(stripe_customers.c.id == customer_id, ~stripe_customers.c.is_deleted)
    return connection.scalar(wanted)


def subscriptions(connection: Connection, customer_id: str) -> list[Raw]:
    """All subscriptions of a customer, newest first."""
    table = stripe_subscriptions.c
    wanted = (
        select(table.raw)
        .where(table.customer_id == customer_id, ~table.is_deleted)
        .order_by(table.created_at.desc(), table.id)
    )
    return list(connection.scalars(wanted))


def schedules(connection: Connection, subscription_ids: Sequence[str]) -> dict[str, Raw]:
    """The schedule that each of these subscriptions stands under, by subscription; none for those that stand under none."""
    table = stripe_subscription_schedules.c
    rows = connection.execute(
        select(table.subscription_id, table.raw)
        .where(table.subscription_id.in_(list(subscription_ids)), table.status == "active", ~table.is_deleted)
        .order_by(table.created_at, table.id)
    )
    return {row.subscription_id: row.raw for row in rows}


def offers(connection: Connection, currency: str, *, besides: Sequence[str] = ()) -> list[Offer]:
    """Active recurring prices of a currency, and those `besides` whatever they are, by product and amount."""
    price, product = stripe_prices.c, stripe_products.c
    wanted = (
        select(price.raw, func.coalesce(product.name, price.nickname, price.id).label("name"))
        .join(stripe_products, (product.id == price.product_id) & (product.tenant_id == price.tenant_id), isouter=True)
        .where(
            ((price.currency == currency) & price.is_active & price.recurring_interval.is_not(None))
            | price.id.in_(list(besides))
        )
        .order_by("name", price.unit_amount_minor, price.id)
        .limit(SHOWN_PRICES)
    )
    return [Offer(row.raw, row.name) for row in connection.execute(wanted)]


def billed(connection: Connection, subscription_id: str) -> list[Billed]:
    """The lines of a subscription's finalized invoices, oldest first. Void invoices billed nothing.

    What went back is what was refunded on the charges that paid the invoice, or its credit notes where they say more: a credit
    note that refunds is both, and is counted once.
    """
    line, invoice = stripe_invoice_lines.c, stripe_invoices.c
    wanted = (
        select(line.raw, invoice.raw.label("invoice"), _refunded().label("refunded"))
        .join(stripe_invoices, (invoice.id == line.invoice_id) & (invoice.tenant_id == line.tenant_id))
        .where(
            line.subscription_id == subscription_id,
            ~line.is_deleted,
            invoice.finalized_at.is_not(None),
            invoice.status != "void",
        )
        .order_by(invoice.finalized_at, invoice.id, line.amount_minor, line.id)
    )
    return [_billed(row.raw, row.invoice, row.refunded) for row in connection.execute(wanted)]


def _refunded() -> Any:
    """What was refunded on the charges of an invoice, in minor units."""
    payment, intent, charge = stripe_invoice_payments.c, stripe_payment_intents.c, stripe_charges.c
    return (
        select(func.coalesce(func.sum(charge.amount_refunded_minor), 0))
        .select_from(stripe_invoice_payments)
        .join(
            stripe_payment_intents,
            (intent.id == payment.payment_intent_id) & (intent.tenant_id == payment.tenant_id),
            isouter=True,
        )
        .join(
            stripe_charges,
            (charge.id == func.coalesce(payment.charge_id, intent.latest_charge_id))
            & (charge.tenant_id == payment.tenant_id),
        )
        .where(payment.invoice_id == stripe_invoices.c.id, payment.tenant_id == stripe_invoices.c.tenant_id)
        .correlate(stripe_invoices)
        .scalar_subquery()
    )


def _billed(line: Raw, invoice: Raw, refunded_minor: int) -> Billed:
    noted = int(invoice.get("post_payment_credit_notes_amount") or 0)
    unpaid = int(invoice.get("pre_payment_credit_notes_amount") or 0)
    return Billed(line, int(invoice.get("total") or 0), max(int(refunded_minor), noted) + unpaid)
