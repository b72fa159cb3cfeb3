"""The rows of disputes: a case for each, the states it has been in, and each version of its evidence."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_find

from store.schema import dispute_cases, dispute_evidence_drafts

table = dispute_cases.c


@dataclass(frozen=True)
class DisputeCase:
    """A dispute or inquiry and where it stands. Amounts in minor units of their currency, times with a zone.

    `status` to `opened_at` are Stripe's words when we last looked. `due_by` is None where Stripe names no deadline;
    `is_answer_taken` is False where the bank takes no answer at all. `fee_minor` is None while nothing was booked.
    """

    case_id: UUID
    dispute_id: str
    charge_id: str | None
    state: str
    status: str
    case_type: str | None
    amount_minor: int | None
    currency: str | None
    reason: str | None
    network: str | None
    network_reason_code: str | None
    due_by: datetime | None
    is_answer_taken: bool
    is_charge_refundable: bool | None
    submission_count: int
    fee_minor: int | None
    fee_currency: str | None
    opened_at: datetime | None
    changed_at: datetime
    answer_number: int
    submissions_before: int
    staged_version: int | None
    submitted_version: int | None
    submitted_sha256: str | None
    command_id: UUID | None
    outcome: str | None

    @property
    def is_inquiry(self) -> bool:
        """Whether the bank only asks so far, and no money has been taken."""
        return self.status.startswith("warning_")


@dataclass(frozen=True)
class Draft:
    """One version of the evidence: text by Stripe's field name; `sha256` is of the fields as canonical JSON."""

    version: int
    fields: Mapping[str, str]
    sha256: str
    written_by: str
    written_at: datetime


_COLUMNS = [column for column in dispute_cases.columns if column.name not in {"tenant_id", "position"}]
_DRAFT_COLUMNS = [column for column in dispute_evidence_drafts.columns if column.name not in {"tenant_id", "case_id"}]


def evidence_hash(fields: Mapping[str, str]) -> str:
    """SHA-256 of evidence as canonical JSON."""
    return hashlib.sha256(json.dumps(dict(fields), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def add(
    connection: Connection, tenant_id: UUID, *, dispute_id: str, now: datetime, **fields: Any
) -> tuple[DisputeCase, bool]:
    """A new case, or the one that this dispute has already, untouched; and whether it is new. Held until the transaction ends."""
    row = connection.execute(
        insert_or_find(dispute_cases)
        .values(tenant_id=tenant_id, case_id=uuid4(), dispute_id=dispute_id, changed_at=now, answer_number=1, **fields)
        .on_conflict_do_nothing(index_elements=["tenant_id", "dispute_id"])
        .returning(*_COLUMNS)
    ).one_or_none()
    if row is not None:
        return _case(row), True
    found = find_by_dispute(connection, dispute_id)
    assert found is not None, "cases are never deleted"
    return found, False


def find(connection: Connection, case_id: UUID, *, lock: bool = False) -> DisputeCase | None:
    """The case with this id, held against others until the transaction ends if asked for; None when there is none."""
    return _one(connection, table.case_id == case_id, lock=lock)


def find_by_dispute(connection: Connection, dispute_id: str) -> DisputeCase | None:
    """The case of a dispute at Stripe, held until the transaction ends; None when there is none."""
    return _one(connection, table.dispute_id == dispute_id, lock=True)


def _one(connection: Connection, condition: ColumnElement[bool], *, lock: bool) -> DisputeCase | None:
    wanted = select(*_COLUMNS).where(condition)
    row = connection.execute(wanted.with_for_update() if lock else wanted).one_or_none()
    return None if row is None else _case(row)


def listed(connection: Connection, *, states: Sequence[str] | None = None, limit: int = 200) -> list[DisputeCase]:
    """Cases in some states, or all: the earliest deadline first, then those without one, the newest first."""
    wanted = select(*_COLUMNS)
    if states is not None:
        wanted = wanted.where(table.state.in_(states))
    ordered = wanted.order_by(table.due_by.asc().nulls_last(), table.opened_at.desc(), table.position)
    return [_case(row) for row in connection.execute(ordered.limit(limit))]


def newest(connection: Connection, *, states: Sequence[str] | None = None, limit: int = 200) -> list[DisputeCase]:
    """Cases in some states, or all, by when they last changed, the latest first."""
    wanted = select(*_COLUMNS)
    if states is not None:
        wanted = wanted.where(table.state.in_(states))
    ordered = wanted.order_by(table.changed_at.desc(), table.position.desc())
    return [_case(row) for row in connection.execute(ordered.limit(limit))]


def counts(connection: Connection) -> dict[str, int]:
    """How many cases are in each state; only states that have any."""
    return {row[0]: row[1] for row in connection.execute(select(table.state, func.count()).group_by(table.state))}


def overdue(connection: Connection, *, states: Sequence[str], now: datetime, limit: int) -> list[UUID]:
    """Cases in some states whose deadline has passed, earliest first."""
    rows = connection.scalars(
        select(table.case_id).where(table.state.in_(states), table.due_by <= now).order_by(table.due_by).limit(limit)
    )
    return list(rows)


def change(connection: Connection, case: DisputeCase, *, now: datetime, **values: Any) -> DisputeCase:
    """Change a case that is held."""
    row = connection.execute(
        update(dispute_cases).where(table.case_id == case.case_id).values(changed_at=now, **values).returning(*_COLUMNS)
    ).one()
    return _case(row)


def add_draft(
    connection: Connection, tenant_id: UUID, case: DisputeCase, fields: Mapping[str, str], *, by: str, now: datetime
) -> tuple[Draft, bool]:
    """The next version of a held case's evidence, or the latest one when that says the same; and whether it is new."""
    latest = draft(connection, case.case_id)
    sha256 = evidence_hash(fields)
    if latest is not None and latest.sha256 == sha256:
        return latest, False
    written = Draft(1 if latest is None else latest.version + 1, dict(fields), sha256, by, now)
    connection.execute(
        insert(dispute_evidence_drafts).values(tenant_id=tenant_id, case_id=case.case_id, **vars(written))
    )
    return written, True


def draft(connection: Connection, case_id: UUID, version: int | None = None) -> Draft | None:
    """A version of a case's evidence, the latest if none is named; None when there is none."""
    columns = dispute_evidence_drafts.c
    wanted = select(*_DRAFT_COLUMNS).where(columns.case_id == case_id)
    if version is not None:
        wanted = wanted.where(columns.version == version)
    row = connection.execute(wanted.order_by(columns.version.desc()).limit(1)).one_or_none()
    return None if row is None else Draft(**row._asdict())


def field_names(connection: Connection, case_id: UUID) -> set[str]:
    """The fields that any version of a case's evidence has had."""
    columns = dispute_evidence_drafts.c
    names = select(func.jsonb_object_keys(columns.fields)).where(columns.case_id == case_id).distinct()
    return set(connection.scalars(names))


def _case(row: Row[Any]) -> DisputeCase:
    return DisputeCase(**row._asdict())
