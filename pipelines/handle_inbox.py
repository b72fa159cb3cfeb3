"""Handles what Stripe told us: each object that an event names is read as it is now, mirrored and shown to its observers."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import structlog

from billing import observers
from billing.inbox_rules import CHANGING_A_CHARGE, after_error, named_objects
from pipelines.pull_stripe_client import (
    Raw,
    StripePermissionMissing,
    StripePullError,
    StripeReader,
    StripeRequestRefused,
)
from pipelines.pull_stripe_pages import Pull, retrieve
from pipelines.pull_stripe_streams import BY_KIND, FOLLOWED_KINDS
from store import inbox
from store.database import DATABASE_AWAY, Engine, tenant_transaction
from store.failpoints import reach
from store.inbox import InboxEvent
from store.stripe_values import reference

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=5)  # longer than a batch whose every read runs into its timeouts
BATCH = 100
THREADS = 4

Key = tuple[str, str]


@dataclass(frozen=True)
class Fetched:
    """An object as Stripe says it is now, with its parts; or why it could not be read."""

    objects: Sequence[Raw]
    trouble: StripePullError | None = None


def handle_due(
    engine: Engine, tenant_id: UUID, reader: StripeReader, *, now: datetime, limit: int = BATCH, threads: int = THREADS
) -> int:
    """Take up one batch of at most `limit` events that are due; returns how many were taken up.

    What an event shows does not count, only which object it names: that is read as it is now, so order and repetition do not
    matter, and several events about one object cost one read. Any number of workers may run it at once. Raises what the database
    raises; events whose worker died are free again when its lease has run out. `now` must come from one clock for all who
    write the mirror, the database's, as it decides which of two answers is the newer.
    """
    with tenant_transaction(engine, tenant_id) as connection:
        events = inbox.claim(connection, now=now, lease=LEASE, limit=limit)
    if not events:
        return 0
    reach("inbox claimed")
    named_by = {event.event_id: named(event) for event in events}
    wanted = sorted({key for keys in named_by.values() for key in keys})
    fetched = fetch(Pull(engine, tenant_id, reader, now, threads), wanted)
    reach("inbox fetched")
    readable = [event for event in events if all(fetched[key].trouble is None for key in named_by[event.event_id])]
    unreadable = [event for event in events if event not in readable]
    if not _take_in(engine, tenant_id, readable, named_by, fetched, now):
        # Somebody's rows do not fit: one by one, so that only their events wait.
        for event in readable:
            _take_in(engine, tenant_id, [event], named_by, fetched, now)
    for event in unreadable:
        trouble = next(found for key in named_by[event.event_id] if (found := fetched[key].trouble) is not None)
        is_permanent = isinstance(trouble, StripeRequestRefused | StripePermissionMissing)
        _record_error(engine, tenant_id, event, said(trouble), is_permanent=is_permanent, now=now)
    return len(events)


def named(event: InboxEvent) -> list[Key]:
    """The objects that an event names and that are mirrored; none of a kind that nobody here follows."""
    return [key for key in named_objects(msgspec.json.decode(event.payload)) if key[0] in FOLLOWED_KINDS]


def fetch(pull: Pull, keys: Sequence[Key]) -> dict[Key, Fetched]:
    """Each object as it is now, read in parallel; with a dispute, a refund or a warning its charge.

    A snapshot names the charge itself; of a thin event it is known only when the object has been read.
    """
    found = _read(pull, keys)
    charges = {
        key: ("charge", charge)
        for key, one in found.items()
        if key[0] in CHANGING_A_CHARGE
        for raw in one.objects
        if raw["id"] == key[1] and (charge := reference(raw.get("charge"))) is not None
    }
    further = _read(pull, sorted(set(charges.values()) - found.keys()))
    return found | {
        key: Fetched([*found[key].objects, *further[charge].objects], further[charge].trouble)
        for key, charge in charges.items()
        if charge in further
    }


def _read(pull: Pull, keys: Sequence[Key]) -> dict[Key, Fetched]:
    def fetch_one(key: Key) -> Fetched:
        try:
            return Fetched(retrieve(pull, BY_KIND[key[0]], key[1]))
        except StripePullError as trouble:
            return Fetched([], trouble)

    with ThreadPoolExecutor(pull.threads, thread_name_prefix="inbox") as pool:
        return dict(zip(keys, pool.map(fetch_one, keys), strict=True))


def _take_in(
    engine: Engine,
    tenant_id: UUID,
    events: Sequence[InboxEvent],
    named_by: Mapping[str, Sequence[Key]],
    fetched: Mapping[Key, Fetched],
    now: datetime,
) -> bool:
    """Mirror, observe and mark as handled in one transaction; False when something in it does not fit, and nothing was done.

    The events themselves are mirrored too, so that the next pull need not follow them again.
    """
    if not events:
        return True
    keys = sorted({key for event in events for key in named_by[event.event_id]})
    objects = [raw for key in keys for raw in fetched[key].objects] + [
        raw for event in events if (raw := msgspec.json.decode(event.payload)).get("object") == "event"
    ]
    try:
        with tenant_transaction(engine, tenant_id) as connection:
            observers.take_in(connection, tenant_id, objects, now)
            inbox.mark_handled(connection, events, now=now)
            reach("inbox written")
    except DATABASE_AWAY:
        raise  # the database's trouble, not the events'
    except Exception as trouble:
        if len(events) > 1:
            return False
        log.exception("event_not_handled", event_id=events[0].event_id, event_type=events[0].event_type)
        _record_error(engine, tenant_id, events[0], said(trouble), is_permanent=False, now=now)
    reach("inbox committed")
    return True


def _record_error(
    engine: Engine, tenant_id: UUID, event: InboxEvent, error: str, *, is_permanent: bool, now: datetime
) -> None:
    """Write down why an event was not handled and when it is tried again; a dead letter is told in the log."""
    follows = after_error(event.event_id, event.attempts, is_permanent=is_permanent, now=now)
    with tenant_transaction(engine, tenant_id) as connection:
        is_mine = inbox.record_error(
            connection, event, error, state=follows.state, next_attempt_at=follows.next_attempt_at
        )
    if is_mine and follows.state == "dead":
        log.error("dead_letter", event_id=event.event_id, event_type=event.event_type, error=error)


def said(trouble: BaseException) -> str:
    """The trouble in one line; a permission names what the key lacks."""
    if isinstance(trouble, StripePermissionMissing):
        return f"The key in STRIPE_API_KEY may not read this kind of object: give it the permission {str(trouble) or 'it needs'}."
    name = "" if isinstance(trouble, StripePullError) else f"{type(trouble).__name__}: "
    return " ".join(f"{name}{trouble}".split())[:2_000]
