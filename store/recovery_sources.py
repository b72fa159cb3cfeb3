"""What the mirror says about a failed invoice: the invoice, its charges, the card that would pay, what speaks against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, exists, false, or_, select

from store.schema import (
    recovery_cases,
    stripe_charges,
    stripe_customers,
    stripe_disputes,
    stripe_invoice_payments,
    stripe_invoices,
    stripe_subscriptions,
)
from store.stripe_values import inside, reference

Raw = dict[str, Any]
OVER = ("won", "lost", "warning_closed", "prevented")


@dataclass(frozen=True)
class Source:
    """A mirrored invoice and what stands around it. `charges` are Stripe's objects, oldest first; `country` is the customer's."""

    invoice: Raw
    is_deleted: bool
    charges: Sequence[Raw]
    payment_method_id: str | None
    is_subscription_canceled: bool
    is_disputed: bool
    country: str | None


def of_invoice(connection: Connection, invoice_id: str) -> Source | None:
    """All of it, or None when the invoice is not mirrored."""
    invoice, customer, subscription = stripe_invoices.c, stripe_customers.c, stripe_subscriptions.c
    row = connection.execute(
        select(
            invoice.raw,
            invoice.is_deleted,
            customer.raw.label("customer"),
            customer.country,
            subscription.raw.label("subscription"),
            subscription.status.label("subscription_status"),
            _has_open_dispute().label("is_disputed"),
        )
        .select_from(stripe_invoices)
        .join(
            stripe_customers,
            (customer.tenant_id == invoice.tenant_id) & (customer.id == invoice.customer_id),
            isouter=True,
        )
        .join(
            stripe_subscriptions,
            (subscription.tenant_id == invoice.tenant_id) & (subscription.id == invoice.subscription_id),
            isouter=True,
        )
        .where(invoice.id == invoice_id)
    ).one_or_none()
    if row is None:
        return None
    return Source(
        row.raw,
        row.is_deleted,
        _charges(connection, invoice_id),
        _card(row.raw, row.subscription, row.customer),
        row.subscription_status in {"canceled", "incomplete_expired"},
        row.is_disputed,
        row.country,
    )


def _has_open_dispute() -> Any:
    """Whether any charge of the invoice's customer is disputed and not decided."""
    dispute, charge = stripe_disputes.c, stripe_charges.c
    return exists(
        select(dispute.id)
        .join(stripe_charges, (charge.tenant_id == dispute.tenant_id) & (charge.id == dispute.charge_id))
        .where(
            charge.customer_id == stripe_invoices.c.customer_id,
            charge.tenant_id == stripe_invoices.c.tenant_id,
            dispute.status.not_in(OVER),
            ~dispute.is_deleted,
        )
        .correlate(stripe_invoices)
    )


def _charges(connection: Connection, invoice_id: str) -> list[Raw]:
    charge, payment = stripe_charges.c, stripe_invoice_payments.c
    of_invoice = select(payment.payment_intent_id, payment.charge_id).where(payment.invoice_id == invoice_id)
    links = connection.execute(of_invoice).all()
    wanted = (
        select(charge.raw)
        .where(
            or_(
                charge.payment_intent_id.in_([link[0] for link in links if link[0] is not None]),
                charge.id.in_([link[1] for link in links if link[1] is not None]),
            ),
            ~charge.is_deleted,
        )
        .order_by(charge.created_at, charge.id)
    )
    return list(connection.scalars(wanted)) if links else []


def _card(invoice: Raw, subscription: Raw | None, customer: Raw | None) -> str | None:
    """What Stripe would charge, in its order: the invoice's own, the subscription's, the customer's (docs.stripe.com/billing)."""
    candidates = (
        invoice.get("default_payment_method"),
        invoice.get("default_source"),
        inside(subscription, "default_payment_method"),
        inside(subscription, "default_source"),
        inside(customer, "invoice_settings", "default_payment_method"),
        inside(customer, "default_source"),
    )
    return next((reference(one) for one in candidates if one), None)


def invoices_of_charge(connection: Connection, charge: Mapping[str, Any]) -> list[str]:
    """The invoices that a charge (Stripe's object) was to pay, in the order of their ids."""
    payment = stripe_invoice_payments.c
    intent = reference(charge.get("payment_intent"))
    is_of_intent = payment.payment_intent_id == intent if intent is not None else false()
    wanted = select(payment.invoice_id).where(or_(is_of_intent, payment.charge_id == charge["id"])).distinct()
    return sorted(found for found in connection.scalars(wanted) if found is not None)


def is_concerned(connection: Connection, invoice_id: str) -> bool:
    """Whether an invoice has a case, or was tried in vain at least once."""
    payment, charge = stripe_invoice_payments.c, stripe_charges.c
    has_case = exists().where(recovery_cases.c.invoice_id == invoice_id)
    has_failed = exists(
        select(charge.id)
        .join(
            stripe_invoice_payments,
            (payment.tenant_id == charge.tenant_id) & (payment.payment_intent_id == charge.payment_intent_id),
        )
        .where(payment.invoice_id == invoice_id, charge.status == "failed")
    )
    return bool(connection.scalar(select(or_(has_case, has_failed))))


def customer_of_charge(connection: Connection, charge_id: str) -> str | None:
    """Whose charge it is; None when it is not mirrored."""
    return connection.scalar(select(stripe_charges.c.customer_id).where(stripe_charges.c.id == charge_id))
