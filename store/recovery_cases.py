"""The rows of failed payments: cases, the tries seen of them, and their steps."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, and_, exists, func, insert, or_, select, text, update

from store.schema import recovery_attempts, recovery_cases

CHANNEL = "recovery_cases"
ACTIVE = ("open", "with_stripe", "scheduled", "retrying", "waiting_for_customer", "snoozed", "on_hold")

table = recovery_cases.c
tries = recovery_attempts.c


@dataclass(frozen=True)
class RecoveryCase:
    """A failed invoice and where its recovery stands. Amounts in minor units of `currency`, times with a zone.

    `planned_mails`: kind and `at` (ISO 8601) each. `ended_at` is when it was recovered, lost, written off or withdrawn.
    """

    case_id: UUID
    invoice_id: str
    customer_id: str | None
    subscription_id: str | None
    amount_minor: int
    currency: str
    state: str
    owner: str
    decline_class: str
    reason: str
    sentence: str
    failed_at: datetime
    opened_at: datetime
    changed_at: datetime
    next_attempt_at: datetime | None
    try_number: int
    tries_made: int
    network_tries_left: int
    hold_until: datetime | None
    snoozed_until: datetime | None
    policy_version: str
    slot_probability_ppm: int | None
    planned_mails: Sequence[Mapping[str, str]]
    command_id: UUID | None
    written_off_at: datetime | None
    ended_at: datetime | None
    recovered_minor: int | None
    attribution: str | None


@dataclass(frozen=True)
class Attempt:
    """A try that was seen: when, by whom (stripe, ours, customer, manual), how it went, and what was said."""

    attempt_id: UUID
    charge_id: str | None
    command_id: UUID | None
    at: datetime
    by: str
    outcome: str
    payment_method_id: str | None
    brand: str | None
    decline_code: str | None
    advice_code: str | None
    network_decline_code: str | None
    network_advice_code: str | None
    policy_version: str | None
    slot_probability_ppm: int | None


_COLUMNS = [column for column in recovery_cases.columns if column.name != "tenant_id"]
_TRY_COLUMNS = [column for column in recovery_attempts.columns if column.name not in {"tenant_id", "case_id"}]


def take_turns(connection: Connection, tenant_id: UUID) -> None:
    """Let everybody else who moves this tenant's cases wait until the transaction ends."""
    key = f"recovery:{tenant_id}"
    connection.execute(text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def add(connection: Connection, tenant_id: UUID, **fields: Any) -> RecoveryCase:
    """A new case; the caller holds the turn and knows that there is none for this invoice."""
    row = connection.execute(
        insert(recovery_cases).values(tenant_id=tenant_id, case_id=uuid4(), **fields).returning(*_COLUMNS)
    ).one()
    return _case(row)


def find(connection: Connection, case_id: UUID) -> RecoveryCase | None:
    """The case with this id; None when there is none."""
    return _first(connection, table.case_id == case_id)


def find_by_invoice(connection: Connection, invoice_id: str) -> RecoveryCase | None:
    """The case of an invoice; None when its payment never failed."""
    return _first(connection, table.invoice_id == invoice_id)


def _first(connection: Connection, condition: Any) -> RecoveryCase | None:
    row = connection.execute(select(*_COLUMNS).where(condition)).one_or_none()
    return None if row is None else _case(row)


def due(connection: Connection, *, now: datetime, waited_since: datetime, limit: int) -> list[RecoveryCase]:
    """Cases whose moment has come, most overdue first; and those that have waited for the customer since before a moment."""
    is_due = and_(table.state.in_(("scheduled", "snoozed")), table.next_attempt_at <= now)
    is_given_up = and_(table.state == "waiting_for_customer", table.failed_at < waited_since)
    rows = connection.execute(
        select(*_COLUMNS).where(or_(is_due, is_given_up)).order_by(table.next_attempt_at, table.case_id).limit(limit)
    )
    return [_case(row) for row in rows]


def newest(connection: Connection, *, states: Sequence[str] | None = None, limit: int = 200) -> list[RecoveryCase]:
    """The latest failures, newest first; only in some states, if they are given."""
    wanted = select(*_COLUMNS).order_by(table.failed_at.desc(), table.case_id).limit(limit)
    rows = connection.execute(wanted if states is None else wanted.where(table.state.in_(states)))
    return [_case(row) for row in rows]


def ended_lately(connection: Connection, since: datetime) -> list[RecoveryCase]:
    """Cases that ended since a moment, by Stripe's clock or after something that was done here; the latest change first."""
    was_tried_here = exists().where(tries.case_id == table.case_id, tries.command_id.is_not(None))
    wanted = select(*_COLUMNS).where(
        table.state.not_in(ACTIVE),
        table.changed_at >= since,
        or_(table.ended_at >= since, table.written_off_at.is_not(None), was_tried_here),
    )
    return [_case(row) for row in connection.execute(wanted.order_by(table.changed_at.desc()).limit(5))]


def counts(connection: Connection) -> dict[str, int]:
    """How many cases are in each state; only states that have any."""
    return {row[0]: row[1] for row in connection.execute(select(table.state, func.count()).group_by(table.state))}


def change(connection: Connection, case_id: UUID, *, now: datetime, **values: Any) -> RecoveryCase:
    """Change a case; the caller holds the turn."""
    row = connection.execute(
        update(recovery_cases).where(table.case_id == case_id).values(changed_at=now, **values).returning(*_COLUMNS)
    ).one()
    return _case(row)


def record_attempt(connection: Connection, tenant_id: UUID, case_id: UUID, **fields: Any) -> None:
    """A try, or what is known of it now: the same charge, or the same command, is the same try. One case is paid by one try."""
    same = [
        tries.charge_id == fields["charge_id"] if fields.get("charge_id") else None,
        tries.command_id == fields["command_id"] if fields.get("command_id") else None,
        tries.outcome == "succeeded" if fields["outcome"] == "succeeded" else None,
    ]
    is_same = or_(*(condition for condition in same if condition is not None))
    wanted = select(tries.attempt_id, tries.command_id).where(tries.case_id == case_id, is_same)
    found = connection.execute(wanted).one_or_none()
    if found is None:
        connection.execute(
            insert(recovery_attempts).values(tenant_id=tenant_id, case_id=case_id, attempt_id=uuid4(), **fields)
        )
        return
    told = {name: value for name, value in fields.items() if value is not None}
    if fields.get("command_id") is None and found.command_id is not None:
        told.pop("by")  # who made it is known from a command, and only guessed from a charge
    connection.execute(update(recovery_attempts).where(tries.attempt_id == found.attempt_id).values(**told))


def wake(connection: Connection) -> None:
    """Let the worker look at what is due as soon as the transaction has ended."""
    connection.execute(text(f"notify {CHANNEL}"))


def attempts(connection: Connection, case_id: UUID) -> list[Attempt]:
    """A case's tries, oldest first."""
    return attempts_of(connection, [case_id]).get(case_id, [])


def attempts_of(connection: Connection, case_ids: Sequence[UUID]) -> dict[UUID, list[Attempt]]:
    """The tries of many cases, oldest first each; none for a case without any."""
    found: defaultdict[UUID, list[Attempt]] = defaultdict(list)
    rows = connection.execute(
        select(tries.case_id.label("of"), *_TRY_COLUMNS)
        .where(tries.case_id.in_(case_ids))
        .order_by(tries.at, tries.attempt_id)
    )
    for row in rows:
        values = row._asdict()
        found[values.pop("of")].append(Attempt(**values))
    return dict(found)


def _case(row: Row[Any]) -> RecoveryCase:
    return RecoveryCase(**row._asdict())
