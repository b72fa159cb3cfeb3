"""The rows of the refund queue: requests, their steps and evidence, the policy, and which charge an invoice was paid with."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or_change

from store.schema import (
    refund_evidence,
    refund_policies,
    refund_requests,
)

CHANNEL = "refund_requests"

table = refund_requests.c


@dataclass(frozen=True)
class RefundRequest:
    """A request and where it stands. Amounts in minor units of `currency`, times with a zone; who is `name (role)`."""

    request_id: UUID
    external_id: str | None
    source: str
    charge_id: str
    invoice_id: str | None
    customer_id: str | None
    amount_minor: int
    currency: str
    reason: str
    note: str | None
    state: str
    requested_by: str
    requested_at: datetime
    changed_at: datetime
    findings: Sequence[Mapping[str, str]] | None
    checked_at: datetime | None
    check_trouble: str | None
    decided_by: str | None
    override_reason: str | None
    command_id: UUID | None
    refund_id: str | None
    outcome: str | None
    idempotency_key: str | None
    asked_sha256: str | None


@dataclass(frozen=True)
class Evidence:
    """A file or a link beside a request; `sha256` is of the file's bytes, or of the link's text."""

    evidence_id: UUID
    name: str
    link: str | None
    media_type: str | None
    sha256: str
    added_by: str
    added_at: datetime


_COLUMNS = [column for column in refund_requests.columns if column.name not in {"tenant_id", "position"}]


def add(connection: Connection, tenant_id: UUID, *, now: datetime, **fields: Any) -> tuple[RefundRequest, bool]:
    """A new request in its first state, or the one with the same external id or idempotency key, untouched; and whether it is new."""
    row = connection.execute(
        insert_or_change(refund_requests)
        .values(tenant_id=tenant_id, request_id=uuid4(), state="requested", requested_at=now, changed_at=now, **fields)
        .on_conflict_do_nothing()
        .returning(*_COLUMNS)
    ).one_or_none()
    if row is not None:
        connection.execute(text(f"notify {CHANNEL}"))
        return _request(row), True
    found = find_asked(connection, fields["external_id"], fields["idempotency_key"])
    assert found is not None, "one of the two is taken"
    return found, False


def find_asked(connection: Connection, external_id: str | None, idempotency_key: str | None) -> RefundRequest | None:
    """The request that came under this idempotency key, or else under this external id; None when neither is known."""
    for column, value in ((table.idempotency_key, idempotency_key), (table.external_id, external_id)):
        row = None if value is None else connection.execute(select(*_COLUMNS).where(column == value)).one_or_none()
        if row is not None:
            return _request(row)
    return None


def find(connection: Connection, request_id: UUID, *, lock: bool = False) -> RefundRequest | None:
    """The request with this id, held against others until the transaction ends if asked for; None when there is none."""
    wanted = select(*_COLUMNS).where(table.request_id == request_id)
    row = connection.execute(wanted.with_for_update() if lock else wanted).one_or_none()
    return None if row is None else _request(row)


def find_by_command(connection: Connection, command_id: UUID) -> RefundRequest | None:
    """The request that a command of the outbox carries out, held until the transaction ends; None when there is none."""
    return _held_where(connection, table.command_id == command_id)


def find_by_refund(connection: Connection, refund_id: str) -> RefundRequest | None:
    """The request that became this refund at Stripe, held until the transaction ends; None when it was made elsewhere."""
    return _held_where(connection, table.refund_id == refund_id)


def _held_where(connection: Connection, condition: ColumnElement[bool]) -> RefundRequest | None:
    row = connection.execute(select(*_COLUMNS).where(condition).with_for_update()).one_or_none()
    return None if row is None else _request(row)


def of_charge(connection: Connection, charge_id: str, *, states: Sequence[str]) -> list[RefundRequest]:
    """A charge's requests in these states, in the order in which they were made."""
    rows = connection.execute(
        select(*_COLUMNS).where(table.charge_id == charge_id, table.state.in_(states)).order_by(table.position)
    )
    return [_request(row) for row in rows]


