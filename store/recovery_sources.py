"""What the mirror says about a failed invoice: the invoice, its charges, the card that would pay, what speaks against it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, or_, select, union

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
# Whatever card or dispute comes: what is owed is no longer owed, or was given up on purpose.
SETTLED_STATES = ("recovered", "written_off", "withdrawn")
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
    wanted = (
        select(charge.raw)
        .join(stripe_invoice_payments, (payment.tenant_id == charge.tenant_id) & _belongs())
        .where(payment.invoice_id == invoice_id, ~charge.is_deleted)
        .order_by(charge.created_at, charge.id)
    )
    found = {raw["id"]: raw for raw in connection.scalars(wanted)}  # two payments may name one charge
    return list(found.values())


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


def concerned(connection: Connection, kind: str, ids: Sequence[str]) -> list[str]:
    """The invoices whose recovery objects of one kind concern, in the order of their ids: with a case, or tried in vain.

    Cards, subscriptions and disputes concern only cases that may still move. Objects by Stripe's names and ids.
    """
    if kind in {"customer", "subscription", "dispute"}:
        return _with_moving_cases(connection, kind, ids)
    payment, charge, invoice = stripe_invoice_payments.c, stripe_charges.c, stripe_invoices.c
    if kind == "charge":  # one that pays without an intent is found by its invoice payment
        intents = select(charge.payment_intent_id).where(charge.id.in_(ids))
        of_these = select(payment.invoice_id).where(payment.payment_intent_id.in_(intents))
    elif kind == "invoice_payment":
        of_these = select(payment.invoice_id).where(payment.id.in_(ids))
    else:
        of_these = select(invoice.id).where(invoice.id.in_(ids))
    named = sorted({id_ for id_ in connection.scalars(of_these) if id_ is not None})
    if not named:
        return []
    failed = (
        select(payment.invoice_id)
        .join(stripe_charges, (charge.tenant_id == payment.tenant_id) & _belongs())
        .where(payment.invoice_id.in_(named), charge.status == "failed")
    )
    # Without a card on file an invoice fails without a charge.
    in_vain = select(invoice.id).where(
        invoice.id.in_(named),
        invoice.status.in_(("open", "uncollectible")),
        invoice.attempt_count > 0,
        invoice.collection_method == "charge_automatically",
    )
    has_case = select(recovery_cases.c.invoice_id).where(recovery_cases.c.invoice_id.in_(named))
    return sorted(set(connection.scalars(union(failed, in_vain, has_case))))


def _belongs() -> ColumnElement[bool]:
    """A charge was to pay by this payment: through its payment intent, or by itself."""
    payment, charge = stripe_invoice_payments.c, stripe_charges.c
    return or_(payment.payment_intent_id == charge.payment_intent_id, payment.charge_id == charge.id)


def _with_moving_cases(connection: Connection, kind: str, ids: Sequence[str]) -> list[str]:
    case, dispute, charge = recovery_cases.c, stripe_disputes.c, stripe_charges.c
    disputing = (
        select(charge.customer_id)
        .join(stripe_disputes, (dispute.tenant_id == charge.tenant_id) & (dispute.charge_id == charge.id))
        .where(dispute.id.in_(ids))
    )
    mine = {
        "customer": case.customer_id.in_(ids),
        "subscription": case.subscription_id.in_(ids),
        "dispute": case.customer_id.in_(disputing),
    }[kind]
    wanted = select(case.invoice_id).where(mine, case.state.not_in(SETTLED_STATES)).order_by(case.invoice_id)
    return list(connection.scalars(wanted))
