"""The rows of the meter ledger: made once per window and revision, claimed by lease, moved only by whoever holds it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, and_, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or_find

from pricing.meter_windows import Counted, MeterRule
from store.schema import meter_drifts, meter_ledger, meter_rules

CHANNEL = "meter_ledger"
# Rows that stand for nothing that was told: what they held is told again, or was never to be told.
VOID = ("canceled", "lost", "replayed")

table = meter_ledger.c
_COLUMNS = [column for column in meter_ledger.columns if column.name not in {"tenant_id", "position"}]


@dataclass(frozen=True)
class StoredRule:
    """A rule with how it is told: by which sink, and in earnest (`live`), on paper (`shadow`) or not (`off`)."""

    rule: MeterRule
    sink: str
    mode: str


@dataclass(frozen=True)
class MeterEvent:
    """One event of the ledger: so many units of a customer in the window that begins at `window_start`, in UTC."""

    identifier: str
    rule_id: str
    customer_id: str
    window_start: datetime
    revision: int
    units: int
    state: str
    attempts: int
    made_at: datetime
    first_sent_at: datetime | None
    settled_at: datetime | None
    next_attempt_at: datetime
    lease_token: UUID | None
    lease_until: datetime | None
    last_trouble: str | None
    trouble_code: str | None

    @property
    def day(self) -> date:
        """The UTC day that Stripe sums it under."""
        return self.window_start.astimezone(UTC).date()


def add_rule(
    connection: Connection, tenant_id: UUID, rule: MeterRule, *, sink: str, mode: str, made_by: str, now: datetime
) -> bool:
    """Keep a new rule; False when there is one of this name already."""
    made = connection.execute(
        insert_or_find(meter_rules)
        .values(
            tenant_id=tenant_id,
            rule_id=rule.rule_id,
            event_name=rule.event_name,
            meter_id=rule.meter_id,
            counted=list(rule.counted),
            per=rule.per,
            time_window=rule.window,
            provider=rule.provider,
            model=rule.model,
            feature=rule.feature,
            sink=sink,
            mode=mode,
            starts_at=rule.starts_at,
            made_at=now,
            made_by=made_by,
        )
        .on_conflict_do_nothing()
        .returning(meter_rules.c.rule_id)
    )
    return made.one_or_none() is not None


def set_mode(connection: Connection, rule_id: str, mode: str, *, starts_at: datetime | None = None) -> bool:
    """Tell in earnest, on paper or not at all, from `starts_at` on where one is given; False when there is no such rule."""
    values: dict[str, Any] = {"mode": mode} | ({} if starts_at is None else {"starts_at": starts_at})
    changed = connection.execute(update(meter_rules).where(meter_rules.c.rule_id == rule_id).values(**values))
    return changed.rowcount == 1


def rules(connection: Connection) -> list[StoredRule]:
    """All rules by name."""
    rows = connection.execute(select(meter_rules).order_by(meter_rules.c.rule_id))
    return [StoredRule(_rule(row), row.sink, row.mode) for row in rows]


def lock(connection: Connection, rule_id: str) -> None:
    """Until the transaction's end nobody else works out what is still to be told under this rule."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('meter_rule:' || current_tenant_id() || :rule_id, 0))"),
        {"rule_id": rule_id},
    )


def told(connection: Connection, rule_id: str, *, since: datetime, is_shadow: bool) -> list[Counted]:
    """What was told, or is on its way, by customer and window from `since` on; what Stripe refused counts as told."""
    of_mode = table.state == "shadow" if is_shadow else table.state.not_in((*VOID, "shadow"))
    rows = connection.execute(
        select(table.customer_id, table.window_start, func.sum(table.units).label("units"))
        .where(table.rule_id == rule_id, table.window_start >= since, of_mode)
        .group_by(table.customer_id, table.window_start)
    )
    return [Counted(row.customer_id, row.window_start, int(row.units)) for row in rows]


def revisions(connection: Connection, rule_id: str, *, since: datetime) -> dict[tuple[str, datetime], int]:
    """How often each customer's window has been told, in whatever state."""
    rows = connection.execute(
        select(table.customer_id, table.window_start, func.count())
        .where(table.rule_id == rule_id, table.window_start >= since)
        .group_by(table.customer_id, table.window_start)
    )
    return {(row[0], row[1]): row[2] for row in rows}


