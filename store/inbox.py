"""The rows of the inbox: stored once per event, claimed in batches by lease, moved only by whoever holds the lease."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, bindparam, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from store.schema import event_scans, stripe_inbox

CHANNEL = "stripe_inbox"

table = stripe_inbox.c


@dataclass(frozen=True)
class Told:
    """An event as it was told: which one, about what, and the body as it came. Times have a zone."""

    event_id: str
    event_type: str
    object_kind: str | None
    object_id: str | None
    payload: str
    event_created_at: datetime | None


@dataclass(frozen=True)
class InboxEvent(Told):
    """An event in the inbox and what became of it; `attempts` counts how often it was taken up since it was last let go again."""

    endpoint: str | None
    source: str
    payload_sha256: str
    received_at: datetime
    state: str
    attempts: int
    next_attempt_at: datetime
    lease_token: UUID | None
    lease_until: datetime | None
    last_error: str | None
    handled_at: datetime | None
    dry_run_wanted_at: datetime | None
    dry_run_at: datetime | None
    dry_run: Mapping[str, Any] | None
    discarded_by: str | None
    discard_reason: str | None


_COLUMNS = [column for column in stripe_inbox.columns if column.name != "tenant_id"]


def add(
    connection: Connection, tenant_id: UUID, events: Sequence[Told], *, source: str, endpoint: str | None, now: datetime
) -> set[str]:
    """Store events that are not there yet and wake the worker when this commits; the ids of those that were new.

    The first telling counts: what Stripe sends again is the same event, at most with another count of pending deliveries.
    """
    if not events:
        return set()
    rows = [
        {
            **vars(event),
            "tenant_id": tenant_id,
            "source": source,
            "endpoint": endpoint,
            "payload_sha256": hashlib.sha256(event.payload.encode()).hexdigest(),
            "received_at": now,
            "state": "received",
            "next_attempt_at": now,
        }
        for event in sorted(events, key=lambda event: event.event_id)
    ]
    statement = insert(stripe_inbox).values(rows).on_conflict_do_nothing(index_elements=["tenant_id", "event_id"])
    added = set(connection.scalars(statement.returning(table.event_id)))
    if added:
        wake(connection)
    return added


def wake(connection: Connection) -> None:
    """Wake the worker when this transaction commits."""
    connection.execute(text(f"notify {CHANNEL}"))


def claim(connection: Connection, *, now: datetime, lease: timedelta, limit: int) -> list[InboxEvent]:
    """Take the most overdue events that are free, for as long as the lease lasts; none is held twice at once."""
    due = (
        select(table.event_id)
        .where(
            table.state == "received",
            table.next_attempt_at <= now,
            or_(table.lease_until.is_(None), table.lease_until <= now),
        )
        .order_by(table.next_attempt_at, table.event_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    taken = (
        update(stripe_inbox)
        .where(table.event_id == due.c.event_id)
        .values(lease_token=uuid4(), lease_until=now + lease, attempts=table.attempts + 1)
        .returning(*_COLUMNS)
    )
    events = [_event(row) for row in connection.execute(taken)]
    return sorted(events, key=lambda event: (event.next_attempt_at, event.event_id))


def mark_handled(connection: Connection, events: Iterable[InboxEvent], *, now: datetime) -> set[str]:
    """Mark events whose lease is held as handled; the ids of those that were, as another worker may hold the rest by now."""
    moved = connection.execute(
        _held(events)
        .values(state="handled", handled_at=now, lease_token=None, lease_until=None, last_error=None)
        .returning(table.event_id)
    )
    return set(moved.scalars())


def record_error(
    connection: Connection, event: InboxEvent, error: str, *, state: str, next_attempt_at: datetime
) -> bool:
    """Give an event back with its error, to be tried again or as a dead letter; False when the lease was lost."""
    moved = connection.execute(
        _held([event]).values(
            state=state, next_attempt_at=next_attempt_at, last_error=error, lease_token=None, lease_until=None
        )
    )
    return moved.rowcount == 1


def find(connection: Connection, event_id: str) -> InboxEvent | None:
    """The event with this id; None when it was never stored."""
    row = connection.execute(select(*_COLUMNS).where(table.event_id == event_id)).one_or_none()
    return None if row is None else _event(row)


def newest(
    connection: Connection, *, states: Sequence[str], event_type: str | None = None, limit: int = 200
) -> list[InboxEvent]:
    """Events in these states, the newest first; of one type, if it is given."""
    wanted = select(*_COLUMNS).where(table.state.in_(states))
    if event_type is not None:
        wanted = wanted.where(table.event_type == event_type)
    rows = connection.execute(wanted.order_by(table.received_at.desc(), table.event_id).limit(limit))
    return [_event(row) for row in rows]


def counts(connection: Connection) -> dict[str, int]:
    """How many events are in each state; only states that have any."""
    rows = connection.execute(select(table.state, func.count()).group_by(table.state))
    return {row[0]: row[1] for row in rows}


def dead_by_type(connection: Connection) -> dict[str, int]:
    """How many dead letters there are of each event type, by name."""
    rows = connection.execute(
        select(table.event_type, func.count())
        .where(table.state == "dead")
        .group_by(table.event_type)
        .order_by(table.event_type)
    )
    return {row[0]: row[1] for row in rows}


def let_go_again(
    connection: Connection, *, now: datetime, event_ids: Sequence[str] | None = None, event_type: str | None = None
) -> list[str]:
    """Let dead letters be handled again, with all their tries before them: those named, those of a type, or all; their ids."""
    conditions = [table.state == "dead"]
    if event_ids is not None:
        conditions.append(table.event_id.in_(event_ids))
    if event_type is not None:
        conditions.append(table.event_type == event_type)
    moved = connection.execute(
        update(stripe_inbox)
        .where(*conditions)
        .values(state="received", attempts=0, next_attempt_at=now)
        .returning(table.event_id)
    )
    ids = sorted(moved.scalars())
    if ids:
        wake(connection)
    return ids


def discard(connection: Connection, event_id: str, *, by: str, reason: str, now: datetime) -> bool:
    """Put a dead letter away for good, with who and why; False when it is none (any more)."""
    moved = connection.execute(
        update(stripe_inbox)
        .where(table.event_id == event_id, table.state == "dead")
        .values(state="discarded", discarded_by=by, discard_reason=reason, handled_at=now)
    )
    return moved.rowcount == 1


def want_dry_run(connection: Connection, event_id: str, *, now: datetime) -> bool:
    """Ask the worker what handling a dead letter would change; False when it is none (any more)."""
    moved = connection.execute(
        update(stripe_inbox).where(table.event_id == event_id, table.state == "dead").values(dry_run_wanted_at=now)
    )
    wake(connection)
    return moved.rowcount == 1


def dry_runs_wanted(connection: Connection, *, limit: int) -> list[InboxEvent]:
    """Dead letters whose dry run was asked for and not made since, the oldest question first."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(table.state == "dead", table.dry_run_wanted_at.is_not(None))
        .order_by(table.dry_run_wanted_at, table.event_id)
        .limit(limit)
    )
    return [_event(row) for row in rows]


