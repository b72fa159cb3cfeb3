"""How sure a version's months are: what unpriced usage may cost, and how much of the cost has a customer; summed at publish."""

import duckdb
import polars as pl

from pricing.price_ranges import PriceRanges
from pricing.usage import BUCKETS, TOKEN_BUCKETS

_TOKENS = " + ".join(TOKEN_BUCKETS)
# Usage that is not counted in tokens: an image and a page are no common measure, so it is told apart.
_OTHER = f"({_TOKENS} = 0 and images + seconds + pages + search_requests > 0)"
_RANGE_SCHEMA = {"month": pl.Date(), "provider": pl.String()} | {
    f"{bucket}_{end}": pl.Int64() for bucket in BUCKETS for end in ("low", "high")
}


def load(con: duckdb.DuckDBPyConnection, ranges: PriceRanges) -> None:
    """Write unpriced_bounds and month_coverage from the usage_cube of the version that is being built."""
    _load_bounds(con, ranges)
    # Rows without events are no usage: they are what a bill has beyond the log.
    con.execute(
        """insert into month_coverage by name
        with logged as (
            select month, coalesce(sum(cost_pico_usd), 0) as logged_pico_usd,
                coalesce(sum(cost_pico_usd) filter (customer_id is not null), 0) as attributed_pico_usd
            from usage_cube where events > 0 group by month),
        nobodys as (select month, true as is_any, high_pico_usd from unpriced_bounds where customer_id is null)
        select month, logged_pico_usd, attributed_pico_usd, logged_pico_usd - attributed_pico_usd
            + case when is_any then high_pico_usd else 0 end as nobodys_high_pico_usd
        from logged left join nobodys using (month) order by month"""
    )


def _load_bounds(con: duckdb.DuckDBPyConnection, ranges: PriceRanges) -> None:
    unpriced = con.execute("select distinct month, provider from usage_cube where cost_pico_usd is null").fetchall()
    rows = []
    for month, provider in unpriced:
        found = ranges.of(provider, month)
        ends = {}
        for bucket in BUCKETS:
            each = found[bucket]
            ends[f"{bucket}_low"] = None if each is None else each.low_pico_usd
            ends[f"{bucket}_high"] = None if each is None else each.high_pico_usd
        rows.append({"month": month, "provider": provider, **ends})
    listed = con.from_arrow(pl.DataFrame(rows, schema=_RANGE_SCHEMA).to_arrow())
    low, high = (
        " + ".join(f"case when {bucket} > 0 then {bucket}::hugeint * {bucket}_{end} else 0 end" for bucket in BUCKETS)
        for end in ("low", "high")
    )
    bounded = con.table("usage_cube").filter("events > 0").set_alias("c").join(
        listed.set_alias("r"),
        "c.cost_pico_usd is null and c.month = r.month and c.provider is not distinct from r.provider",
        how="left",
    ).project(
        f"""c.month as month, c.customer_id as customer_id, c.events as events, {_OTHER} as is_other,
        c.cost_pico_usd is null as is_unpriced,
        case when c.cost_pico_usd is null then {low} else 0 end as low, case when c.cost_pico_usd is null then {high} else 0 end as high"""
    )  # fmt: skip
    bounded.aggregate(
        """month, customer_id, case when count(*) = count(low) then sum(low) end::hugeint,
        case when count(*) = count(high) then sum(high) end::hugeint,
        coalesce(sum(events) filter (is_other), 0)::bigint,
        coalesce(sum(events) filter (is_other and is_unpriced), 0)::bigint,
        case when count(*) filter (is_other) = count(high) filter (is_other)
            then coalesce(sum(high) filter (is_other), 0) end::hugeint""",
        "month, customer_id",
    ).order("month, customer_id").insert_into("unpriced_bounds")
