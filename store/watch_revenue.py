"""Reads of a published version what customers and the company earned in some days, by service period, exact to the minor unit."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import lcm

from pricing.money import divide_half_away
from store.warehouse_reads import Warehouse


@dataclass(frozen=True, slots=True)
class Earned:
    """Minor units of the reporting currency: `earned` before refunds and disputes, `net` after them; None without an exchange rate."""

    earned_minor: int | None
    net_minor: int | None


NOTHING = Earned(0, 0)
# A line of several days counts by the days that fall into the window; the sum is rounded once.
_OVERLAPS = """
    with ends as (select unnest($1) as customer_id, unnest($2)::date as until),
    windowed as (
        select r.customer_id, r.kind, r.reporting_minor, r.period_end - r.period_start as days,
            least(r.period_end, coalesce(e.until, $3::date) - {offset}) - greatest(r.period_start, coalesce(e.until, $3::date) - {start}) as inside
        from revenue_lines r left join ends e using (customer_id)
        where r.basis = 'service' and r.kind <> 'fee' and r.period_end > $4::date)
    select {group} as customer_id, days, kind in ('refund', 'dispute') as is_back,
        sum(case when kind = 'line' then 1 else -1 end * inside * reporting_minor)::hugeint as weighted,
        count(*) filter (reporting_minor is null) as unknown
    from windowed where inside > 0 group by all"""


def earned(
    warehouse: Warehouse, until: date, days: int, *, back: int = 0, ends: Mapping[str, date] | None = None
) -> dict[str | None, Earned]:
    """By customer (None: of nobody) what they earned in the `days` days before `until` less `back` days; `ends` are other untils."""
    return _earned(warehouse, until, days, back, ends or {}, "customer_id")


def company_earned(warehouse: Warehouse, until: date, days: int) -> Earned:
    """The same of the whole company."""
    return _earned(warehouse, until, days, 0, {}, "null::varchar").get(None, NOTHING)


def _earned(
    warehouse: Warehouse, until: date, days: int, back: int, ends: Mapping[str, date], group: str
) -> dict[str | None, Earned]:
    earliest = min([until, *ends.values()])
    rows = warehouse.rows(
        _OVERLAPS.format(offset=int(back), start=int(days + back), group=group),
        [list(ends), [end.isoformat() for end in ends.values()], until.isoformat(), _before(earliest, days + back)],
    )
    # A line counts by days of its length: over a common length all of them are whole numbers.
    common = lcm(*(int(length) for length in rows["days"].unique()))
    sums: dict[str | None, list[int]] = defaultdict(lambda: [0, 0])
    unknown: dict[str | None, list[int]] = defaultdict(lambda: [0, 0])
    for customer_id, length, is_back, weighted, missing in rows.iter_rows():
        sums[customer_id][is_back] += int(weighted or 0) * (common // int(length))
        unknown[customer_id][is_back] += int(missing)
    return {
        customer_id: Earned(
            None if unknown[customer_id][0] else divide_half_away(forward, common),
            None if any(unknown[customer_id]) else divide_half_away(forward + back_again, common),
        )
        for customer_id, (forward, back_again) in sums.items()
    }


def _before(day: date, days: int) -> str:
    return date.fromordinal(day.toordinal() - days).isoformat()
