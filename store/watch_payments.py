"""Reads of the mirror of Stripe, by UTC day, what the detectors need: first tries of invoices, payments and refunds, open metered periods."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

# Stripe tries an invoice again for at most two months; whatever was tried first before that is not its first try.
RETRIED_FOR = timedelta(days=62)


@dataclass(frozen=True, slots=True)
class PaymentDay:
    """A UTC day and currency: payments, on how many it happened, and what those came to in minor units of that currency."""

    day: date
    currency: str
    whole: int
    part: int
    part_minor: int


def first_tries(connection: Connection, *, since: datetime) -> list[PaymentDay]:
    """Invoices by the day and outcome of their first try since a moment: `part` are those that failed.

    The definition of a failure rate: failed first tries over all first tries. What was paid without a charge (a balance, credit) was
    never tried.
    """
    rows = connection.execute(
        text(
            """with tries as (
                select p.invoice_id, c.id, c.created_at, c.status, c.amount_minor, c.currency
                from stripe_invoice_payments p
                join stripe_charges c on c.tenant_id = p.tenant_id and c.payment_intent_id = p.payment_intent_id
                where c.created_at >= :retried_since and not c.is_deleted
                union all
                select p.invoice_id, c.id, c.created_at, c.status, c.amount_minor, c.currency
                from stripe_invoice_payments p join stripe_charges c on c.tenant_id = p.tenant_id and c.id = p.charge_id
                where p.payment_intent_id is null and c.created_at >= :retried_since and not c.is_deleted),
            first_tries as (
                select distinct on (invoice_id) * from tries where status in ('succeeded', 'failed')
                order by invoice_id, created_at, id)
            select (created_at at time zone 'UTC')::date as day, currency, count(*) as whole,
                count(*) filter (where status = 'failed') as part,
                coalesce(sum(amount_minor) filter (where status = 'failed'), 0)::bigint as part_minor
            from first_tries where created_at >= :since group by 1, 2 order by 1, 2"""
        ),
        {"since": since, "retried_since": since - RETRIED_FOR},
    )
    return [PaymentDay(**row._asdict()) for row in rows]


def refunds(connection: Connection, *, since: datetime) -> list[PaymentDay]:
    """Payments that succeeded by their day, and payments that were refunded by the day of the refund, since a moment.

    A refund counts while it is on its way or has arrived; several of one charge on one day are one.
    """
    rows = connection.execute(
        text(
            """with counted as (
                select (created_at at time zone 'UTC')::date as day, currency, count(*) as whole, 0::bigint as part, 0::bigint as part_minor
                from stripe_charges where status = 'succeeded' and created_at >= :since and not is_deleted group by 1, 2
                union all
                select (created_at at time zone 'UTC')::date, currency, 0, count(distinct charge_id), coalesce(sum(amount_minor), 0)
                from stripe_refunds where status in ('succeeded', 'pending', 'requires_action') and created_at >= :since
                    and not is_deleted group by 1, 2)
            select day, currency, sum(whole)::bigint as whole, sum(part)::bigint as part, sum(part_minor)::bigint as part_minor
            from counted group by day, currency order by day, currency"""
        ),
        {"since": since},
    )
    return [PaymentDay(**row._asdict()) for row in rows]


def metered_since(connection: Connection) -> dict[str, datetime]:
    """By customer the moment from which metered usage is not on any finalized invoice yet.

    The start of the running period of a metered item and, where its last period is still a draft, the start of that.
    """
    rows = connection.execute(
        text(
            """select customer_id, min(since) as since from (
                select s.customer_id, i.current_period_start as since
                from stripe_subscription_items i
                join stripe_subscriptions s on s.tenant_id = i.tenant_id and s.id = i.subscription_id
                join stripe_prices p on p.tenant_id = i.tenant_id and p.id = i.price_id
                where p.usage_type = 'metered' and not i.is_deleted and not s.is_deleted
                    and s.status not in ('canceled', 'incomplete_expired', 'incomplete')
                union all
                select v.customer_id, l.period_start
                from stripe_invoices v
                join stripe_invoice_lines l on l.tenant_id = v.tenant_id and l.invoice_id = v.id
                join stripe_prices p on p.tenant_id = l.tenant_id and p.id = l.price_id
                where v.status = 'draft' and p.usage_type = 'metered' and not v.is_deleted and not l.is_deleted) found
            where customer_id is not null and since is not null group by customer_id"""
        )
    )
    return {row.customer_id: row.since for row in rows}
