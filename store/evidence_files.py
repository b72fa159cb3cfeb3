"""The documents that were made for the bank, with their bytes: which is the latest of a dispute, and its id at Stripe."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, insert, select, text, update

from store.schema import evidence_files

table = evidence_files.c


@dataclass(frozen=True)
class EvidenceFile:
    """A document without its bytes. `stripe_file_id` None until Stripe has it; the state of `command_id` tells where it is."""

    file_id: UUID
    dispute_id: str
    field: str
    name: str
    sha256: str
    as_of: datetime
    made_by: str
    made_at: datetime
    command_id: UUID
    stripe_file_id: str | None


_COLUMNS = [column for column in evidence_files.columns if column.name not in {"tenant_id", "position", "content"}]


def hold_dispute(connection: Connection, dispute_id: str) -> None:
    """Let everybody else who makes a document for this dispute wait until the transaction ends."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('evidence_file:' || :dispute_id, 0))"),
        {"dispute_id": dispute_id},
    )


def add(connection: Connection, tenant_id: UUID, kept: EvidenceFile, content: bytes) -> None:
    """Keep a new document."""
    connection.execute(insert(evidence_files).values(tenant_id=tenant_id, content=content, **vars(kept)))


def latest(connection: Connection, dispute_id: str) -> EvidenceFile | None:
    """The document made last for a dispute; None when none was."""
    return _one(connection, table.dispute_id == dispute_id)


def of_command(connection: Connection, command_id: UUID) -> EvidenceFile | None:
    """The document that a command uploads."""
    return _one(connection, table.command_id == command_id)


def content_of(connection: Connection, file_id: UUID) -> bytes:
    """The bytes of a document of this tenant. Raises sqlalchemy.exc.NoResultFound when there is none."""
    return bytes(connection.execute(select(table.content).where(table.file_id == file_id)).scalar_one())


def uploaded(connection: Connection, file_id: UUID, stripe_file_id: str) -> None:
    """Write down what Stripe calls the document."""
    connection.execute(update(evidence_files).where(table.file_id == file_id).values(stripe_file_id=stripe_file_id))


def _one(connection: Connection, condition: ColumnElement[bool]) -> EvidenceFile | None:
    wanted = select(*_COLUMNS).where(condition).order_by(table.position.desc()).limit(1)
    row: Row[Any] | None = connection.execute(wanted).one_or_none()
    return None if row is None else EvidenceFile(**row._asdict())