def add(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write new events down."""
    if rows:
        connection.execute(insert(meter_ledger), rows)
        connection.execute(text(f"notify {CHANNEL}"))


def claim(
    connection: Connection, rule_id: str, *, now: datetime, lease: timedelta, limit: int, states: Sequence[str]
) -> list[MeterEvent]:
    """Take events that are due and free, oldest first, for as long as the lease lasts."""
    due = (
        select(table.identifier)
        .where(
            table.rule_id == rule_id,
            table.state.in_(states),
            table.next_attempt_at <= now,
            or_(table.lease_until.is_(None), table.lease_until <= now),
        )
        .order_by(table.position)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    identifiers = list(connection.scalars(due))
    return _moved(connection, table.identifier.in_(identifiers), lease_token=uuid4(), lease_until=now + lease)


def mark_sending(connection: Connection, events: Sequence[MeterEvent], *, now: datetime) -> list[MeterEvent]:
    """Write down that from here on they may have arrived; those whose lease was lost are left out."""
    marked = []
    for event in events:
        values = {"state": "sending", "attempts": table.attempts + 1, "first_sent_at": event.first_sent_at or now}
        marked += _moved(connection, _held(event), **values)
    return marked


def record(connection: Connection, event: MeterEvent, **values: Any) -> bool:
    """Move an event whose lease is held and give the lease back; False when somebody else holds it by now."""
    return bool(_moved(connection, _held(event), lease_token=None, lease_until=None, **values))


def move(
    connection: Connection, identifiers: Collection[str], from_states: Sequence[str], **values: Any
) -> list[MeterEvent]:
    """Move those of the events that nobody works on and that are in one of the states."""
    where = and_(table.identifier.in_(list(identifiers)), table.state.in_(from_states), table.lease_token.is_(None))
    return _moved(connection, where, **values)


def read(
    connection: Connection, rule_id: str, *, since: datetime | None = None, states: Sequence[str] | None = None
) -> list[MeterEvent]:
    """The events of a rule by the order in which they were made."""
    wanted = select(*_COLUMNS).where(table.rule_id == rule_id).order_by(table.position)
    if since is not None:
        wanted = wanted.where(table.window_start >= since)
    if states is not None:
        wanted = wanted.where(table.state.in_(states))
    return [_event(row) for row in connection.execute(wanted)]


def counts(connection: Connection) -> dict[str, dict[str, tuple[int, int]]]:
    """By rule and state: how many events, how many units."""
    rows = connection.execute(
        select(table.rule_id, table.state, func.count(), func.sum(table.units)).group_by(table.rule_id, table.state)
    )
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for rule_id, state, number, units in rows:
        found.setdefault(rule_id, {})[state] = (number, int(units))
    return found


def keep_drifts(connection: Connection, tenant_id: UUID, rows: Sequence[dict[str, Any]]) -> None:
    """Keep how customers' days differ (all columns but the tenant); what was kept of a day before gives way."""
    if not rows:
        return
    key = ("tenant_id", "rule_id", "customer_id", "day")
    statement = insert_or_find(meter_drifts)
    new = {column.name: statement.excluded[column.name] for column in meter_drifts.columns if column.name not in key}
    connection.execute(
        statement.on_conflict_do_update(index_elements=key, set_=new), [row | {"tenant_id": tenant_id} for row in rows]
    )


def drifts(connection: Connection, rule_id: str) -> dict[tuple[str, date], Row[Any]]:
    """Every difference that was seen, by customer and day."""
    rows = connection.execute(select(meter_drifts).where(meter_drifts.c.rule_id == rule_id))
    return {(row.customer_id, row.day): row for row in rows}


def _held(event: MeterEvent) -> Any:
    return and_(table.identifier == event.identifier, table.lease_token == event.lease_token)


def _moved(connection: Connection, where: Any, **values: Any) -> list[MeterEvent]:
    rows = connection.execute(update(meter_ledger).where(where).values(**values).returning(*_COLUMNS))
    return [_event(row) for row in rows]


def _event(row: Row[Any]) -> MeterEvent:
    return MeterEvent(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping


def _rule(row: Row[Any]) -> MeterRule:
    return MeterRule(
        rule_id=row.rule_id,
        event_name=row.event_name,
        meter_id=row.meter_id,
        counted=tuple(row.counted),
        per=row.per,
        starts_at=row.starts_at,
        window=row.time_window,
        provider=row.provider,
        model=row.model,
        feature=row.feature,
    )


def units_by_day(events: Iterable[MeterEvent]) -> dict[tuple[str, date], int]:
    """Units by customer and UTC day."""
    found: dict[tuple[str, date], int] = {}
    for event in events:
        key = (event.customer_id, event.day)
        found[key] = found.get(key, 0) + event.units
    return found
