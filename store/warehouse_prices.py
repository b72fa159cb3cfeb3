"""How usage is priced, read from a published version: by day and name, by model and price entry, and by whom."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import duckdb

from pricing.repricing import PricedAs
from store.warehouse_reads import Warehouse


@dataclass(frozen=True)
class ModelUse:
    """What a model as the usage names it comes to over all time; `share` is its part of the AI cost, None without cost."""

    provider: str | None
    model: str | None
    customers: int
    events: int
    unpriced_events: int
    cost_pico_usd: int
    share: Fraction | None
    first_day: date
    last_day: date


@dataclass(frozen=True)
class CustomerUse:
    """A customer's part of a model's cost; `name` None where nobody is known."""

    name: str | None
    events: int
    cost_pico_usd: int
    share: Fraction | None


def priced_as(warehouse: Warehouse) -> tuple[list[PricedAs], dict[date, int]]:
    """Each distinct way in which a day's usage is named and priced, and how many events each day has."""
    names = ", ".join(PricedAs._fields)
    rows = warehouse.rows(
        f"select {names}, sum(events)::bigint as events from usage_cube where events > 0 group by all"  # noqa: S608 - names of ours
    )
    events: dict[date, int] = {}
    for day, number in rows.select("day", "events").iter_rows():
        events[day] = events.get(day, 0) + number
    return [PricedAs(*row) for row in rows.select(PricedAs._fields).iter_rows()], events


def load_use(con: duckdb.DuckDBPyConnection) -> None:
    """Write model_use from the usage_cube of the version that is being built."""
    con.execute(
        """insert into model_use
        select provider, model, customer_id, sum(events), coalesce(sum(events) filter (cost_pico_usd is null), 0),
            coalesce(sum(cost_pico_usd), 0), min(day), max(day)
        from usage_cube where events > 0 group by provider, model, customer_id order by provider, model, customer_id"""
    )


def models_in_use(warehouse: Warehouse) -> list[ModelUse]:
    """Every model of the usage, the dearest first; model_use has one row for each of its customers."""
    rows = warehouse.rows(
        """select provider, model, count(customer_id) as customers, sum(events)::bigint as events,
            sum(unpriced_events)::bigint as unpriced_events, sum(cost_pico_usd) as cost, min(first_day), max(last_day)
        from model_use group by provider, model order by cost desc, events desc, provider, model"""
    ).rows()
    total = sum(int(row[5]) for row in rows)
    return [
        ModelUse(provider, model, customers, events, unpriced, int(cost), _share(cost, total), first, last)
        for provider, model, customers, events, unpriced, cost, first, last in rows
    ]


def _share(cost: int, total: int) -> Fraction | None:
    return Fraction(int(cost), int(total)) if total else None


def customers_of(warehouse: Warehouse, provider: str | None, model: str | None, *, limit: int) -> list[CustomerUse]:
    """Who uses a model, the biggest cost first."""
    rows = warehouse.rows(
        """select c.name, sum(u.events)::bigint, sum(u.cost_pico_usd), (sum(sum(u.cost_pico_usd)) over ())
        from model_use u left join customers c using (customer_id)
        where u.provider is not distinct from $1 and u.model is not distinct from $2
        group by u.customer_id, c.name order by 3 desc, 2 desc, 1 limit $3""",
        [provider, model, limit],
    ).rows()
    return [CustomerUse(name, events, int(cost), _share(cost, total)) for name, events, cost, total in rows]
