"""Usage log and bills in a version of the warehouse: what the log has by unit, the bill's difference, and the tables of both."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TypeAlias

import duckdb
import polars as pl

from pricing.effective_cost import COSTED_COLUMNS, CostSource
from pricing.usage import BUCKETS
from pricing.usage_reconciliation import Logged, spread_cost

# A cube with pricing.effective_cost.COSTED_COLUMNS, for those who may not import DuckDB.
Costed: TypeAlias = duckdb.DuckDBPyRelation


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What a provider's bill has beyond (or, below 0, short of) the usage of a day and model: the company's cost and no customer's."""

    day: date
    provider: str
    model: str | None
    cost_pico_usd: int


def names(costed: duckdb.DuckDBPyRelation) -> list[tuple[str, str | None]]:
    """The distinct (provider, model) of a cube, as the log spells them; those without a provider have no bill."""
    return costed.filter("provider is not null").project("provider, model").distinct().order("all").fetchall()


def logged_units(
    con: duckdb.DuckDBPyConnection, costed: duckdb.DuckDBPyRelation, entries: pl.DataFrame, providers: Iterable[str]
) -> list[Logged]:
    """The log's side by day, provider (as it spells it), model and unit: quantities, and the effective cost spread over them.

    `costed` has pricing.effective_cost.COSTED_COLUMNS, `entries` price_id and `<bucket>_pico_usd`. Cost falls on units by list
    price; what it is more or less by contract or report falls on the unit with the most.
    """
    prices = con.from_arrow(
        entries.select(pl.col("price_id"), *(pl.col(f"{bucket}_pico_usd") for bucket in BUCKETS)).to_arrow()
    )
    sums = ", ".join(
        f"sum({bucket})::hugeint as {bucket}, sum({bucket}::hugeint * coalesce({bucket}_pico_usd, 0))::hugeint as {bucket}_listed"
        for bucket in BUCKETS
    )
    names = con.from_arrow(pl.DataFrame({"provider": list(providers)}, schema={"provider": pl.String()}).to_arrow())
    rows = (
        costed.set_alias("c")
        .join(names.set_alias("n"), "c.provider = n.provider", how="semi")
        .set_alias("c")
        .join(prices.set_alias("p"), "c.price_id = p.price_id", how="left")
        .aggregate(
            f"c.day as day, c.provider as provider, c.model as model, {sums}, coalesce(sum(c.cost_pico_usd), 0)::hugeint as cost",
            "c.day, c.provider, c.model",
        )
    )
    columns = rows.columns
    found: list[Logged] = []
    for values in rows.fetchall():
        row = dict(zip(columns, values, strict=True))
        quantities = {bucket: int(row[bucket]) for bucket in BUCKETS if row[bucket]}
        listed = {bucket: int(row[f"{bucket}_listed"]) for bucket in quantities}
        for unit, cost in spread_cost(int(row["cost"]), listed).items():
            found.append(
                Logged(day=row["day"], provider=row["provider"], model=row["model"], unit=unit,
                       quantity=quantities.get(unit or "", 0), cost_pico_usd=cost)
            )  # fmt: skip
    return found


def with_differences(
    con: duckdb.DuckDBPyConnection, costed: duckdb.DuckDBPyRelation, differences: Sequence[Difference]
) -> duckdb.DuckDBPyRelation:
    """The cube with the bills' rows after it: no events, no units, no customer, `cost_source` invoice."""
    if not differences:
        return costed
    schema = {"day": pl.Date(), "provider": pl.String(), "model": pl.String(), "cost_pico_usd": pl.Decimal(38, 0)}
    rows = [(each.day, each.provider, each.model, each.cost_pico_usd) for each in differences]
    told = {"cost_source": f"'{CostSource.INVOICE}'", "cost_pico_usd": "cost_pico_usd::hugeint"}
    told |= dict.fromkeys(("day", "provider", "model"), "") | dict.fromkeys(("events", *BUCKETS), "0::hugeint")
    kinds = dict(zip(costed.columns, (str(kind) for kind in costed.types), strict=True))
    columns = ", ".join(f"{told.get(name, f'null::{kinds[name]}') or name} as {name}" for name in COSTED_COLUMNS)
    extra = con.from_arrow(pl.DataFrame(rows, schema=schema, orient="row").to_arrow()).project(columns)
    return costed.project(", ".join(COSTED_COLUMNS)).union(extra)


def usage_by_month(con: duckdb.DuckDBPyConnection) -> list[tuple[date, str, int]]:
    """(month, provider as the log spells it, effective cost in pico-USD) of the events in usage_cube."""
    rows = con.execute(
        """select month, provider, coalesce(sum(cost_pico_usd), 0)::hugeint from usage_cube
        where events > 0 and provider is not null group by month, provider order by month, provider"""
    ).fetchall()
    return [(month, provider, int(cost)) for month, provider, cost in rows]


def agree(con: duckdb.DuckDBPyConnection, sums: Mapping[date, tuple[int, int]]) -> None:
    """Write what log and bills have in common into month_coverage: by month (matched, compared) in pico-USD."""
    for month, (matched, compared) in sums.items():
        con.execute(
            "update month_coverage set matched_pico_usd = $2, compared_pico_usd = $3 where month = $1",
            [month, matched, compared],
        )


def used_in(con: duckdb.DuckDBPyConnection, periods: Sequence[tuple[str, datetime, datetime]]) -> list[dict[str, int]]:
    """For each (customer_id, from, until; UTC) the quantities by bucket of the days of usage_cube that begin in it."""
    schema = {"customer_id": pl.String(), "from_at": pl.Datetime("us"), "until_at": pl.Datetime("us")}
    plain = [(customer_id, *(at.astimezone(UTC).replace(tzinfo=None) for at in ends)) for customer_id, *ends in periods]
    frame = pl.DataFrame(plain, schema=schema, orient="row").with_row_index("place")
    sums = ", ".join(f"sum(c.{bucket})::bigint" for bucket in BUCKETS)
    rows = (
        con.from_arrow(frame.to_arrow())
        .set_alias("p")
        .join(
            con.table("usage_cube").set_alias("c"),
            "c.customer_id = p.customer_id and c.day::timestamp >= p.from_at and c.day::timestamp < p.until_at",
        )
        .aggregate(f"place, {sums}", "place")
        .fetchall()
    )
    found: list[dict[str, int]] = [{} for _ in periods]
    for place, *quantities in rows:
        found[place] = dict(zip(BUCKETS, (int(each) for each in quantities), strict=True))
    return found
