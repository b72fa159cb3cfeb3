"""What handling a dead letter would change: it is handled for real in a transaction that is then rolled back."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from billing import observers
from pipelines.handle_inbox import THREADS, fetch, named, said
from pipelines.pull_stripe_client import Raw, StripeReader
from pipelines.pull_stripe_pages import Pull
from store import inbox, stripe_mirror
from store.database import DATABASE_AWAY, Connection, Engine, tenant_transaction
from store.inbox import InboxEvent
from store.stripe_rows import KINDS

AT_ONCE = 20
Rows = dict[tuple[str, str], Mapping[str, Any]]


class _TakenBack(Exception):
    """Ends the transaction without a trace; carries the mirror's rows from before and after."""

    def __init__(self, before: Rows, after: Rows) -> None:
        super().__init__()
        self.before, self.after = before, after


def dry_run_wanted(engine: Engine, tenant_id: UUID, reader: StripeReader, *, now: datetime) -> int:
    """Make the dry runs that were asked for; returns how many. Nothing but their findings is kept."""
    with tenant_transaction(engine, tenant_id) as connection:
        events = inbox.dry_runs_wanted(connection, limit=AT_ONCE)
    for event in events:
        found = _dry_run(engine, tenant_id, reader, event, now)
        with tenant_transaction(engine, tenant_id) as connection:
            inbox.write_dry_run(connection, event, found, now=now)
    return len(events)


def _dry_run(
    engine: Engine, tenant_id: UUID, reader: StripeReader, event: InboxEvent, now: datetime
) -> Mapping[str, Any]:
    """`{"changes": [{object, field, before, after}], "error": sentence or None}`."""
    fetched = fetch(Pull(engine, tenant_id, reader, now, THREADS), named(event))
    trouble = next((one.trouble for one in fetched.values() if one.trouble is not None), None)
    if trouble is not None:
        return {"changes": [], "error": said(trouble)}
    objects = [raw for one in fetched.values() for raw in one.objects]
    try:
        with tenant_transaction(engine, tenant_id) as connection:
            before = _mirrored(connection, objects)
            observers.take_in(connection, tenant_id, objects, now)
            raise _TakenBack(before, _mirrored(connection, objects))  # noqa: TRY301 - what rolls it back is an exception
    except _TakenBack as taken_back:
        return {"changes": list(changes(taken_back.before, taken_back.after)), "error": None}
    except DATABASE_AWAY:
        raise
    except Exception as failure:  # noqa: BLE001 - whatever handling it would raise is what was asked for
        return {"changes": [], "error": said(failure)}


def _mirrored(connection: Connection, objects: Iterable[Raw]) -> Rows:
    """Those of the objects that the mirror holds, as it holds them."""
    ids: dict[str, list[str]] = {}
    for raw in objects:
        if raw["object"] in KINDS:
            ids.setdefault(raw["object"], []).append(raw["id"])
    return {
        (kind, raw["id"]): raw
        for kind, of_kind in ids.items()
        for raw in stripe_mirror.current(connection, kind, of_kind)
    }


def changes(before: Rows, after: Rows) -> Iterable[dict[str, Any]]:
    """Each field of each object that differs, by object and field; a new or a vanished object is one line."""
    for kind, id_ in sorted(before.keys() | after.keys()):
        old, new = before.get((kind, id_)), after.get((kind, id_))
        name = f"{kind} {id_}"
        if old is None or new is None:
            is_new = old is None
            yield {
                "object": name,
                "field": None,
                "before": None if is_new else "there",
                "after": "there" if is_new else None,
            }
            continue
        for field in sorted(old.keys() | new.keys()):
            if old.get(field) != new.get(field):
                yield {"object": name, "field": field, "before": old.get(field), "after": new.get(field)}
