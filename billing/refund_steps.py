"""What every step of a refund request has in common: the row is held, the step is written down and audited."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from billing.refund_states import State
from store import audit, refund_requests
from store.database import Connection
from store.refund_requests import RefundRequest
from store.steps import add_step

SERVICE = "metering"

Because = Literal["role", "unknown", "value", "rule"]


class RefundNotAllowed(Exception):
    """What was asked for may not be done; the sentence says why and by whom it might.

    `because` tells a program what kind of no it is: the person's role, nothing of that name, a value (then `field` names it as
    `Wanted` and `attach` do), or a rule or deed that stands against it.
    """

    def __init__(self, sentence: str, *, because: Because = "rule", field: str | None = None) -> None:
        super().__init__(sentence)
        self.because, self.field = because, field


def subject_of(request_id: UUID) -> str:
    """How the outbox and the audit log name a request."""
    return f"refund_request:{request_id}"


def known(connection: Connection, request_id: UUID) -> RefundRequest:
    """The request with this id. Raises RefundNotAllowed when there is none."""
    found = refund_requests.find(connection, request_id)
    if found is None:
        raise RefundNotAllowed(f"There is no refund request {request_id}.", because="unknown")
    return found


def held(connection: Connection, request_id: UUID) -> RefundRequest:
    """The request with this id, held until the transaction ends. Raises RefundNotAllowed when there is none."""
    known(connection, request_id)
    held = refund_requests.find(connection, request_id, lock=True)
    assert held is not None, "requests are never deleted"
    return held


def state_of(asked: RefundRequest) -> State:
    """Where the request stands."""
    return asked.state  # type: ignore[return-value]  # the table's constraint knows no other


def write_step(
    connection: Connection,
    tenant_id: UUID,
    moved: RefundRequest,
    step: State,
    *,
    by: str,
    why: str | None,
    now: datetime,
    at: datetime | None = None,
) -> None:
    """The step in the request's own list and in the audit log; `at` when it happened before it was known."""
    add_step(connection, "refund", tenant_id, moved.request_id, step=step, at=at or now, who=by, why=why)
    audit.append(
        connection,
        at=now,
        principal=by,
        action=f"refund_request:{step}",
        subject=subject_of(moved.request_id),
        after={
            "charge_id": moved.charge_id,
            "amount_minor": moved.amount_minor,
            "currency": moved.currency,
            "why": why,
        },
    )
