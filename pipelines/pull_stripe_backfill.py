"""Reads every list at Stripe to its end, windows in parallel, from wherever an earlier attempt was stopped."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC

from billing import observers
from pipelines.pull_stripe_client import StripePermissionMissing
from pipelines.pull_stripe_pages import Pull, read_window, retrieve
from pipelines.pull_stripe_streams import BY_NAME, EVENTS, SOURCE, STREAMS
from store import stripe_mirror, sync_windows
from store.database import tenant_transaction
from store.stripe_values import moment
from store.sync_windows import BEGINNING, OPEN_END, SyncState, Window, WindowState

# The stream's name, rows done so far, rows expected (None while nobody knows).
PullProgress = Callable[[str, int, int | None], None]

# The window that stands for the last step of a backfill: looking up what no list has shown. It starts when the backfill does.
UNSEEN = "unseen"


@dataclass
class Tally:
    """What a pull has read so far, told to whoever watches, and what it was not allowed to read."""

    progress: PullProgress | None
    rows: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def add(self, stream: str, rows: int, expected: int | None = None) -> None:
        """Count rows of a stream."""
        self.rows[stream] = self.rows.get(stream, 0) + rows
        if self.progress is not None:
            self.progress(stream, self.rows[stream], expected)

    def refuse(self, stream: str, missing: StripePermissionMissing) -> None:
        """Remember that a stream may not be read, and what would help."""
        known = BY_NAME[stream]
        named = f" ({missing})" if str(missing) else ""
        self.refused[stream] = (
            f"The Stripe key may not read {known.words}. "
            f"Give it the permission {known.permission}: Read{named} in the Stripe Dashboard."
        )


def begin(pull: Pull, tally: Tally) -> None:
    """Plan a backfill. The newest event is remembered first, so that nothing that happens meanwhile is lost."""
    newest = []
    try:
        newest = pull.reader.page(EVENTS.path, {"limit": 1}).objects
    except StripePermissionMissing as missing:
        tally.refuse(EVENTS.name, missing)
    windows = [Window(stream.name, BEGINNING, OPEN_END) for stream in STREAMS if stream is not EVENTS]
    # Only events before that one: later ones have to be followed, and a stored event counts as followed.
    windows += [Window(EVENTS.name, BEGINNING, OPEN_END, cursor=event["id"]) for event in newest]
    windows.append(Window(UNSEEN, pull.now.astimezone(UTC), OPEN_END))
    state = SyncState(
        last_event_id=newest[0]["id"] if newest else None,
        last_event_created_at=moment(newest[0]["created"]) if newest else None,
        backfill_completed_at=None,
    )
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        sync_windows.begin(connection, SOURCE, windows, state=state)
        observers.take_in(connection, pull.tenant_id, newest, pull.now)


def plan_new_lists(pull: Pull) -> None:
    """Plan the lists that the version which planned the backfill did not know, so that they are read from their beginning."""
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        planned = sync_windows.streams(connection, SOURCE)
        new = [stream for stream in STREAMS if stream is not EVENTS and stream.name not in planned]
        sync_windows.add(connection, SOURCE, [Window(stream.name, BEGINNING, OPEN_END) for stream in new])


def finish(pull: Pull, tally: Tally) -> None:
    """Read all that is unfinished. Each page is one transaction, so it may be stopped anywhere and called again."""
    while windows := _unfinished(pull, tally):
        unseen = [window for window in windows if window.stream == UNSEEN]
        lists = [window for window in windows if window.stream != UNSEEN]
        if lists:
            _read_all(pull, tally, lists)
        else:
            _look_up_unseen(pull, tally, unseen[0])


def _unfinished(pull: Pull, tally: Tally) -> list[Window]:
    """The windows still to be read; not those whose stream has been refused in this pull."""
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        windows = sync_windows.unfinished(connection, SOURCE)
    return [window for window in windows if window.stream not in tally.refused]


def _read_all(pull: Pull, tally: Tally, windows: list[Window]) -> None:
    """Read windows in parallel, page by page in turns, with those that come from cutting them."""
    with ThreadPoolExecutor(pull.threads, thread_name_prefix="pull-stripe") as pool:
        running: dict[Future[list[Window]], Window] = {
            pool.submit(read_window, pull, window): window for window in windows
        }
        try:
            while running:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    window = running.pop(future)
                    for after in _result(pull, tally, window, future):
                        if after.state is WindowState.WAITING:
                            running[pool.submit(read_window, pull, after)] = after
        except BaseException:
            pull.reader.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _result(pull: Pull, tally: Tally, window: Window, future: Future[list[Window]]) -> list[Window]:
    """What stands in the window's place; a stream that may not be read is noted, and the others go on."""
    try:
        after = future.result()
    except StripePermissionMissing as missing:
        tally.refuse(window.stream, missing)
        with tenant_transaction(pull.engine, pull.tenant_id) as connection:
            sync_windows.replace(connection, SOURCE, window, [replace(window, state=WindowState.REFUSED)])
        return []
    tally.add(window.stream, sum(after.rows_done for after in after) - window.rows_done if after else 0)
    return after


def _look_up_unseen(pull: Pull, tally: Tally, window: Window) -> None:
    """Ask for each object that is mirrored but was in no list: it may be deleted, and its event out of reach."""
    for stream in STREAMS:
        if stream is EVENTS or stream.name in tally.refused:
            continue
        with tenant_transaction(pull.engine, pull.tenant_id) as connection:
            ids = stripe_mirror.not_seen_since(connection, stream.kind, window.start)
        for id_ in ids:
            objects = retrieve(pull, stream, id_)
            with tenant_transaction(pull.engine, pull.tenant_id) as connection:
                observers.take_in(connection, pull.tenant_id, objects, pull.now)
    _complete(pull, window)


def _complete(pull: Pull, window: Window) -> None:
    """Note that the backfill is complete; the event to go on from stays the one remembered at its beginning."""
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        if not sync_windows.replace(connection, SOURCE, window, [replace(window, state=WindowState.DONE)]):
            return
        state = sync_windows.read_state(connection, SOURCE)
        if state is not None:
            sync_windows.write_state(connection, SOURCE, replace(state, backfill_completed_at=pull.now))
