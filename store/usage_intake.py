"""The intake: events that came over HTTP wait here, each once by its id, until the lake's manifest names the file that holds them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from store.schema import api_key_days, usage_intake, usage_recent

# Ids hold no control characters and JSON escapes them, so that one of them parts what is sent: two texts are many times
# cheaper to hand over than two arrays.
_BETWEEN = "\x1e"
_SENT = """sent as materialized (
    select s.event_id, s.event from unnest(string_to_array(cast(:ids as text), chr(30)), string_to_array(cast(:events as text), chr(30)))
        as s(event_id, event))"""
# In the order of the ids, so that two transactions that bring the same ones wait for each other and never in a circle.
_PLACE = text(
    f"""with {_SENT}, placed as (
        insert into usage_intake (tenant_id, event_id, event, received_at)
        select (select current_tenant_id()), s.event_id, s.event, :now from sent s
        where not exists (
            select from usage_recent r where r.tenant_id = (select current_tenant_id()) and r.event_id = s.event_id)
        order by s.event_id
        on conflict do nothing returning event_id)
    select s.event_id from sent s where not exists (select from placed p where p.event_id = s.event_id)"""  # noqa: S608 - our own text; what is sent are parameters
)
_KNOWN = text(
    f"""with {_SENT}
    select s.event_id, coalesce(i.event = s.event, r.mark = cast(md5(s.event) as uuid)) as is_same from sent s
        left join usage_intake i on i.tenant_id = (select current_tenant_id()) and i.event_id = s.event_id
        left join usage_recent r on r.tenant_id = (select current_tenant_id()) and r.event_id = s.event_id"""  # noqa: S608 - as above
)
_FORGET = text(
    """delete from usage_intake where event_id in (select unnest(string_to_array(cast(:ids as text), chr(30))))"""
)
_SETTLE = text(
    """with gone as (
        delete from usage_intake where event_id in (select unnest(string_to_array(cast(:ids as text), chr(30))))
        returning tenant_id, event_id, event)
    insert into usage_recent (tenant_id, event_id, mark, drained_at)
    select tenant_id, event_id, cast(md5(event) as uuid), :now from gone order by event_id on conflict do nothing"""
)
# An id that is known when it is refused and unknown when it is looked up was drained in between, and is tried again.
_TRIES = 5


class IntakeUnsteady(Exception):
    """The same ids were drained again and again while they came. Sending the same again will help."""


@dataclass(frozen=True)
class Waiting:
    """How many events wait for the lake, and since when the oldest does; None where none waits."""

    events: int
    oldest_received_at: datetime | None


def place(connection: Connection, events: Mapping[str, str], now: datetime) -> dict[str, bool]:
    """Keep events (text of `pricing.usage_sources.kept` by id) in the tenant's open transaction.

    Returns those that were known before: whether with the same content. Ids must hold no control characters.
    """
    known: dict[str, bool] = {}
    left = dict(events)
    for _ in range(_TRIES):
        if not left:
            return known
        refused = connection.execute(_PLACE, _sent(left) | {"now": now}).scalars().all()
        if not refused:
            return known
        left = {event_id: left[event_id] for event_id in refused}
        for event_id, is_same in connection.execute(_KNOWN, _sent(left)):
            if is_same is not None:
                known[event_id] = is_same
                del left[event_id]
    if left:
        raise IntakeUnsteady(f"{len(left)} events were drained again and again while they came: send the same again.")
    return known


def read(connection: Connection, limit: int) -> tuple[list[str], list[str]]:
    """The ids and texts of some of the events that wait, at most `limit`."""
    rows = connection.execute(select(usage_intake.c.event_id, usage_intake.c.event).limit(limit)).all()
    return [row.event_id for row in rows], [row.event for row in rows]


def waiting(connection: Connection) -> Waiting:
    """What waits for the tenant of the open transaction."""
    row = connection.execute(select(func.count(), func.min(usage_intake.c.received_at))).one()
    return Waiting(row[0], row[1])


def settle(connection: Connection, taken: Sequence[str], contradicting: Sequence[str], now: datetime) -> None:
    """Take events out whose ids the lake holds by this transaction's end: `taken` with this content, the others with another."""
    if taken:
        connection.execute(_SETTLE, {"ids": _BETWEEN.join(taken), "now": now})
    if contradicting:
        connection.execute(_FORGET, {"ids": _BETWEEN.join(contradicting)})


def forget(connection: Connection, before: datetime) -> int:
    """Drop the marks of events that were drained before a moment; the lake goes on knowing them. Returns how many."""
    return connection.execute(delete(usage_recent).where(usage_recent.c.drained_at < before)).rowcount


def hold_count(connection: Connection, key_id: str, day: date) -> int:
    """How many new events a key has brought on a UTC day; nobody else counts for it until this transaction ends."""
    row = insert(api_key_days).values(tenant_id=func.current_tenant_id(), key_id=key_id, day=day)
    connection.execute(row.on_conflict_do_nothing())
    wanted = select(api_key_days.c.events).where(api_key_days.c.key_id == key_id, api_key_days.c.day == day)
    return int(connection.execute(wanted.with_for_update()).scalar_one())


def count(connection: Connection, key_id: str, day: date, events: int) -> None:
    """Add to what a key has brought on a day, which `hold_count` holds."""
    days = api_key_days.c
    connection.execute(
        api_key_days.update().where(days.key_id == key_id, days.day == day).values(events=days.events + events)
    )


def counted(connection: Connection, key_id: str, day: date) -> int:
    """How many new events a key has brought on a UTC day; counted for keys with a quota alone."""
    days = api_key_days.c
    found = connection.execute(select(days.events).where(days.key_id == key_id, days.day == day))
    return int(found.scalar_one_or_none() or 0)


def _sent(events: Mapping[str, str]) -> dict[str, object]:
    return {"ids": _BETWEEN.join(events), "events": _BETWEEN.join(events.values())}
