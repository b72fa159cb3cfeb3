"""Writes Stripe's objects into their tables so that order, repetition and old answers do no harm, and reads them for the pull."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Text, all_, any_, bindparam, cast, column, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY, JSON, insert
from sqlalchemy.sql.dml import ReturningInsert

from store.schema import metadata, stripe_events
from store.stripe_rows import KINDS, Raw, embedded_parts, has_more_parts, is_tombstone, kind_of, to_row
from store.stripe_values import reference


def upsert(connection: Connection, tenant_id: UUID, raw_objects: Iterable[Raw], fetched_at: datetime) -> int:
    """Write objects of any kinds, with the parts inside them, in the tenant's open transaction; returns how many were given.

    A row changes only when this answer is as new as the one it holds, so an answer that comes late cannot undo a newer one.
    Lines beyond those embedded in an invoice are given beside it, in the same call. A part that is no longer in its whole is
    marked as deleted. An object that Stripe says is deleted keeps the columns it had.
    """
    groups: dict[str, dict[str, Raw]] = {}
    for raw in raw_objects:
        groups.setdefault(raw["object"], {})[raw["id"]] = raw
    given = sum(len(group) for group in groups.values())
    # Wholes come before their parts in KINDS, as the references between the tables demand.
    for name in KINDS:
        group = groups.pop(name, {})
        gone = [id_ for id_, raw in group.items() if is_tombstone(raw)]
        mark_deleted(connection, tenant_id, name, gone, fetched_at)
        living = [raw for raw in group.values() if not is_tombstone(raw)]
        accepted = _write(connection, tenant_id, name, living, fetched_at)
        beside = _take_parts(name, group, groups)
        _write_parts(connection, tenant_id, name, [raw for raw in living if raw["id"] in accepted], beside, fetched_at)
    for group in groups.values():
        kind_of(next(iter(group.values())))  # says which kind is not mirrored
    return given


def mark_deleted(connection: Connection, tenant_id: UUID, kind: str, ids: Sequence[str], fetched_at: datetime) -> None:
    """Mark objects as deleted at Stripe, under the same rule as `upsert`; one never seen is remembered by its id alone."""
    if not ids:
        return
    table = metadata.tables[KINDS[kind].table]
    statement = insert(table)
    rows = [
        {
            "tenant_id": tenant_id,
            "id": id_,
            "raw": {"id": id_, "object": kind, "deleted": True},
            "synced_at": fetched_at,
            "is_deleted": True,
        }
        for id_ in sorted(ids)
    ]
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "id"],
            set_={"is_deleted": True, "synced_at": statement.excluded.synced_at},
            where=statement.excluded.synced_at >= table.c.synced_at,
        ),
        rows,
    )


def current(connection: Connection, kind: str, ids: Sequence[str]) -> list[Raw]:
    """Those of these objects that are mirrored and not deleted, as Stripe last gave them, in the order of ids."""
    table = metadata.tables[KINDS[kind].table].c
    wanted = select(table.raw).where(table.id == any_(_text_array("ids")), ~table.is_deleted).order_by(table.id)
    return list(connection.scalars(wanted, {"ids": list(ids)}))


def after(connection: Connection, kind: str, id_: str, *, limit: int) -> list[Raw]:
    """The next living objects of a kind behind an id, in the order of ids; the first ones behind an empty id."""
    table = metadata.tables[KINDS[kind].table].c
    return list(
        connection.scalars(select(table.raw).where(table.id > id_, ~table.is_deleted).order_by(table.id).limit(limit))
    )


def unknown_events(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Those of these events that have not been stored yet."""
    stored = select(stripe_events.c.id).where(stripe_events.c.id == any_(_text_array("ids")))
    return set(ids) - set(connection.scalars(stored, {"ids": list(ids)}))


def not_seen_since(connection: Connection, kind: str, since: datetime) -> list[str]:
    """Ids of the living objects of a kind whose newest answer is older than `since`, in order."""
    table = metadata.tables[KINDS[kind].table].c
    return list(
        connection.scalars(select(table.id).where(table.synced_at < since, ~table.is_deleted).order_by(table.id))
    )


def row_count(connection: Connection, kind: str) -> int:
    """How many objects of a kind are mirrored and not deleted."""
    table = metadata.tables[KINDS[kind].table]
    return connection.scalar(select(func.count()).select_from(table).where(~table.c.is_deleted)) or 0


