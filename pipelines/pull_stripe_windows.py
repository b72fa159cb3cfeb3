"""How a list is divided so that many threads can read it: pure decisions about windows of creation time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from store.sync_windows import BEGINNING, OPEN_END, Window, WindowState

# A window that reaches back to the beginning is cut after its first page. The first piece is as long as this many pages
# like that one, each further piece half as long again: most accounts grow, so the past is thinner than the present.
FIRST_PIECE_PAGES = 4
PIECES = 6
GROWTH_NUMERATOR, GROWTH_DENOMINATOR = 3, 2


def list_parameters(window: Window) -> dict[str, Any]:
    """The parameters that ask Stripe for the window's next page; a side that is open is not sent."""
    created = {}
    if window.start > BEGINNING:
        created["gte"] = int(window.start.timestamp())
    if window.end < OPEN_END:
        created["lt"] = int(window.end.timestamp())
    parameters: dict[str, Any] = {"created": created} if created else {}
    return parameters if window.cursor is None else {**parameters, "starting_after": window.cursor}


def windows_after(window: Window, objects: Sequence[Mapping[str, Any]], *, has_more: bool) -> list[Window]:
    """What stands in the window's place once this page of it, newest first, has been written."""
    rows_done = window.rows_done + len(objects)
    if not has_more or not objects:
        return [replace(window, state=WindowState.DONE, rows_done=rows_done)]
    moved = replace(window, cursor=objects[-1]["id"], rows_done=rows_done, state=WindowState.WAITING)
    span_seconds = objects[0]["created"] - objects[-1]["created"]
    if window.start > BEGINNING or span_seconds <= 0:
        return [moved]
    return _cut(moved, oldest_seen=objects[-1]["created"], span_seconds=span_seconds)


def _cut(window: Window, *, oldest_seen: int, span_seconds: int) -> list[Window]:
    """The window shortened to its newest piece, older pieces beside it, and a rest that again reaches to the beginning.

    Nothing depends on a good guess: the pieces touch and cover everything, and the rest is cut by its own first page.
    """
    edges = []
    edge, length = oldest_seen, span_seconds * FIRST_PIECE_PAGES
    for _ in range(PIECES):
        edge -= length
        length = length * GROWTH_NUMERATOR // GROWTH_DENOMINATOR
        edges.append(BEGINNING + timedelta(seconds=max(edge, 0)))
    starts = [*(edge for edge in edges if edge > BEGINNING), BEGINNING]
    ends = [window.end, *starts]
    newest = replace(window, start=starts[0])
    return [newest, *(Window(window.stream, start, end) for start, end in zip(starts[1:], ends[1:], strict=False))]


def tail(stream: str, newest_known: datetime | None, *, overlap: timedelta) -> Window:
    """A window from shortly before the newest object known up to whatever there is."""
    start = BEGINNING if newest_known is None else newest_known.astimezone(UTC) - overlap
    return Window(stream, start, OPEN_END)
