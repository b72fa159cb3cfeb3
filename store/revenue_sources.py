"""Reads from the mirror of Stripe what revenue is made of: invoices, money given back and Stripe's fees."""

from collections import defaultdict
from typing import Any, Literal

from sqlalchemy import Connection, Row, case, func, select

from pricing.revenue_books import (
    COUNTED_DISPUTES,
    COUNTED_REFUNDS,
    Books,
    Fee,
    Invoice,
    InvoiceLine,
    MoneyBack,
)
from store.schema import (
    stripe_balance_transactions,
    stripe_charges,
    stripe_disputes,
    stripe_invoice_lines,
    stripe_invoice_payments,
    stripe_invoices,
    stripe_refunds,
)

# What Stripe bills for beside charges (Billing, Radar, Tax …) is a transaction of its own, whose amount is the fee.
FEE_TYPES = ("stripe_fee", "stripe_fx_fee", "tax_fee")


def read_books(connection: Connection) -> Books:
    """Everything in the tenant's open transaction, in the order of ids, so that a repeated run gives the same rows."""
    return Books(
        invoices=tuple(_invoices(connection)),
        money_back=(*_refunds(connection), *_lost_disputes(connection)),
        fees=tuple(_fees(connection)),
    )


def _invoices(connection: Connection) -> list[Invoice]:
    lines: dict[str, list[InvoiceLine]] = defaultdict(list)
    stored = stripe_invoice_lines.c
    for row in connection.execute(select(stripe_invoice_lines).where(~stored.is_deleted).order_by(stored.id)):
        lines[row.invoice_id].append(_line(row))
    table = stripe_invoices.c
    rows = connection.execute(
        select(stripe_invoices).where(~table.is_deleted, table.finalized_at.is_not(None)).order_by(table.id)
    )
    return [
        Invoice(
            invoice_id=row.id,
            number=row.number,
            customer_id=row.customer_id,
            status=row.status,
            currency=row.currency,
            finalized_at=row.finalized_at,
            total_minor=row.total_minor,
            # Stripe leaves it out where no tax was ever considered: then the total has none.
            total_excluding_tax_minor=row.total_minor
            if row.total_excluding_tax_minor is None
            else row.total_excluding_tax_minor,
            lines=tuple(lines[row.id]),
        )
        for row in rows
    ]


def _line(row: Row[Any]) -> InvoiceLine:
    return InvoiceLine(
        line_id=row.id,
        description=row.description,
        amount_minor=row.amount_minor,
        discount_minor=row.discount_minor or 0,  # an absent list of discounts is an empty one
        credit_minor=row.pretax_credit_minor or 0,
        tax_inclusive_minor=row.tax_inclusive_minor or 0,
        period_start=row.period_start,
        period_end=row.period_end,
    )


def _paid_invoice(charge: Any) -> Any:
    """The invoice that a charge paid: Stripe names it only through the payment between the two."""
    payment = stripe_invoice_payments.c
    return (
        select(func.min(payment.invoice_id))
        .where((payment.payment_intent_id == charge.payment_intent_id) | (payment.charge_id == charge.id))
        .where(~payment.is_deleted)
        .scalar_subquery()
    )


def _refunds(connection: Connection) -> list[MoneyBack]:
    refund, charge = stripe_refunds.c, stripe_charges.c
    rows = connection.execute(
        select(
            refund.id,
            refund.amount_minor,
            refund.currency,
            refund.created_at,
            refund.reason,
            charge.customer_id,
            _paid_invoice(charge).label("invoice_id"),
        )
        .join(stripe_charges, refund.charge_id == charge.id, isouter=True)
        .where(~refund.is_deleted, refund.status.in_(sorted(COUNTED_REFUNDS)))
        .order_by(refund.id)
    )
    return [_money_back(row, "refund") for row in rows]


def _lost_disputes(connection: Connection) -> list[MoneyBack]:
    dispute, charge = stripe_disputes.c, stripe_charges.c
    rows = connection.execute(
        select(
            dispute.id,
            dispute.amount_minor,
            dispute.currency,
            dispute.created_at,
            dispute.reason,
            charge.customer_id,
            _paid_invoice(charge).label("invoice_id"),
        )
        .join(stripe_charges, dispute.charge_id == charge.id, isouter=True)
        .where(~dispute.is_deleted, dispute.status.in_(sorted(COUNTED_DISPUTES)))
        .order_by(dispute.id)
    )
    return [_money_back(row, "dispute") for row in rows]


def _money_back(row: Any, kind: Literal["refund", "dispute"]) -> MoneyBack:
    return MoneyBack(
        source_id=row.id,
        kind=kind,
        customer_id=row.customer_id,
        invoice_id=row.invoice_id,
        currency=row.currency,
        amount_minor=row.amount_minor,
        at=row.created_at,
        reason=row.reason,
    )


def _fees(connection: Connection) -> list[Fee]:
    """Fees of charges, refunds and disputes by their customer, and what Stripe bills by itself without one."""
    money, charge = stripe_balance_transactions.c, stripe_charges.c
    refund, dispute = stripe_refunds.c, stripe_disputes.c
    charge_id = func.coalesce(dispute.charge_id, refund.charge_id, money.source_id)
    fee_minor = case((money.type.in_(FEE_TYPES), -money.amount_minor), else_=money.fee_minor).label("fee")
    rows = connection.execute(
        select(money.id, money.currency, money.created_at, money.description, fee_minor, charge.customer_id)
        .join(stripe_disputes, money.source_id == dispute.id, isouter=True)
        .join(stripe_refunds, money.source_id == refund.id, isouter=True)
        .join(stripe_charges, charge_id == charge.id, isouter=True)
        .where(~money.is_deleted, fee_minor != 0)
        .order_by(money.id)
    )
    return [
        Fee(
            source_id=row.id,
            customer_id=row.customer_id,
            currency=row.currency,
            amount_minor=row.fee,
            at=row.created_at,
            description=row.description,
        )
        for row in rows
    ]