def newest(
    connection: Connection, *, states: Sequence[str] | None = None, limit: int = 200, before: UUID | None = None
) -> list[RefundRequest]:
    """The latest requests, newest first; only in some states, if they are given; those made before one of them, for the next page."""
    wanted = select(*_COLUMNS)
    if states is not None:
        wanted = wanted.where(table.state.in_(states))
    if before is not None:
        of_before = select(table.position).where(table.request_id == before).scalar_subquery()
        wanted = wanted.where(table.position < of_before)
    return [_request(row) for row in connection.execute(wanted.order_by(table.position.desc()).limit(limit))]


def counts(connection: Connection) -> dict[str, int]:
    """How many requests are in each state; only states that have any."""
    return {row[0]: row[1] for row in connection.execute(select(table.state, func.count()).group_by(table.state))}


def to_check(connection: Connection, *, limit: int) -> list[RefundRequest]:
    """Requests that wait for Stripe's truth, oldest first."""
    rows = connection.execute(select(*_COLUMNS).where(table.state == "requested").order_by(table.position).limit(limit))
    return [_request(row) for row in rows]


def change(connection: Connection, request: RefundRequest, *, now: datetime, **values: Any) -> RefundRequest | None:
    """Change a request that is still in the state it was read in; None when it has moved meanwhile."""
    row = connection.execute(
        update(refund_requests)
        .where(table.request_id == request.request_id, table.state == request.state)
        .values(changed_at=now, **values)
        .returning(*_COLUMNS)
    ).one_or_none()
    return None if row is None else _request(row)


def add_evidence(
    connection: Connection,
    tenant_id: UUID,
    request_id: UUID,
    *,
    name: str,
    link: str | None,
    content: bytes | None,
    media_type: str | None,
    by: str,
    now: datetime,
) -> Evidence:
    """Keep a file's bytes or a link beside a request, with its hash."""
    kept = Evidence(
        evidence_id=uuid4(),
        name=name,
        link=link,
        media_type=media_type,
        sha256=hashlib.sha256(content if content is not None else (link or "").encode()).hexdigest(),
        added_by=by,
        added_at=now,
    )
    connection.execute(
        insert(refund_evidence).values(tenant_id=tenant_id, request_id=request_id, content=content, **vars(kept))
    )
    return kept


def evidence(connection: Connection, request_id: UUID) -> list[Evidence]:
    """What lies beside a request, without the files' bytes, in order."""
    columns = [
        column for column in refund_evidence.columns if column.name not in {"tenant_id", "request_id", "content"}
    ]
    rows = connection.execute(
        select(*columns)
        .where(refund_evidence.c.request_id == request_id)
        .order_by(refund_evidence.c.added_at, refund_evidence.c.evidence_id)
    )
    return [Evidence(**row._asdict()) for row in rows]


def policy(connection: Connection) -> tuple[int, Mapping[str, Mapping[str, int]]] | None:
    """The tenant's window in days and its limits by currency and role; None where the defaults hold."""
    columns = refund_policies.c
    row = connection.execute(select(columns.window_days, columns.limits_minor)).one_or_none()
    return None if row is None else (row.window_days, row.limits_minor)


def write_policy(
    connection: Connection,
    tenant_id: UUID,
    *,
    window_days: int,
    limits_minor: Mapping[str, Mapping[str, int]],
    by: str,
    now: datetime,
) -> None:
    """Put these rules in the place of the ones before."""
    values = {
        "window_days": window_days,
        "limits_minor": {currency: dict(limits) for currency, limits in limits_minor.items()},
        "changed_by": by,
        "changed_at": now,
    }
    connection.execute(
        insert_or_change(refund_policies)
        .values(tenant_id=tenant_id, policy="refunds", **values)
        .on_conflict_do_update(index_elements=["tenant_id", "policy"], set_=values)
    )


def hold_charge(connection: Connection, charge_id: str) -> None:
    """Let everybody else who decides about this charge wait until the transaction ends."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('stripe_object:' || :charge_id, 0))"),
        {"charge_id": charge_id},
    )


def _request(row: Row[Any]) -> RefundRequest:
    return RefundRequest(**row._asdict())
