"""Effective cost: which of several sources says what usage cost, decided on the day cube and never on single events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import duckdb
import polars as pl

from pricing.contract_amounts import rows_of_their_own, spent_by_day, with_overage
from pricing.contract_pricing import ROW_KEYS, priced_by_contract
from pricing.contract_rates import FreeQuota, Name, Rates, rates
from pricing.contracts import Commitment, Credit, Term
from pricing.usage import BUCKETS

# What the lake's cube is summed by beside its day. `reported_by` says whose word a reported cost is.
CUBE_KEYS = ROW_KEYS
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


@dataclass(frozen=True)
class Agreements:
    """What may change a list cost: the contracts' terms, the public free quotas, and the price entries that usage names.

    `entries` has the columns pricing.price_entry.ENTRY_SCHEMA; `as_of` is the day up to which months are over.
    """

    terms: Sequence[Term]
    allowances: Sequence[FreeQuota]
    entries: pl.DataFrame
    as_of: date


def effective_cost(
    con: duckdb.DuckDBPyConnection, cube: duckdb.DuckDBPyRelation, agreed: Agreements
) -> duckdb.DuckDBPyRelation:
    """The lake's cube with `cost_pico_usd`, `cost_source` and `contract_id`: COSTED_COLUMNS.

    `cube` is a relation of `con` with CUBE_KEYS, `day`, `events`, BUCKETS, `list_cost_pico_usd` and `reported_cost_pico_usd`
    (pico-USD, NULL where there is none); each of its rows is one row of the answer. What the provider itself reported goes
    before a contract, a contract before the list; a gateway's reckoning goes before nothing. Where nobody says what usage cost,
    `cost_pico_usd` and `cost_source` are NULL. Rows without events come after them: a commitment's shortfall, and credits as
    negative cost. Rows of a provider's invoice are added by whoever compares the invoice with the answer.
    """
    names = cube.project("provider, model, service_tier, price_id").distinct().fetchall()
    found = rates(map(Name._make, names), agreed.terms, agreed.allowances, agreed.entries)
    costed = _by_precedence(cube if found is None else _priced(con, cube, found))
    if any(isinstance(term.rule, Commitment | Credit) for term in agreed.terms):
        days = spent_by_day(costed, agreed.terms, agreed.entries)
        costed = with_overage(con, costed, agreed.terms, days, agreed.entries)
        extra = pl.DataFrame(rows_of_their_own(agreed.terms, days, as_of=agreed.as_of), schema=_EXTRA_SCHEMA)
        return _columns(costed).union(_columns(_as_usage(con, extra)))
    return _columns(costed)


def _priced(con: duckdb.DuckDBPyConnection, cube: duckdb.DuckDBPyRelation, found: Rates) -> duckdb.DuckDBPyRelation:
    """The cube with the cost by contract where one holds, in `own_cost_pico_usd`; the rest passes by untouched."""
    joined = cube.set_alias("c").join(
        con.from_arrow(found.rows.to_arrow()).set_alias("r"),
        "c.provider is not distinct from r.asked_provider and c.model is not distinct from r.asked_model "
        "and c.service_tier is not distinct from r.asked_tier and c.price_id is not distinct from r.asked_price_id "
        f"and c.day >= r.from_day and c.day < r.until_day and not ({_IS_REPORTED})",
        how="left",
    )
    # Most rows under a quota alone have none of its units: they need no counting.
    free = " or ".join(f"({bucket}_free is not null and {bucket} > 0)" for bucket in found.with_allowances())
    is_touched = f"(from_day is not null and (of_contract is not null or {free or 'false'}))"
    priced = priced_by_contract(joined.filter(is_touched), found)
    kept = ", ".join(cube.columns)
    beside = joined.filter(f"not {is_touched}").project(
        f"{kept}, null::hugeint as own_cost_pico_usd, null::varchar as of_contract, false as is_under"
    )
    return beside.union(priced.project(f"{kept}, own_cost_pico_usd, of_contract, true as is_under"))


def _by_precedence(cube: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Decide row by row. A row under a free quota alone is still the catalogue's."""
    if "is_under" not in cube.columns:
        cube = cube.project("*, null::hugeint as own_cost_pico_usd, null::varchar as of_contract, false as is_under")
    return cube.project(
        f"""* exclude (list_cost_pico_usd, reported_cost_pico_usd, own_cost_pico_usd, of_contract, is_under),
        {_LIST} as list_cost_pico_usd, {_REPORTED} as reported_cost_pico_usd,
        case when {_IS_REPORTED} then {_REPORTED} when is_under then own_cost_pico_usd else {_LIST} end as cost_pico_usd,
        case when {_IS_REPORTED} then '{CostSource.REPORTED}'
            when own_cost_pico_usd is not null and of_contract is not null then '{CostSource.CONTRACT}'
            when own_cost_pico_usd is not null or (not is_under and {_LIST} is not null) then '{CostSource.CATALOGUE}' end as cost_source,
        case when own_cost_pico_usd is not null then of_contract end as contract_id"""
    )


def _as_usage(con: duckdb.DuckDBPyConnection, extra: pl.DataFrame) -> duckdb.DuckDBPyRelation:
    """Rows of money alone with the columns of usage: no events, no units, no customer."""
    absent = ", ".join(f"null::varchar as {name}" for name in ("customer_ref", "model", "feature", "service_tier"))
    none = ", ".join(f"0::hugeint as {name}" for name in ("events", *BUCKETS))
    return con.from_arrow(extra.to_arrow()).project(
        f"""* replace (cost_pico_usd::hugeint as cost_pico_usd), {absent}, null::bigint as price_id, {none},
        null::hugeint as list_cost_pico_usd, null::hugeint as reported_cost_pico_usd, null::varchar as unpriced_reason"""
    )


def _columns(costed: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return costed.project(", ".join(COSTED_COLUMNS))


_LIST = "list_cost_pico_usd::hugeint"
_REPORTED = "reported_cost_pico_usd::hugeint"
_IS_REPORTED = "reported_by is not distinct from 'provider' and reported_cost_pico_usd is not null"
_EXTRA_SCHEMA: dict[str, Any] = {
    "day": pl.Date,
    "provider": pl.String,
    "cost_pico_usd": pl.Decimal(38, 0),
    "cost_source": pl.String,
    "contract_id": pl.String,
}
