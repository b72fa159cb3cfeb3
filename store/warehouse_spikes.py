"""What the search for cost spikes takes from a version: daily cost by subject, changed prices, and the cells behind found days."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from pricing.usage import BUCKETS
from store.warehouse_reads import Warehouse

# What a row of `daily_costs` is about, by the columns that are grouped in it.
_GROUPS = {
    "company": (),
    "provider": ("provider",),
    "model": ("provider", "model"),
    "feature": ("feature",),
    "customer": ("customer_id",),
    "customer_model": ("customer_id", "provider", "model"),
    # Not judged: who was there of a provider's usual customers tells whether a day's data are late.
    "customer_provider": ("customer_id", "provider"),
}
KEYS = ("customer_id", "provider", "model", "feature")
# An entry's key without the day on which it began: what stays the same when a price changes.
_SAME_PRICE = "regexp_replace(price_key, '@[0-9]{4}-[0-9]{2}-[0-9]{2}', '')"


@dataclass(frozen=True)
class Arrival:
    """How far usage has come in: the newest event, and when a source of usage was last read with success; None for never."""

    latest_record_at: datetime | None
    last_success_at: datetime | None


@dataclass(frozen=True)
class PriceChange:
    """A model's first day at another price: what its calls cost, and what the same calls would have cost before."""

    day: date
    provider: str | None
    model: str
    actual_pico_usd: int
    before_pico_usd: int
    customers: int
    price_key: str


def _base(quantity: str = "u") -> str:
    """The cost of the rows `u` at the prices `b` that their entry began with in the window, in dollars."""
    return " + ".join(f"{quantity}.{bucket}::double * coalesce(b.{bucket}_pico_usd, 0)" for bucket in BUCKETS)


# Usage without the rows that are money alone (what a bill or a contract adds), and each price entry's first one in the window.
_USED = f"""used as (select * from usage_cube where day >= $1 and day <= $2 and events > 0),
    entries as (select price_id, provider, {_SAME_PRICE} as same_price from price_entries),
    began as (select e.provider, e.same_price, arg_min(u.price_id, (u.day, u.price_id)) as first_price_id
        from used u join entries e using (price_id) group by all),
    base as (select e.price_id, p.* exclude (price_id) from entries e join began g on e.provider is not distinct from g.provider
        and e.same_price = g.same_price join price_entries p on p.price_id = g.first_price_id)"""  # noqa: S608 - our own expressions

_SUMS = """sum(requests)::bigint as requests, coalesce(sum(cost_pico_usd), 0)::bigint as cost_pico_usd,
    coalesce(sum(fixed), 0) / 1e12 as fixed_usd"""


def scope_sets() -> tuple[str, str, str]:
    """The grouping sets by day of all scopes, what `grouping(KEYS)` says of each as `when … then …`, and a filter of nameless subjects."""
    sets = ", ".join(f"(day{''.join(f', {key}' for key in keys)})" for keys in _GROUPS.values())
    bits = {
        scope: sum(1 << (len(KEYS) - 1 - place) for place, key in enumerate(KEYS) if key not in keys)
        for scope, keys in _GROUPS.items()
    }
    scopes = " ".join(f"when {bit} then '{scope}'" for scope, bit in bits.items())
    return sets, scopes, " and ".join(f"({key} is not null or {key}_is_all)" for key in KEYS)


def daily_costs(warehouse: Warehouse, first: date, last: date) -> pl.DataFrame:
    """Usage by day (`first` to `last`, both included) for each subject of each `scope`, in one pass over the cube.

    Columns: `scope`, `customer_id`, `provider`, `model`, `feature`, `day`, `events`, `unpriced_events`, `requests`, `cost_pico_usd`
    (what is known of it, Int64), `fixed_usd` (the same usage at the prices the window began with). Nameless subjects are left out.
    """
    sets, scopes, named = scope_sets()
    return frame(
        warehouse,
        f"""with {_USED},
        costed as (select u.day, u.customer_id, u.provider, u.model, u.feature, u.events, u.requests, u.cost_pico_usd,
            case when u.cost_pico_usd is not null then coalesce(nullif({_base()}, 0), u.cost_pico_usd::double) end as fixed
            from used u left join base b using (price_id)),
        grouped as (select case grouping({", ".join(KEYS)}) {scopes} end as scope, {", ".join(KEYS)}, day,
            {", ".join(f"grouping({key}) = 1 as {key}_is_all" for key in KEYS)},
            sum(events)::bigint as events, coalesce(sum(events) filter (cost_pico_usd is null), 0)::bigint as unpriced_events,
            {_SUMS}
            from costed group by grouping sets ({sets}))
        select * exclude ({", ".join(f"{key}_is_all" for key in KEYS)}) from grouped where {named} order by scope, day""",  # noqa: S608 - our own column names
        [first, last],
    )


