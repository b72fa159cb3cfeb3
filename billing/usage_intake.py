"""Events posted together, kept in one transaction a tenant: each id once, within the keys' quotas, with an answer for each request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from store import usage_intake
from store.api_keys import ApiKey
from store.database import Connection, Engine, tenant_transaction
from store.failpoints import reach


@dataclass(frozen=True)
class Arrival:
    """One request's events by id, as texts of `pricing.usage_sources.kept`; `key` None where no key of a program brought them."""

    tenant_id: UUID
    key: ApiKey | None
    events: Mapping[str, str]


@dataclass(frozen=True)
class Outcome:
    """What became of one request's events: those known before, by id, whether with the same content; the others are new.

    `over_quota` requests were not taken at all.
    """

    known: Mapping[str, bool]
    over_quota: bool = False


def keep(engine: Engine, arrivals: Sequence[Arrival], now: datetime) -> list[Outcome]:
    """Keep what arrived; durable for a tenant's requests when this returns. Raises what the database raises."""
    outcomes: dict[int, Outcome] = {}
    for tenant_id in dict.fromkeys(arrival.tenant_id for arrival in arrivals):
        own = [(place, arrival) for place, arrival in enumerate(arrivals) if arrival.tenant_id == tenant_id]
        with tenant_transaction(engine, tenant_id) as connection:
            kept = _keep(connection, [arrival for _, arrival in own], now)
            reach("usage_intake.before_commit")
        reach("usage_intake.after_commit")
        outcomes |= {place: outcome for (place, _), outcome in zip(own, kept, strict=True)}
    return [outcomes[place] for place in range(len(arrivals))]


def quota_wait_seconds(now: datetime) -> int:
    """How long until the next UTC day, when quotas begin anew."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return int((day + timedelta(days=1) - now).total_seconds()) + 1


def _keep(connection: Connection, arrivals: Sequence[Arrival], now: datetime) -> list[Outcome]:
    day = now.astimezone(UTC).date()
    left: dict[str, int] = {}
    # In one order, so that two processes never wait for each other's keys in a circle.
    limited = {arrival.key.key_id: arrival.key for arrival in arrivals if arrival.key and arrival.key.events_per_day}
    for key_id in sorted(limited):
        quota = limited[key_id].events_per_day or 0
        left[key_id] = quota - usage_intake.hold_count(connection, key_id, day)
    together: dict[str, str] = {}
    told: list[Outcome | None] = []
    for arrival in arrivals:
        if arrival.key is not None and arrival.key.key_id in left:
            if len(arrival.events) > left[arrival.key.key_id]:
                told.append(Outcome({}, over_quota=True))
                continue
            left[arrival.key.key_id] -= len(arrival.events)
        told.append(None)
        for event_id, event in arrival.events.items():
            together.setdefault(event_id, event)
    known = usage_intake.place(connection, together, now)
    first: set[str] = set()
    new: dict[str, int] = dict.fromkeys(limited, 0)
    outcomes: list[Outcome] = []
    for arrival, outcome in zip(arrivals, told, strict=True):
        settled = outcome or Outcome(_known(connection, arrival.events, together, known, first, now))
        if outcome is None:
            first.update(arrival.events)
            if arrival.key is not None and arrival.key.key_id in new:
                new[arrival.key.key_id] += len(arrival.events) - len(settled.known)
        outcomes.append(settled)
    for key_id, events in new.items():
        if events:
            usage_intake.count(connection, key_id, day, events)
    return outcomes


def _known(
    connection: Connection,
    events: Mapping[str, str],
    together: Mapping[str, str],
    known: Mapping[str, bool],
    first: set[str],
    now: datetime,
) -> dict[str, bool]:
    """Which events of a request were known: to the store, or from a request before it in the same transaction."""
    before = events.keys() & first
    if not known and not before:
        return {}
    # Another content than the one that was just placed is compared with what is held now.
    other = {event_id: event for event_id, event in events.items() if event != together[event_id]}
    same = {event_id: known.get(event_id, True) for event_id in events if event_id in known or event_id in before}
    return same | usage_intake.place(connection, other, now)
