"""Effective cost: which of several sources says what usage cost, decided on the day cube and never on single events."""

from enum import StrEnum

import duckdb

from pricing.usage import BUCKETS

# What the lake's cube is summed by beside its day. `reported_by` says whose word a reported cost is.
CUBE_KEYS = (
    "customer_ref",
    "provider",
    "model",
    "feature",
    "service_tier",
    "price_id",
    "unpriced_reason",
    "reported_by",
)
# Formats whose cost a gateway or an observer has worked out from a price list of its own: kept and compared, and no provider's word.
ESTIMATING_SOURCES = frozenset({"litellm", "langfuse", "helicone"})


class CostSource(StrEnum):
    """Who says what usage cost, the one that goes before all others first."""

    INVOICE = "invoice"
    REPORTED = "reported"
    CONTRACT = "contract"
    CATALOGUE = "catalogue"


COSTED_COLUMNS = (
    "day",
    "customer_ref",
    "provider",
    "model",
    "feature",
    "service_tier",
    "price_id",
    "events",
    *BUCKETS,
    "list_cost_pico_usd",
    "reported_cost_pico_usd",
    "cost_pico_usd",
    "cost_source",
    "contract_id",
    "unpriced_reason",
)


def effective_cost(cube: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The lake's cube with `cost_pico_usd`, `cost_source` and `contract_id`: COSTED_COLUMNS, one row out for each row in.

    `cube` has CUBE_KEYS, `day`, `events`, BUCKETS, `list_cost_pico_usd` and `reported_cost_pico_usd` (pico-USD, NULL where there
    is none). What the provider itself reported goes before any price list; a gateway's reckoning does not. Where nobody
    says what usage cost, `cost_pico_usd` and `cost_source` are NULL. Rows of a provider's invoice are no usage and are added
    to the answer by whoever compares the invoice with it.
    """
    reported = f"reported_by = 'provider' and {_REPORTED} is not null"
    return cube.project(
        f"""day, customer_ref, provider, model, feature, service_tier, price_id, events, {", ".join(BUCKETS)},
        {_LIST} as list_cost_pico_usd, {_REPORTED} as reported_cost_pico_usd,
        case when {reported} then {_REPORTED} else {_LIST} end as cost_pico_usd,
        case when {reported} then '{CostSource.REPORTED}' when {_LIST} is not null then '{CostSource.CATALOGUE}' end as cost_source,
        cast(null as varchar) as contract_id, unpriced_reason"""
    )


_LIST = "list_cost_pico_usd::hugeint"
_REPORTED = "reported_cost_pico_usd::hugeint"
