"""What a FOCUS export reads of a published version: a month's usage by day, customer, model, price entry and whose word its cost is."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from pricing.usage import BUCKETS
from store.warehouse_reads import Warehouse

_KEYS = (
    "day",
    "provider",
    "model",
    "service_tier",
    "customer_id",
    "customer_ref",
    "price_id",
    "cost_source",
    "contract_id",
)
_FETCHED = 10_000


def read_usage(warehouse: Warehouse, month: date) -> Iterator[dict[str, Any]]:
    """Rows with a cost as pricing.focus.charges needs them: the keys, sums of events, units and costs, unit prices, customer's name."""
    keys, sums = ", ".join(_KEYS), ", ".join(f"sum({bucket})::hugeint as {bucket}" for bucket in BUCKETS)
    prices = ", ".join(f"p.{bucket}_pico_usd" for bucket in BUCKETS)
    with warehouse.con.cursor() as cursor:
        answer = cursor.execute(
            f"""with used as (
                select {keys}, sum(events)::hugeint as events, {sums},
                    sum(list_cost_pico_usd) as list_cost_pico_usd, sum(cost_pico_usd) as cost_pico_usd
                from usage_cube where month = $1 and cost_pico_usd is not null group by {keys})
            select u.*, p.price_key, {prices}, c.name as customer_name
            from used u left join price_entries p using (price_id) left join customers c using (customer_id)
            order by day, customer_id, customer_ref, provider, model, price_id""",
            [month],
        )
        names = [column[0] for column in answer.description or ()]
        while rows := answer.fetchmany(_FETCHED):
            yield from (dict(zip(names, row, strict=True)) for row in rows)


def without_a_cost(warehouse: Warehouse, month: date) -> int:
    """How many of the month's events nobody has a price for."""
    found = warehouse.rows(
        "select coalesce(sum(events), 0)::bigint as events from usage_cube where month = $1 and cost_pico_usd is null",
        [month],
    )
    return int(found["events"][0])


def has_usage(warehouse: Warehouse, month: date) -> bool:
    """Whether the month has any usage or cost."""
    return not warehouse.rows("select 1 as one from usage_cube where month = $1 limit 1", [month]).is_empty()
