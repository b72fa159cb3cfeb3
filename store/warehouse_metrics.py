"""Fills the tables of the Margins page in a version that is being built, from its own revenue and usage."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import duckdb

from pricing.money import exponent
from pricing.mrr import CustomerMrr, Moved, Retention
from pricing.revenue_streams import StreamMonth
from pricing.usage import BUCKETS
from store import warehouse_bridge
from store.warehouse import Check, load

# Sizes of customers by their net revenue in a month, in major units of the reporting currency.
SIZES = (50, 200, 1_000, 5_000)


@dataclass(frozen=True)
class Metrics:
    """What the rules made of one reading of the sources."""

    streams: Sequence[StreamMonth]
    mrr: Sequence[CustomerMrr]
    mrr_months: Sequence[dict[str, Any]]
    moved: Sequence[Moved]
    retention: Sequence[Retention]
    traits: Sequence[dict[str, Any]]


def fill(con: duckdb.DuckDBPyConnection, metrics: Metrics, currency: str) -> list[Check]:
    """Write all tables; the revenue, usage and customers of the version are there already. Returns what to compare."""
    for table, rows in (
        ("month_streams", [asdict(row) for row in metrics.streams]),
        ("customer_traits", metrics.traits),
        ("customer_mrr", [asdict(row) for row in metrics.mrr]),
        ("customer_movements", [asdict(row) for row in metrics.moved]),
        ("mrr_months", metrics.mrr_months),
        ("retention", [asdict(row) for row in metrics.retention]),
    ):
        load(con, table, rows)
    sum_up(con, currency)
    return _checks(con)


def sum_up(con: duckdb.DuckDBPyConnection, currency: str) -> None:
    """Make month_cells, segment_month and the page's first bridge from the version's revenue, usage, customers, traits and MRR."""
    _fill_cells(con)
    _fill_segments(con, currency)
    _fill_allocated(con, "model", "concat_ws('/', provider, model)")
    _fill_allocated(con, "feature", "feature")
    con.execute(
        """insert into mrr_movements select month, movement, sum(moved_minor), count(distinct customer_id)
        from customer_movements group by all order by all"""
    )
    warehouse_bridge.store_latest(con, currency)


def _fill_cells(con: duckdb.DuckDBPyConnection) -> None:
    """A provider's report may hold many requests in one row, an event always is one."""
    sums = ", ".join(f"sum({bucket})" for bucket in BUCKETS if bucket != "requests")
    con.execute(
        f"""insert into month_cells
        select month, customer_id, provider, model, service_tier, price_id, case when events = 0 then cost_source end, sum(greatest(events, requests)), {sums}, sum(cost_pico_usd)
        from usage_cube where cost_pico_usd is not null group by all order by month, customer_id, provider, model"""
    )


def size_names() -> tuple[str, ...]:
    """The sizes of customers, smallest first."""
    between = [f"{low:,} to {high:,}" for low, high in pairwise(SIZES)]
    return ("nothing", f"below {SIZES[0]:,}", *between, f"{SIZES[-1]:,} and more")


def _size(currency: str) -> str:
    """SQL: the size of the month's net revenue; null where it is unknown."""
    names = size_names()
    steps = [
        f"when net_revenue_minor < {size * 10 ** exponent(currency)} then '{name}'"
        for size, name in zip(SIZES, names[1:], strict=False)
    ]
    unknown = "when net_revenue_minor is null then null"
    return f"case {unknown} when net_revenue_minor <= 0 then '{names[0]}' {' '.join(steps)} else '{names[-1]}' end"


