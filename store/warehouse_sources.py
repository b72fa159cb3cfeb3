"""Reads from the mirror of Stripe what the warehouse shows beside revenue: customers, invoices, plan changes, disputes that wait."""

from typing import Any

from sqlalchemy import Connection, case, distinct, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from store.schema import (
    stripe_charges,
    stripe_customers,
    stripe_disputes,
    stripe_invoice_lines,
    stripe_invoice_payments,
    stripe_invoices,
    stripe_prices,
    stripe_products,
    stripe_subscription_items,
    stripe_subscriptions,
)

Row = dict[str, Any]

# Of several subscriptions the one that is alive says what the customer is on.
_ALIVE_FIRST = case((stripe_subscriptions.c.status.in_(("canceled", "incomplete_expired")), 1), else_=0)


def customers(connection: Connection) -> list[Row]:
    """Every customer with the plan and status of their newest living subscription; `country` is the billing address'."""
    subscription, customer = stripe_subscriptions.c, stripe_customers.c
    plans = _plan_of_subscription()
    newest = (
        select(subscription.customer_id, subscription.status, plans.c.plan)
        .join(plans, plans.c.subscription_id == subscription.id, isouter=True)
        .ext(distinct_on(subscription.customer_id))
        .where(~subscription.is_deleted)
        .order_by(subscription.customer_id, _ALIVE_FIRST, subscription.created_at.desc(), subscription.id)
        .subquery()
    )
    rows = connection.execute(
        select(
            customer.id.label("customer_id"),
            func.coalesce(customer.name, customer.email, customer.id).label("name"),
            customer.email,
            newest.c.plan,
            customer.country,
            customer.currency,
            customer.created_at,
            newest.c.status.label("subscription_status"),
        )
        .join(newest, newest.c.customer_id == customer.id, isouter=True)
        .order_by(customer.id)
    )
    return [dict(row) for row in rows.mappings()]


def _plan_of_subscription() -> Any:
    """The product of a subscription's first licensed item; a metered item only counts where there is no other."""
    item, price, product = stripe_subscription_items.c, stripe_prices.c, stripe_products.c
    is_metered = case((price.usage_type == "metered", 1), else_=0)
    return (
        select(item.subscription_id, product.name.label("plan"))
        .join(stripe_prices, price.id == item.price_id, isouter=True)
        .join(stripe_products, product.id == func.coalesce(item.product_id, price.product_id), isouter=True)
        .ext(distinct_on(item.subscription_id))
        .where(~item.is_deleted)
        .order_by(item.subscription_id, is_metered, item.created_at, item.id)
        .subquery()
    )


def invoices(connection: Connection) -> list[Row]:
    """Every finalized invoice, as its page shows it."""
    table = stripe_invoices.c
    rows = connection.execute(
        select(
            table.id.label("invoice_id"),
            table.number,
            table.customer_id,
            table.status,
            table.currency,
            table.total_minor,
            table.total_excluding_tax_minor,
            table.amount_paid_minor,
            table.amount_remaining_minor,
            table.billing_reason,
            table.created_at,
            table.finalized_at,
            table.attempt_count,
            table.next_payment_attempt_at,
        )
        .where(~table.is_deleted, table.finalized_at.is_not(None))
        .order_by(table.id)
    )
    return [dict(row) for row in rows.mappings()]


def unpaid_invoices(connection: Connection) -> list[Row]:
    """Open invoices whose payment has failed or whose due date has passed is for the caller to say: all with something due."""
    table = stripe_invoices.c
    rows = connection.execute(
        select(
            table.id.label("invoice_id"),
            table.customer_id,
            table.currency,
            table.amount_remaining_minor,
            table.attempt_count,
            table.due_at,
            table.finalized_at,
        )
        .where(~table.is_deleted, table.status == "open", table.amount_remaining_minor > 0)
        .order_by(table.id)
    )
    return [dict(row) for row in rows.mappings()]


def proration_lines(connection: Connection) -> list[Row]:
    """The lines that a change in mid-cycle made: what is credited for the old plan and charged for the new one."""
    line, invoice = stripe_invoice_lines.c, stripe_invoices.c
    price, product = stripe_prices.c, stripe_products.c
    rows = connection.execute(
        select(
            invoice.customer_id,
            line.subscription_id,
            line.invoice_id,
            line.id.label("line_id"),
            line.period_start.label("changed_at"),
            line.amount_minor,
            line.currency,
            line.quantity,
            func.coalesce(product.name, price.nickname, line.description).label("plan"),
        )
        .join(stripe_invoices, invoice.id == line.invoice_id)
        .join(stripe_prices, price.id == line.price_id, isouter=True)
        .join(stripe_products, product.id == func.coalesce(line.product_id, price.product_id), isouter=True)
        .where(~line.is_deleted, ~invoice.is_deleted, line.is_proration, invoice.status.not_in(("void", "draft")))
        .order_by(line.period_start, line.id)
    )
    return [dict(row) for row in rows.mappings()]


def failed_invoices(connection: Connection) -> list[Row]:
    """Each invoice with a failed try: when it first failed, what the last failed try said, and whether it is paid by now."""
    charge, payment, invoice = stripe_charges.c, stripe_invoice_payments.c, stripe_invoices.c
    rows = connection.execute(
        select(
            invoice.id.label("invoice_id"),
            invoice.customer_id,
            invoice.currency,
            invoice.amount_due_minor.label("amount_minor"),
            invoice.status,
            charge.created_at.label("failed_at"),
            func.coalesce(charge.decline_code, charge.failure_code).label("decline_code"),
            charge.advice_code,
        )
        .join(
            stripe_invoice_payments,
            or_(payment.payment_intent_id == charge.payment_intent_id, payment.charge_id == charge.id),
        )
        .join(stripe_invoices, invoice.id == payment.invoice_id)
        .where(~charge.is_deleted, ~invoice.is_deleted, charge.status == "failed")
        .order_by(invoice.id, charge.created_at, charge.id)
    )
    return [dict(row) for row in rows.mappings()]


def open_disputes(connection: Connection) -> list[Row]:
    """Disputes and inquiries that wait for our answer."""
    dispute, charge = stripe_disputes.c, stripe_charges.c
    rows = connection.execute(
        select(
            dispute.id.label("dispute_id"),
            charge.customer_id,
            dispute.amount_minor,
            dispute.currency,
            dispute.status,
            dispute.reason,
            dispute.due_by,
            dispute.created_at,
        )
        .join(stripe_charges, charge.id == dispute.charge_id, isouter=True)
        .where(~dispute.is_deleted, dispute.status.like("%needs_response"))
        .order_by(dispute.id)
    )
    return [dict(row) for row in rows.mappings()]


def invoice_sums(connection: Connection) -> dict[str, int]:
    """What the warehouse's invoices must come to: how many, and their totals added up whatever the currency."""
    table = stripe_invoices.c
    row = connection.execute(
        select(func.count(distinct(table.id)), func.coalesce(func.sum(table.total_minor), 0)).where(
            ~table.is_deleted, table.finalized_at.is_not(None)
        )
    ).one()
    return {"invoices": int(row[0]), "total_minor": int(row[1])}