def cells(warehouse: Warehouse, first: date, last: date, customers: Collection[str]) -> pl.DataFrame:
    """Usage by day, `customer_id`, provider, model and feature of some customers, and summed over all (`customer_id` null).

    Columns beside these: `requests`, `cost_pico_usd` and `fixed_usd` as in `daily_costs`.
    """
    keys = "u.day, u.provider, u.model, u.feature"
    return frame(
        warehouse,
        f"""with {_USED},
        costed as (select {keys}, u.customer_id, u.requests, u.cost_pico_usd,
            case when u.cost_pico_usd is not null then coalesce(nullif({_base()}, 0), u.cost_pico_usd::double) end as fixed
            from used u left join base b using (price_id))
        select day, null::varchar as customer_id, provider, model, feature, {_SUMS} from costed group by day, provider, model, feature
        union all
        select day, customer_id, provider, model, feature, {_SUMS} from costed where list_contains($3, customer_id) group by all""",  # noqa: S608 - our own column names
        [first, last, sorted(customers)],
    )


def price_changes(warehouse: Warehouse, first: date, last: date) -> list[PriceChange]:
    """Each model's day of `first` to `last` on which it was first used at a price that took another one's place."""
    cost = " + ".join(
        f"u.{bucket}::hugeint * (coalesce(e.{bucket}_pico_usd, 0) - coalesce(o.{bucket}_pico_usd, 0))"
        for bucket in BUCKETS
    )
    rows = warehouse.rows(
        f"""with uses as (select price_id, min(day) as first_day from usage_cube where price_id is not null and events > 0 group by 1),
        entries as (select p.*, {_SAME_PRICE} as same_price, x.first_day from price_entries p join uses x using (price_id)),
        changed as (select *, lag(price_id) over (partition by provider, same_price order by valid_from nulls first) as old_price_id
            from entries)
        select u.day, u.provider, u.model, sum(u.cost_pico_usd), sum(u.cost_pico_usd) - sum({cost}),
            count(distinct u.customer_id), min(e.price_key)
        from changed e join price_entries o on o.price_id = e.old_price_id
            join usage_cube u on u.price_id = e.price_id and u.day = e.first_day and u.events > 0
        where u.day between $1 and $2 and u.cost_pico_usd is not null and u.model is not null
        group by u.day, u.provider, u.model order by u.day, u.provider, u.model""",  # noqa: S608 - our own column names
        [first, last],
    )
    return [
        PriceChange(day, provider, model, int(actual), int(before), int(customers), key)
        for day, provider, model, actual, before, customers, key in rows.iter_rows()
    ]


def arrival(warehouse: Warehouse) -> Arrival:
    """How far usage has come in when the version was built. Stripe and bills are no usage."""
    rows = warehouse.rows(
        "select max(latest_record_at), max(last_success_at) from freshness where source != 'stripe' and source not like 'bill:%'"
    )
    return Arrival(*rows.row(0))


def span(warehouse: Warehouse) -> tuple[date, date] | None:
    """The first and the last day with usage; None without any."""
    first, last = warehouse.rows("select min(day), max(day) from usage_cube where events > 0").row(0)
    return None if first is None else (first, last)


def customer_names(warehouse: Warehouse) -> dict[str, str]:
    """Customers' names by id; who has none is called by it."""
    return {
        customer_id: name or customer_id
        for customer_id, name in warehouse.rows("select customer_id, name from customers").iter_rows()
    }


def usd_rates(warehouse: Warehouse) -> dict[date, int | None]:
    """What a dollar is worth in the reporting currency times 10^9, by month."""
    return dict(warehouse.rows("select month, rate_nano from usd_rates").iter_rows())


def frame(warehouse: Warehouse, query: str, parameters: Sequence[Any]) -> pl.DataFrame:
    """A query's rows by Arrow: a year of thousands of subjects is millions of values."""
    with warehouse.con.cursor() as cursor:
        found = pl.from_arrow(cursor.sql(query, params=list(parameters)).to_arrow_table())
    assert isinstance(found, pl.DataFrame), "a table becomes a frame"
    return found
