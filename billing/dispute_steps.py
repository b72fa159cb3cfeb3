"""What every move of a dispute has in common: the case is held, the state is written down and audited."""

from datetime import datetime
from typing import Any
from uuid import UUID

from billing.dispute_states import State, follow
from store import audit, disputes
from store.database import Connection
from store.disputes import DisputeCase
from store.steps import add_step

SERVICE = "metering"


class DisputeNotAllowed(Exception):
    """What was asked for may not be done about a dispute; the sentence says why."""


def subject_of(case_id: UUID) -> str:
    """How the outbox and the audit log name a case."""
    return f"dispute_case:{case_id}"


def held(connection: Connection, case_id: UUID) -> DisputeCase:
    """The case with this id, held until the transaction ends. Raises DisputeNotAllowed when there is none."""
    found = disputes.find(connection, case_id, lock=True)
    if found is None:
        raise DisputeNotAllowed(f"There is no dispute {case_id}.")
    return found


def state_of(case: DisputeCase) -> State:
    """Where the case stands."""
    return case.state  # type: ignore[return-value]  # the table's constraint knows no other


def move(
    connection: Connection,
    tenant_id: UUID,
    case: DisputeCase,
    target: State,
    *,
    by: str,
    why: str | None,
    now: datetime,
    **values: Any,
) -> DisputeCase:
    """Take a held case to its next state, with the values that change along with it. Raises NoSuchMove."""
    moved = disputes.change(connection, case, now=now, state=follow(state_of(case), target), **values)
    write_step(connection, tenant_id, moved, by=by, why=why, at=now, now=now)
    return moved


def write_step(
    connection: Connection, tenant_id: UUID, case: DisputeCase, *, by: str, why: str | None, at: datetime, now: datetime
) -> None:
    """The state of the case in its own list and in the audit log; `at` when it came to it."""
    add_step(connection, "dispute", tenant_id, case.case_id, step=case.state, at=at, who=by, why=why)
    audit.append(
        connection,
        at=now,
        principal=by,
        action=f"dispute:{case.state}",
        subject=subject_of(case.case_id),
        after={
            "dispute_id": case.dispute_id,
            "amount_minor": case.amount_minor,
            "currency": case.currency,
            "status": case.status,
            "why": why,
        },
    )
