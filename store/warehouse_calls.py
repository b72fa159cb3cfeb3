"""The last step of "why": a customer's month by day and price entry from the cube, and the single calls behind it from the lake."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import duckdb
import polars as pl

from pricing.usage import BUCKETS, TOKEN_BUCKETS
from store.lake import ADDED_COLUMNS, LakeFile, tenant_folder
from store.warehouse import load
from store.warehouse_reads import Warehouse

_TOKENS = " + ".join(TOKEN_BUCKETS)
# What of a call is shown; a file of an older version may lack the words that came later.
_WORDS = ("event_id", "customer_ref", "provider", "model", "feature", "service_tier", *ADDED_COLUMNS)


class CallsGone(Exception):
    """The lake's files of that day have been priced again since this version was published; the next version knows the new ones."""


@dataclass(frozen=True)
class Cell:
    """The calls that are one row of `cells`: one customer's on one day (UTC), by model, feature and price entry."""

    customer_id: str
    day: date
    provider: str | None
    model: str | None
    feature: str | None
    price_id: int | None


def load_files(con: duckdb.DuckDBPyConnection, files: Sequence[LakeFile]) -> None:
    """Write which files of the lake a version is made of, by day."""
    load(con, "lake_files", [{"day": file.day, "path": file.path, "rows": file.rows} for file in files])


def cells(warehouse: Warehouse, customer_id: str, month: date) -> pl.DataFrame:
    """A customer's month by day, model, feature and price entry: calls, tokens, cost at the entry and counted cost; newest first.

    `cost_sources` and `contract_ids` say by whose word the cost counts, several where several do. Money without calls is left out.
    """
    return warehouse.rows(
        f"""select u.day, u.provider, u.model, u.feature, u.price_id, p.price_key, sum(u.events)::bigint as events,
            sum({_TOKENS})::bigint as tokens, sum(u.list_cost_pico_usd) as list_cost_pico_usd, sum(u.cost_pico_usd) as cost_pico_usd,
            list_sort(list(distinct u.cost_source) filter (u.cost_source is not null)) as cost_sources,
            list_sort(list(distinct u.contract_id) filter (u.contract_id is not null)) as contract_ids,
            any_value(u.unpriced_reason) as unpriced_reason
        from usage_cube u left join price_entries p using (price_id)
        where u.customer_id = $1 and u.month = $2 and u.events > 0
        group by u.day, u.provider, u.model, u.feature, u.price_id, p.price_key
        order by u.day desc, cost_pico_usd desc nulls last, u.model, u.feature, p.price_key""",
        [customer_id, month],
    )


def calls(warehouse: Warehouse, cell: Cell, *, offset: int, limit: int) -> pl.DataFrame:
    """The single calls of a cell, newest first: their words, moments (UTC), BUCKETS and costs; only files of that day are read.

    No rows where the usage came as a provider's report by day, which holds no calls. Raises CallsGone.
    """
    files = warehouse.rows("select path from lake_files where day = $1 order by path", [cell.day])["path"].to_list()
    refs = warehouse.rows(
        "select distinct customer_ref from usage_cube where customer_id = $1 and day = $2", [cell.customer_id, cell.day]
    )["customer_ref"].to_list()
    if not files or not refs:
        return pl.DataFrame()
    # home / "warehouse" / tenant / version, as store.warehouse lays it out
    folder = tenant_folder(warehouse.file.parents[2], UUID(warehouse.tenant_id))
    paths = [str(folder / path) for path in files]
    try:
        return warehouse.rows(
            _calls(warehouse, paths),
            [paths, refs, cell.provider, cell.model, cell.feature, cell.price_id, limit, offset],
        )
    except duckdb.IOException as problem:
        raise CallsGone(
            f"The calls of {cell.day} have been priced again since version {warehouse.version} was published: look again "
            "once the next version is there, or run `metering refresh`."
        ) from problem


def _calls(warehouse: Warehouse, paths: Sequence[str]) -> str:
    known = set(warehouse.rows("select name from parquet_schema($1)", [list(paths)])["name"])
    words = ", ".join(name if name in known else f"null::varchar as {name}" for name in _WORDS)
    return f"""select {words}, occurred_at, {", ".join(BUCKETS)}, price_id, cost_pico_usd, reported_cost_pico_usd, unpriced_reason
        from read_parquet($1, hive_partitioning = false, union_by_name = true)
        where list_contains($2, customer_ref) and provider is not distinct from $3 and model is not distinct from $4
            and feature is not distinct from $5 and price_id is not distinct from $6
        order by occurred_at desc, event_id limit $7 offset $8"""


def entry(warehouse: Warehouse, price_id: int) -> pl.DataFrame:
    """The price entry of that id, one row of the table `price_entries`; none where the version does not hold it."""
    return warehouse.rows("select * from price_entries where price_id = $1", [price_id])
