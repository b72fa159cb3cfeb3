"""What a what-if reads of a published version: months of the cube replayed, with each customer's revenue and the months' rates."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Any

import polars as pl

from pricing.coverage import Coverage, attributed_share, reconciled_share
from pricing.price_book import PriceBook
from pricing.what_if_costs import TARGET_SCHEMA, CostChange, replayed, target_prices
from store.warehouse_reads import Warehouse

_SUMS = (
    "events",
    "tokens",
    "unpriced_tokens_before",
    "unpriced_tokens_after",
    "unpriced_events_before",
    "unpriced_events_after",
    "partly_priced_events",
    "before_pico_usd",
    "after_pico_usd",
    "after_low_pico_usd",
)


def read_months(
    warehouse: Warehouse, basis: str, first: date, last: date, change: CostChange, book: PriceBook
) -> list[dict[str, Any]]:
    """A row for each customer and month from `first` to `last` (first days, both included): pricing.what_if.outcomes' input.

    Without a customer: usage and cost of nobody known. Raises NoSuchPrices when the model to move to has no price.
    """
    with warehouse.con.cursor() as con:
        cube = con.table("usage_cube").filter(f"month between date '{first:%Y-%m-%d}' and date '{last:%Y-%m-%d}'")
        target = pl.DataFrame(schema=TARGET_SCHEMA)
        if change.to_model is not None:
            tiers = [row[0] for row in cube.project("service_tier").distinct().fetchall()]
            target = target_prices(book, change.to_model, tiers)
        usage = replayed(con, cube, con.table("price_entries"), change, target)
        con.register("replayed", usage.to_arrow_table())
        zeros = ", ".join(f"coalesce(u.{name}, 0) as {name}" for name in _SUMS)
        answer = con.execute(
            f"""with revenue as (
                select month, customer_id, net_revenue_minor from customer_month where basis = $1 and month between $2 and $3)
            select coalesce(r.month, u.month) as month, coalesce(r.customer_id, u.customer_id) as customer_id,
                case when r.month is null then 0 else r.net_revenue_minor end as net_revenue_minor, {zeros},
                case when u.month is null then 0 else u.after_high_pico_usd end as after_high_pico_usd,
                case when coalesce(u.unpriced_events_before, 0) = 0 then 0 else b.low_pico_usd end as unpriced_low_pico_usd,
                case when coalesce(u.unpriced_events_before, 0) = 0 then 0 else b.high_pico_usd end as unpriced_high_pico_usd,
                x.rate_nano as usd_rate_nano
            from revenue r full join replayed u on r.month = u.month and r.customer_id is not distinct from u.customer_id
                left join unpriced_bounds b on u.month = b.month and u.customer_id is not distinct from b.customer_id
                left join usd_rates x on x.month = coalesce(r.month, u.month)
            order by 1, 2""",
            [basis, first, last],
        )
        names = [column[0] for column in answer.description or ()]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def coverage(warehouse: Warehouse, first: date, last: date) -> Coverage:
    """How much of the months' cost has a customer, and agrees with the providers' bills where any month is compared."""
    found = warehouse.rows(
        """select coalesce(sum(attributed_pico_usd), 0) as attributed, coalesce(sum(logged_pico_usd), 0) as logged,
            sum(matched_pico_usd) as matched, sum(compared_pico_usd) as compared
        from month_coverage where month between $1 and $2""",
        [first, last],
    ).row(0, named=True)
    share: Fraction | None = attributed_share(int(found["attributed"]), int(found["logged"]))
    matched, compared = (None if found[name] is None else int(found[name]) for name in ("matched", "compared"))
    return Coverage(attributed=share, reconciled=reconciled_share(matched, compared))


def models_used(warehouse: Warehouse, months: Sequence[date]) -> list[tuple[str, str]]:
    """(provider, model) of the months' usage, the dearest first; usage that names no provider or model is left out."""
    rows = warehouse.rows(
        """select provider, model from usage_cube where month between $1 and $2 and provider is not null and model is not null
        group by provider, model order by sum(cost_pico_usd) desc nulls last, sum(events) desc""",
        [min(months), max(months)],
    )
    return list(rows.iter_rows())
