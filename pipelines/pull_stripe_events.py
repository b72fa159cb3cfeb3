"""Follows Stripe's events: which objects have changed since the last one seen, each read again as it is now.

An event only says where to look. What is stored is the object as Stripe answers now, so the order of events and their
repetition do not matter, and neither does the API version that an event was written in.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from billing import inbox_rules, observers
from pipelines.pull_stripe_backfill import Tally
from pipelines.pull_stripe_client import CursorGone, Raw, StripePermissionMissing
from pipelines.pull_stripe_pages import Pull, retrieve
from pipelines.pull_stripe_streams import BY_KIND, EVENTS, FOLLOWED_KINDS, SOURCE, WITHOUT_EVENTS
from pipelines.pull_stripe_windows import tail
from store import stripe_mirror, sync_windows
from store.database import Connection, tenant_transaction
from store.stripe_values import moment
from store.sync_windows import BEGINNING, OPEN_END, SyncState, Window, WindowState

# Stripe does not promise that events appear in the order of their creation: look back this far for late ones.
OVERLAP = timedelta(minutes=10)
# Stripe lists events for 30 days. Near that age the one to go on from is looked for before it is relied on.
CERTAINLY_LISTED = timedelta(days=29)
# A balance transaction may be listed later than it was created; this list is read again from so long before the newest.
MONEY_OVERLAP = timedelta(hours=1)
PAGES_AT_ONCE = 10
CHANGES = "changes"


class EventsGone(Exception):
    """The last event seen is out of Stripe's reach, so what happened since cannot be known: everything must be read again."""


def follow(pull: Pull, tally: Tally) -> int:
    """Read again every object that an event since the last pull names; returns how many events were new.

    Objects, events and the new cursor are written in one transaction for every thousand events. Raises EventsGone.
    """
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        state = sync_windows.read_state(connection, SOURCE)
    assert state is not None, "events are followed after a backfill has been begun"
    followed = 0
    try:
        _expect_listed(pull, state)
        late = _late_events(pull, state)
        cursor, has_more = state.last_event_id, True
        while has_more:
            events, has_more = _next_events(pull, cursor)
            followed += _follow_batch(pull, tally, events + late)
            cursor, late = events[0]["id"] if events else cursor, []
    except StripePermissionMissing as missing:
        tally.refuse(EVENTS.name, missing)
    except CursorGone as gone:
        raise EventsGone(str(gone)) from gone
    return followed


def queue_money(pull: Pull) -> None:
    """Put the newest part of the list that has no events among the unfinished windows, unless an earlier one still is."""
    stream = WITHOUT_EVENTS
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        if any(window.stream == stream.name for window in sync_windows.unfinished(connection, SOURCE)):
            return
        newest = stripe_mirror.newest_created(connection, stream.kind)
        sync_windows.forget_done(connection, SOURCE, stream.name)
        sync_windows.add(connection, SOURCE, [tail(stream.name, newest, overlap=MONEY_OVERLAP)])


def named_objects(events: Iterable[Raw]) -> list[tuple[str, str]]:
    """The (kind, id) of each object that the events speak of, once, without kinds that are not followed.

    Previews (`invoice.upcoming`) have no id.
    """
    named = {key for event in events for key in inbox_rules.named_objects(event)}
    return sorted(key for key in named if key[0] in FOLLOWED_KINDS)


def _expect_listed(pull: Pull, state: SyncState) -> None:
    """Raise EventsGone when the last event seen is so old that Stripe may not list it any more, and indeed does not."""
    last_at = state.last_event_created_at
    if last_at is None or last_at >= pull.now - CERTAINLY_LISTED:
        return
    if pull.reader.find(f"{EVENTS.path}/{state.last_event_id}", {}) is None:
        raise EventsGone(f"{state.last_event_id} is older than what Stripe lists")


def _late_events(pull: Pull, state: SyncState) -> list[Raw]:
    """The events of the minutes up to the last one seen; those among them that are not known have appeared late."""
    last_at = state.last_event_created_at
    if last_at is None:
        return []
    created = {"gte": int((last_at - OVERLAP).timestamp()), "lte": int(last_at.timestamp())}
    return pull.reader.pages_after(EVENTS.path, {"created": created}, None)


def _next_events(pull: Pull, cursor: str | None) -> tuple[list[Raw], bool]:
    """The events that come next after the cursor, newest first, and whether there are more after them."""
    if cursor is None:  # the account had no event when the backfill began, so these are few
        return pull.reader.pages_after(EVENTS.path, {}, None), False
    events: list[Raw] = []
    has_more = True
    for _ in range(PAGES_AT_ONCE):
        page = pull.reader.page(EVENTS.path, {"ending_before": cursor})
        events = page.objects + events
        has_more = page.has_more and bool(page.objects)
        if not has_more:
            break
        cursor = page.objects[0]["id"]
    return events, has_more


def _follow_batch(pull: Pull, tally: Tally, events: list[Raw]) -> int:
    """Read again what the events not known yet speak of, and write it with them and the new cursor."""
    if not events:
        return 0
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        unknown = stripe_mirror.unknown_events(connection, [event["id"] for event in events])
    fresh = [event for event in events if event["id"] in unknown]
    objects = _read_again(pull, tally, named_objects(fresh))
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        observers.take_in(connection, pull.tenant_id, objects + fresh, pull.now)
        _move_cursor(connection, events[0])
    return len(fresh)


def _move_cursor(connection: Connection, newest: Raw) -> None:
    """Go on from this event next time, unless another pull has already got further."""
    state = sync_windows.read_state(connection, SOURCE)
    created_at = moment(newest["created"])
    assert state is not None, "events are followed after a backfill has been begun"
    assert created_at is not None, "every event says when it was created"
    if state.last_event_created_at is None or created_at >= state.last_event_created_at:
        moved = replace(state, last_event_id=newest["id"], last_event_created_at=created_at)
        sync_windows.write_state(connection, SOURCE, moved)


def _read_again(pull: Pull, tally: Tally, named: list[tuple[str, str]]) -> list[Raw]:
    """The objects as they are now, read in parallel; those of a stream that may not be read are noted and left out."""
    objects: list[Raw] = []
    refused: set[str] = set()
    with ThreadPoolExecutor(pull.threads, thread_name_prefix="pull-stripe") as pool:
        try:
            futures = [(kind, pool.submit(retrieve, pull, BY_KIND[kind], id_)) for kind, id_ in named]
            for kind, future in futures:
                try:
                    objects += future.result()
                except StripePermissionMissing as missing:
                    tally.refuse(BY_KIND[kind].name, missing)
                    refused.add(BY_KIND[kind].name)
                tally.add(CHANGES, 1, expected=None)
        except BaseException:
            pull.reader.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    _read_whole_lists_later(pull, refused)
    return objects


def _read_whole_lists_later(pull: Pull, refused: set[str]) -> None:
    """What was refused is not followed, so once it is allowed, the whole list has to be read again."""
    windows = [Window(stream, BEGINNING, OPEN_END, state=WindowState.REFUSED) for stream in sorted(refused)]
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        sync_windows.add(connection, SOURCE, windows)
