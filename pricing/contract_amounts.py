"""What a contract comes to beyond single prices: overage on the rows, a month's shortfall and credits as rows of their own."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

import duckdb
import polars as pl

from pricing.contract_pricing import shared
from pricing.contracts import Commitment, Credit, DayCost, Term, overages, shortfalls, use_credits

DaysOf = dict[str, list[DayCost]]


def spent_by_day(costed: duckdb.DuckDBPyRelation, terms: Sequence[Term], entries: pl.DataFrame) -> DaysOf:
    """By the provider that a commitment or a credit names, what each day's usage of it costs."""
    makers = dict(entries.select("price_id", "provider").iter_rows())
    wanted = {term.provider.lower() for term in terms if isinstance(term.rule, Commitment | Credit)}
    days: dict[tuple[str, date], list[int]] = defaultdict(lambda: [0, 0])
    sums = costed.aggregate(
        "day, provider, price_id, cost_source = 'reported' as is_reported, sum(cost_pico_usd) as cost",
        "day, provider, price_id, cost_source = 'reported'",
    )
    for day, provider, price_id, is_reported, cost in sums.fetchall():
        name = makers.get(price_id) or (provider or "").lower()
        if name in wanted:
            days[name, day][0 if is_reported else 1] += int(cost or 0)
    found: DaysOf = defaultdict(list)
    for (name, day), (reported, other) in sorted(days.items()):
        found[name].append(DayCost(day, reported, other))
    return found


def with_overage(
    con: duckdb.DuckDBPyConnection,
    costed: duckdb.DuckDBPyRelation,
    terms: Sequence[Term],
    days: DaysOf,
    entries: pl.DataFrame,
) -> duckdb.DuckDBPyRelation:
    """The rows with each day's overage added to their cost in its proportion; what a provider reported stays as it is."""
    committed = [term for term in terms if isinstance(term.rule, Commitment)]
    rows = [
        (term.provider.lower(), term.contract_id, day, abs(extra), extra < 0)
        for term in committed
        for day, extra in overages(term, days.get(term.provider.lower(), ())).items()
    ]
    if not rows:
        return costed
    schema = ["payee", "of_commitment", "extra_day", "extra", "is_less"]
    makers = con.from_arrow(entries.select("price_id", "provider").to_arrow()).set_alias("m")
    extras = con.from_arrow(pl.DataFrame(rows, schema=schema, orient="row").to_arrow()).set_alias("x")
    joined = (
        costed.set_alias("c")
        .join(makers, "c.price_id = m.price_id", how="left")
        .project("c.*, m.provider as maker")
        .set_alias("c")
        .join(
            extras,
            "c.day = x.extra_day and coalesce(c.maker, lower(c.provider)) = x.payee and c.cost_source <> 'reported' "
            "and c.cost_pico_usd > 0",
            how="left",
        )
    )
    part = "of_commitment, payee, day"
    weighed = joined.project(
        f"*, sum(cost_pico_usd) over (partition by {part}) as weight, coalesce(extra, 0)::hugeint as total"
    )
    given = shared(weighed, "total * cost_pico_usd", "weight", total="total", part=part, into="given")
    kept = [name for name in costed.columns if name not in {"cost_pico_usd", "cost_source", "contract_id"}]
    return given.project(
        f"""{", ".join(kept)},
        case when extra is null then cost_pico_usd when is_less then cost_pico_usd - given else cost_pico_usd + given end as cost_pico_usd,
        case when extra is null then cost_source else 'contract' end as cost_source,
        case when extra is null then contract_id else coalesce(contract_id, of_commitment) end as contract_id"""
    )


def rows_of_their_own(terms: Sequence[Term], days: DaysOf, *, as_of: date) -> list[dict[str, Any]]:
    """Rows without events and without a customer: what is missing to a commitment at a month's end, and credits as negative cost."""
    rows = [
        _row(day, term, missing)
        for term in terms
        if isinstance(term.rule, Commitment)
        for day, missing in shortfalls(term, days.get(term.provider.lower(), ()), as_of=as_of).items()
    ]
    for name in sorted({term.provider.lower() for term in terms if isinstance(term.rule, Credit)}):
        own = [term for term in terms if isinstance(term.rule, Credit) and term.provider.lower() == name]
        rows += [_row(day, term, -paid) for day, term, paid in use_credits(own, days.get(name, ()))]
    return rows


def _row(day: date, term: Term, cost_pico_usd: int) -> dict[str, Any]:
    return {
        "day": day,
        "provider": term.provider,
        "cost_pico_usd": cost_pico_usd,
        "cost_source": "contract",
        "contract_id": term.contract_id,
    }
