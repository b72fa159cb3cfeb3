"""What a customer pays for, by month: plans, metered usage and the rest, each with its quantity, so that price and quantity part."""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Literal

from pricing.money import divide_half_away
from pricing.revenue import Basis, RevenueLine

Stream = Literal["plan", "usage", "other", "money_back"]
QUANTITY_PARTS = 10**6
# A day and a week as parts of a month; months and years are whole numbers of them.
MONTHS_OF = {"day": Fraction(12, 365), "week": Fraction(84, 365), "month": Fraction(1), "year": Fraction(12)}


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFacts:
    """What Stripe says of an invoice line beside its amount: what was sold, how many, and for how long at a time.

    `interval` is that of the recurring price, None for what is sold once; `quantity` of a metered line is what was used.
    """

    line_id: str
    customer_id: str | None
    subscription_id: str | None
    product: str | None
    quantity: int | None
    usage_type: str | None
    interval: str | None
    interval_count: int | None
    is_proration: bool
    period_start: datetime | None
    period_end: datetime | None

    @property
    def months(self) -> Fraction | None:
        """How many months one period of the price has; None for what is sold once."""
        if self.interval not in MONTHS_OF:
            return None
        return MONTHS_OF[self.interval] * (self.interval_count or 1)

    @property
    def is_plan(self) -> bool:
        """Whether the line recurs and does not depend on use: what MRR is made of."""
        return self.months is not None and self.usage_type != "metered"

    @property
    def period_share(self) -> Fraction:
        """Which part of the price's whole period the line covers: 1 but for prorations; 0 where it covers no time."""
        if self.interval not in MONTHS_OF or self.period_start is None or self.period_end is None:
            return Fraction(0)
        if not self.is_proration:
            return Fraction(1)
        whole = self.period_end - _before(self.period_end, self.interval, self.interval_count or 1)
        return Fraction(
            max(timedelta(), self.period_end - self.period_start) // timedelta(seconds=1), whole.days * 86_400
        )


def _before(end: datetime, interval: str, count: int) -> datetime:
    """When a period that ends then had begun; the 31st becomes the last day of a shorter month."""
    if interval in {"day", "week"}:
        return end - timedelta(days=count * (7 if interval == "week" else 1))
    year, month = divmod(end.year * 12 + end.month - 1 - count * (12 if interval == "year" else 1), 12)
    return end.replace(year=year, month=month + 1, day=min(end.day, monthrange(year, month + 1)[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamMonth:
    """What one stream of a customer came to in a month: net of discounts and credits, in its own and the reporting currency.

    `quantity_micro` counts plan-months (seats x months), metered units or things sold, in millionths; `reporting_minor` is None
    where an amount has no exchange rate. Money back (refunds and lost disputes) is negative and has no quantity.
    """

    month: date
    basis: Basis
    customer_id: str | None
    stream: Stream
    product: str
    currency: str
    quantity_micro: int
    amount_minor: int
    reporting_minor: int | None


def stream_months(lines: Iterable[RevenueLine], facts: Mapping[str, LineFacts]) -> list[StreamMonth]:
    """The revenue lines (fees left out) by month, basis, customer and stream; they sum to net revenue to the minor unit.

    All plans of a customer are one stream, so that a move to a dearer plan is a price and one more seat a quantity; metered usage
    and things sold once are a stream for each product.
    """
    sums: dict[tuple[date, Basis, str | None, Stream, str, str], tuple[Fraction, int, int | None]] = defaultdict(
        lambda: (Fraction(0), 0, 0)
    )
    for line in lines:
        if line.kind == "fee":
            continue
        known = facts.get(line.source_id)
        stream, product = _stream(line, known)
        sign = 1 if line.kind == "line" else -1
        key = (line.month, line.basis, line.customer_id, stream, product, line.currency)
        quantity, amount, reporting = sums[key]
        if line.kind == "line" and known is not None:
            quantity += _quantity(line, known)
        converted = (
            None if reporting is None or line.reporting_minor is None else reporting + sign * line.reporting_minor
        )
        sums[key] = (quantity, amount + sign * line.amount_minor, converted)
    return [
        StreamMonth(
            month=key[0],
            basis=key[1],
            customer_id=key[2],
            stream=key[3],
            product=key[4],
            currency=key[5],
            quantity_micro=divide_half_away(quantity.numerator * QUANTITY_PARTS, quantity.denominator),
            amount_minor=amount,
            reporting_minor=reporting,
        )
        for key, (quantity, amount, reporting) in sorted(sums.items(), key=lambda item: tuple(map(_sortable, item[0])))
    ]


def _sortable(part: date | str | None) -> str:
    return part.isoformat() if isinstance(part, date) else part or ""


def _stream(line: RevenueLine, known: LineFacts | None) -> tuple[Stream, str]:
    if line.kind in {"refund", "dispute"}:
        return "money_back", line.kind
    if known is None:
        return "other", ""
    if known.is_plan:
        return "plan", ""
    return ("usage" if known.usage_type == "metered" else "other"), known.product or ""


def _quantity(line: RevenueLine, known: LineFacts) -> Fraction:
    """The part of the line's quantity that this part of its amount stands for; what is given back counts against it."""
    if line.amount_minor == 0 or known.quantity is None:
        return Fraction(0)
    quantity = Fraction(known.quantity)
    if known.is_plan and known.months is not None:
        quantity *= known.months * known.period_share
    if line.basis == "service" and known.period_start is not None and known.period_end is not None:
        whole = max(1, (known.period_end.date() - known.period_start.date()).days)
        quantity *= Fraction((line.period_end - line.period_start).days, whole)
    return quantity if line.amount_minor > 0 else -quantity
