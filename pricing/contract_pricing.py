"""Contracts and free quotas applied to the day cube: exact integers, shared out to its rows by the largest remainder."""

from collections.abc import Sequence

import duckdb

from pricing.contract_rates import Rates
from pricing.contracts import PPM, VolumeTiers
from pricing.price_entry import FREE_WHEN_ABSENT
from pricing.usage import BUCKETS

# The order in which rows of a day get what is left over: by what they are, so that their order in the table decides nothing.
ROW_KEYS = (
    "customer_ref",
    "provider",
    "model",
    "feature",
    "service_tier",
    "price_id",
    "unpriced_reason",
    "reported_by",
)


def priced_by_contract(cube: duckdb.DuckDBPyRelation, rates: Rates) -> duckdb.DuckDBPyRelation:
    """Rows of the cube joined to `rates.rows`, with `own_cost_pico_usd`: NULL where neither contract nor list prices them.

    Whatever a bucket costs comes from one rule alone: graduated tiers, a negotiated price, or the list price less what is free and
    less the discount. Tiers and quotas count the units of all customers by UTC day and month; each day's sum is shared out
    to its rows in proportion to their units, and what is left over goes where the most was cut off.
    """
    rows = cube.project("*, date_trunc('month', day)::date as month")
    for bucket in rates.with_tiers():
        rows = _tiered(rows, bucket, rates.tiers)
    for bucket in rates.with_allowances():
        rows = _freed(rows, bucket, rates)
    rows = rows.project(f"*, {_kept(rates)} as kept_pico_usd")
    part = "discount, off_ppm, day"
    rows = rows.project(
        f"*, (sum(kept_pico_usd * ({PPM} - off_ppm)) over (partition by {part}) + {PPM // 2}) // {PPM} as kept_total"
    )
    rows = shared(rows, f"kept_pico_usd * ({PPM} - off_ppm)", str(PPM), total="kept_total", part=part, into="kept_cost")
    own = [f"{bucket}::hugeint * coalesce({bucket}_own, 0)" for bucket in rates.buckets]
    own += [f"{bucket}_charged" for bucket in rates.with_tiers()]
    is_known = f"list_cost_pico_usd is not null or not ({_left_over(rates, BUCKETS)})"
    return rows.project(f"*, case when {is_known} then {' + '.join((*own, 'kept_cost'))} end as own_cost_pico_usd")


def shared(
    rows: duckdb.DuckDBPyRelation, numerator: str, denominator: str, *, total: str, part: str, into: str
) -> duckdb.DuckDBPyRelation:
    """The rows with `into`: numerator ÷ denominator as whole numbers that come to `total` (the same in all rows of a part).

    Each is rounded down, and what is left over goes where the most was cut off. `part` names the columns of a part.
    """
    cut = rows.project(
        f"""*, coalesce(({numerator})::hugeint // greatest(1, {denominator}), 0) as "~whole",
        coalesce(({numerator})::hugeint % greatest(1, {denominator}), 0) as "~cut" """
    )
    place = f'row_number() over (partition by {part} order by "~cut" desc, {", ".join(ROW_KEYS)})'
    left = f'{total} - sum("~whole") over (partition by {part})'
    return cut.project(
        f"""* exclude ("~whole", "~cut"), ("~whole" + case when {place} <= {left} then 1 else 0 end)::hugeint as {into}"""
    )


def _tiered(rows: duckdb.DuckDBPyRelation, bucket: str, tiers: Sequence[VolumeTiers]) -> duckdb.DuckDBPyRelation:
    """The rows with `<bucket>_charged`: the day's units at the steps that the month has reached, shared out to the rows."""
    numbered = [(number, tier) for number, tier in enumerate(tiers) if tier.bucket == bucket]

    def cost_up_to(reached: str) -> str:
        cases = [f"when {number} then {_steps_cost(tier, reached)}" for number, tier in numbered]
        return f"case {bucket}_tier {' '.join(cases)} else 0::hugeint end"

    part = f"{bucket}_tier, day"
    used = _counted(rows, bucket, f"{bucket}_tier, month", part)
    today = f"""{cost_up_to('"~reached"')} - {cost_up_to('("~reached" - "~day")')}"""
    charged = used.project(f'*, ({today}) as "~total"')
    given = shared(charged, f'"~total" * {bucket}', '"~day"', total='"~total"', part=part, into=f"{bucket}_charged")
    return given.project('* exclude ("~reached", "~day", "~total")')


