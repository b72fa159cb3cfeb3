"""Locked months as they were shown to investors: each revision is written once and read back byte by byte."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, insert, select, text

from store.schema import investor_snapshots

table = investor_snapshots.c


@dataclass(frozen=True)
class Snapshot:
    """A locked month without its texts; `revision` counts from 1 within the month."""

    snapshot_id: UUID
    month: date
    revision: int
    content_hash: str
    ledger_hash: str
    definitions_version: str
    warehouse_version: int
    locked_at: datetime
    locked_by: str
    reason: str


_COLUMNS = [column for column in investor_snapshots.columns if column.name not in {"tenant_id", "content", "ledger"}]


def hold_month(connection: Connection, month: date) -> None:
    """Let everybody else who locks this month wait until the transaction ends."""
    connection.execute(
        text(
            "select pg_advisory_xact_lock(hashtextextended('investor_snapshot:' || current_tenant_id() || ':' || :month, 0))"
        ),
        {"month": month.isoformat()},
    )


def add(connection: Connection, snapshot: Snapshot, *, content: str, ledger: str) -> None:
    """Keep a new revision, in the tenant's open transaction."""
    connection.execute(
        insert(investor_snapshots).values(
            tenant_id=func.current_tenant_id(), content=content, ledger=ledger, **vars(snapshot)
        )
    )


def listed(connection: Connection) -> list[Snapshot]:
    """All revisions, the newest month first and its latest revision before earlier ones."""
    rows = connection.execute(select(*_COLUMNS).order_by(table.month.desc(), table.revision.desc()))
    return [_snapshot(row) for row in rows]


def latest(connection: Connection, month: date) -> Snapshot | None:
    """The latest revision of a month; None while it was never locked."""
    wanted = select(*_COLUMNS).where(table.month == month).order_by(table.revision.desc()).limit(1)
    row = connection.execute(wanted).one_or_none()
    return None if row is None else _snapshot(row)


def find(connection: Connection, snapshot_id: UUID) -> Snapshot | None:
    """One revision; None when this tenant has none of that id."""
    row = connection.execute(select(*_COLUMNS).where(table.snapshot_id == snapshot_id)).one_or_none()
    return None if row is None else _snapshot(row)


def content(connection: Connection, snapshot_id: UUID) -> str:
    """The content's canonical JSON. Raises sqlalchemy.exc.NoResultFound when there is no such snapshot."""
    return str(connection.execute(select(table.content).where(table.snapshot_id == snapshot_id)).scalar_one())


def ledger(connection: Connection, snapshot_id: UUID) -> str:
    """The ledger's canonical JSON. Raises sqlalchemy.exc.NoResultFound when there is no such snapshot."""
    return str(connection.execute(select(table.ledger).where(table.snapshot_id == snapshot_id)).scalar_one())


def _snapshot(row: Row[Any]) -> Snapshot:
    return Snapshot(**row._asdict())
