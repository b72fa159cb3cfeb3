"""One request of the refund queue as the page shows it: exact amounts, unknown as None; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from dashboard.months import Month
from store.refund_reads import InvoiceCost
from store.refund_requests import RefundRequest

LABELS: Mapping[str, tuple[str, str]] = {
    "requested": ("Being checked", "gray"),
    "checked": ("To decide", "orange"),
    "evidence": ("To decide", "orange"),
    "decided": ("Approved", "blue"),
    "sent": ("At Stripe", "blue"),
    "settled": ("Refunded", "green"),
    "declined": ("Declined", "gray"),
    "canceled": ("Taken back", "gray"),
    "failed": ("Failed", "red"),
}


@dataclass(frozen=True)
class Lifetime:
    """A customer's net revenue and AI cost over all months, in minor units of the reporting currency; None where one is unknown."""

    net_revenue_minor: int | None
    cost_minor: int | None

    @property
    def profit_minor(self) -> int | None:
        """Net revenue minus AI cost."""
        if self.net_revenue_minor is None or self.cost_minor is None:
            return None
        return self.net_revenue_minor - self.cost_minor

    @property
    def share(self) -> Fraction | None:
        """The margin; None where it is unknown or there is no revenue."""
        return _share(self.profit_minor, self.net_revenue_minor)


@dataclass(frozen=True)
class Row:
    """A request with what it would cost. `after_minor` is the lifetime profit when it is refunded, in the reporting currency."""

    asked: RefundRequest
    customer: str
    invoice: str | None
    cost: InvoiceCost | None
    fee: tuple[int, str] | None
    lifetime: Lifetime
    after_minor: int | None
    after_share: Fraction | None

    @property
    def is_waiting_for_us(self) -> bool:
        """Whether the worker or Stripe has the next word, so that the page should look again soon."""
        return self.asked.state in {"requested", "decided", "sent"}


def lifetime(months: Sequence[Month]) -> Lifetime:
    """The sums over a customer's months; unknown when one of the months is. No month at all is unknown too."""
    revenue = [month.net_revenue_minor for month in months]
    known = [minor for minor in revenue if minor is not None]
    if not months:
        return Lifetime(None, None)
    return Lifetime(sum(known) if len(known) == len(revenue) else None, sum(month.cost_minor for month in months))


def row(
    asked: RefundRequest,
    *,
    customer: str | None,
    invoice: str | None,
    cost: InvoiceCost | None,
    fee: tuple[int, str] | None,
    months: Sequence[Month],
    reporting_currency: str | None,
) -> Row:
    """The request with its figures. Before it is settled, the refund is taken off the profit; afterwards the months hold it already.

    A charge in another currency than the reporting one leaves the profit after the refund unknown, as do months that are.
    """
    so_far = lifetime(months)
    is_in_already = asked.state in {"settled", "declined", "canceled", "failed"}
    comparable = asked.currency == reporting_currency
    refund_minor = 0 if is_in_already else asked.amount_minor
    after_minor = None if so_far.profit_minor is None or not comparable else so_far.profit_minor - refund_minor
    revenue_after = None if so_far.net_revenue_minor is None else so_far.net_revenue_minor - refund_minor
    return Row(
        asked=asked,
        customer=customer or asked.customer_id or "without a customer",
        invoice=invoice,
        cost=cost,
        fee=fee,
        lifetime=so_far,
        after_minor=after_minor,
        after_share=_share(after_minor, revenue_after),
    )


def _share(profit_minor: int | None, revenue_minor: int | None) -> Fraction | None:
    if profit_minor is None or revenue_minor is None or revenue_minor <= 0:
        return None
    return Fraction(profit_minor, revenue_minor)


def open_totals(rows: Sequence[Row], states: Sequence[str]) -> dict[str, int]:
    """What requests in some states come to, by currency."""
    totals: dict[str, int] = {}
    for one in rows:
        if one.asked.state in states:
            totals[one.asked.currency] = totals.get(one.asked.currency, 0) + one.asked.amount_minor
    return totals


def age_words(asked: RefundRequest, now: datetime) -> str:
    """How long ago it was asked for, in days, hours or minutes."""
    minutes = int((now - asked.requested_at).total_seconds() // 60)
    if minutes >= 48 * 60:
        return f"{minutes // (24 * 60)} days ago"
    return f"{minutes // 60} h ago" if minutes >= 60 else f"{minutes} min ago" if minutes > 0 else "just now"
