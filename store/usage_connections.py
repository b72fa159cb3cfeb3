"""Who is asked for usage and bills: the tenant's connections, how far each has been read, and what the last try came to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import Connection, func, insert, select, update

from store import audit
from store.schema import usage_connections


class CountsAs(StrEnum):
    """What a report is taken for: the usage of record, or only the bill that usage is compared with."""

    USAGE = "usage"
    BILL = "bill"


class NoSuchConnection(Exception):
    """No connection of this name is open; `metering usage list` shows those that are."""


@dataclass(frozen=True)
class UsageConnection:
    """One source of reports. `cursors` has for each stream the moment (UTC) up to which it has been read."""

    connection_id: UUID
    kind: str
    label: str
    counts_as: CountsAs
    cursors: Mapping[str, datetime]
    status: str
    message: str | None
    last_attempt_at: datetime | None
    last_success_at: datetime | None

    @property
    def source(self) -> str:
        """The name under which `source_freshness` keeps it."""
        return f"{self.kind}:{self.label}"


def connect(
    connection: Connection, kind: str, label: str, counts_as: CountsAs, *, principal: str, now: datetime
) -> UsageConnection:
    """Open a connection, or take up again the one of this kind and label with what it has read; audited when it changes."""
    table = usage_connections.c
    found = connection.execute(
        select(table.connection_id, table.counts_as, table.disconnected_at)
        .where(table.kind == kind, table.label == label)
        .with_for_update()
    ).one_or_none()
    if found is None:
        connection.execute(
            insert(usage_connections).values(
                tenant_id=func.current_tenant_id(),
                connection_id=uuid4(),
                kind=kind,
                label=label,
                counts_as=counts_as.value,
                cursors={},
                status="new",
                connected_at=now,
            )
        )
    elif found.counts_as != counts_as.value or found.disconnected_at is not None:
        connection.execute(
            update(usage_connections)
            .where(table.connection_id == found.connection_id)
            .values(counts_as=counts_as.value, disconnected_at=None)
        )
    else:
        return one(connection, kind, label)
    audit.append(
        connection,
        at=now,
        principal=principal,
        action="usage_connection:connect",
        subject=f"{kind}:{label}",
        before=None if found is None else {"counts_as": found.counts_as, "disconnected_at": found.disconnected_at},
        after={"counts_as": counts_as.value},
    )
    return one(connection, kind, label)


def disconnect(connection: Connection, kind: str, label: str, *, principal: str, now: datetime) -> None:
    """Ask this source no more; its rows are kept and no longer in force. Raises NoSuchConnection."""
    held = one(connection, kind, label)
    connection.execute(
        update(usage_connections)
        .where(usage_connections.c.connection_id == held.connection_id)
        .values(disconnected_at=now)
    )
    audit.append(
        connection, at=now, principal=principal, action="usage_connection:disconnect", subject=f"{kind}:{label}"
    )


def read(connection: Connection) -> list[UsageConnection]:
    """The open connections of the tenant, by kind and label."""
    table = usage_connections.c
    rows = connection.execute(
        select(usage_connections).where(table.disconnected_at.is_(None)).order_by(table.kind, table.label)
    )
    return [
        UsageConnection(
            connection_id=row.connection_id,
            kind=row.kind,
            label=row.label,
            counts_as=CountsAs(row.counts_as),
            cursors={stream: datetime.fromisoformat(at) for stream, at in row.cursors.items()},
            status=row.status,
            message=row.message,
            last_attempt_at=row.last_attempt_at,
            last_success_at=row.last_success_at,
        )
        for row in rows
    ]


def one(connection: Connection, kind: str, label: str) -> UsageConnection:
    """The open connection of this kind and label. Raises NoSuchConnection."""
    for held in read(connection):
        if (held.kind, held.label) == (kind, label):
            return held
    raise NoSuchConnection(
        f"There is no connection {kind} with the label {label}: `metering usage list` shows those there are."
    )


def move_cursor(connection: Connection, connection_id: UUID, stream: str, to: datetime) -> None:
    """Note in the transaction of the rows that the stream has been read up to `to` (UTC). A cursor never goes back.

    Whoever moves it holds the connection's row until the commit, so that two pulls at once come one after the other.
    """
    table = usage_connections.c
    cursors = connection.execute(
        select(table.cursors).where(table.connection_id == connection_id).with_for_update()
    ).scalar_one()
    stands = cursors.get(stream)
    if stands is None or datetime.fromisoformat(stands) < to:
        moved = {**cursors, stream: to.astimezone(UTC).isoformat()}
        connection.execute(update(usage_connections).where(table.connection_id == connection_id).values(cursors=moved))


def note(connection: Connection, connection_id: UUID, *, trouble: str | None, now: datetime) -> None:
    """Keep what a try at `now` came to: None for a success, else the sentence to show."""
    came_to: dict[str, object] = {"last_attempt_at": now, "message": trouble, "status": "failed" if trouble else "ok"}
    if trouble is None:
        came_to["last_success_at"] = now
    connection.execute(
        update(usage_connections).where(usage_connections.c.connection_id == connection_id).values(came_to)
    )
