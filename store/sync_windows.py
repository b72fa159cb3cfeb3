"""Where a pull stands: its windows of creation time with a cursor each, and the last event it has seen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from store.schema import sync_state, sync_windows

# A window that reaches as far back, or as far forward, as there is anything.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
OPEN_END = datetime(9999, 1, 1, tzinfo=UTC)


class WindowState(StrEnum):
    """Where a window stands. A refused one is tried again by the next pull."""

    WAITING = "waiting"
    REFUSED = "refused"
    DONE = "done"


@dataclass(frozen=True)
class Window:
    """A span of creation time of one stream, from `start` (inclusive) to `end` (exclusive), read newest first.

    `cursor` is the id of the last object read in it; None before the first page.
    """

    stream: str
    start: datetime
    end: datetime
    cursor: str | None = None
    state: WindowState = WindowState.WAITING
    rows_done: int = 0


@dataclass(frozen=True)
class SyncState:
    """The last event seen (None while there was none), when the running backfill was planned, and when one was completed."""

    last_event_id: str | None
    last_event_created_at: datetime | None
    backfill_completed_at: datetime | None


def read_state(connection: Connection, source: str) -> SyncState | None:
    """How far a source has been read; None before its first backfill was planned."""
    row = connection.execute(select(sync_state).where(sync_state.c.source == source)).one_or_none()
    return None if row is None else SyncState(row.last_event_id, row.last_event_created_at, row.backfill_completed_at)


def begin(connection: Connection, source: str, windows: Sequence[Window], *, state: SyncState) -> None:
    """Forget all windows of the source and start with these; the event to go on from is kept in the same transaction."""
    write_state(connection, source, state)
    connection.execute(delete(sync_windows).where(sync_windows.c.source == source))
    add(connection, source, windows)


def write_state(connection: Connection, source: str, state: SyncState) -> None:
    """Keep the last event seen and the time of the completed backfill."""
    values = {
        "last_event_id": state.last_event_id,
        "last_event_created_at": state.last_event_created_at,
        "backfill_completed_at": state.backfill_completed_at,
    }
    connection.execute(
        insert(sync_state)
        .values(tenant_id=func.current_tenant_id(), source=source, **values)
        .on_conflict_do_update(index_elements=["tenant_id", "source"], set_=values)
    )


def add(connection: Connection, source: str, windows: Iterable[Window]) -> None:
    """Add windows; one that begins where an existing one of the stream begins takes its place."""
    rows = [
        {
            "source": source,
            "stream": window.stream,
            "window_start": window.start,
            "window_end": window.end,
            "cursor": window.cursor,
            "state": window.state.value,
            "rows_done": window.rows_done,
        }
        for window in windows
    ]
    if not rows:
        return
    statement = insert(sync_windows).values(tenant_id=func.current_tenant_id())
    replaced = {name: statement.excluded[name] for name in ("window_end", "cursor", "state", "rows_done")}
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "source", "stream", "window_start"], set_=replaced
        ),
        rows,
    )


def replace(connection: Connection, source: str, before: Window, after: Sequence[Window]) -> bool:
    """Put windows in the place of one, if it still stands as it was; False when another pull has moved it meanwhile."""
    taken = connection.execute(delete(sync_windows).where(_is(source, before)))
    if taken.rowcount == 0:
        return False
    add(connection, source, after)
    return True


def unfinished(connection: Connection, source: str) -> list[Window]:
    """The windows of a source that are not done, newest first, so that the present is known before the past."""
    stored = sync_windows.c
    rows = connection.execute(
        select(sync_windows)
        .where(stored.source == source, stored.state != WindowState.DONE.value)
        .order_by(stored.window_start.desc(), stored.stream)
    )
    return [
        Window(row.stream, row.window_start, row.window_end, row.cursor, WindowState(row.state), row.rows_done)
        for row in rows
    ]


def streams(connection: Connection, source: str) -> set[str]:
    """The lists of a source that have been planned, whether they are read already or not."""
    stored = sync_windows.c
    return set(connection.scalars(select(stored.stream).where(stored.source == source).distinct()))


def forget_done(connection: Connection, source: str, stream: str) -> None:
    """Drop the finished windows of a stream, which say nothing any more."""
    stored = sync_windows.c
    connection.execute(
        delete(sync_windows).where(
            stored.source == source, stored.stream == stream, stored.state == WindowState.DONE.value
        )
    )


def _is(source: str, window: Window) -> ColumnElement[bool]:
    """Matches the row that holds exactly this window at exactly this cursor."""
    stored = sync_windows.c
    return and_(
        stored.source == source,
        stored.stream == window.stream,
        stored.window_start == window.start,
        stored.window_end == window.end,
        stored.state == window.state.value,
        stored.cursor.is_not_distinct_from(window.cursor),
    )
