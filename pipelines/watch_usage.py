"""Gathers from a published version what the rules about margins and usage are given: periods, models without a price, coverages."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import polars as pl

from pricing.coverage import COVERAGE_MIN, Coverage, Measured, attributed_share, priced_share, reconciled_share
from pricing.margin import UsageCost, cost_minor, margin
from pricing.price_ranges import PriceRanges, bounds_pico_usd
from pricing.usage import BUCKETS
from pricing.watch_limits import Limits
from pricing.watch_margin import DAYS, Period
from pricing.watch_usage import COVERAGE_BEFORE_DAYS, COVERAGE_DAYS, UNPRICED_DAYS, CoverageSpan, UnpricedModel
from store import warehouse_reads, watch_revenue, watch_usage
from store.warehouse_reads import Warehouse

# What ended longer ago is no news; a log that stopped is told of as late.
OLD_DAYS = 45
_NO_USAGE = dict.fromkeys(watch_usage.WINDOW_COLUMNS, 0)


@dataclass(frozen=True, slots=True)
class Span:
    """The first day with usage, and the day before which usage is complete: no later than the running day, which is not."""

    first: date
    until: date


def span(view: Warehouse, today: date) -> Span | None:
    """Over which closed days the usage log reaches; None without any, or where it ends long ago."""
    logged = watch_usage.logged(view)
    if logged is None or logged.last < today - timedelta(days=OLD_DAYS):
        return None
    return Span(logged.first, min(today, logged.last + timedelta(days=1)))


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What usage without a price may cost, and the part of it that no settled bill holds; None where nobody lists a price."""

    low: int | None = 0
    high: int | None = 0
    unbilled_low: int | None = 0
    unbilled_high: int | None = 0
    other_high: int | None = 0


class Unpriced:
    """The usage without a price of the last 60 days (before OLD_DAYS more) with what each row may cost, read once."""

    def __init__(self, view: Warehouse, ranges: PriceRanges, until: date, limits: Limits) -> None:
        self.limits = limits
        found = watch_usage.unpriced(view, until - timedelta(days=2 * DAYS + OLD_DAYS))
        bounds = [_row_bounds(row, ranges) for row in found.iter_rows(named=True)]
        schema = {"low": pl.Int128(), "high": pl.Int128()}
        ends = pl.DataFrame([(None, None) if each is None else each for each in bounds], schema=schema, orient="row")
        self.rows = found.hstack(ends)
        self._by_customer = {
            customer_id: rows for (customer_id,), rows in self.rows.partition_by("customer_id", as_dict=True).items()
        }

    def of(self, customer_id: str | None, first: date, until: date) -> _Bounds:
        """Of one customer in some days."""
        rows = self._by_customer.get(customer_id)
        return _Bounds() if rows is None else _summed(rows, first, until)

    def of_all(self, first: date, until: date) -> _Bounds:
        """Of the company in some days."""
        return _summed(self.rows, first, until)


def _row_bounds(row: Mapping[str, Any], ranges: PriceRanges) -> tuple[int, int] | None:
    quantities = {bucket: int(row[bucket] or 0) for bucket in BUCKETS}
    return bounds_pico_usd(ranges.of(row["provider"], row["month"]), quantities)


def _summed(rows: pl.DataFrame, first: date, until: date) -> _Bounds:
    inside = rows.filter(pl.col("day").is_between(first, until, closed="left"))
    unbilled, other = inside.filter(~pl.col("is_billed")), inside.filter(pl.col("is_other"))
    return _Bounds(
        _total(inside["low"]), _total(inside["high"]), _total(unbilled["low"]), _total(unbilled["high"]), _total(other["high"])
    )  # fmt: skip


def _total(values: pl.Series) -> int | None:
    return None if values.null_count() else sum(int(value) for value in values)


