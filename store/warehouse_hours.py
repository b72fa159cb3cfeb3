"""Usage of the last weeks up to one hour of the day, so that a day that still runs is compared with what was usual by then."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import duckdb
import polars as pl

from store import lake
from store.warehouse_reads import Warehouse
from store.warehouse_spikes import KEYS, frame, scope_sets

# Eight weeks: so many does the effect of a weekday take, and the scale of a day's surprises.
HOURS_DAYS = 56


def load(
    con: duckdb.DuckDBPyConnection,
    home: Path,
    tenant_id: UUID,
    files: Sequence[lake.LakeFile],
    refs: pl.DataFrame,
    *,
    now: datetime,
) -> None:
    """Write usage_until_hour from the manifest's `files` of the last eight weeks; the hour is the last full one that events reach today.

    `refs` are (customer_ref, customer_id); `now` is UTC.
    """
    today = now.date()
    paths = [file.path for file in files if today - timedelta(days=HOURS_DAYS) <= file.day <= today]
    events = lake.lake_relation(con, home, tenant_id, paths).set_alias("e")
    ((newest,),) = events.filter(f"occurred_at >= timestamp '{today}'").aggregate("max(occurred_at)").fetchall()
    hour = newest.hour if newest is not None and newest.date() == today else 0
    if hour == 0:
        return
    named = con.from_arrow(refs.to_arrow()).set_alias("r")
    until = f"hour(e.occurred_at) < {hour}"
    events.join(named, "e.customer_ref = r.customer_ref", how="left").filter(
        f"e.occurred_at < timestamp '{today + timedelta(days=1)}' and e.cost_pico_usd is not null"
    ).aggregate(
        f"""e.occurred_at::date as day, {hour} as hour, r.customer_id, e.provider, e.model, e.feature,
        coalesce(sum(e.requests) filter ({until}), 0)::bigint, coalesce(sum(e.cost_pico_usd) filter ({until}), 0)::hugeint,
        sum(e.cost_pico_usd)::hugeint""",
        "e.occurred_at::date, r.customer_id, e.provider, e.model, e.feature",
    ).insert_into("usage_until_hour")


def running_day(warehouse: Warehouse) -> tuple[date, int] | None:
    """The day that still ran when the version was built, and the hour up to which its usage is compared; None without one."""
    day, hour = warehouse.rows("select max(day), max(hour) from usage_until_hour").row(0)
    return None if day is None else (day, hour)


def shares_until(warehouse: Warehouse) -> pl.DataFrame:
    """For each subject of each scope and day: `requests_until`, and `share_until` of the day's cost that had come by the hour.

    The columns that name a subject are those of store.warehouse_spikes.daily_costs.
    """
    sets, scopes, named = scope_sets()
    keys = ", ".join(KEYS)
    return frame(
        warehouse,
        f"""with grouped as (select case grouping({keys}) {scopes} end as scope, {keys}, day,
            {", ".join(f"grouping({key}) = 1 as {key}_is_all" for key in KEYS)},
            sum(requests)::bigint as requests_until, sum(cost_pico_usd)::double / nullif(sum(whole_day_pico_usd)::double, 0) as share_until
            from usage_until_hour group by grouping sets ({sets}))
        select * exclude ({", ".join(f"{key}_is_all" for key in KEYS)}) from grouped where {named} and share_until is not null""",  # noqa: S608 - our own column names
        [],
    )


def cells_until(warehouse: Warehouse, customers: Collection[str]) -> pl.DataFrame:
    """As store.warehouse_spikes.cells, of the usage up to the hour, at the price entries of each day."""
    sums = "sum(requests)::bigint as requests, sum(cost_pico_usd)::bigint as cost_pico_usd, sum(cost_pico_usd)::double / 1e12 as fixed_usd"
    return frame(
        warehouse,
        f"""select day, null::varchar as customer_id, provider, model, feature, {sums} from usage_until_hour
            group by day, provider, model, feature
        union all
        select day, customer_id, provider, model, feature, {sums} from usage_until_hour
            where list_contains($1, customer_id) group by all""",  # noqa: S608 - our own column names
        [sorted(customers)],
    )
