"""How usage is priced, read from a published version: by day and name, by price entry, and what has no price."""

from datetime import date

from pricing.repricing import PricedAs
from store.warehouse_reads import Warehouse


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
