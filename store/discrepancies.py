"""The rows of reconciliation's findings: one for each object and rule, however often it is found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, case, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from store.reconciliation_runs import CHANNEL
from store.schema import discrepancies

table = discrepancies.c
_COLUMNS = [column for column in discrepancies.columns if column.name != "tenant_id"]
OPEN = ("open",)


@dataclass(frozen=True)
class Known:
    """A discrepancy and what became of it. `fields` are `{"field", "at_stripe", "here"}`; amounts are minor units of `currency`."""

    discrepancy_id: UUID
    rule: str
    object_kind: str
    object_id: str
    kind: str
    amount_minor: int | None
    currency: str | None
    fields: Sequence[Mapping[str, Any]]
    refers_to: Sequence[str]
    cause: str | None
    sentence: str
    state: str
    run_id: UUID
    first_seen_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    ignore_reason: str | None
    repair_wanted_by: str | None
    repair_trouble: str | None


def put(
    connection: Connection,
    tenant_id: UUID,
    run_id: UUID,
    found: Sequence[Mapping[str, Any]],
    *,
    now: datetime,
    suspected: bool,
) -> None:
    """Write findings of a run (the columns from `rule` to `sentence`), each into the row of its object and rule.

    A suspicion leaves an open row open; what was ignored stays so while it is the very same; all else is open again.
    """
    for columns in sorted(found, key=lambda one: (one["object_kind"], one["object_id"], one["rule"])):
        statement = insert(discrepancies).values(
            **columns,
            tenant_id=tenant_id,
            discrepancy_id=uuid4(),
            state="suspected" if suspected else "open",
            run_id=run_id,
            first_seen_at=now,
            last_seen_at=now,
        )
        given = statement.excluded
        is_same = (table.state == "ignored") & (table.sentence == given.sentence)
        stands = table.state.in_(("open", "ignored")) if suspected else is_same
        set_: dict[str, Any] = {"run_id": given.run_id, "state": case((stands, table.state), else_=given.state)}
        if not suspected:
            set_ |= {name: given[name] for name in (*columns, "last_seen_at") if name not in _IDENTITY}
            set_ |= {
                name: case((is_same, table[name]), else_=None) for name in ("ended_at", "ended_by", "ignore_reason")
            }
            set_["repair_trouble"] = case((table.sentence == given.sentence, table.repair_trouble), else_=None)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["tenant_id", "rule", "object_kind", "object_id"], set_=set_)
        )


_IDENTITY = frozenset({"rule", "object_kind", "object_id"})


def of_run(connection: Connection, run_id: UUID, *, rule: str, after: UUID | None, limit: int) -> list[Known]:
    """The next findings of a run under one rule, in the order of their ids."""
    wanted = select(*_COLUMNS).where(table.run_id == run_id, table.rule == rule)
    if after is not None:
        wanted = wanted.where(table.discrepancy_id > after)
    rows = connection.execute(wanted.order_by(table.discrepancy_id).limit(limit))
    return [_known(row) for row in rows]


def drop(connection: Connection, known: Known, *, now: datetime, by: str) -> None:
    """What did not stand up to a second look: a suspicion leaves no trace, an older discrepancy is gone."""
    connection.execute(
        delete(discrepancies).where(table.discrepancy_id == known.discrepancy_id, table.state == "suspected")
    )
    _end(connection, table.discrepancy_id == known.discrepancy_id, now=now, by=by)


def end_unseen(connection: Connection, run_id: UUID, *, but_kinds: Sequence[str], now: datetime, by: str) -> int:
    """Mark what a complete run did not find again as gone, but for kinds that it could not read; returns how many."""
    connection.execute(delete(discrepancies).where(table.state == "suspected", table.run_id != run_id))
    return _end(connection, table.run_id != run_id, table.object_kind.not_in(but_kinds), now=now, by=by)


def _end(connection: Connection, *conditions: Any, now: datetime, by: str) -> int:
    moved = connection.execute(
        update(discrepancies)
        .where(table.state.in_(("open", "ignored")), *conditions)
        .values(state="gone", ended_at=now, ended_by=by, repair_wanted_by=None)
    )
    return moved.rowcount


def find(connection: Connection, discrepancy_id: UUID) -> Known | None:
    """The discrepancy with this id; None when there is none."""
    row = connection.execute(select(*_COLUMNS).where(table.discrepancy_id == discrepancy_id)).one_or_none()
    return None if row is None else _known(row)


def listed(
    connection: Connection, *, states: Sequence[str] = OPEN, kind: str | None = None, limit: int | None = None
) -> list[Known]:
    """Discrepancies in these states, the most money first; of one kind, if it is given."""
    wanted = select(*_COLUMNS).where(table.state.in_(states))
    if kind is not None:
        wanted = wanted.where(table.kind == kind)
    size = func.abs(table.amount_minor).desc().nulls_last()
    rows = connection.execute(wanted.order_by(size, table.object_kind, table.object_id, table.rule).limit(limit))
    return [_known(row) for row in rows]


def counts(connection: Connection, *, states: Sequence[str] = OPEN) -> dict[str, int]:
    """How many discrepancies in these states there are of each kind."""
    rows = connection.execute(
        select(table.kind, func.count()).where(table.state.in_(states)).group_by(table.kind).order_by(table.kind)
    )
    return {row[0]: row[1] for row in rows}


def want_repair(connection: Connection, ids: Sequence[UUID] | None, *, kind: str | None, by: str) -> int:
    """Ask the worker to repair open discrepancies: those named, those of a kind, or all; returns how many."""
    conditions = [table.state == "open", table.repair_wanted_by.is_(None)]
    if ids is not None:
        conditions.append(table.discrepancy_id.in_(ids))
    if kind is not None:
        conditions.append(table.kind == kind)
    asked = connection.execute(
        update(discrepancies).where(*conditions).values(repair_wanted_by=by, repair_trouble=None)
    )
    connection.execute(text(f"notify {CHANNEL}"))
    return asked.rowcount


def repairs_wanted(connection: Connection, *, limit: int) -> list[Known]:
    """Open discrepancies whose repair was asked for and not made."""
    wanted = select(*_COLUMNS).where(table.state == "open", table.repair_wanted_by.is_not(None))
    return [_known(row) for row in connection.execute(wanted.order_by(table.discrepancy_id).limit(limit))]


def write_repair(connection: Connection, known: Known, *, trouble: str | None, by: str, now: datetime) -> bool:
    """Mark an open discrepancy as repaired, or note why it could not be; False when it was not open any more."""
    values: dict[str, Any] = {"repair_wanted_by": None, "repair_trouble": trouble}
    if trouble is None:
        values |= {"state": "repaired", "ended_at": now, "ended_by": by}
    return _move(connection, known.discrepancy_id, values)


def ignore(connection: Connection, discrepancy_id: UUID, *, reason: str, by: str, now: datetime) -> bool:
    """Put an open discrepancy aside with the reason; False when it is not open any more."""
    values = {"state": "ignored", "ignore_reason": reason, "ended_at": now, "ended_by": by, "repair_wanted_by": None}
    return _move(connection, discrepancy_id, values)


def _move(connection: Connection, discrepancy_id: UUID, values: Mapping[str, Any]) -> bool:
    moved = connection.execute(
        update(discrepancies).where(table.discrepancy_id == discrepancy_id, table.state == "open").values(**values)
    )
    return moved.rowcount == 1


def _known(row: Row[Any]) -> Known:
    return Known(**row._asdict())
