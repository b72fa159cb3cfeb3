"""Reads from the mirror of Stripe what subscription figures need beside revenue: what each line sold, and who the customers are."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from pricing.revenue_streams import LineFacts
from store.schema import (
    stripe_customers,
    stripe_invoice_lines,
    stripe_invoices,
    stripe_prices,
    stripe_products,
    stripe_subscriptions,
)

Row = dict[str, Any]
# The key of a customer's metadata that says which segment they are in.
SEGMENT_KEY = "segment"


def line_facts(connection: Connection) -> dict[str, LineFacts]:
    """What is known of every line of a finalized invoice, by its id; a price that is gone leaves a line without interval."""
    line, invoice = stripe_invoice_lines.c, stripe_invoices.c
    price, product = stripe_prices.c, stripe_products.c
    rows = connection.execute(
        select(
            line.id.label("line_id"),
            invoice.customer_id,
            line.subscription_id,
            func.coalesce(product.name, price.nickname, line.description).label("product"),
            line.quantity,
            price.usage_type,
            price.recurring_interval.label("interval"),
            price.recurring_interval_count.label("interval_count"),
            func.coalesce(line.is_proration, False).label("is_proration"),
            line.period_start,
            line.period_end,
        )
        .join(stripe_invoices, (invoice.id == line.invoice_id) & (invoice.tenant_id == line.tenant_id))
        .join(stripe_prices, (price.id == line.price_id) & (price.tenant_id == line.tenant_id), isouter=True)
        .join(
            stripe_products,
            (product.id == func.coalesce(line.product_id, price.product_id)) & (product.tenant_id == line.tenant_id),
            isouter=True,
        )
        .where(~line.is_deleted, ~invoice.is_deleted, invoice.finalized_at.is_not(None))
    )
    return {row["line_id"]: LineFacts(**row) for row in rows.mappings()}


def ended_subscriptions(connection: Connection) -> dict[str, datetime]:
    """When each subscription that is over has ended, by its id."""
    table = stripe_subscriptions.c
    rows = connection.execute(select(table.id, table.ended_at).where(table.ended_at.is_not(None), ~table.is_deleted))
    return {row.id: row.ended_at for row in rows}


def segments(connection: Connection) -> dict[str, str]:
    """The segment that a customer's metadata names, by the customer's id; customers without one are left out."""
    table = stripe_customers.c
    named = func.jsonb_extract_path_text(table.metadata, SEGMENT_KEY)
    rows = connection.execute(select(table.id, named.label("segment")).where(named.is_not(None), ~table.is_deleted))
    return {row.id: row.segment for row in rows}