def newest_created(connection: Connection, kind: str) -> datetime | None:
    """When the newest mirrored object of a kind came to be, by Stripe's clock."""
    newest: datetime | None = connection.scalar(select(func.max(metadata.tables[KINDS[kind].table].c.created_at)))
    return newest


def _take_parts(name: str, wholes: Mapping[str, Raw], groups: Mapping[str, dict[str, Raw]]) -> list[Raw]:
    """Take out of `groups` the parts given beside their wholes; their fate is that of the whole's answer."""
    parts = KINDS[name].parts
    given = groups.get(parts.kind, {}) if parts else {}
    key = parts.whole_column.removesuffix("_id") if parts else ""
    return [given.pop(id_) for id_, raw in list(given.items()) if reference(raw.get(key)) in wholes]


def _write_parts(
    connection: Connection, tenant_id: UUID, name: str, wholes: list[Raw], beside: list[Raw], fetched_at: datetime
) -> None:
    """Write the parts of the wholes whose answer counted, and mark those that Stripe no longer lists among them."""
    parts = KINDS[name].parts
    if parts is None or not wholes:
        return
    key = parts.whole_column.removesuffix("_id")
    ids = {whole["id"] for whole in wholes}
    further = [raw for raw in beside if reference(raw.get(key)) in ids]
    living = [raw for whole in wholes for raw in embedded_parts(whole)] + further
    _write(connection, tenant_id, parts.kind, living, fetched_at)
    completed = {reference(raw.get(key)) for raw in further}
    fully_listed = [whole["id"] for whole in wholes if not has_more_parts(whole) or whole["id"] in completed]
    table = metadata.tables[KINDS[parts.kind].table]
    connection.execute(
        update(table)
        .values(is_deleted=True, synced_at=fetched_at)
        .where(
            table.c[parts.whole_column] == any_(_text_array("wholes")),
            table.c.id != all_(_text_array("living")),
            table.c.synced_at <= fetched_at,
            ~table.c.is_deleted,
        ),
        {"wholes": fully_listed, "living": [raw["id"] for raw in living]},
    )


def _text_array(name: str) -> Any:
    """One parameter that holds many texts, however many there are."""
    return bindparam(name, type_=ARRAY(Text))


def _write(
    connection: Connection, tenant_id: UUID, name: str, objects: Sequence[Raw], fetched_at: datetime
) -> set[str]:
    """Upsert living objects of one kind; returns the ids of those whose row now holds this answer."""
    if not objects:
        return set()
    rows = {raw["id"]: to_row(raw, fetched_at=fetched_at) for raw in objects}
    # Always in the order of ids, so that two pulls at a time wait for each other instead of forming a circle.
    ordered = [rows[id_] for id_ in sorted(rows)]
    result = connection.execute(_upsert_statement(name), {"tenant": tenant_id, "rows": _as_json(ordered)})
    return set(result.scalars())


@cache
def _upsert_statement(name: str) -> ReturningInsert[Any]:
    """The statement that takes all rows of one kind as a single JSON document.

    COPY into a table with row-level security is refused by Postgres, and one statement per row is ten times slower.
    """
    table = metadata.tables[KINDS[name].table]
    columns = [item for item in table.columns if item.name != "tenant_id"]
    rows = (
        func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
        .table_valued(*[column(item.name, item.type) for item in columns])
        .render_derived(name="given", with_types=True)
    )
    source = select(bindparam("tenant", type_=table.c.tenant_id.type), *[rows.c[item.name] for item in columns])
    statement = insert(table).from_select(["tenant_id", *[item.name for item in columns]], source)
    excluded = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["tenant_id", "id"],
        set_={item.name: excluded[item.name] for item in columns if item.name != "id"},
        where=excluded.synced_at >= table.c.synced_at,
    ).returning(table.c.id)


def _as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as JSON: times in ISO 8601, decimals as texts. Postgres can keep no NUL character, so that becomes U+FFFD."""
    encoded = msgspec.json.encode(rows).decode()
    if "\\u0000" in encoded:  # rare, and may as well be a backslash that someone typed: look at the texts themselves
        encoded = msgspec.json.encode(_without_nul(rows)).decode()
    return encoded


def _without_nul(value: Any) -> Any:
    """The same value with every NUL in its texts replaced."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, Mapping):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nul(item) for item in value]
    return value
