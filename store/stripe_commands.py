"""The rows of the outbox: written once per intent, claimed by lease, moved only by whoever holds the lease."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, and_, exists, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or_find

from store.schema import sending_pauses, stripe_commands

OPEN = ("waiting", "sending", "unknown")
SENT = ("sending", "unknown")
CHANNEL = "stripe_commands"

table = stripe_commands.c


@dataclass(frozen=True)
class Command:
    """One change at Stripe. Times have a zone; `amount_minor` is in minor units of `currency`.

    `first_sent_at` belongs to the current `key_version`. `troubles` counts the rounds in a row that ended without an answer.
    """

    command_id: UUID
    kind: str
    intent_key: str
    subject: str
    object_id: str | None
    params: Mapping[str, Any]
    params_sha256: str
    amount_minor: int | None
    currency: str | None
    state: str
    key_version: int
    attempts: int
    troubles: int
    first_sent_at: datetime | None
    next_attempt_at: datetime
    lease_token: UUID | None
    lease_until: datetime | None
    answer: Mapping[str, Any] | None
    answer_id: str | None
    refusal: Mapping[str, Any] | None
    last_trouble: str | None
    requested_by: str
    requested_at: datetime
    settled_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether it may still have an effect at Stripe by itself."""
        return self.state in OPEN


_COLUMNS = [column for column in stripe_commands.columns if column.name not in {"tenant_id", "position"}]