def _steps_cost(tier: VolumeTiers, reached: str) -> str:
    """What the month's first `reached` units cost at the steps, as SQL."""
    begun, parts = 0, []
    for up_to, unit_pico_usd in tier.steps:
        within = reached if up_to is None else f"least({reached}, {up_to})"
        parts.append(f"greatest(0, {within} - {begun})::hugeint * {unit_pico_usd}")
        begun = up_to or begun
    return f"({' + '.join(parts)})"


def _freed(rows: duckdb.DuckDBPyRelation, bucket: str, rates: Rates) -> duckdb.DuckDBPyRelation:
    """The rows with `<bucket>_given`: how many of the row's units are free, of the quota of the day or the month."""
    quotas = [(number, quota) for number, quota in enumerate(rates.allowances) if quota.bucket == bucket]
    by_month = [str(number) for number, quota in quotas if quota.period == "month"]
    is_monthly = f"{bucket}_free in ({', '.join(by_month)})" if by_month else "false"
    limit = (
        f"case {bucket}_free {' '.join(f'when {number} then {quota.quantity}' for number, quota in quotas)} else 0 end"
    )
    part = f"{bucket}_free, day"
    used = _counted(rows, bucket, f"{bucket}_free, case when {is_monthly} then month else day end", part)
    freed = used.project(
        f"""*, (least({limit}, "~reached") - least({limit}, "~reached" - "~day"))::hugeint as "~total" """
    )
    given = shared(freed, f'"~total" * {bucket}', '"~day"', total='"~total"', part=part, into=f"{bucket}_given")
    return given.project('* exclude ("~reached", "~day", "~total")')


def _counted(rows: duckdb.DuckDBPyRelation, bucket: str, period: str, part: str) -> duckdb.DuckDBPyRelation:
    """The rows with the units of their day, and those of their period up to the end of the day."""
    frame = "range between unbounded preceding and current row"
    return rows.project(
        f"""*, sum({bucket}) over (partition by {period} order by day {frame})::hugeint as "~reached",
        sum({bucket}) over (partition by {part})::hugeint as "~day" """
    )


def _kept(rates: Rates) -> str:
    """The list cost of what no negotiated price or tier has taken over and no quota gives for free, as SQL; never below 0."""
    taken = ["0::hugeint"]
    for bucket in rates.buckets:
        units = f"case when {_has_price(rates, bucket)} then {bucket} else 0 end::hugeint"
        if bucket in rates.with_allowances():
            units = f"({units} + {bucket}_given)"
        taken.append(f"{units} * {bucket}_listed")
    # Where everything is taken over, nothing is kept: not even what a price that is no whole number was rounded by.
    is_left = _left_over(rates, BUCKETS, with_free=True)
    return f"case when {is_left} then greatest(0, coalesce(list_cost_pico_usd, 0)::hugeint - ({' + '.join(taken)})) else 0::hugeint end"


def _has_price(rates: Rates, bucket: str) -> str:
    return f"({bucket}_own is not null or {bucket}_tier is not null)" if bucket in rates.buckets else "false"


def _left_over(rates: Rates, buckets: Sequence[str], *, with_free: bool = False) -> str:
    """Whether the row has units that no term prices, as SQL; requests cost nothing where no fee is known."""
    counted = [bucket for bucket in buckets if with_free or bucket not in FREE_WHEN_ABSENT]
    return " or ".join(f"({bucket} > 0 and not {_has_price(rates, bucket)})" for bucket in counted)
