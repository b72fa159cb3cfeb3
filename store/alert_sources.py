"""What an alert is explained from: its subject's rows of the cube in a published version, prices that changed, revenue and names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from pricing.alert_explanation import PriceChange
from pricing.alert_split import USED_SCHEMA, Prices
from pricing.finding import Subject
from pricing.usage import BUCKETS
from store.warehouse_bridge import model_name
from store.warehouse_reads import Warehouse

_QUANTITIES = [bucket for bucket in BUCKETS if bucket != "requests"]
# What a price is one of; the rest of an entry is when it holds and what it says.
_SAME_PRICE = (
    "provider, model, service_tier, above_input_tokens, tod_from_minute, tod_to_minute, "
    "regexp_replace(price_key, '@[0-9]{4}-[0-9]{2}-[0-9]{2}', '')"
)
_SUBJECT_COLUMNS = ("customer_id", "provider", "model", "feature")


@dataclass(frozen=True)
class Daily:
    """A subject's day: what its priced events cost in pico-USD, and how many events have no price."""

    cost_pico_usd: int
    unpriced_events: int


def condition(subject: Subject, start: int = 1) -> tuple[str, list[str]]:
    """The rows of a subject as a condition on columns of the cube, with its parameters from $start on."""
    named = [(column, getattr(subject, column)) for column in _SUBJECT_COLUMNS if getattr(subject, column) is not None]
    parts = [f"{column} = ${start + place}" for place, (column, _) in enumerate(named)]
    return " and ".join(["events > 0", *parts]), [value for _, value in named]


def daily(warehouse: Warehouse, subject: Subject, first: date, last: date) -> dict[date, Daily]:
    """A subject's usage by day, `first` and `last` included; days without usage are left out. Money without events is no usage."""
    where, values = condition(subject, 3)
    rows = warehouse.rows(
        f"""select day, coalesce(sum(cost_pico_usd), 0)::hugeint, coalesce(sum(events) filter (cost_pico_usd is null), 0)::bigint
        from usage_cube where day between $1 and $2 and {where} group by day order by day""",
        [first, last, *values],
    )
    return {day: Daily(int(cost), unpriced) for day, cost, unpriced in rows.iter_rows()}


def used(
    warehouse: Warehouse, subject: Subject, days: Sequence[date], usual: Sequence[date]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The priced usage of a subject on `days`, and on `usual` ones, each summed over them: USED_SCHEMA. No day is in both."""
    where, values = condition(subject, 3)
    sums = ", ".join(f"sum({bucket})::bigint as {bucket}" for bucket in ("requests", *_QUANTITIES))
    query = f"""select list_contains($1::date[], day) as is_found, customer_id, provider, model, service_tier, feature, price_id, {sums},
            sum(cost_pico_usd)::decimal(38, 0) as cost_pico_usd
        from usage_cube where list_contains($2::date[], day) and cost_pico_usd is not null and {where} group by all"""
    frame = _frame(warehouse, query, [list(days), [*days, *usual], *values])
    names = frame.select("provider", "model", "service_tier").unique()
    named = names.with_columns(pl.Series("named", [model_name(*row) for row in names.iter_rows()], dtype=pl.String))
    frame = frame.join(named, on=names.columns, how="left", nulls_equal=True).with_columns(model=pl.col("named"))
    columns = [pl.col(name).cast(kind) for name, kind in USED_SCHEMA.items()]
    return frame.filter("is_found").select(columns), frame.filter(~pl.col("is_found")).select(columns)


def prices(warehouse: Warehouse) -> dict[int, dict[str, int | None]]:
    """The version's prices in pico-USD per unit, by price entry."""
    columns = ", ".join(f"{bucket}_pico_usd" for bucket in BUCKETS)
    rows = warehouse.rows(f"select price_id, {columns} from price_entries")
    return {row[0]: dict(zip(BUCKETS, row[1:], strict=True)) for row in rows.iter_rows()}


@dataclass(frozen=True)
class Replaced:
    """A price entry that took another one's place, by their ids, and what of it changed."""

    old_price_id: int
    price_id: int
    changes: tuple[PriceChange, ...]


def replaced_prices(
    warehouse: Warehouse, known: Prices, subject: Subject, first: date, last: date
) -> tuple[Replaced, ...]:
    """The entries that the subject used on `first` to `last` and that began to hold in between, after others of the same model."""
    where, values = condition(subject, 3)
    rows = warehouse.rows(
        f"""with used as (select distinct price_id from usage_cube where day between $1 and $2 and price_id is not null and {where}),
        entries as (select p.*, lag(price_id) over (partition by {_SAME_PRICE} order by valid_from nulls first) as old_price_id
            from price_entries p where price_id in (select price_id from used))
        select old_price_id, price_id, provider, model, service_tier, valid_from::date, price_key from entries
        where old_price_id is not null and valid_from::date between $1 and $2 order by valid_from, price_key""",
        [first, last, *values],
    )
    return tuple(
        Replaced(old, new, _changes(known[old], known[new], model_name(provider, model, tier), day, key))
        for old, new, provider, model, tier, day, key in rows.iter_rows()
    )


def _changes(
    old: Mapping[str, int | None], new: Mapping[str, int | None], model: str, day: date, price_key: str
) -> tuple[PriceChange, ...]:
    """The units of which both prices are known and differ."""
    found = []
    for bucket in BUCKETS:
        before, after = old.get(bucket), new.get(bucket)
        if before is not None and after is not None and before != after:
            found.append(
                PriceChange(
                    model=model, unit=bucket, day=day, from_pico_usd=before, to_pico_usd=after, price_key=price_key
                )
            )
    return tuple(found)


def net_revenue(warehouse: Warehouse) -> dict[str | None, dict[date, int | None]]:
    """Net revenue by customer and month (service period, minor units); the company's under None. None where an amount has no rate."""
    sums = "case when count(*) = count(net_revenue_minor) then sum(net_revenue_minor) end::bigint"
    rows = warehouse.rows(
        f"""select customer_id, month, {sums} from customer_month where basis = 'service' and customer_id is not null group by all
        union all select null, month, {sums} from customer_month where basis = 'service' group by all"""
    )
    found: dict[str | None, dict[date, int | None]] = {}
    for customer_id, month, net in rows.iter_rows():
        found.setdefault(customer_id, {})[month] = net
    return found


def customer_refs(warehouse: Warehouse, customer_id: str) -> list[str]:
    """The names under which a log knows a customer."""
    rows = warehouse.rows("select distinct customer_ref from usage_cube where customer_id = $1", [customer_id])
    return [ref for ref in rows["customer_ref"] if ref is not None]


def customer_names(warehouse: Warehouse) -> dict[str | None, str]:
    """Customers' names by id; who has none is called by it."""
    rows = warehouse.rows("select customer_id, coalesce(name, customer_id) from customers")
    return dict(rows.iter_rows())


def usd_rates(warehouse: Warehouse) -> dict[date, int | None]:
    """What a dollar is worth in the reporting currency times 10^9, by month."""
    return dict(warehouse.rows("select month, rate_nano from usd_rates").iter_rows())


def _frame(warehouse: Warehouse, query: str, parameters: Sequence[Any]) -> pl.DataFrame:
    """A query's rows by Arrow: a company's days are tens of thousands of rows."""
    with warehouse.con.cursor() as cursor:
        found = pl.from_arrow(cursor.sql(query, params=list(parameters)).to_arrow_table())
    assert isinstance(found, pl.DataFrame), "a table becomes a frame"
    return found
