"""Reads the refunds that wait for a person: asked for in the queue, noted on a charge, on their way, or come back."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, and_, cast, exists, func, or_, select
from sqlalchemy.orm import aliased

from store.schema import refund_requests, stripe_charges, stripe_refunds

Row = dict[str, Any]

UNDECIDED = ("requested", "checked", "evidence")
NOT_ARRIVED = ("failed", "canceled")


def asked_for(connection: Connection) -> list[Row]:
    """The queue's undecided requests, and charges on which somebody has noted one in Stripe's metadata.

    A note is `refund_requested_at` on a charge that is not refunded yet and that the queue has never had.
    """
    asked, charge = refund_requests.c, stripe_charges.c
    queued = select(
        asked.charge_id,
        asked.customer_id,
        asked.amount_minor,
        asked.currency,
        asked.requested_at,
        asked.reason,
    ).where(asked.state.in_(UNDECIDED))
    noted_at = charge.metadata["refund_requested_at"].astext
    noted = select(
        charge.id.label("charge_id"),
        charge.customer_id,
        (charge.amount_captured_minor - charge.amount_refunded_minor).label("amount_minor"),
        charge.currency,
        cast(noted_at, Text).label("requested_at"),
        charge.metadata["refund_request_reason"].astext.label("reason"),
    ).where(
        and_(~charge.is_deleted, noted_at.is_not(None)),
        charge.amount_refunded_minor < charge.amount_captured_minor,
        charge.id.not_in(select(asked.charge_id)),
    )
    found = [dict(row) for wanted in (queued, noted) for row in connection.execute(wanted).mappings()]
    return sorted(found, key=lambda row: row["charge_id"])


def on_their_way(connection: Connection) -> list[Row]:
    """Refunds that have left and not arrived."""
    refund, charge = stripe_refunds.c, stripe_charges.c
    rows = connection.execute(
        select(
            refund.id.label("refund_id"),
            charge.customer_id,
            refund.amount_minor,
            refund.currency,
            refund.reason,
            refund.status,
            refund.created_at,
        )
        .join(stripe_charges, charge.id == refund.charge_id, isouter=True)
        .where(~refund.is_deleted, refund.status.in_(("pending", "requires_action")))
        .order_by(refund.id)
    )
    return [dict(row) for row in rows.mappings()]


def come_back(connection: Connection, *, since: datetime) -> list[Row]:
    """Refunds that did not reach the customer: failed at Stripe after they were made, or refused by it, since a moment.

    One that was followed by another refund or request for the same charge waits no more.
    """
    return sorted(
        [*_failed_at_stripe(connection, since), *_refused(connection, since)], key=lambda row: row["refund_id"]
    )


def _failed_at_stripe(connection: Connection, since: datetime) -> list[Row]:
    refund, charge, later, asked = stripe_refunds.c, stripe_charges.c, aliased(stripe_refunds).c, refund_requests.c
    is_repeated = or_(
        exists().where(
            later.charge_id == refund.charge_id,
            later.created_at > refund.created_at,
            later.status.not_in(NOT_ARRIVED),
        ),
        exists().where(
            asked.charge_id == refund.charge_id,
            asked.requested_at > refund.created_at,
            asked.state.not_in(NOT_ARRIVED),
        ),
    )
    rows = connection.execute(
        select(
            refund.id.label("refund_id"),
            charge.customer_id,
            refund.amount_minor,
            refund.currency,
            func.coalesce(refund.failure_reason, refund.status).label("reason"),
            refund.created_at,
        )
        .join(stripe_charges, charge.id == refund.charge_id, isouter=True)
        .where(~refund.is_deleted, refund.status.in_(NOT_ARRIVED), refund.created_at >= since, ~is_repeated)
    )
    return [dict(row) for row in rows.mappings()]


def _refused(connection: Connection, since: datetime) -> list[Row]:
    """Approved requests that never became a refund."""
    asked, later = refund_requests.c, aliased(refund_requests).c
    is_repeated = exists().where(
        later.charge_id == asked.charge_id, later.position > asked.position, later.state.not_in(NOT_ARRIVED)
    )
    rows = connection.execute(
        select(
            cast(asked.request_id, Text).label("refund_id"),
            asked.customer_id,
            asked.amount_minor,
            asked.currency,
            asked.outcome.label("reason"),
            asked.changed_at.label("created_at"),
        ).where(asked.state == "failed", asked.refund_id.is_(None), asked.changed_at >= since, ~is_repeated)
    )
    return [dict(row) for row in rows.mappings()]