def write_dry_run(connection: Connection, event: InboxEvent, found: Mapping[str, Any], *, now: datetime) -> None:
    """Keep what a dry run found, and the question open if it was asked again meanwhile."""
    connection.execute(
        update(stripe_inbox)
        .where(table.event_id == event.event_id)
        .values(
            dry_run=dict(found),
            dry_run_at=now,
            dry_run_wanted_at=func.nullif(table.dry_run_wanted_at, event.dry_run_wanted_at),
        )
    )


def unknown_ids(connection: Connection, event_ids: Sequence[str]) -> set[str]:
    """Those of these events that were never stored here."""
    known = connection.scalars(select(table.event_id).where(table.event_id.in_(event_ids)))
    return set(event_ids) - set(known)


def scanned_until(connection: Connection) -> datetime | None:
    """Up to when Stripe's list was searched for events that never came; None when it never was."""
    found: datetime | None = connection.scalar(select(event_scans.c.complete_until))
    return found


def write_scan(connection: Connection, tenant_id: UUID, *, until: datetime, missed: int, now: datetime) -> None:
    """Note how far the search has come and add what it found; it never goes back."""
    statement = insert(event_scans).values(
        tenant_id=tenant_id, source="stripe", complete_until=until, scanned_at=now, missed=missed
    )
    given = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "source"],
            set_={
                "complete_until": func.greatest(event_scans.c.complete_until, given.complete_until),
                "scanned_at": given.scanned_at,
                "missed": event_scans.c.missed + given.missed,
            },
        )
    )


def _held(events: Iterable[InboxEvent]) -> Any:
    """An update of the events whose lease this worker still holds; a batch shares one lease."""
    held = list(events)
    tokens = {event.lease_token for event in held}
    assert len(tokens) == 1, "a batch is claimed under one lease"
    return update(stripe_inbox).where(
        table.lease_token == bindparam("held_token", tokens.pop()),
        table.event_id.in_([event.event_id for event in held]),
        table.state == "received",
    )


def _event(row: Row[Any]) -> InboxEvent:
    return InboxEvent(**row._asdict())
