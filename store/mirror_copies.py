"""Our copies of Stripe's objects as reconciliation looks at them: whole rows with their parts, and what belongs to a charge."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from store.schema import (
    metadata,
    stripe_balance_transactions,
    stripe_disputes,
    stripe_events,
    stripe_inbox,
    stripe_refunds,
)
from store.stripe_rows import KINDS, Raw, Row


def rows(connection: Connection, kind: str, ids: Sequence[str]) -> dict[str, Row]:
    """Every column of these objects' rows but the tenant, deleted ones too, by id."""
    table = metadata.tables[KINDS[kind].table]
    columns = [column for column in table.columns if column.name != "tenant_id"]
    found = connection.execute(select(*columns).where(table.c.id == any_(_texts("ids"))), {"ids": list(ids)})
    return {row.id: row._asdict() for row in found}


def parts(connection: Connection, kind: str, ids: Sequence[str]) -> dict[str, dict[str, Row]]:
    """The living rows of these objects' parts, by the whole's id and their own; empty for kinds without parts."""
    made_of = KINDS[kind].parts
    if made_of is None:
        return {}
    table = metadata.tables[KINDS[made_of.kind].table]
    columns = [column for column in table.columns if column.name != "tenant_id"]
    whole = table.c[made_of.whole_column]
    found: dict[str, dict[str, Row]] = {}
    for row in connection.execute(
        select(*columns).where(whole == any_(_texts("ids")), ~table.c.is_deleted), {"ids": list(ids)}
    ):
        kept = row._asdict()
        found.setdefault(kept[made_of.whole_column], {})[kept["id"]] = kept
    return found


def living_between(connection: Connection, kind: str, *, after: datetime | None, until: datetime) -> list[str]:
    """Ids of the living objects of a kind that were created after one time (None: from the beginning) and until another."""
    table = metadata.tables[KINDS[kind].table].c
    wanted = select(table.id).where(table.created_at <= until, ~table.is_deleted)
    if after is not None:
        wanted = wanted.where(table.created_at > after)
    return list(connection.scalars(wanted.order_by(table.id)))


def living_without_time(connection: Connection, kind: str) -> list[str]:
    """Ids of the living objects of a kind of which no time of creation is known."""
    table = metadata.tables[KINDS[kind].table].c
    return list(connection.scalars(select(table.id).where(table.created_at.is_(None), ~table.is_deleted)))


def existing(connection: Connection, kind: str, ids: Sequence[str]) -> set[str]:
    """Those of these objects that are here and not deleted."""
    table = metadata.tables[KINDS[kind].table].c
    wanted = select(table.id).where(table.id == any_(_texts("ids")), ~table.is_deleted)
    return set(connection.scalars(wanted, {"ids": list(ids)}))


def refunds_of(connection: Connection, charge_ids: Sequence[str]) -> dict[str, list[Raw]]:
    """The living refunds of these charges, by charge."""
    return _by_column(connection, stripe_refunds.c, "charge_id", charge_ids)


def disputes_of(connection: Connection, charge_ids: Sequence[str]) -> dict[str, list[Raw]]:
    """The living disputes of these charges, by charge."""
    return _by_column(connection, stripe_disputes.c, "charge_id", charge_ids)


def booked_for(connection: Connection, source_ids: Sequence[str]) -> dict[str, list[Raw]]:
    """The balance transactions of these sources, by source."""
    return _by_column(connection, stripe_balance_transactions.c, "source_id", source_ids)


def net_by_currency(connection: Connection, *, until: datetime) -> dict[str, int]:
    """The sum of all balance transactions created until then, net of fees, in minor units by currency."""
    money = stripe_balance_transactions.c
    found = connection.execute(
        select(money.currency, func.sum(money.net_minor))
        .where(money.created_at <= until, ~money.is_deleted)
        .group_by(money.currency)
    )
    return {currency: int(total) for currency, total in found if currency is not None}


def fate_of_events(connection: Connection, event_ids: Sequence[str]) -> dict[str, str]:
    """What became of each of these events here: its state in the inbox, or `followed` by a pull; absent when it never came."""
    ids = {"ids": list(event_ids)}
    pulled = connection.scalars(select(stripe_events.c.id).where(stripe_events.c.id == any_(_texts("ids"))), ids)
    fates = dict.fromkeys(pulled, "followed")
    inbox = stripe_inbox.c
    for event_id, state in connection.execute(
        select(inbox.event_id, inbox.state).where(inbox.event_id == any_(_texts("ids"))), ids
    ):
        fates[event_id] = state
    return fates


def _by_column(connection: Connection, table: Any, name: str, values: Sequence[str]) -> dict[str, list[Raw]]:
    column = table[name]
    wanted = select(column, table.raw).where(column == any_(_texts("ids")), ~table.is_deleted).order_by(table.id)
    found: dict[str, list[Raw]] = {}
    for value, raw in connection.execute(wanted, {"ids": list(values)}):
        found.setdefault(value, []).append(raw)
    return found


def _texts(name: str) -> Any:
    """One parameter that holds many texts, however many there are."""
    return bindparam(name, type_=ARRAY(Text))
