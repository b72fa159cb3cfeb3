"""The runs of reconciliation: asked for, under way with a mark how far each list was read, finished with what was looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, insert, select, text, update

from store.schema import reconciliation_runs

CHANNEL = "reconciliation"

table = reconciliation_runs.c
_COLUMNS = [column for column in reconciliation_runs.columns if column.name not in {"tenant_id", "position"}]


@dataclass(frozen=True)
class Run:
    """A run. `checked` counts objects by kind, `refused` has a sentence for each kind that the key may not read.

    `progress` is by list: `{"done": bool, "cursor": id or null, "until": unix seconds or null, "seen": ids at that second}`.
    """

    run_id: UUID
    state: str
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    checked: Mapping[str, int]
    progress: Mapping[str, Mapping[str, Any]]
    refused: Mapping[str, str]
    trouble: str | None


def ask(connection: Connection, tenant_id: UUID, *, by: str, now: datetime) -> Run:
    """Ask for a run and wake the worker; one that waits or runs already is the answer, one that was stopped is given up."""
    unfinished = newest(connection, states=("wanted", "running"))
    if unfinished is not None and unfinished.trouble is not None:
        _change(connection, unfinished, state="finished", finished_at=now)
        unfinished = None
    if unfinished is None:
        unfinished = _add(connection, tenant_id, state="wanted", by=by, now=now)
    connection.execute(text(f"notify {CHANNEL}"))
    return unfinished


def begin(connection: Connection, tenant_id: UUID, *, by: str, now: datetime, resume_since: datetime) -> Run:
    """The run to go on with: one that was asked for, one that was stopped since then, or a new one."""
    found = newest(connection, states=("wanted", "running"))
    if found is not None and found.state == "running" and found.started_at < resume_since:
        _change(connection, found, state="finished", finished_at=now, trouble="It was stopped and not taken up again.")
        found = None
    if found is None:
        return _add(connection, tenant_id, state="running", by=by, now=now)
    if found.state == "wanted":
        return _change(connection, found, state="running", started_at=now)
    return _change(connection, found, trouble=None)


def newest(connection: Connection, *, states: tuple[str, ...] = ("wanted", "running", "finished")) -> Run | None:
    """The latest run in one of these states; None when there is none."""
    wanted = select(*_COLUMNS).where(table.state.in_(states)).order_by(table.position.desc()).limit(1)
    row = connection.execute(wanted).one_or_none()
    return None if row is None else _run(row)


def last_complete(connection: Connection) -> Run | None:
    """The latest run that came to its end; one that was given up says nothing about what agrees."""
    wanted = select(*_COLUMNS).where(table.state == "finished", table.trouble.is_(None))
    row = connection.execute(wanted.order_by(table.position.desc()).limit(1)).one_or_none()
    return None if row is None else _run(row)


def note(
    connection: Connection,
    run: Run,
    *,
    checked: Mapping[str, int],
    progress: Mapping[str, Any],
    refused: Mapping[str, str],
) -> Run:
    """Note how far a run has come."""
    return _change(connection, run, checked=dict(checked), progress=dict(progress), refused=dict(refused))


def note_trouble(connection: Connection, run: Run, trouble: str) -> None:
    """Note why a run was stopped; it can be gone on with."""
    _change(connection, run, trouble=trouble)


def finish(connection: Connection, run: Run, *, now: datetime) -> Run:
    """Note that a run is complete."""
    return _change(connection, run, state="finished", finished_at=now, trouble=None)


def _add(connection: Connection, tenant_id: UUID, *, state: str, by: str, now: datetime) -> Run:
    return _run(
        connection.execute(
            insert(reconciliation_runs)
            .values(
                tenant_id=tenant_id,
                run_id=uuid4(),
                state=state,
                started_by=by,
                started_at=now,
                checked={},
                progress={},
                refused={},
            )
            .returning(*_COLUMNS)
        ).one()
    )


def _change(connection: Connection, run: Run, **values: Any) -> Run:
    statement = update(reconciliation_runs).where(table.run_id == run.run_id).values(**values).returning(*_COLUMNS)
    return _run(connection.execute(statement).one())


def _run(row: Row[Any]) -> Run:
    return Run(**row._asdict())
