"""What if: each customer's margin over some months as it was and as it would have been, and the price at which nothing is left."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

from pricing.coverage import Coverage, Measured, priced_share
from pricing.margin import Margin, Status, cost_minor, margin_share, status
from pricing.money import divide_half_away


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChange:
    """What the customers of `customers` (None: all) would have paid: some part more or less, or so much a month.

    `monthly_minor` is a net price in minor units of the reporting currency for every month in which a customer bought or used
    something; it goes before `basis_points` (1,000 are 10 % more).
    """

    customers: frozenset[str] | None = None
    basis_points: int = 0
    monthly_minor: int | None = None

    @property
    def is_any(self) -> bool:
        """Whether anything changes."""
        return self.monthly_minor is not None or self.basis_points != 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One customer's months together, or the company's: margins in the reporting currency before and after.

    `net_before_minor` and `net_after_minor` are net revenue, None where an amount has no exchange rate. `break_even_minor` is the
    net price a month at which the cost afterwards leaves nothing, `target_minor` the one that leaves the target share;
    rounded up, None where the cost is unknown or nothing was used. `partly_priced_events` used a unit that the new model has
    no price for.
    """

    customer_id: str | None
    months: int
    net_before_minor: int | None
    net_after_minor: int | None
    before: Margin
    after: Margin
    break_even_minor: int | None
    target_minor: int | None
    partly_priced_events: int

    @property
    def turns_negative(self) -> bool:
        """Money was made before and is lost afterwards."""
        return self.before.status is not Status.NEGATIVE and self.after.status is Status.NEGATIVE

    @property
    def turns_positive(self) -> bool:
        """Money was lost before and is no more."""
        return self.before.status is Status.NEGATIVE and self.after.status not in {Status.NEGATIVE, Status.UNKNOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Every customer's outcome, and the company's, which holds what belongs to no customer, too."""

    company: Outcome
    customers: tuple[Outcome, ...]


class _Sum(NamedTuple):
    """What adds up over months; None once a part is unknown."""

    months: int
    net_before: int | None
    net_after: int | None
    before: int | None
    after: int | None
    before_low: int | None
    before_high: int | None
    after_low: int | None
    after_high: int | None
    before_pico: int
    after_pico: int
    events: int
    tokens: int
    unpriced_tokens_before: int
    unpriced_tokens_after: int
    unpriced_events_before: int
    unpriced_events_after: int
    partly_priced_events: int


def outcomes(
    rows: Iterable[Mapping[str, Any]], currency: str, price: PriceChange, target: Fraction, company: Coverage
) -> Answer:
    """Customer-months (store.warehouse_what_if.read_months) as margins before and after; customers by id.

    `target` is the margin that `target_minor` aims at (0 ≤ target < 1). `company` says how much of the months' cost has a
    customer and agrees with the bills; whether usage has a price is measured here, before and after.
    """
    by_customer: dict[str | None, list[_Sum]] = defaultdict(list)
    for row in rows:
        by_customer[row["customer_id"]].append(_of_month(row, currency, price))
    sums = {customer_id: _added(months) for customer_id, months in by_customer.items()}
    # The company's months are those of the calendar, whoever bought in them.
    whole = _added(list(sums.values()))._replace(months=0)
    customers = tuple(
        _outcome(customer_id, sums[customer_id], target, company)
        for customer_id in sorted(customer_id for customer_id in sums if customer_id is not None)
    )
    return Answer(company=_outcome(None, whole, target, company), customers=customers)


def _added(parts: Sequence[_Sum]) -> _Sum:
    """Field by field."""
    if not parts:
        return _Sum(*([0] * len(_Sum._fields)))
    added: list[Any] = [None if None in column else sum(column) for column in zip(*parts, strict=True)]
    return _Sum(*added)


def _of_month(row: Mapping[str, Any], currency: str, price: PriceChange) -> _Sum:
    rate = row["usd_rate_nano"]
    net = row["net_revenue_minor"]
    is_active = bool(net or row["events"])
    # Unpriced usage stays where it is unless the new model has a price for it: then what is left of it is not known apart.
    is_same = row["unpriced_events_after"] == row["unpriced_events_before"]
    left = row["unpriced_events_after"] > 0

    def minor(pico: int | None) -> int | None:
        if pico is None:
            return None
        return 0 if pico == 0 else cost_minor(int(pico), currency, rate)

    low, high = row["unpriced_low_pico_usd"], row["unpriced_high_pico_usd"]
    kept_low = low if is_same else 0
    kept_high = high if left else 0
    return _Sum(
        months=int(is_active),
        net_before=net,
        net_after=_priced(row["customer_id"], net, is_active, price),
        before=minor(row["before_pico_usd"]),
        after=minor(row["after_pico_usd"]),
        before_low=minor(_plus(row["before_pico_usd"], low)),
        before_high=minor(_plus(row["before_pico_usd"], high)),
        after_low=minor(_plus(row["after_low_pico_usd"], kept_low)),
        after_high=minor(_plus(row["after_high_pico_usd"], kept_high)),
        before_pico=int(row["before_pico_usd"]),
        after_pico=int(row["after_pico_usd"]),
        events=int(row["events"]),
        tokens=int(row["tokens"]),
        unpriced_tokens_before=int(row["unpriced_tokens_before"]),
        unpriced_tokens_after=int(row["unpriced_tokens_after"]),
        unpriced_events_before=int(row["unpriced_events_before"]),
        unpriced_events_after=int(row["unpriced_events_after"]),
        partly_priced_events=int(row["partly_priced_events"]),
    )


def _priced(customer_id: str | None, net: int | None, is_active: bool, price: PriceChange) -> int | None:
    """A month's net revenue at the changed price. What no customer paid stays."""
    is_concerned = customer_id is not None and (price.customers is None or customer_id in price.customers)
    if not is_concerned:
        return net
    if price.monthly_minor is not None:
        return price.monthly_minor if is_active else net
    return None if net is None else net + divide_half_away(net * price.basis_points, 10_000)


def _outcome(customer_id: str | None, total: _Sum, target: Fraction, company: Coverage) -> Outcome:
    before = _margin(
        total.net_before, total.before, total.before_low, total.before_high, _coverage(total, company, is_after=False)
    )
    after = _margin(
        total.net_after, total.after, total.after_low, total.after_high, _coverage(total, company, is_after=True)
    )
    return Outcome(
        customer_id=customer_id,
        months=total.months,
        net_before_minor=total.net_before,
        net_after_minor=total.net_after,
        before=before,
        after=after,
        break_even_minor=price_for(total.after, total.months, Fraction(0)),
        target_minor=price_for(total.after, total.months, target),
        partly_priced_events=total.partly_priced_events,
    )


def price_for(cost: int | None, months: int, share: Fraction) -> int | None:
    """The least net price a month, in minor units, that leaves `share` of it after `cost` over that many months."""
    if cost is None or months == 0:
        return None
    exact = Fraction(cost, months) / (1 - share)
    return -(-exact.numerator // exact.denominator)


def _coverage(total: _Sum, company: Coverage, *, is_after: bool) -> Coverage:
    measured = Measured(
        cost_pico_usd=total.after_pico if is_after else total.before_pico,
        events=total.events,
        unpriced_events=total.unpriced_events_after if is_after else total.unpriced_events_before,
        tokens=total.tokens,
        unpriced_tokens=total.unpriced_tokens_after if is_after else total.unpriced_tokens_before,
    )
    return replace(company, priced=priced_share(measured))


def _margin(net: int | None, cost: int | None, low: int | None, high: int | None, coverage: Coverage) -> Margin:
    """A margin of sums; its range is that of the cost, the dearest end being the lower margin."""
    share = margin_share(net, cost)
    profit = None if net is None or cost is None else net - cost
    found, reasons = status(share, coverage, profit)
    return Margin(
        cost_minor=cost,
        gross_profit_minor=profit,
        share=share,
        low=margin_share(net, high),
        high=margin_share(net, low),
        coverage=coverage,
        status=found,
        reasons=reasons,
    )


def _plus(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else int(one) + int(other)
