"""Monthly recurring revenue at the end of each month, its movements and its retention, from the lines that billed plans.

A mirror of Stripe holds a subscription only as it is now. What it was is told by the lines of its invoices: each names its price,
its quantity and the time it pays for, so the lines that cover a moment are what was subscribed to at that moment.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from pricing.money import convert_minor, divide_half_away
from pricing.revenue_books import Invoice
from pricing.revenue_streams import LineFacts

Movement = Literal["new", "expansion", "contraction", "churn", "reactivation", "exchange_rate"]
# What one unit of a currency is worth in the reporting currency at a month's end, times 10^9; None where no rate is known.
Rates = Mapping[tuple[date, str], int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """A billed line of a plan: what it comes to in a month, net of discounts and without tax, from `start` until before `end`."""

    customer_id: str | None
    currency: str
    product: str
    monthly_minor: Fraction
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerMrr:
    """A customer's MRR at the end of a month in one currency; `plan` is the product that brings most of it.

    `mrr_minor` is in the reporting currency at the rate of that day, None where none is known.
    """

    month: date
    customer_id: str
    currency: str
    plan: str
    amount_minor: int
    mrr_minor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How one customer's MRR moved within a month, in the reporting currency at the rate of the month's end."""

    month: date
    customer_id: str
    movement: Movement
    moved_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What became of the customers with MRR `months` months before: all at the rates of that time, in minor units.

    `capped_minor` counts each customer at most at what they paid then.
    """

    month: date
    months: int
    customers: int
    customers_kept: int
    start_minor: int
    now_minor: int
    capped_minor: int

    @property
    def nrr(self) -> Fraction | None:
        """Net revenue retention; None without a cohort."""
        return Fraction(self.now_minor, self.start_minor) if self.start_minor > 0 else None

    @property
    def grr(self) -> Fraction | None:
        """Gross revenue retention, never above 1; None without a cohort."""
        return Fraction(self.capped_minor, self.start_minor) if self.start_minor > 0 else None


def plan_lines(
    invoices: Iterable[Invoice], facts: Mapping[str, LineFacts], ended_at: Mapping[str, datetime]
) -> list[PlanLine]:
    """The plan lines of counted invoices. `ended_at` are the moments at which subscriptions ended: nothing of them counts after.

    A line's amount is after discounts, without tax, before credits (a credit pays, it does not change what was agreed). An
    open invoice counts, so that a past-due subscription does until it is canceled; a trial's line is of nothing.
    """
    found = []
    for invoice in invoices:
        if not invoice.counts:
            continue
        for line in invoice.lines:
            known = facts.get(line.line_id)
            if known is None or not known.is_plan or line.period_start is None or line.period_end is None:
                continue
            net = line.amount_minor - line.tax_inclusive_minor - line.discount_minor
            months = (known.months or Fraction(0)) * known.period_share
            if not months or not net:
                continue
            ended = ended_at.get(known.subscription_id or "", line.period_end)
            found.append(
                PlanLine(
                    customer_id=invoice.customer_id,
                    currency=invoice.currency,
                    product=known.product or "",
                    monthly_minor=net / months,
                    start=line.period_start,
                    end=min(line.period_end, ended),
                )
            )
    return found


def history(
    lines: Iterable[PlanLine], ends: Sequence[tuple[date, datetime]], rates: Rates, reporting_currency: str
) -> list[CustomerMrr]:
    """The MRR of every customer at each of `ends` (a month, and the moment just after its last one), oldest first."""
    sums: dict[tuple[int, str, str], dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for line in lines:
        if line.customer_id is None:
            continue
        for place, (_, end) in enumerate(ends):
            if line.start < end <= line.end:
                sums[place, line.customer_id, line.currency][line.product] += line.monthly_minor
    found = []
    for (place, customer_id, currency), products in sorted(sums.items()):
        total = sum(products.values(), Fraction())
        minor = divide_half_away(total.numerator, total.denominator)
        if minor <= 0:
            continue
        month = ends[place][0]
        found.append(
            CustomerMrr(
                month=month,
                customer_id=customer_id,
                currency=currency,
                plan=max(products, key=lambda name: (products[name], name)),
                amount_minor=minor,
                mrr_minor=_converted(minor, currency, reporting_currency, rates.get((month, currency))),
            )
        )
    return found


def _converted(minor: int, currency: str, reporting_currency: str, rate_nano: int | None) -> int | None:
    return None if rate_nano is None else convert_minor(minor, currency, reporting_currency, rate_nano)


_Held = dict[str, dict[str, CustomerMrr]]


def _by_month(held: Iterable[CustomerMrr]) -> dict[date, _Held]:
    found: dict[date, _Held] = defaultdict(lambda: defaultdict(dict))
    for row in held:
        if row.mrr_minor is not None:
            found[row.month][row.customer_id][row.currency] = row
    return found


def movements(
    held: Sequence[CustomerMrr], months: Sequence[date], rates: Rates, reporting_currency: str
) -> list[Moved]:
    """From each month to the next, why every customer's MRR is another; with the MRR before they sum to the MRR after.

    The first month has no movements. Who had MRR at the end of any earlier month is reactivated, not new.
    """
    by_month, found = _by_month(held), []
    seen = set(by_month[months[0]]) if months else set()
    for before, after in pairwise(months):
        old, new = by_month[before], by_month[after]
        for customer_id in sorted(old.keys() | new.keys()):
            was = sum(row.mrr_minor or 0 for row in old.get(customer_id, {}).values())
            same_rate = sum(
                _converted(row.amount_minor, row.currency, reporting_currency, rates.get((after, row.currency)))
                or row.mrr_minor
                or 0
                for row in old.get(customer_id, {}).values()
            )
            now = sum(row.mrr_minor or 0 for row in new.get(customer_id, {}).values())
            parts: list[tuple[Movement, int]] = [
                ("exchange_rate", same_rate - was),
                (_movement(same_rate, now, is_known=customer_id in seen), now - same_rate),
            ]
            found += [
                Moved(month=after, customer_id=customer_id, movement=movement, moved_minor=minor)
                for movement, minor in parts
                if minor
            ]
        seen |= set(new)
    return found


def _movement(before: int, after: int, *, is_known: bool) -> Movement:
    if before == 0:
        return "reactivation" if is_known else "new"
    if after == 0:
        return "churn"
    return "expansion" if after > before else "contraction"


def retention(
    held: Sequence[CustomerMrr], months: Sequence[date], rates: Rates, reporting_currency: str, *, back: int
) -> list[Retention]:
    """For each month that has one `back` months before it, what became of the customers of that time."""
    by_month, found = _by_month(held), []
    for place in range(back, len(months)):
        then, now = by_month[months[place - back]], by_month[months[place]]
        start = kept = now_minor = capped = 0
        for customer_id, was in then.items():
            paid_then = sum(row.mrr_minor or 0 for row in was.values())
            pays_now = sum(
                _converted(
                    row.amount_minor, row.currency, reporting_currency, rates.get((months[place - back], row.currency))
                )
                or row.mrr_minor
                or 0
                for row in now.get(customer_id, {}).values()
            )
            start, now_minor, capped = start + paid_then, now_minor + pays_now, capped + min(paid_then, pays_now)
            kept += pays_now > 0
        found.append(
            Retention(
                month=months[place],
                months=back,
                customers=len(then),
                customers_kept=kept,
                start_minor=start,
                now_minor=now_minor,
                capped_minor=capped,
            )
        )
    return found
