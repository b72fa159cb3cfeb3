"""Reads of a published version what the detectors need of usage: windows of days by customer, usage without a price, coverage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from pricing.usage import BUCKETS, TOKEN_BUCKETS
from store.warehouse_reads import Warehouse

_TOKENS = " + ".join(TOKEN_BUCKETS)
_OTHER = f"({_TOKENS} = 0 and images + seconds + pages + search_requests > 0)"
_SUMS = f"""coalesce(sum(cost_pico_usd), 0)::hugeint as cost_pico_usd,
    coalesce(sum(cost_pico_usd) filter (events > 0), 0)::hugeint as logged_pico_usd,
    coalesce(sum(cost_pico_usd) filter (events > 0 and customer_id is not null), 0)::hugeint as attributed_pico_usd,
    sum(events)::bigint as events, coalesce(sum(events) filter (cost_pico_usd is null), 0)::bigint as unpriced_events,
    sum({_TOKENS})::bigint as tokens, coalesce(sum({_TOKENS}) filter (cost_pico_usd is null), 0)::bigint as unpriced_tokens,
    coalesce(sum(events) filter ({_OTHER}), 0)::bigint as other_events,
    coalesce(sum(events) filter ({_OTHER} and cost_pico_usd is null), 0)::bigint as unpriced_other_events"""
# The columns of every window.
WINDOW_COLUMNS = (
    "cost_pico_usd", "logged_pico_usd", "attributed_pico_usd", "events", "unpriced_events", "tokens", "unpriced_tokens", "other_events",
    "unpriced_other_events",
)  # fmt: skip


# Of no rows nobody can tell the types.
_UNPRICED_TYPES: dict[str, pl.DataType] = {"day": pl.Date(), "is_other": pl.Boolean(), "is_billed": pl.Boolean()}


@dataclass(frozen=True, slots=True)
class Logged:
    """The first and the last day with usage of the whole log."""

    first: date
    last: date


def logged(warehouse: Warehouse) -> Logged | None:
    """Over which days the usage log reaches; None without any."""
    first, last = warehouse.rows("select min(day), max(day) from usage_cube where events > 0").row(0)
    return None if first is None else Logged(first, last)


def customer_windows(
    warehouse: Warehouse, until: date, days: int, *, back: int = 0, ends: Mapping[str, date] | None = None
) -> pl.DataFrame:
    """WINDOW_COLUMNS by customer_id (null: of nobody) over `days` days before `until` less `back` days; `ends` are other untils."""
    given = ends or {}
    return warehouse.rows(
        f"""with ends as (select unnest($1) as customer_id, unnest($2)::date as until)
        select u.customer_id, {_SUMS} from usage_cube u left join ends e using (customer_id)
        where u.day >= $4::date and u.day >= coalesce(e.until, $3::date) - {int(days + back)}
            and u.day < coalesce(e.until, $3::date) - {int(back)} group by u.customer_id""",
        [list(given), [end.isoformat() for end in given.values()], until, _earliest(until, given, days + back)],
    )


def company_window(warehouse: Warehouse, until: date, days: int, *, back: int = 0) -> dict[str, int]:
    """WINDOW_COLUMNS of the whole company, what its bills have beyond the log included in the cost."""
    found = warehouse.rows(
        f"select {_SUMS} from usage_cube where day >= $1::date - {int(days + back)} and day < $1::date - {int(back)}",
        [until],
    )
    return {name: int(value or 0) for name, value in found.row(0, named=True).items()}


def unpriced(warehouse: Warehouse, since: date) -> pl.DataFrame:
    """Usage without a price since a day: quantities by day, month, customer_id, provider, model, is_other, is_billed.

    `is_billed` is usage of a day whose settled bill has its cost in it already.
    """
    sums = ", ".join(f"sum({bucket})::bigint as {bucket}" for bucket in BUCKETS)
    return warehouse.rows(
        f"""with settled as (
            select provider, min(day) as first_day, max(day) as last_day from bill_cells where is_settled group by provider)
        select u.day, u.month, u.customer_id, u.provider, u.model, {_OTHER} as is_other, s.provider is not null as is_billed,
            sum(u.events)::bigint as events, sum({_TOKENS})::bigint as tokens, {sums}
        from usage_cube u left join settled s on s.provider = u.provider and u.day between s.first_day and s.last_day
        where u.cost_pico_usd is null and u.events > 0 and u.day >= $1::date group by all order by all""",
        [since],
    ).with_columns(pl.col(name).cast(kind) for name, kind in _UNPRICED_TYPES.items())


def reconciled(warehouse: Warehouse, until: date, days: int) -> tuple[int, int] | None:
    """What settled bills and the log have in common, and the larger of the two, in pico-USD; None without a settled bill in the days.

    Summed model by model (pricing.usage_reconciliation.matched_and_compared).
    """
    matched, compared = warehouse.rows(
        f"""with models as (
            select provider, model, sum(logged_pico_usd) as logged, sum(billed_pico_usd) as billed from bill_cells
            where is_settled and day >= $1::date - {int(days)} and day < $1::date group by provider, model)
        select sum(greatest(0, least(logged, billed)))::hugeint, sum(greatest(0, logged, billed))::hugeint from models""",
        [until],
    ).row(0)
    return (int(matched), int(compared)) if compared else None


def settled_until(warehouse: Warehouse) -> date | None:
    """The day after the last one on which a bill is settled."""
    day: date | None = warehouse.rows("select (max(day) + 1)::date from bill_cells where is_settled").item()
    return day


@dataclass(frozen=True, slots=True)
class Burned:
    """A customer's AI cost in pico-USD since a day and over the last days, events without a price since, the last day with usage."""

    since_pico_usd: int
    recent_pico_usd: int
    unpriced_events: int
    last_used: date | None


def burned(warehouse: Warehouse, since: Mapping[str, date], recent: Sequence[date]) -> dict[str, Burned]:
    """What customers cost since a day of their own, and since the first of `recent`; both until before the second of it."""
    if not since:
        return {}
    rows = warehouse.rows(
        """with wanted as (select unnest($1) as customer_id, unnest($2)::date as first)
        select w.customer_id, coalesce(sum(u.cost_pico_usd) filter (u.day >= w.first), 0)::hugeint,
            coalesce(sum(u.cost_pico_usd) filter (u.day >= $3::date), 0)::hugeint,
            coalesce(sum(u.events) filter (u.day >= w.first and u.cost_pico_usd is null), 0)::bigint, max(u.day)
        from wanted w left join usage_cube u on u.customer_id = w.customer_id and u.events > 0 and u.day < $4::date
        group by w.customer_id""",
        [list(since), [day.isoformat() for day in since.values()], recent[0], recent[1]],
    )
    return {
        customer_id: Burned(int(cost), int(lately), int(events), last)
        for customer_id, cost, lately, events, last in rows.iter_rows()
    }


def _earliest(until: date, ends: Mapping[str, date], days: int) -> date:
    return date.fromordinal(min([until, *ends.values()]).toordinal() - days)
