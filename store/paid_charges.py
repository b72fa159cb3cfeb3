"""Which paid charge somebody means, and what the mirror says is left of it."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, or_, select

from store.schema import stripe_charges, stripe_invoice_payments, stripe_invoices, stripe_refunds


@dataclass(frozen=True)
class Charge:
    """A mirrored charge as the queue needs it."""

    charge_id: str
    customer_id: str | None
    invoice_id: str | None
    amount_captured_minor: int
    currency: str
    left_minor: int


def charge_behind(connection: Connection, reference: str) -> Charge | None:
    """The paid charge that somebody means by its id, by its payment's, or by the id or number of the invoice it paid."""
    charges, payments, invoices = stripe_charges.c, stripe_invoice_payments.c, stripe_invoices.c
    row = connection.execute(
        select(
            charges.id,
            charges.customer_id,
            payments.invoice_id,
            charges.amount_captured_minor,
            charges.currency,
            charges.amount_refunded_minor,
        )
        .select_from(stripe_charges)
        .outerjoin(
            stripe_invoice_payments,
            or_(payments.charge_id == charges.id, payments.payment_intent_id == charges.payment_intent_id),
        )
        .outerjoin(stripe_invoices, invoices.id == payments.invoice_id)
        .where(
            charges.status == "succeeded",
            or_(
                charges.id == reference,
                charges.payment_intent_id == reference,
                payments.invoice_id == reference,
                invoices.number == reference,
            ),
        )
        .order_by(charges.created_at.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    captured = row.amount_captured_minor or 0
    return Charge(
        row.id, row.customer_id, row.invoice_id, captured, row.currency, captured - (row.amount_refunded_minor or 0)
    )


def is_mirrored_refund(connection: Connection, refund_id: str) -> bool:
    """Whether the mirror knows a refund, so that the charge's refunds can be counted from there."""
    return connection.scalar(select(stripe_refunds.c.id).where(stripe_refunds.c.id == refund_id)) is not None


def mirrored_charge(connection: Connection, charge_id: str) -> tuple[int, int] | None:
    """What a charge captured and what was given back of it by the mirror's refunds that did not fail; None when it is unknown."""
    captured = connection.scalar(select(stripe_charges.c.amount_captured_minor).where(stripe_charges.c.id == charge_id))
    if captured is None:
        return None
    given_back = connection.scalar(
        select(func.coalesce(func.sum(stripe_refunds.c.amount_minor), 0)).where(
            stripe_refunds.c.charge_id == charge_id, stripe_refunds.c.status.not_in(["failed", "canceled"])
        )
    )
    return captured, int(given_back or 0)
