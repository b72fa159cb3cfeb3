"""What Stripe says of disputes: a case is opened for each, and follows the bank's word, however it comes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from billing import dispute_rules
from billing.dispute_rules import Raw, Seen
from billing.dispute_states import ANSWERABLE, State
from billing.dispute_steps import SERVICE, held, move, state_of, write_step
from store import disputes
from store.database import Connection
from store.disputes import DisputeCase

WORDS: dict[State, str] = {
    "needs_response": "The bank asks for an answer.",
    "submitted": "Stripe has sent the evidence to the bank.",
    "won": "The bank decided for us.",
    "lost": "The bank decided for the cardholder.",
    "closed": "The bank's inquiry ended without a chargeback.",
    "prevented": "The dispute was prevented before it cost anything.",
    "expired": "The deadline passed without an answer.",
    "accepted": "The dispute was accepted.",
}
ANOTHER_ANSWER = "The bank asks for one more answer."


def observe_disputes(connection: Connection, tenant_id: UUID, seen_now: Sequence[Raw], now: datetime) -> None:
    """Open each dispute's case, or take it to what Stripe says of it now; an earlier state than the known one changes nothing."""
    for raw in seen_now:
        seen = dispute_rules.read_dispute(raw)
        state = dispute_rules.target(seen, None, now)
        case, is_new = disputes.add(connection, tenant_id, now=now, state=state, **vars(seen))
        if is_new:
            waits = case.state == "needs_response"
            at = case.opened_at if waits and case.opened_at is not None else now
            write_step(connection, tenant_id, case, by=SERVICE, why=WORDS[state_of(case)], at=at, now=now)
        else:
            _follow(connection, tenant_id, case, seen, now)


def expire_overdue(connection: Connection, tenant_id: UUID, now: datetime, *, limit: int = 200) -> int:
    """Close the cases whose deadline passed without an answer; returns how many."""
    closed = 0
    for case_id in disputes.overdue(connection, states=ANSWERABLE, now=now, limit=limit):
        case = held(connection, case_id)
        if case.state in ANSWERABLE and case.due_by is not None and case.due_by <= now:
            move(connection, tenant_id, case, "expired", by=SERVICE, why=WORDS["expired"], now=now)
            closed += 1
    return closed


def _follow(connection: Connection, tenant_id: UUID, case: DisputeCase, seen: Seen, now: datetime) -> None:
    if dispute_rules.is_older(seen, case):
        return
    values = _changed(case, seen)
    if dispute_rules.is_new_round(seen, case):
        _ask_again(connection, tenant_id, case, seen, values, now)
        return
    target = dispute_rules.target(seen, state_of(case), now)
    if target != case.state:
        move(connection, tenant_id, case, target, by=SERVICE, why=WORDS.get(target), now=now, **values)
    elif values:
        disputes.change(connection, case, now=now, **values)


def _ask_again(
    connection: Connection, tenant_id: UUID, case: DisputeCase, seen: Seen, values: dict[str, Any], now: datetime
) -> None:
    """Open the case for one more answer; what was submitted before does not count against it."""
    values |= {
        "answer_number": case.answer_number + 1,
        "submissions_before": seen.submission_count,
        "staged_version": None,
        "outcome": None,
    }
    target = dispute_rules.target(seen, None, now)
    if target == case.state:
        asked = disputes.change(connection, case, now=now, **values)
        write_step(connection, tenant_id, asked, by=SERVICE, why=ANOTHER_ANSWER, at=now, now=now)
        return
    why = ANOTHER_ANSWER if target == "needs_response" else WORDS[target]
    move(connection, tenant_id, case, target, by=SERVICE, why=why, now=now, **values)


def _changed(case: DisputeCase, seen: Seen) -> dict[str, Any]:
    """What Stripe says otherwise than the case does."""
    fields: Sequence[tuple[str, Any]] = list(vars(seen).items())
    return {name: value for name, value in fields if getattr(case, name) != value}