def periods(
    view: Warehouse, unpriced: Unpriced, held: Span, metered: Mapping[str, date]
) -> tuple[list[Period], list[tuple[Period, Period]]]:
    """The company's period, if there is a known one, and each customer's two: the days before and the last ones.

    What a metered price has counted is on no invoice before its period ends: until then nobody knows what those days have earned.
    So a metered customer's days end where the running period begins, and the company's where the first of them does; those who are
    billed in a long time only (by the year, or whose drafts are never finalized) are unknown themselves, and the company with them
    where they matter.
    """
    names = {row["customer_id"]: row["name"] for row in warehouse_reads.customers(view).iter_rows(named=True)}
    ends = {customer_id: since for customer_id, since in metered.items() if since < held.until}
    oldest = held.until - timedelta(days=OLD_DAYS)
    company_until = min([held.until, *(end for end in ends.values() if end >= oldest)])
    waiting = {customer_id for customer_id, end in ends.items() if end < oldest}
    company = []
    if held.first <= company_until - timedelta(days=DAYS) and _is_small(view, company_until, waiting):
        company = [_company_period(view, unpriced, company_until)]
    if held.first > held.until - timedelta(days=DAYS):
        return company, []
    shared = _shared_coverage(view, held.until)
    now = _customer_periods(view, unpriced, held.until, ends, names, shared, back=0)
    before = _customer_periods(view, unpriced, held.until, ends, names, shared, back=DAYS)
    pairs = [
        (_since_log(before[customer_id], held.first), period)
        for customer_id, period in now.items()
        if period.end >= oldest
    ]
    return company, pairs


def _is_small(view: Warehouse, until: date, waiting: AbstractSet[str]) -> bool:
    """Whether those whose metered revenue is long in coming make so little of the cost that the company's margin is known without it."""
    if not waiting:
        return True
    costs = watch_usage.customer_windows(view, until, DAYS)
    theirs = costs.filter(pl.col("customer_id").is_in(list(waiting)))
    return int(theirs["cost_pico_usd"].sum()) <= (1 - COVERAGE_MIN) * int(costs["cost_pico_usd"].sum())


def _since_log(period: Period, first: date) -> Period:
    """The period, its revenue unknown where the log begins within it: what it had cost before then nobody knows."""
    if period.first >= first:
        return period
    return Period(
        customer_id=period.customer_id, name=period.name, end=period.end, net_revenue_minor=None, earned_minor=None,
        margin=period.margin,
    )  # fmt: skip


def _company_period(view: Warehouse, unpriced: Unpriced, until: date) -> Period:
    usage, earned = watch_usage.company_window(view, until, DAYS), watch_revenue.company_earned(view, until, DAYS)
    bounds = unpriced.of_all(until - timedelta(days=DAYS), until)
    coverage = Coverage(
        priced=priced_share(_measured(usage, bounds)),
        attributed=attributed_share(usage["attributed_pico_usd"], usage["logged_pico_usd"]),
        reconciled=_reconciled(view, until),
    )
    cost = UsageCost(
        cost_pico_usd=usage["cost_pico_usd"],
        unpriced_low_pico_usd=bounds.unbilled_low,
        unpriced_high_pico_usd=bounds.unbilled_high,
        coverage=coverage,
    )
    found = margin(earned.net_minor, cost, unpriced.limits.currency, unpriced.limits.usd_rate_nano)
    return Period(
        customer_id=None, name=None, end=until, net_revenue_minor=earned.net_minor, earned_minor=earned.earned_minor,
        margin=found,
    )  # fmt: skip


def _customer_periods(
    view: Warehouse,
    unpriced: Unpriced,
    until: date,
    ends: Mapping[str, date],
    names: Mapping[str, str],
    shared: Coverage,
    *,
    back: int,
) -> dict[str, Period]:
    used = {
        row["customer_id"]: row
        for row in watch_usage.customer_windows(view, until, DAYS, back=back, ends=ends).iter_rows(named=True)
    }
    earned = watch_revenue.earned(view, until, DAYS, back=back, ends=ends)
    limits, found = unpriced.limits, {}
    for customer_id, name in names.items():
        end = ends.get(customer_id, until) - timedelta(days=back)
        usage, brought = used.get(customer_id, _NO_USAGE), earned.get(customer_id, watch_revenue.NOTHING)
        bounds = unpriced.of(customer_id, end - timedelta(days=DAYS), end) if usage["unpriced_events"] else _Bounds()
        cost = UsageCost(
            cost_pico_usd=int(usage["cost_pico_usd"]),
            unpriced_low_pico_usd=bounds.low,
            unpriced_high_pico_usd=bounds.high,
            coverage=replace(shared, priced=priced_share(_measured(usage, bounds))),
        )
        found[customer_id] = Period(
            customer_id=customer_id, name=name, end=end, net_revenue_minor=brought.net_minor, earned_minor=brought.earned_minor,
            margin=margin(brought.net_minor, cost, limits.currency, limits.usd_rate_nano),
        )  # fmt: skip
    return found


