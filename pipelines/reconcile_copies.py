"""Every list at Stripe beside our copies, page by page; what does not agree is looked at a second time before it counts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from billing.reconciliation_causes import AboutIt, explain
from billing.reconciliation_rules import COPY, Discrepancy, Held, compare, extra
from pipelines.pull_stripe_backfill import PullProgress
from pipelines.pull_stripe_client import CursorGone, StripePermissionMissing
from pipelines.pull_stripe_pages import Pull, retrieve, with_all_parts
from pipelines.pull_stripe_streams import BY_KIND, EVENTS, STREAMS, Stream
from store import discrepancies, mirror_copies, reconciliation_runs
from store.database import Connection, tenant_transaction
from store.discrepancies import Known
from store.reconciliation_runs import Run
from store.stripe_rows import KINDS, Raw, is_tombstone
from store.stripe_values import inside, moment

# What is younger, or was changed later, may still be on its way here.
GRACE = timedelta(minutes=10)
EVENTS_LISTED_FOR = timedelta(days=30)
AT_ONCE = 100
SERVICE = "metering"


@dataclass(frozen=True)
class Place:
    """How far a list was read: the page's cursor, the second down to which all is known, and the ids seen of that second."""

    cursor: str | None = None
    until: int | None = None
    seen: tuple[str, ...] = ()
    done: bool = False


def check_lists(pull: Pull, run: Run, tell: PullProgress | None) -> Run:
    """Read every list from where the run stands to its end; a list that the key may not read is noted and left out."""
    for stream in STREAMS:
        if stream is EVENTS or stream.kind in run.refused:
            continue
        try:
            run = _check_list(pull, run, stream, tell)
        except StripePermissionMissing:
            sentence = f"The Stripe key may not read {stream.words}, so they were not compared."
            refused = {**run.refused, stream.kind: sentence}
            with tenant_transaction(pull.engine, pull.tenant_id) as connection:
                run = reconciliation_runs.note(
                    connection, run, checked=run.checked, progress=run.progress, refused=refused
                )
    return run


def _check_list(pull: Pull, run: Run, stream: Stream, tell: PullProgress | None) -> Run:
    place = Place(
        **{**run.progress.get(stream.name, {}), "seen": tuple(run.progress.get(stream.name, {}).get("seen", ()))}
    )
    cut = int((run.started_at - GRACE).timestamp())
    while not place.done:
        cursor = {} if place.cursor is None else {"starting_after": place.cursor}
        try:
            page = pull.reader.page(stream.path, {**stream.list_parameters, "created": {"lte": cut}, **cursor})
        except CursorGone:  # deleted meanwhile; what was seen is looked at again, which does no harm
            place = Place()
            continue
        objects = with_all_parts(pull.reader, page.objects)
        has_more = page.has_more and bool(page.objects)
        before, place = place, _next_place(place, page.objects, has_more=has_more)
        with tenant_transaction(pull.engine, pull.tenant_id) as connection:
            found = [
                *_compared(connection, stream.kind, objects),
                *_extras(connection, stream, before, place, page.objects, cut),
            ]
            put(connection, pull.tenant_id, run, found, now=pull.now, suspected=True)
            checked = {**run.checked, stream.kind: run.checked.get(stream.kind, 0) + len(page.objects)}
            progress = {**run.progress, stream.name: {**asdict(place), "seen": list(place.seen)}}
            run = reconciliation_runs.note(connection, run, checked=checked, progress=progress, refused=run.refused)
        if tell is not None:
            tell(stream.name, checked[stream.kind], None)
    return run


def _next_place(place: Place, objects: Sequence[Raw], *, has_more: bool) -> Place:
    if not has_more:
        return replace(place, done=True)
    oldest = objects[-1]["created"]
    seen = tuple(raw["id"] for raw in objects if raw["created"] == oldest)
    earlier = place.seen if place.until == oldest else ()
    return Place(objects[-1]["id"], oldest, (*earlier, *seen))


def _extras(
    connection: Connection, stream: Stream, before: Place, after: Place, objects: Sequence[Raw], cut: int
) -> Iterable[Discrepancy]:
    """Living copies from the stretch of time that the page covers which are not on it; some are only listed elsewhere."""
    until = moment(cut if before.until is None else before.until)
    assert until is not None, "a page ends at a second, or at the cut"
    down_to = None if after.done else moment(after.until)
    ids = mirror_copies.living_between(connection, stream.kind, after=down_to, until=until)
    if after.done:
        ids += mirror_copies.living_without_time(connection, stream.kind)
    listed = {raw["id"] for raw in objects} | set(before.seen)
    not_listed = [id_ for id_ in ids if id_ not in listed]
    return [extra(Held(row)) for row in mirror_copies.rows(connection, stream.kind, not_listed).values()]


