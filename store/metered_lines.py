"""Reads from the mirror of Stripe what metered prices charged customers for: quantity and period of each invoice's lines."""

from typing import Any

from sqlalchemy import Connection, func, select

from store.schema import stripe_invoice_lines, stripe_invoices, stripe_prices, stripe_products


def metered_lines(connection: Connection) -> list[dict[str, Any]]:
    """One row for each invoice, metered price and period: the lines of all tiers together; `unit_label` is the product's."""
    line, invoice, price, product = stripe_invoice_lines.c, stripe_invoices.c, stripe_prices.c, stripe_products.c
    unit_label = func.coalesce(stripe_products.c.raw["unit_label"].astext, price.nickname, product.name)
    keys = (
        invoice.customer_id,
        line.invoice_id,
        func.coalesce(price.nickname, product.name, price.id).label("price"),
        unit_label.label("unit_label"),
        line.period_start,
        line.period_end,
        line.currency,
    )
    rows = connection.execute(
        select(*keys, func.sum(line.quantity).label("invoiced_quantity"), func.sum(line.amount_minor).label("amount_minor"))
        .join(stripe_invoices, invoice.id == line.invoice_id)
        .join(stripe_prices, price.id == line.price_id)
        .join(stripe_products, product.id == price.product_id, isouter=True)
        .where(
            ~line.is_deleted,
            ~invoice.is_deleted,
            price.usage_type == "metered",
            invoice.status.in_(("open", "paid", "uncollectible")),
            invoice.customer_id.is_not(None),
            line.quantity.is_not(None),
        )
        .group_by(*(key.element if hasattr(key, "element") else key for key in keys), price.id)
        .order_by(line.period_start, invoice.customer_id, line.invoice_id)
    )  # fmt: skip
    sums = ("invoiced_quantity", "amount_minor")
    return [dict(row) | {name: int(row[name]) for name in sums} for row in rows.mappings()]
