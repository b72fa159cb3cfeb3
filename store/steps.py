"""The steps of an alert, a request or a case: which, when, who and why, written once and never changed; one table per kind of subject."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, insert, select

from store.schema import alert_steps, dispute_steps, recovery_steps, refund_steps

Kind = Literal["alert", "dispute", "recovery", "refund"]
# Each kind's table, and its column that names whose step it is.
_TABLES = {
    "alert": (alert_steps, "alert_id"),
    "dispute": (dispute_steps, "case_id"),
    "recovery": (recovery_steps, "case_id"),
    "refund": (refund_steps, "request_id"),
}


@dataclass(frozen=True)
class Step:
    """One step: a state that its subject came to, or a deed that left the state as it was."""

    step: str
    at: datetime
    who: str
    why: str | None


def add_step(
    connection: Connection,
    kind: Kind,
    tenant_id: UUID,
    subject_id: UUID,
    *,
    step: str,
    at: datetime,
    who: str,
    why: str | None,
) -> None:
    """Write down a step of an alert, a dispute's case, a recovery case or a refund request."""
    table, subject = _TABLES[kind]
    values = {"tenant_id": tenant_id, subject: subject_id, "step": step, "at": at, "who": who, "why": why}
    connection.execute(insert(table).values(values))


def read_steps(connection: Connection, kind: Kind, subject_id: UUID) -> list[Step]:
    """The steps of a subject in order."""
    table, subject = _TABLES[kind]
    columns = table.c
    rows = connection.execute(
        select(columns.step, columns.at, columns.who, columns.why)
        .where(columns[subject] == subject_id)
        .order_by(columns.position)
    )
    return [Step(**row._asdict()) for row in rows]
