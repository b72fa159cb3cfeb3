"""How sure a version's months are: what unpriced usage may cost, and how much of the cost has a customer; summed at publish."""

from collections.abc import Iterable
from datetime import date

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


def load(con: duckdb.DuckDBPyConnection, ranges: PriceRanges, settled: Iterable[tuple[str, date, date]] = ()) -> None:
    """Write unpriced_bounds and month_coverage from the usage_cube of the version that is being built.

    `settled` are (provider, first, last day) whose bill the company pays: what unpriced usage came to there is in the bill.
    """
    _load_bounds(con, ranges, settled)
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


def _load_bounds(
    con: duckdb.DuckDBPyConnection, ranges: PriceRanges, settled: Iterable[tuple[str, date, date]]
) -> None:
    listed, (low, high) = con.from_arrow(_ranges(con, ranges).to_arrow()), _ends()
    schema = {"provider": pl.String(), "first_day": pl.Date(), "last_day": pl.Date()}
    bills = con.from_arrow(pl.DataFrame(list(settled), schema=schema, orient="row").to_arrow())
    used = (
        con.table("usage_cube")
        .filter("events > 0")
        .set_alias("c")
        .join(bills.set_alias("b"), "c.provider = b.provider and c.day between b.first_day and b.last_day", how="left")
        .project("c.*, b.first_day is not null as is_billed")
    )
    bounded = (
        used.set_alias("c")
        .join(
            listed.set_alias("r"),
            "c.cost_pico_usd is null and c.month = r.month and c.provider is not distinct from r.provider",
            how="left",
        )
        .project(
            f"""c.month as month, c.customer_id as customer_id, c.events as events, {_OTHER} as is_other, c.is_billed as is_billed,
            c.cost_pico_usd is null as is_unpriced,
            case when c.cost_pico_usd is null then {low} else 0 end as low,
            case when c.cost_pico_usd is null then {high} else 0 end as high"""
        )
    )
    sums = [
        f"case when count(*) {where} = count({end}) {where} then coalesce(sum({end}) {where}, 0) end::hugeint"
        for where in ("filter (true)", "filter (not is_billed)")
        for end in ("low", "high")
    ]
    bounded.aggregate(
        f"""month, customer_id, {", ".join(sums)},
        coalesce(sum(events) filter (is_other), 0)::bigint,
        coalesce(sum(events) filter (is_other and is_unpriced), 0)::bigint,
        case when count(*) filter (is_other) = count(high) filter (is_other)
            then coalesce(sum(high) filter (is_other), 0) end::hugeint""",
        "month, customer_id",
    ).order("month, customer_id").insert_into("unpriced_bounds")


def _ranges(con: duckdb.DuckDBPyConnection, ranges: PriceRanges) -> pl.DataFrame:
    """What a unit may cost, for each month and provider that has usage without a price."""
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
    return pl.DataFrame(rows, schema=_RANGE_SCHEMA)


def _ends() -> tuple[str, ...]:
    """A row's cost at the low and at the high end; NULL where a unit that it used has no range."""
    return tuple(
        " + ".join(f"case when {bucket} > 0 then {bucket}::hugeint * {bucket}_{end} else 0 end" for bucket in BUCKETS)
        for end in ("low", "high")
    )
