"""What the refund queue shows beside a request: names and fees from Postgres, the AI cost of an invoice from the warehouse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, func, select

from store.schema import stripe_balance_transactions, stripe_charges, stripe_customers, stripe_invoices
from store.warehouse_reads import Warehouse


@dataclass(frozen=True)
class InvoiceCost:
    """The AI cost of an invoice's service period, in pico-USD, and how many events of it have no price; the end is not included."""

    period_start: date
    period_end: date
    cost_pico_usd: int
    events: int
    unpriced_events: int


def names(connection: Connection, customer_ids: Sequence[str]) -> dict[str, str]:
    """What customers are called: their name, else their e-mail, else their id."""
    customers = stripe_customers.c
    rows = connection.execute(
        select(customers.id, func.coalesce(customers.name, customers.email, customers.id)).where(
            customers.id.in_(customer_ids)
        )
    )
    return {row[0]: row[1] for row in rows}


def invoice_numbers(connection: Connection, invoice_ids: Sequence[str]) -> dict[str, str]:
    """What invoices are called: their number, else their id."""
    invoices = stripe_invoices.c
    rows = connection.execute(
        select(invoices.id, func.coalesce(invoices.number, invoices.id)).where(invoices.id.in_(invoice_ids))
    )
    return {row[0]: row[1] for row in rows}


def fees(connection: Connection, charge_ids: Sequence[str]) -> dict[str, tuple[int, str]]:
    """What Stripe kept of each charge, in minor units and settlement currency; a refund does not bring it back."""
    charges, moved = stripe_charges.c, stripe_balance_transactions.c
    rows = connection.execute(
        select(charges.id, moved.fee_minor, moved.currency)
        .join(stripe_balance_transactions, moved.id == charges.balance_transaction_id)
        .where(charges.id.in_(charge_ids), moved.fee_minor.is_not(None))
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def invoice_costs(warehouse: Warehouse, invoice_ids: Sequence[str]) -> Mapping[str, InvoiceCost]:
    """The AI cost burned in each invoice's service period, by invoice; none for an invoice that no version has seen.

    The period is that of its lines, from the first start to the last end; usage counts by day (UTC) and customer.
    """
    rows = warehouse.rows(
        """with periods as (
            select invoice_id, any_value(customer_id) as customer_id, min(period_start) as first, max(period_end) as last
            from revenue_lines where basis = 'invoiced' and kind = 'line' and list_contains($1, invoice_id) group by invoice_id)
        select p.invoice_id, p.first, p.last, coalesce(sum(u.cost_pico_usd), 0) as cost, coalesce(sum(u.events), 0) as events,
            coalesce(sum(u.events) filter (u.day is not null and u.cost_pico_usd is null), 0) as unpriced
        from periods p left join usage_cube u
            on u.customer_id = p.customer_id and u.day >= p.first and u.day < greatest(p.last, p.first + interval 1 day)
        where p.first is not null and p.last is not null
        group by p.invoice_id, p.first, p.last""",
        [list(invoice_ids)],
    )
    return {
        row["invoice_id"]: InvoiceCost(
            row["first"], row["last"], int(row["cost"]), int(row["events"]), int(row["unpriced"])
        )
        for row in rows.iter_rows(named=True)
    }
