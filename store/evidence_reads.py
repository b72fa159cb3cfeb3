"""What is held about one dispute: its objects from the mirror in Postgres, the customer's days of use from the warehouse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, or_, select

from pricing.usage import INPUT_BUCKETS, OUTPUT_BUCKETS
from store.schema import (
    stripe_charges,
    stripe_customers,
    stripe_disputes,
    stripe_early_fraud_warnings,
    stripe_invoice_lines,
    stripe_invoice_payments,
    stripe_invoices,
    stripe_refunds,
    stripe_subscriptions,
)
from store.warehouse_reads import Warehouse

Raw = Mapping[str, Any]
# Invoices further away than this from the disputed charge prove nothing about it, and Visa looks back no further than a year.
INVOICES_WITHIN = timedelta(days=400)


@dataclass(frozen=True)
class MirroredLine:
    """A line of an invoice; amounts in minor units of its currency."""

    invoice_id: str
    description: str | None
    amount_minor: int | None
    period_start: datetime | None
    period_end: datetime | None


@dataclass(frozen=True)
class MirroredDispute:
    """Stripe's objects around a dispute as they came. `charges` are the customer's paid ones without the disputed one;
    `invoice_by_charge` tells what each paid; `disputed` and `reported` are those that a dispute or an early fraud warning is about."""

    dispute: Raw
    charge: Raw | None
    customer: Raw | None
    charges: tuple[Raw, ...]
    invoice_by_charge: Mapping[str, str]
    invoices: tuple[Raw, ...]
    lines: tuple[MirroredLine, ...]
    refunds: tuple[Raw, ...]
    disputed: frozenset[str]
    reported: frozenset[str]
    subscription: Raw | None


@dataclass(frozen=True)
class MirroredUsageDay:
    """A customer's calls of one day (UTC), summed over all that was called."""

    day: date
    calls: int
    models: tuple[str, ...]
    features: tuple[str, ...]
    input_tokens: int
    output_tokens: int


def mirrored_dispute(connection: Connection, dispute_id: str) -> MirroredDispute | None:
    """All that the tenant's mirror holds around a dispute; None when it does not know the dispute."""
    dispute = _raw(connection, stripe_disputes, dispute_id)
    if dispute is None:
        return None
    charge_id = connection.scalar(select(stripe_disputes.c.charge_id).where(stripe_disputes.c.id == dispute_id))
    row = connection.execute(
        select(stripe_charges.c.raw, stripe_charges.c.customer_id, stripe_charges.c.created_at).where(
            stripe_charges.c.id == charge_id
        )
    ).one_or_none()
    customer_id = None if row is None else row.customer_id
    others = _others(connection, customer_id, charge_id)
    near = [charge_id or ""] + [
        raw["id"] for raw, at in others if row is not None and abs(at - row.created_at) <= INVOICES_WITHIN
    ]
    paid_for = _invoices_paid(connection, near)
    ids = sorted(set(paid_for.values()))
    return MirroredDispute(
        dispute=dispute,
        charge=None if row is None else row.raw,
        customer=_raw(connection, stripe_customers, customer_id),
        charges=tuple(raw for raw, _ in others),
        invoice_by_charge=paid_for,
        invoices=_raws(connection, stripe_invoices, stripe_invoices.c.id.in_(ids)),
        lines=_lines(connection, ids),
        refunds=_raws(connection, stripe_refunds, stripe_refunds.c.charge_id == charge_id),
        disputed=_charges_in(connection, stripe_disputes, [raw["id"] for raw, _ in others]),
        reported=_charges_in(connection, stripe_early_fraud_warnings, [raw["id"] for raw, _ in others]),
        subscription=_subscription(connection, paid_for.get(charge_id) if charge_id else None),
    )


def _raw(connection: Connection, table: Table, id_: str | None) -> Raw | None:
    found: Raw | None = connection.scalar(select(table.c.raw).where(table.c.id == id_, ~table.c.is_deleted))
    return found


