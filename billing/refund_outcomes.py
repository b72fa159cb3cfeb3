"""What became of an approved refund: by the answer to its command at once, and by what Stripe says of it later."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from billing.commands import Command
from billing.refund_states import State, follow
from billing.refund_steps import SERVICE, state_of, write_step
from store import refund_requests, stripe_mirror
from store.database import Connection
from store.refund_requests import RefundRequest
from store.stripe_rows import Raw

GIVEN_UP = "Stripe gave no answer after many tries: look at it in Stripe, then retry the command."


def settle(connection: Connection, tenant_id: UUID, command: Command, now: datetime) -> None:
    """Move the request to what its command came to; a command that waits for a person leaves it where it is, with a word.

    The money's way may go on after the answer: what the mirror knows of the refund by now counts as well.
    """
    asked = refund_requests.find_by_command(connection, command.command_id)
    if asked is None:  # a refund that no request stands behind
        return
    if command.state == "needs_review":
        refund_requests.change(connection, asked, now=now, outcome=GIVEN_UP)
        return
    if command.state == "refused":
        said = str((command.refusal or {}).get("sentence"))
        _move(connection, tenant_id, asked, "failed", why=said, now=now)
        return
    answer = command.answer or {}
    sent = refund_requests.change(connection, asked, now=now, state=follow(state_of(asked), "sent"), outcome=None)
    assert sent is not None, "the row is held"
    write_step(
        connection, tenant_id, sent, "sent", by=SERVICE, why=command.answer_id, now=now, at=command.first_sent_at or now
    )
    known = refund_requests.change(connection, sent, now=now, refund_id=command.answer_id)
    assert known is not None, "the row is held"
    by_now = stripe_mirror.current(connection, "refund", [str(command.answer_id)])
    for refund in (answer, *by_now):
        known = _follow_refund(connection, tenant_id, known, refund, now)


def observe_refunds(connection: Connection, tenant_id: UUID, refunds: Sequence[Raw], now: datetime) -> None:
    """Move the requests behind refunds to what Stripe says of them now: arrived, or failed and the money is back."""
    for raw in refunds:
        asked = refund_requests.find_by_refund(connection, raw["id"])
        if asked is not None:
            _follow_refund(connection, tenant_id, asked, raw, now)


def _follow_refund(
    connection: Connection, tenant_id: UUID, asked: RefundRequest, refund: Raw, now: datetime
) -> RefundRequest:
    status = refund.get("status")
    if status == "succeeded" and asked.state == "sent":
        return _move(connection, tenant_id, asked, "settled", why=None, now=now)
    if status in {"failed", "canceled"} and asked.state in {"sent", "settled"}:
        said = str(refund.get("failure_reason") or status).replace("_", " ")
        why = f"Stripe says that the refund did not arrive ({said}): the money is back in the balance."
        return _move(connection, tenant_id, asked, "failed", why=why, now=now)
    return asked


def _move(
    connection: Connection, tenant_id: UUID, asked: RefundRequest, step: State, *, why: str | None, now: datetime
) -> RefundRequest:
    moved = refund_requests.change(connection, asked, now=now, state=follow(state_of(asked), step), outcome=why)
    assert moved is not None, "the row is held"
    write_step(connection, tenant_id, moved, step, by=SERVICE, why=why, now=now)
    return moved
