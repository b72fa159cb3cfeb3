"""What a person does with events that could not be handled: let them go again, or put them away; each with an audit line."""

from collections.abc import Sequence
from datetime import datetime

from billing.principals import Principal
from store import audit, inbox
from store.database import Connection

SHOWN_IDS = 20


class ReasonMissing(Exception):
    """A dead letter may not be discarded without saying why."""


def retry(
    connection: Connection,
    *,
    principal: Principal,
    now: datetime,
    event_ids: Sequence[str] | None = None,
    event_type: str | None = None,
) -> int:
    """Let dead letters be handled again: those named, all of a type, or all there are; returns how many, with one audit line."""
    let_go = inbox.let_go_again(connection, now=now, event_ids=event_ids, event_type=event_type)
    if let_go:
        audit.append(
            connection,
            at=now,
            principal=str(principal),
            action="dead_letter:retry",
            subject=let_go[0] if len(let_go) == 1 else f"{len(let_go)} events",
            after={"count": len(let_go), "event_type": event_type, "first_event_ids": let_go[:SHOWN_IDS]},
        )
    return len(let_go)


def discard(connection: Connection, event_id: str, *, principal: Principal, reason: str, now: datetime) -> bool:
    """Put one away for good; False when it is no dead letter (any more). Raises ReasonMissing."""
    why = " ".join(reason.split())
    if not why:
        raise ReasonMissing(f"Say why {event_id} is discarded: it is never handled after that.")
    done = inbox.discard(connection, event_id, by=str(principal), reason=why, now=now)
    if done:
        audit.append(
            connection,
            at=now,
            principal=str(principal),
            action="dead_letter:discard",
            subject=event_id,
            after={"reason": why},
        )
    return done


def ask_for_dry_run(connection: Connection, event_id: str, *, principal: Principal, now: datetime) -> bool:
    """Ask the worker what handling it would change; False when it is no dead letter (any more)."""
    asked = inbox.want_dry_run(connection, event_id, now=now)
    if asked:
        audit.append(connection, at=now, principal=str(principal), action="dead_letter:dry_run", subject=event_id)
    return asked