def _shared_coverage(view: Warehouse, until: date) -> Coverage:
    """What of the company's coverage stands for every customer alike."""
    usage = watch_usage.company_window(view, until, DAYS)
    return Coverage(
        attributed=attributed_share(usage["attributed_pico_usd"], usage["logged_pico_usd"]),
        reconciled=_reconciled(view, until),
    )


def _reconciled(view: Warehouse, until: date) -> Fraction | None:
    return reconciled_share(*(watch_usage.reconciled(view, until, DAYS) or (None, None)))


def _measured(usage: Mapping[str, Any], bounds: _Bounds) -> Measured:
    return Measured(
        cost_pico_usd=int(usage["cost_pico_usd"]),
        events=int(usage["events"]),
        unpriced_events=int(usage["unpriced_events"]),
        tokens=int(usage["tokens"]),
        unpriced_tokens=int(usage["unpriced_tokens"]),
        other_events=int(usage["other_events"]),
        unpriced_other_events=int(usage["unpriced_other_events"]),
        unpriced_other_high_pico_usd=bounds.other_high,
    )


def unpriced_models(view: Warehouse, unpriced: Unpriced, held: Span) -> list[UnpricedModel]:
    """Each model without a price in the last UNPRICED_DAYS days."""
    first, limits = held.until - timedelta(days=UNPRICED_DAYS), unpriced.limits
    whole = watch_usage.company_window(view, held.until, UNPRICED_DAYS)
    inside = unpriced.rows.filter(pl.col("day").is_between(first, held.until, closed="left"))
    return [
        UnpricedModel(
            provider=provider,
            model=model,
            events=int(rows["events"].sum()),
            tokens=int(rows["tokens"].sum()),
            all_events=whole["events"],
            all_tokens=whole["tokens"],
            low_minor=_in_money(_total(rows["low"]), limits),
            high_minor=_in_money(_total(rows["high"]), limits),
            first_day=min(rows["day"].to_list()),
        )
        for (provider, model), rows in inside.partition_by("provider", "model", as_dict=True).items()
    ]


def _in_money(pico_usd: int | None, limits: Limits) -> int | None:
    return None if pico_usd is None else cost_minor(pico_usd, limits.currency, limits.usd_rate_nano)


def coverage_spans(view: Warehouse, unpriced: Unpriced, held: Span) -> list[CoverageSpan]:
    """The three coverages of the last days beside those before; bills are compared where they grow no more, over as many days."""
    until, last = held.until, held.until - timedelta(days=1)
    first = until - timedelta(days=COVERAGE_DAYS)
    now = watch_usage.company_window(view, until, COVERAGE_DAYS)
    before = watch_usage.company_window(view, until, COVERAGE_BEFORE_DAYS, back=COVERAGE_DAYS)
    bounds = unpriced.of_all(first, until)
    bounds_before = unpriced.of_all(first - timedelta(days=COVERAGE_BEFORE_DAYS), first)
    nobodys = now["logged_pico_usd"] - now["attributed_pico_usd"]
    limits = unpriced.limits
    found = [
        CoverageSpan(
            name="priced", now=priced_share(_measured(now, bounds)), before=priced_share(_measured(before, bounds_before)),
            events=now["events"], open_minor=_in_money(bounds.high, limits), last_day=last, days=COVERAGE_DAYS,
        ),
        CoverageSpan(
            name="attributed", now=attributed_share(now["attributed_pico_usd"], now["logged_pico_usd"]),
            before=attributed_share(before["attributed_pico_usd"], before["logged_pico_usd"]),
            events=now["events"], open_minor=_in_money(nobodys, limits), last_day=last, days=COVERAGE_DAYS,
        ),
    ]  # fmt: skip
    settled = watch_usage.settled_until(view)
    pair = watch_usage.reconciled(view, settled, COVERAGE_BEFORE_DAYS) if settled is not None else None
    if settled is not None and pair is not None:
        earlier = watch_usage.reconciled(view, settled - timedelta(days=COVERAGE_BEFORE_DAYS), COVERAGE_BEFORE_DAYS)
        found.append(
            CoverageSpan(
                name="reconciled", now=reconciled_share(*pair), before=reconciled_share(*earlier) if earlier else None,
                events=now["events"], open_minor=_in_money(pair[1] - pair[0], limits), last_day=settled - timedelta(days=1),
                days=COVERAGE_BEFORE_DAYS,
            )
        )  # fmt: skip
    return found
