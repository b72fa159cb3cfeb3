"""Reads usage log and bills of one published version, by month and provider, by day, and down to a day's model and unit."""

from datetime import date

import polars as pl

from store.warehouse_reads import Warehouse


def bill_months(warehouse: Warehouse) -> pl.DataFrame:
    """The columns of the table `bill_months`, newest month first, within it the largest provider first."""
    return warehouse.rows(
        "select * from bill_months order by month desc, coalesce(billed_pico_usd, usage_pico_usd) desc, provider"
    )


def bill_causes(warehouse: Warehouse, month: date | None = None) -> pl.DataFrame:
    """(month, provider, cause, part_pico_usd) of all months or of one; causes whose parts cancel out keep their absolute sum."""
    return warehouse.rows(
        """select month, provider, cause, sum(part_pico_usd)::hugeint as part_pico_usd,
            sum(abs(part_pico_usd))::hugeint as moved_pico_usd
        from bill_parts where $1::date is null or month = $1 group by month, provider, cause
        order by month desc, provider, abs(sum(part_pico_usd)) desc, cause""",
        [month],
    )


def bill_days(warehouse: Warehouse, provider: str, month: date) -> pl.DataFrame:
    """One row a day: logged, billed, and whether the bill is settled."""
    return warehouse.rows(
        """select day, sum(logged_pico_usd)::hugeint as logged_pico_usd, sum(billed_pico_usd)::hugeint as billed_pico_usd,
            bool_and(is_settled) as is_settled
        from bill_cells where provider = $1 and month = $2 group by day order by day""",
        [provider, month],
    )


def bill_cells(warehouse: Warehouse, provider: str, month: date, day: date | None = None) -> pl.DataFrame:
    """By model and unit, of a day or of the whole month: both sides, the gap and its largest cause; the largest gap first."""
    return warehouse.rows(
        """with parts as (
            select model, unit, cause, sum(part_pico_usd) as part from bill_parts
            where provider = $1 and month = $2 and ($3::date is null or day = $3) group by model, unit, cause),
        largest as (select model, unit, arg_max(cause, abs(part)) as cause from parts group by model, unit)
        select c.model, c.unit, sum(logged_quantity)::hugeint as logged_quantity, sum(billed_quantity)::hugeint as billed_quantity,
            sum(logged_pico_usd)::hugeint as logged_pico_usd, sum(billed_pico_usd)::hugeint as billed_pico_usd,
            (sum(billed_pico_usd) - sum(logged_pico_usd))::hugeint as gap_pico_usd, any_value(l.cause) as cause
        from bill_cells c left join largest l on l.model is not distinct from c.model and l.unit is not distinct from c.unit
        where provider = $1 and month = $2 and ($3::date is null or day = $3)
        group by c.model, c.unit having sum(logged_pico_usd) <> 0 or sum(billed_pico_usd) <> 0
        order by abs(sum(billed_pico_usd) - sum(logged_pico_usd)) desc, c.model, c.unit""",
        [provider, month, day],
    )


def invoiced_units(warehouse: Warehouse) -> pl.DataFrame:
    """What metered prices charged for beside what the log has, newest month first, the largest difference first."""
    return warehouse.rows(
        """select i.*, coalesce(c.name, i.customer_id) as name from invoiced_units i left join customers c using (customer_id)
        order by month desc, abs(invoiced_quantity - coalesce(logged_quantity, invoiced_quantity)) desc, name"""
    )
