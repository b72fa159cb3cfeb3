"""What single days of a version have cost."""

from collections.abc import Sequence
from datetime import date

from store.warehouse_reads import Warehouse


def day_costs(warehouse: Warehouse, days: Sequence[date]) -> dict[date, int]:
    """The company's AI cost of these UTC days in pico-USD, of what has a price; a day without usage is left out."""
    rows = warehouse.rows(
        "select day, sum(cost_pico_usd) as cost from usage_cube where list_contains($1, day) group by day", [list(days)]
    )
    return {day: int(cost) for day, cost in rows.iter_rows() if cost is not None}
