"""Usage and cost as providers report them by day: what is told differently later supersedes, and nothing is overwritten."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import polars as pl
from sqlalchemy import ARRAY, BigInteger, Connection, Table, any_, func, insert, literal, select, true, update

from pricing.usage import BUCKETS
from store.schema import provider_costs, provider_usage, usage_connections
from store.usage_connections import CountsAs

_TEXT, _WHOLE = pl.String(), pl.Int64()
USAGE_LABELS = ("provider", "model", "service_tier", "region", "api_key", "project", "customer_ref")
USAGE_VALUES = (*BUCKETS, "reported_cost_pico_usd")
COST_LABELS = (
    "provider",
    "model",
    "service_tier",
    "project",
    "line_item",
    "charge_category",
    "unit",
    "currency",
    "invoice_id",
)
COST_VALUES = ("quantity", "cost_pico_usd", "credit_pico_usd", "billed_pico")
# Rows as a connector hands them in: a bucket, a cost or a quantity that the report does not tell is null.
USAGE_SCHEMA: dict[str, pl.DataType] = {
    "day": pl.Date(),
    **dict.fromkeys(USAGE_LABELS, _TEXT),
    **dict.fromkeys(USAGE_VALUES, _WHOLE),
}
COST_SCHEMA: dict[str, pl.DataType] = {
    "day": pl.Date(),
    **dict.fromkeys(COST_LABELS, _TEXT),
    **dict.fromkeys(COST_VALUES, _WHOLE),
}
_WHO: dict[str, pl.DataType] = {"connection_id": _TEXT, "kind": _TEXT, "counts_as": _TEXT, "stream": _TEXT}


@dataclass(frozen=True)
class Days:
    """UTC days from `first` (inclusive) to `end` (exclusive)."""

    first: date
    end: date


@dataclass(frozen=True)
class Change:
    """What a report changed: lines never told before, told differently, no longer told, and told as before."""

    new: int = 0
    restated: int = 0
    withdrawn: int = 0
    same: int = 0

    def __add__(self, other: "Change") -> "Change":
        return Change(
            self.new + other.new,
            self.restated + other.restated,
            self.withdrawn + other.withdrawn,
            self.same + other.same,
        )


@dataclass(frozen=True)
class _Shape:
    table: Table
    labels: tuple[str, ...]
    values: tuple[str, ...]
    schema: Mapping[str, pl.DataType]


_USAGE = _Shape(provider_usage, USAGE_LABELS, USAGE_VALUES, USAGE_SCHEMA)
_COSTS = _Shape(provider_costs, COST_LABELS, COST_VALUES, COST_SCHEMA)


def replace_usage(
    connection: Connection, connection_id: UUID, stream: str, days: Days, rows: pl.DataFrame, *, now: datetime
) -> Change:
    """Make `rows` (USAGE_SCHEMA) all that this stream tells of these days, in the transaction that moves its cursor.

    Only lines that are told differently get a new row; the older one keeps its content and gets `superseded_at`.
    """
    return _replace(connection, _USAGE, connection_id, stream, days, rows, now)


def replace_costs(
    connection: Connection, connection_id: UUID, stream: str, days: Days, rows: pl.DataFrame, *, now: datetime
) -> Change:
    """As `replace_usage`, for lines of cost (COST_SCHEMA)."""
    return _replace(connection, _COSTS, connection_id, stream, days, rows, now)


def read_usage(connection: Connection, *, counts_as: CountsAs | None = None) -> pl.DataFrame:
    """Every line of usage in force of the open connections (or of those that count so): USAGE_SCHEMA, connection_id, kind, counts_as, stream."""
    return _read(connection, _USAGE, counts_as)


def read_costs(connection: Connection) -> pl.DataFrame:
    """Every line of cost in force of the open connections: COST_SCHEMA, connection_id, kind, counts_as, stream.

    `cost_pico_usd` is net of `credit_pico_usd`. Tax and adjustments stand in lines of their own `charge_category`.
    """
    return _read(connection, _COSTS)


def billed_by(connection: Connection, provider: str, days: Days) -> set[str]:
    """The open connections (`kind:label`) that tell what this provider billed on any of these days."""
    table, source = provider_costs.c, usage_connections.c
    rows = connection.execute(
        select(source.kind, source.label)
        .join(provider_costs, source.connection_id == table.connection_id)
        .where(
            table.provider == provider,
            table.day >= days.first,
            table.day < days.end,
            table.superseded_at.is_(None),
            source.disconnected_at.is_(None),
        )
        .distinct()
    )
    return {f"{kind}:{label}" for kind, label in rows}


def _replace(
    connection: Connection,
    shape: _Shape,
    connection_id: UUID,
    stream: str,
    days: Days,
    rows: pl.DataFrame,
    now: datetime,
) -> Change:
    _hold(connection, connection_id)
    told, known = _told(shape, rows, days), _known(connection, shape, connection_id, stream, days)
    both = told.join(known, on=["day", "line_key"], how="full", coalesce=True, suffix="_known")
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_known")) for name in shape.values)
    is_told, is_known = pl.col("is_told").is_not_null(), pl.col("row_id").is_not_null()
    withdrawn = both.filter(~is_told)
    restated = both.filter(is_told & is_known & differs)
    new = both.filter(is_told & ~is_known)
    table = shape.table
    outdated = [*withdrawn["row_id"], *restated["row_id"]]
    if outdated:
        connection.execute(
            update(table).where(table.c.row_id == any_(literal(outdated, ARRAY(BigInteger)))).values(superseded_at=now)
        )
    tenant_id = connection.scalar(select(func.current_tenant_id()))
    who = {"tenant_id": tenant_id, "connection_id": connection_id, "stream": stream, "recorded_at": now}
    written = pl.concat([new, restated]).select("day", "line_key", *shape.labels, *shape.values).sort("day", "line_key")
    if not written.is_empty():
        connection.execute(insert(table), [who | row for row in written.iter_rows(named=True)])
    return Change(new.height, restated.height, withdrawn.height, told.height - new.height - restated.height)


def _hold(connection: Connection, connection_id: UUID) -> None:
    """Two pulls of one connection come one after the other: the second compares with what the first has written."""
    held = usage_connections.c.connection_id
    connection.execute(select(held).where(held == connection_id).with_for_update()).one()


def _told(shape: _Shape, rows: pl.DataFrame, days: Days) -> pl.DataFrame:
    """One row for each day and set of labels, what stands in several added up; null only where none has a value."""
    outside = rows.filter(~pl.col("day").is_between(days.first, days.end, closed="left"))
    if not outside.is_empty():
        raise ValueError(f"A report on {days.first} to {days.end} tells of {outside['day'][0]}")
    key = pl.concat_str([pl.col(name).fill_null("") for name in shape.labels], separator="\x1f").alias("line_key")
    added = [pl.when(pl.col(name).is_not_null().any()).then(pl.col(name).sum()).alias(name) for name in shape.values]
    summed = rows.select(pl.col(name).cast(kind) for name, kind in shape.schema.items())
    return summed.group_by("day", *shape.labels).agg(added).with_columns(key, pl.lit(value=True).alias("is_told"))


def _known(connection: Connection, shape: _Shape, connection_id: UUID, stream: str, days: Days) -> pl.DataFrame:
    table = shape.table.c
    names = ("day", "line_key", "row_id", *shape.values)
    rows = connection.execute(
        select(*(table[name] for name in names)).where(
            table.connection_id == connection_id,
            table.stream == stream,
            table.day >= days.first,
            table.day < days.end,
            table.superseded_at.is_(None),
        )
    )
    kinds = {"day": pl.Date(), "line_key": _TEXT, "row_id": _WHOLE, **dict.fromkeys(shape.values, _WHOLE)}
    return pl.DataFrame([tuple(row) for row in rows], schema=kinds, orient="row")


def _read(connection: Connection, shape: _Shape, counts_as: CountsAs | None = None) -> pl.DataFrame:
    table, source = shape.table.c, usage_connections.c
    wanted = true() if counts_as is None else source.counts_as == counts_as.value
    rows = connection.execute(
        select(
            *(table[name] for name in shape.schema), table.connection_id, source.kind, source.counts_as, table.stream
        )
        .join(usage_connections, source.connection_id == table.connection_id)
        .where(table.superseded_at.is_(None), source.disconnected_at.is_(None), wanted)
        .order_by(table.day, table.row_id)
    )
    found = [(*row[: len(shape.schema)], str(row.connection_id), row.kind, row.counts_as, row.stream) for row in rows]
    return pl.DataFrame(found, schema={**shape.schema, **_WHO}, orient="row")