def _fill_segments(con: duckdb.DuckDBPyConnection, currency: str) -> None:
    con.execute(
        "create or replace temp table side_by_side (basis varchar, month date, customer_id varchar, net_revenue_minor bigint, "
        "events bigint, cost_pico_usd hugeint)"
    )
    for basis in ("service", "invoiced"):
        con.execute(
            """insert into side_by_side
            select $1, coalesce(r.month, u.month), coalesce(r.customer_id, u.customer_id),
                case when r.month is null then 0 else r.net_revenue_minor end, coalesce(u.events, 0), coalesce(u.cost_pico_usd, 0)
            from (select * from customer_month where basis = $1) r
            full join customer_month_usage u on r.month = u.month and r.customer_id is not distinct from u.customer_id""",
            [basis],
        )
    values = {
        "plan": "coalesce(m.plan, c.plan, 'No plan')",
        "country": "coalesce(c.country, 'Unknown country')",
        "currency": "coalesce(upper(c.currency), 'No currency yet')",
        "size": _size(currency),
        "segment": "coalesce(t.segment, 'No segment')",
        "cohort": "coalesce(strftime(t.cohort, '%Y-%m'), 'Not invoiced yet')",
    }
    for dimension, value in values.items():
        con.execute(
            f"""insert into segment_month
            select s.month, s.basis, '{dimension}', case when s.customer_id is not null then {value} end as value,
                count(s.customer_id), case when count(*) = count(s.net_revenue_minor) then sum(s.net_revenue_minor) end,
                sum(s.events), sum(s.cost_pico_usd)
            from side_by_side s left join customers c using (customer_id) left join customer_traits t using (customer_id)
                left join (select month, customer_id, arg_max(plan, mrr_minor) as plan from customer_mrr group by all) m
                    on m.month = s.month and m.customer_id = s.customer_id
            group by all order by s.month, s.basis, value"""
        )


def _fill_allocated(con: duckdb.DuckDBPyConnection, dimension: str, named: str) -> None:
    """Each customer's net revenue, divided over what they used by its cost, to the minor unit: largest remainder, by name on a tie."""
    con.execute(
        f"""insert into segment_month
        with used as (
            select month, customer_id, coalesce({named}, 'Not named') as value, sum(events) as events,
                coalesce(sum(cost_pico_usd), 0) as cost
            from usage_cube group by all),
        weighed as (
            select s.basis, s.month, s.customer_id, u.value, u.events, u.cost, s.net_revenue_minor as net,
                sum(u.cost) over (partition by s.basis, s.month, s.customer_id) as whole
            from side_by_side s left join used u on u.month = s.month and u.customer_id is not distinct from s.customer_id),
        floors as (
            select *, case when whole > 0 then (abs(net)::hugeint * cost) // whole end as part,
                case when whole > 0 then (abs(net)::hugeint * cost) % whole end as rest
            from weighed),
        shared as (
            select *, row_number() over (partition by basis, month, customer_id order by rest desc, value) as rank,
                abs(net) - sum(part) over (partition by basis, month, customer_id) as left_over
            from floors)
        select month, basis, '{dimension}', case when customer_id is null then value when whole > 0 then value else 'No AI cost' end as named,
            count(distinct customer_id),
            case when count(*) = count(net) then
                sum(case when whole > 0 then sign(net) * (part + (rank <= left_over)::integer)
                    when rank = 1 then net else 0 end)::bigint end,
            coalesce(sum(events), 0), coalesce(sum(cost), 0)
        from shared group by all order by month, basis, named"""
    )


def _checks(con: duckdb.DuckDBPyConnection) -> list[Check]:
    """The sums of the metrics' tables against those of the tables that they are made from."""
    pairs = {
        "revenue by stream in minor units": (
            "select sum(case kind when 'line' then amount_minor else -amount_minor end) from revenue_lines where kind != 'fee'",
            "select sum(amount_minor) from month_streams",
        ),
        "AI cost by model in pico-USD": (
            "select sum(cost_pico_usd) from usage_cube",
            "select sum(cost_pico_usd) from month_cells",
        ),
        "AI cost by segment in pico-USD": (
            "select 8 * sum(cost_pico_usd) * 2 from customer_month_usage",
            "select sum(cost_pico_usd) from segment_month",
        ),
    }
    return [Check(name, _one(con, source), _one(con, held)) for name, (source, held) in pairs.items()]


def _one(con: duckdb.DuckDBPyConnection, query: str) -> int:
    row = con.execute(query).fetchone()
    return int(row[0]) if row and row[0] is not None else 0
