"""Reads of a published version what usage has no price, and why."""

import polars as pl

from pricing.usage import TOKEN_BUCKETS
from store.warehouse_reads import Warehouse

_TOKENS = " + ".join(TOKEN_BUCKETS)
_UNPRICED = f"""
    select provider, model, unpriced_reason, sum(events)::bigint as events, sum({_TOKENS})::bigint as tokens,
        min(day) as first_day, max(day) as last_day
    from usage_cube where cost_pico_usd is null and events > 0
    group by all order by events desc, provider, model, unpriced_reason"""  # noqa: S608 - the columns are our own buckets


def unpriced_models(warehouse: Warehouse) -> pl.DataFrame:
    """The usage without a price by (provider, model, unpriced_reason): events, tokens, first_day, last_day; most events first."""
    return warehouse.rows(_UNPRICED)