def _compared(connection: Connection, kind: str, objects: Sequence[Raw]) -> list[Discrepancy]:
    """Objects of a kind with all their parts beside our copies."""
    wholes = [raw for raw in objects if raw["object"] == kind]
    ids = [raw["id"] for raw in wholes]
    rows, parts = mirror_copies.rows(connection, kind, ids), mirror_copies.parts(connection, kind, ids)
    further: dict[str, list[Raw]] = {}
    made_of = KINDS[kind].parts
    for raw in objects:
        if made_of is not None and raw["object"] == made_of.kind:
            further.setdefault(str(raw[made_of.whole_column.removesuffix("_id")]), []).append(raw)
    held = {id_: Held(row, parts.get(id_, {})) for id_, row in rows.items()}
    found = (compare(raw, further.get(raw["id"], ()), held.get(raw["id"])) for raw in wholes)
    return [one for one in found if one is not None]


def look_again(pull: Pull, stream: Stream, id_: str) -> tuple[Discrepancy | None, datetime | None]:
    """Fetch one object and compare it with our copy as that is then; with when the copy was read."""
    return beside(pull, stream, id_, retrieve(pull, stream, id_))


def beside(pull: Pull, stream: Stream, id_: str, objects: Sequence[Raw]) -> tuple[Discrepancy | None, datetime | None]:
    """An object as it was just fetched, with its parts, beside our copy; and when that copy was read."""
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        row = mirror_copies.rows(connection, stream.kind, [id_]).get(id_)
        read_at = None if row is None else row["synced_at"]
        if is_tombstone(objects[0]):
            return (None if row is None or row["is_deleted"] else extra(Held(row))), read_at
        found = _compared(connection, stream.kind, objects)
    return (found[0] if found else None), read_at


def confirm(pull: Pull, run: Run) -> int:
    """Look at every suspicion of the run again; returns how many still wait for news that is on its way."""
    pending = 0
    told: Mapping[str, list[AboutIt]] | None = None
    for known in _of_run(pull, run):
        if known.object_kind not in BY_KIND:
            continue
        found, read_at = look_again(pull, BY_KIND[known.object_kind], known.object_id)
        if found is not None and told is None:
            told = _events(pull, run)
        about = (told or {}).get(known.object_id, [])
        is_pending = any(
            event.created_at > pull.now - GRACE and event.state in {"never_came", "received"} for event in about
        )
        pending += found is not None and is_pending
        with tenant_transaction(pull.engine, pull.tenant_id) as connection:
            if found is None or is_pending:
                discrepancies.drop(connection, known, now=pull.now, by=SERVICE)
            else:
                put(connection, pull.tenant_id, run, [explain(found, about, read_at)], now=pull.now, suspected=False)
    return pending


def _of_run(pull: Pull, run: Run) -> Iterable[Known]:
    after: UUID | None = None
    while True:
        with tenant_transaction(pull.engine, pull.tenant_id) as connection:
            found = discrepancies.of_run(connection, run.run_id, rule=COPY, after=after, limit=AT_ONCE)
        if not found:
            return
        yield from found
        after = found[-1].discrepancy_id


def _events(pull: Pull, run: Run) -> Mapping[str, list[AboutIt]]:
    """What Stripe lists of events about the objects under suspicion, by object, with what became of each here."""
    wanted = {known.object_id for known in _of_run(pull, run)}
    told: dict[str, list[AboutIt]] = {}
    since = int((pull.now - EVENTS_LISTED_FOR).timestamp())
    cursor: dict[str, str] = {}
    has_more = True
    while has_more:
        try:
            page = pull.reader.page(EVENTS.path, {"created": {"gte": since}, **cursor})
        except StripePermissionMissing:  # without events no cause is known
            return told
        about = [event for event in page.objects if inside(event, "data", "object", "id") in wanted]
        with tenant_transaction(pull.engine, pull.tenant_id) as connection:
            fates = mirror_copies.fate_of_events(connection, [event["id"] for event in about])
        for event in about:
            fate: Any = fates.get(event["id"], "never_came")
            seen = AboutIt(event["id"], event["type"], datetime.fromtimestamp(event["created"], UTC), fate)
            told.setdefault(event["data"]["object"]["id"], []).append(seen)
        has_more = page.has_more and bool(page.objects)
        cursor = {"starting_after": page.objects[-1]["id"]} if page.objects else {}
    return told


def put(
    connection: Connection, tenant_id: UUID, run: Run, found: Sequence[Discrepancy], *, now: datetime, suspected: bool
) -> None:
    """Write findings as rows."""
    columns = [
        {**vars(one), "fields": [asdict(field) for field in one.fields], "refers_to": list(one.refers_to)}
        for one in found
    ]
    discrepancies.put(connection, tenant_id, run.run_id, columns, now=now, suspected=suspected)
