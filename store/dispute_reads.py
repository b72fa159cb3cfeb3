"""What is known around disputes: who paid the disputed charge, how earlier ones ended, early warnings, and each month's activity."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection, case, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from store.schema import (
    dispute_cases,
    stripe_balance_transactions,
    stripe_charges,
    stripe_customers,
    stripe_disputes,
    stripe_early_fraud_warnings,
)


@dataclass(frozen=True)
class Payer:
    """Who paid a charge: the customer's id, and what they are called."""

    customer_id: str | None
    name: str | None


@dataclass(frozen=True)
class EarlyWarning:
    """An issuer's word that a payment may be fraud. The charge's fields are None where it is not mirrored."""

    warning_id: str
    charge_id: str | None
    fraud_type: str | None
    is_actionable: bool | None
    came_at: datetime | None
    amount_minor: int | None
    amount_refunded_minor: int | None
    currency: str | None
    customer_id: str | None
    customer: str | None
    is_disputed: bool


@dataclass(frozen=True)
class MonthOfNetwork:
    """One month on one card network: paid charges, disputes received, fraud among them, early warnings. Amounts of usd only."""

    month: date
    network: str
    payments: int
    disputes: int
    fraud_disputes: int
    fraud_usd_minor: int
    warnings: int


def payers(connection: Connection, charge_ids: Sequence[str]) -> dict[str, Payer]:
    """Who paid each charge; only charges that are mirrored."""
    charges, customers = stripe_charges.c, stripe_customers.c
    rows = connection.execute(
        select(charges.id, charges.customer_id, func.coalesce(customers.name, customers.email, charges.customer_id))
        .outerjoin(stripe_customers, customers.id == charges.customer_id)
        .where(charges.id.in_(charge_ids))
    )
    return {row[0]: Payer(row[1], row[2]) for row in rows}


def ended_by_reason(connection: Connection) -> dict[str, tuple[int, int]]:
    """Of the disputes that were answered and that the bank decided: how many were won, of how many, by reason."""
    cases = dispute_cases.c
    rows = connection.execute(
        select(func.coalesce(cases.reason, ""), func.count().filter(cases.state == "won"), func.count())
        .where(cases.state.in_(["won", "lost"]), cases.submission_count > 0)
        .group_by(cases.reason)
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def fees_by_currency(connection: Connection) -> dict[str, int]:
    """The fee that the newest dispute of each currency was booked with, in minor units."""
    cases = dispute_cases.c
    rows = connection.execute(
        select(cases.fee_currency, cases.fee_minor)
        .where(cases.fee_minor > 0, cases.fee_currency.is_not(None))
        .ext(distinct_on(cases.fee_currency))
        .order_by(cases.fee_currency, cases.opened_at.desc())
    )
    return {row[0]: row[1] for row in rows}


def withdrawn(connection: Connection, dispute_ids: Sequence[str]) -> dict[str, tuple[int, str]]:
    """What was taken from the balance for each dispute, in minor units and currency of the settlement; a win brings it back."""
    moved = stripe_balance_transactions.c
    rows = connection.execute(
        select(moved.source_id, func.sum(-moved.amount_minor), func.min(moved.currency))
        .where(moved.source_id.in_(dispute_ids), moved.amount_minor < 0)
        .group_by(moved.source_id)
    )
    return {row[0]: (int(row[1]), row[2]) for row in rows}


def warnings_that_became_disputes(connection: Connection, *, before: datetime) -> tuple[int, int]:
    """Of the warnings that came before a moment and were not fully refunded first: how many were disputed, of how many."""
    warnings, charges = stripe_early_fraud_warnings.c, stripe_charges.c
    is_disputed = select(stripe_disputes.c.id).where(stripe_disputes.c.charge_id == warnings.charge_id).exists()
    is_refunded = charges.amount_refunded_minor >= charges.amount_minor
    row = connection.execute(
        select(func.count().filter(is_disputed), func.count())
        .select_from(stripe_early_fraud_warnings)
        .join(stripe_charges, charges.id == warnings.charge_id)
        .where(warnings.created_at < before, is_disputed | ~is_refunded)
    ).one()
    return row[0], row[1]


def early_warnings(connection: Connection, *, limit: int = 100) -> list[EarlyWarning]:
    """The warnings, those first that can be acted on, the newest first."""
    warnings, charges, customers = stripe_early_fraud_warnings.c, stripe_charges.c, stripe_customers.c
    is_disputed = select(stripe_disputes.c.id).where(stripe_disputes.c.charge_id == warnings.charge_id).exists()
    rows = connection.execute(
        select(
            warnings.id.label("warning_id"),
            warnings.charge_id,
            warnings.fraud_type,
            warnings.is_actionable,
            warnings.created_at.label("came_at"),
            charges.amount_minor,
            charges.amount_refunded_minor,
            charges.currency,
            charges.customer_id,
            func.coalesce(customers.name, customers.email, charges.customer_id).label("customer"),
            is_disputed.label("is_disputed"),
        )
        .select_from(stripe_early_fraud_warnings)
        .outerjoin(stripe_charges, charges.id == warnings.charge_id)
        .outerjoin(stripe_customers, customers.id == charges.customer_id)
        .where(~warnings.is_deleted)
        .order_by(case((warnings.is_actionable, 0), else_=1), warnings.created_at.desc(), warnings.id)
        .limit(limit)
    )
    return [EarlyWarning(**row._asdict()) for row in rows]


def activity(connection: Connection, *, since: date) -> list[MonthOfNetwork]:
    """Each month (UTC) from the given first one on, by card network, in order; months with neither payments nor disputes are left out.

    A payment counts in the month it was made, a dispute or a warning in the month it came. Inquiries are not disputes yet, and
    prevented ones do not count.
    """
    rows = connection.execute(
        text(
            """with counted as (
                select date_trunc('month', created_at at time zone 'UTC')::date as month,
                    coalesce(raw #>> '{payment_method_details,card,network}', raw #>> '{payment_method_details,card,brand}') as network,
                    1 as payments, 0 as disputes, 0 as fraud_disputes, 0 as fraud_usd_minor, 0 as warnings
                from stripe_charges where status = 'succeeded' and created_at >= :since and not is_deleted
                union all
                select date_trunc('month', opened_at at time zone 'UTC')::date, network, 0, 1, (reason = 'fraudulent')::int,
                    case when reason = 'fraudulent' and currency = 'usd' then amount_minor else 0 end, 0
                from dispute_cases
                where opened_at >= :since and status not like 'warning%' and status <> 'prevented'
                union all
                select date_trunc('month', w.created_at at time zone 'UTC')::date,
                    coalesce(c.raw #>> '{payment_method_details,card,network}', c.raw #>> '{payment_method_details,card,brand}'),
                    0, 0, 0, 0, 1
                from stripe_early_fraud_warnings w join stripe_charges c on c.tenant_id = w.tenant_id and c.id = w.charge_id
                where w.created_at >= :since)
            select month, network, sum(payments)::bigint as payments, sum(disputes)::bigint as disputes,
                sum(fraud_disputes)::bigint as fraud_disputes, sum(fraud_usd_minor)::bigint as fraud_usd_minor,
                sum(warnings)::bigint as warnings
            from counted where network is not null group by month, network order by month, network"""
        ),
        {"since": datetime(since.year, since.month, 1, tzinfo=UTC)},
    )
    return [MonthOfNetwork(**row._asdict()) for row in rows]
