"""Usage in a version of the warehouse: the day cube with its customers, the months, the prices, and the sums to compare."""

from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from pricing.usage import BUCKETS, TOKEN_BUCKETS
from store.warehouse_tables import TABLES

_TOKENS = " + ".join(TOKEN_BUCKETS)


@dataclass(frozen=True)
class UsageSummary:
    """What the attention list and the exchange rates need to know of usage.

    `recent_pico_usd` is the cost by customer since the day asked for, `unpriced_models` are (provider, model, events, tokens),
    `unattributed_refs` (name in the log, events, cost in pico-USD).
    """

    months: list[date]
    recent_pico_usd: dict[str, int]
    unpriced_models: list[tuple[str | None, str | None, int, int]]
    unattributed_refs: list[tuple[str | None, int, int]]


def load(con: duckdb.DuckDBPyConnection, costed: duckdb.DuckDBPyRelation, refs: pl.DataFrame) -> None:
    """Write usage_cube and customer_month_usage from a cube (pricing.effective_cost.COSTED_COLUMNS) and (customer_ref, customer_id).

    Rows without events are no usage but money: what a bill or a contract comes to beyond it, and of no customer.
    """
    buckets = ", ".join(f"c.{bucket}::bigint" for bucket in BUCKETS)
    named = con.from_arrow(refs.to_arrow()).set_alias("r")
    costed.set_alias("c").join(named, "c.customer_ref = r.customer_ref", how="left").project(
        f"""c.day, date_trunc('month', c.day)::date, r.customer_id as customer_id, c.customer_ref, c.provider, c.model, c.feature,
        c.service_tier, c.price_id, c.events, {buckets}, c.list_cost_pico_usd, c.reported_cost_pico_usd, c.cost_pico_usd,
        c.cost_source, c.contract_id, c.unpriced_reason"""
    ).order("customer_id, day").insert_into("usage_cube")
    con.execute(
        f"""insert into customer_month_usage select month, customer_id, sum(events),
            coalesce(sum(events) filter (cost_pico_usd is not null), 0), coalesce(sum(events) filter (cost_pico_usd is null), 0),
            sum({_TOKENS}), coalesce(sum({_TOKENS}) filter (cost_pico_usd is null), 0), coalesce(sum(cost_pico_usd), 0)
        from usage_cube group by month, customer_id order by month, customer_id"""
    )


def load_prices(con: duckdb.DuckDBPyConnection, entries: pl.DataFrame) -> None:
    """Write the price entries (pricing.price_entry.ENTRY_SCHEMA) that the usage refers to."""
    used = con.execute("select distinct price_id from usage_cube where price_id is not null").fetchall()
    kept = entries.filter(pl.col("price_id").is_in([row[0] for row in used])).select(list(TABLES["price_entries"]))
    con.from_arrow(kept.to_arrow()).insert_into("price_entries")


def summarize(con: duckdb.DuckDBPyConnection, *, since: date) -> UsageSummary:
    """Read the summary from the tables that `load` has written."""
    recent = con.execute(
        "select customer_id, sum(cost_pico_usd) from usage_cube where day >= ? and customer_id is not null group by 1",
        [since],
    ).fetchall()
    return UsageSummary(
        months=[row[0] for row in con.execute("select distinct month from usage_cube order by month").fetchall()],
        recent_pico_usd={customer_id: int(cost) for customer_id, cost in recent if cost},
        unpriced_models=[
            (provider, model, int(events), int(tokens))
            for provider, model, events, tokens in con.execute(
                f"""select provider, model, sum(events), sum({_TOKENS}) from usage_cube where cost_pico_usd is null
                group by provider, model order by 3 desc, 1, 2"""
            ).fetchall()
        ],
        unattributed_refs=[
            (ref, int(events), int(cost))
            for ref, events, cost in con.execute(
                """select customer_ref, sum(events), coalesce(sum(cost_pico_usd), 0) from usage_cube
                where customer_id is null and events > 0 group by 1 order by 3 desc, 1"""
            ).fetchall()
        ],
    )


_SUMS = {
    "events": "select coalesce(sum(events), 0) from usage_cube",
    "unpriced_events": "select coalesce(sum(events) filter (list_cost_pico_usd is null), 0) from usage_cube",
    "list_cost_pico_usd": "select coalesce(sum(list_cost_pico_usd), 0) from usage_cube",
    "cost_pico_usd": "select coalesce(sum(cost_pico_usd), 0) from usage_cube",
    "month_cost_pico_usd": "select coalesce(sum(cost_pico_usd), 0) from customer_month_usage",
    "invoices": "select count(distinct invoice_id) from invoices",
    "invoice_total_minor": "select coalesce(sum(total_minor), 0) from invoices",
    "customers": "select count(distinct customer_id) from customers",
    "prices_used": "select count(distinct price_id) from usage_cube",
    "price_entries": "select count(distinct price_id) from price_entries",
    "revenue_lines": "select count(*) from revenue_lines",
    "customer_months": "select count(*) from customer_month",
    **{
        f"{basis}_minor": f"select coalesce(sum(net_revenue_minor), 0) from customer_month where basis = '{basis}'"
        for basis in ("service", "invoiced")
    },
}


def read_sums(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """The figures of a version that are compared with its sources."""
    found: dict[str, int] = {}
    for name, query in _SUMS.items():
        row = con.execute(query).fetchone()
        assert row is not None, "a sum is always one row"
        found[name] = int(row[0])
    return found