def params_hash(params: Mapping[str, Any]) -> str:
    """SHA-256 of the parameters as canonical JSON."""
    return hashlib.sha256(json.dumps(params, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def add(
    connection: Connection,
    tenant_id: UUID,
    *,
    kind: str,
    intent_key: str,
    subject: str,
    object_id: str | None,
    params: Mapping[str, Any],
    amount_minor: int | None,
    currency: str | None,
    requested_by: str,
    now: datetime,
) -> tuple[Command, bool]:
    """The command of this intent, and whether it was made now: the same intent again finds the first one, untouched."""
    row = connection.execute(
        insert_or_find(stripe_commands)
        .values(
            tenant_id=tenant_id,
            command_id=uuid4(),
            kind=kind,
            intent_key=intent_key,
            subject=subject,
            object_id=object_id,
            params=dict(params),
            params_sha256=params_hash(params),
            amount_minor=amount_minor,
            currency=currency,
            state="waiting",
            key_version=1,
            next_attempt_at=now,
            requested_by=requested_by,
            requested_at=now,
        )
        .on_conflict_do_nothing(index_elements=["tenant_id", "intent_key"])
        .returning(*_COLUMNS)
    ).one_or_none()
    if row is not None:
        return _command(row), True
    found = connection.execute(select(*_COLUMNS).where(table.intent_key == intent_key)).one()
    return _command(found), False


def find(connection: Connection, command_id: UUID) -> Command | None:
    """The command with this id; None when the tenant has none."""
    row = connection.execute(select(*_COLUMNS).where(table.command_id == command_id)).one_or_none()
    return None if row is None else _command(row)


def for_subject(connection: Connection, subject: str) -> list[Command]:
    """All commands of one subject, oldest first."""
    rows = connection.execute(select(*_COLUMNS).where(table.subject == subject).order_by(table.position))
    return [_command(row) for row in rows]


def newest(connection: Connection, *, states: tuple[str, ...] | None = None, limit: int = 200) -> list[Command]:
    """The latest commands, newest first; only those in the given states, if any are given."""
    wanted = select(*_COLUMNS).order_by(table.position.desc()).limit(limit)
    rows = connection.execute(wanted if states is None else wanted.where(table.state.in_(states)))
    return [_command(row) for row in rows]


def count_open(connection: Connection) -> int:
    """How many commands are not settled yet."""
    return connection.scalar(select(func.count()).select_from(stripe_commands).where(table.state.in_(OPEN))) or 0


def claim(connection: Connection, *, now: datetime, lease: timedelta) -> Command | None:
    """Take the most overdue command that is due and free, for as long as the lease lasts; None when there is none.

    One that waits behind another of the same object, already sent and not settled, stays where it is: what Stripe has done
    to that object is not known yet.
    """
    if is_paused(connection):
        return None
    due = (
        select(table.command_id)
        .where(
            table.state.in_(OPEN),
            table.next_attempt_at <= now,
            or_(table.lease_until.is_(None), table.lease_until <= now),
            ~_another_in_flight(),
        )
        .order_by(table.next_attempt_at, table.position)
        .limit(1)
        .with_for_update(skip_locked=True, of=stripe_commands)
    )
    command_id = connection.scalar(due)
    if command_id is None:
        return None
    row = connection.execute(
        update(stripe_commands)
        .where(table.command_id == command_id)
        .values(lease_token=uuid4(), lease_until=now + lease)
        .returning(*_COLUMNS)
    ).one()
    return _command(row)


def mark_sending(
    connection: Connection, command: Command, *, key_version: int, now: datetime, lease: timedelta
) -> Command | None:
    """Write down that the next thing is the call; None when it may not be made.

    It may not when the lease was lost, sending was paused, or another command of the same object was sent in between. The
    lock on the object makes two workers that come at once take turns.
    """
    if command.object_id is not None:
        connection.execute(
            text("select pg_advisory_xact_lock(hashtextextended('stripe_object:' || :object_id, 0))"),
            {"object_id": command.object_id},
        )
    if is_paused(connection):
        return None
    is_same_key = command.first_sent_at is not None and key_version == command.key_version
    row = connection.execute(
        update(stripe_commands)
        .where(_held(command), table.state.in_(OPEN), ~_another_in_flight())
        .values(
            state="sending",
            key_version=key_version,
            first_sent_at=command.first_sent_at if is_same_key else now,
            attempts=table.attempts + 1,
            lease_until=now + lease,
        )
        .returning(*_COLUMNS)
    ).one_or_none()
    return None if row is None else _command(row)


def record(connection: Connection, command: Command, **values: Any) -> Command | None:
    """Move a command whose lease is held and give the lease back; None when another worker holds it by now."""
    row = connection.execute(
        update(stripe_commands)
        .where(_held(command))
        .values(lease_token=None, lease_until=None, **values)
        .returning(*_COLUMNS)
    ).one_or_none()
    return None if row is None else _command(row)


def move(
    connection: Connection, command_id: UUID, *, from_state: str, now: datetime, never_sent: bool = False, **values: Any
) -> Command | None:
    """Move a command that nobody works on from one state; None when it is not there (any more)."""
    is_free = or_(table.lease_until.is_(None), table.lease_until <= now)
    conditions = [table.command_id == command_id, table.state == from_state, is_free]
    if never_sent:
        conditions.append(table.attempts == 0)
    row = connection.execute(
        update(stripe_commands).where(*conditions).values(**values).returning(*_COLUMNS)
    ).one_or_none()
    return None if row is None else _command(row)


def is_paused(connection: Connection) -> bool:
    """Whether sending is stopped for this tenant."""
    return bool(connection.scalar(select(exists().where(sending_pauses.c.resumed_at.is_(None)))))


def pause(connection: Connection, tenant_id: UUID, *, by: str, reason: str, now: datetime) -> None:
    """Stop sending until it is resumed; survives every restart."""
    connection.execute(
        insert(sending_pauses).values(tenant_id=tenant_id, pause_id=uuid4(), reason=reason, paused_by=by, paused_at=now)
    )


def resume(connection: Connection, *, by: str, now: datetime) -> int:
    """End every pause; returns how many there were."""
    ended = connection.execute(
        update(sending_pauses)
        .where(sending_pauses.c.resumed_at.is_(None))
        .values(resumed_by=by, resumed_at=now)
        .returning(sending_pauses.c.pause_id)
    )
    return len(ended.all())


def _held(command: Command) -> Any:
    return and_(table.command_id == command.command_id, table.lease_token == command.lease_token)


def _another_in_flight() -> Any:
    """Another command of the same object that was sent and is not settled."""
    other = stripe_commands.alias("other")
    return exists().where(
        other.c.object_id == table.object_id, other.c.command_id != table.command_id, other.c.state.in_(SENT)
    )


def _command(row: Row[Any]) -> Command:
    return Command(**row._asdict())


def wake(connection: Connection) -> None:
    """Wake the worker when this transaction commits."""
    connection.execute(text(f"notify {CHANNEL}"))
