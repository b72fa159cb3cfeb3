"""What meters are told of, read: the lake's usage by customer and window, and the edges of the customers' billing periods."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import polars as pl
from sqlalchemy import Connection, select

from pricing.meter_windows import BillingPeriods, Counted, MeterRule, usage_by_window
from store import duck
from store.lake import LakeFile, lake_relation
from store.schema import (
    stripe_invoice_lines,
    stripe_invoices,
    stripe_prices,
    stripe_subscription_items,
    stripe_subscriptions,
)


def billing_periods(connection: Connection) -> BillingPeriods:
    """Where each customer's metered billing periods begin and end, from running subscriptions and from billed lines."""
    item, subscription, price = stripe_subscription_items.c, stripe_subscriptions.c, stripe_prices.c
    line, invoice = stripe_invoice_lines.c, stripe_invoices.c
    running = (
        select(subscription.customer_id, item.current_period_start, item.current_period_end)
        .join(stripe_subscriptions, subscription.id == item.subscription_id)
        .join(stripe_prices, price.id == item.price_id)
        .where(price.usage_type == "metered", ~item.is_deleted)
    )
    billed = (
        select(invoice.customer_id, line.period_start, line.period_end)
        .join(stripe_invoices, invoice.id == line.invoice_id)
        .join(stripe_prices, price.id == line.price_id)
        .where(price.usage_type == "metered", ~line.is_deleted)
    )
    edges: dict[str, set[datetime]] = defaultdict(set)
    for rows in (connection.execute(running), connection.execute(billed)):
        for customer_id, *both in rows:
            edges[customer_id].update(edge for edge in both if edge is not None)
    return BillingPeriods(edges)


def metered_usage(
    home: Path,
    tenant_id: UUID,
    files: Sequence[LakeFile],
    refs: pl.DataFrame,
    periods: BillingPeriods,
    rule: MeterRule,
    *,
    since: datetime,
    until: datetime,
) -> list[Counted]:
    """The lake's usage under a rule in [since, until), read from the files of those days alone."""
    paths = [file.path for file in files if since.date() <= file.day <= until.date()]
    with duck.connect() as con:
        return usage_by_window(
            con, lake_relation(con, home, tenant_id, paths), refs, periods, rule, since=since, until=until
        )