def _raws(connection: Connection, table: Table, condition: ColumnElement[bool]) -> tuple[Raw, ...]:
    rows = select(table.c.raw).where(condition, ~table.c.is_deleted).order_by(table.c.created_at, table.c.id)
    return tuple(connection.scalars(rows))


def _others(connection: Connection, customer_id: str | None, charge_id: str | None) -> list[tuple[Raw, datetime]]:
    """The customer's other paid charges, the oldest first; a customer that is not known has none."""
    charges = stripe_charges.c
    rows = connection.execute(
        select(charges.raw, charges.created_at)
        .where(charges.customer_id == customer_id, charges.id != charge_id, charges.status == "succeeded")
        .order_by(charges.created_at, charges.id)
    )
    return [(row[0], row[1]) for row in rows]


def _invoices_paid(connection: Connection, charge_ids: Sequence[str]) -> dict[str, str]:
    """Which invoice each of these charges paid; Stripe names the charge or its payment intent."""
    charges, payments = stripe_charges.c, stripe_invoice_payments.c
    rows = connection.execute(
        select(charges.id, payments.invoice_id)
        .join(
            stripe_invoice_payments,
            or_(payments.charge_id == charges.id, payments.payment_intent_id == charges.payment_intent_id),
        )
        .where(charges.id.in_(charge_ids), payments.invoice_id.is_not(None), payments.status == "paid")
        .order_by(payments.created_at, payments.id)
    )
    return {row[0]: row[1] for row in rows}


def _lines(connection: Connection, invoice_ids: Sequence[str]) -> tuple[MirroredLine, ...]:
    lines = stripe_invoice_lines.c
    rows = connection.execute(
        select(lines.invoice_id, lines.description, lines.amount_minor, lines.period_start, lines.period_end)
        .where(lines.invoice_id.in_(invoice_ids), ~lines.is_deleted)
        .order_by(lines.invoice_id, lines.period_start, lines.id)
    )
    return tuple(MirroredLine(**row._asdict()) for row in rows)


def _charges_in(connection: Connection, table: Table, charge_ids: Sequence[str]) -> frozenset[str]:
    """Those charges that a dispute or a warning is or was about, also where the charge itself no longer says so."""
    return frozenset(connection.scalars(select(table.c.charge_id).where(table.c.charge_id.in_(charge_ids))))


def _subscription(connection: Connection, invoice_id: str | None) -> Raw | None:
    """The subscription that an invoice billed."""
    invoices, subscriptions = stripe_invoices.c, stripe_subscriptions.c
    found: Raw | None = connection.scalar(
        select(subscriptions.raw)
        .join(stripe_invoices, invoices.subscription_id == subscriptions.id)
        .where(invoices.id == invoice_id)
    )
    return found


def usage_days(warehouse: Warehouse, customer_id: str, *, until: date) -> list[MirroredUsageDay]:
    """What a customer used by day (UTC) up to and including `until`, in order; what no mapping gives to a customer is nobody's."""
    query = """select day, sum(events) as calls, list_sort(list(distinct model) filter (model is not null)) as models,
            list_sort(list(distinct feature) filter (feature is not null)) as features,
            sum({}) as input_tokens, sum({}) as output_tokens
        from usage_cube where customer_id = $1 and day <= $2 group by day order by day"""
    rows = warehouse.rows(
        query.format(" + ".join(INPUT_BUCKETS), " + ".join(OUTPUT_BUCKETS)),
        [customer_id, until],
    )
    return [
        MirroredUsageDay(
            day=row["day"],
            calls=int(row["calls"]),
            models=tuple(row["models"] or ()),
            features=tuple(row["features"] or ()),
            input_tokens=int(row["input_tokens"]),
            output_tokens=int(row["output_tokens"]),
        )
        for row in rows.iter_rows(named=True)
    ]
