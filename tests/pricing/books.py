"""Short ways to write down invoices, refunds, fees and rates for the tests of revenue; amounts are in cents."""

from datetime import UTC, date, datetime
from typing import Any

from pricing.fx import FxRate, RateTable
from pricing.revenue import Basis, Kind, RevenueLine, revenue_lines
from pricing.revenue_books import Books, Fee, Invoice, InvoiceLine, MoneyBack

YEARS_LATER = datetime(2030, 1, 1, tzinfo=UTC)
NO_RATES = RateTable([])
JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)


def at(month: int, day: int, hour: int = 0, year: int = 2026) -> datetime:
    """A moment of 2026, UTC."""
    return datetime(year, month, day, hour, tzinfo=UTC)


def line(amount: int, start: datetime | None, end: datetime | None, **given: Any) -> InvoiceLine:
    """A line without discount, credit and tax, unless given."""
    fields = {"line_id": "il_1", "description": "Team plan", "discount_minor": 0, "credit_minor": 0}
    return InvoiceLine(
        amount_minor=amount, period_start=start, period_end=end, **({"tax_inclusive_minor": 0} | fields | given)
    )


def invoice(*lines: InvoiceLine, tax_on_top: int = 0, **given: Any) -> Invoice:
    """A paid invoice of Acme of 15 January, its totals as Stripe adds them up."""
    without_tax = sum(line.net_minor for line in lines)
    tax_inside = sum(line.tax_inclusive_minor for line in lines)
    fields = {
        "invoice_id": "in_1",
        "number": "A-0001",
        "customer_id": "cus_acme",
        "status": "paid",
        "currency": "usd",
        "finalized_at": at(1, 15, 11),
        "total_minor": without_tax + tax_inside + tax_on_top,
        "total_excluding_tax_minor": without_tax,
    }
    return Invoice(lines=lines, **(fields | given))


def refund(amount: int, when: datetime, **given: Any) -> MoneyBack:
    """A refund of the charge that paid in_1."""
    fields = {
        "source_id": "re_1",
        "kind": "refund",
        "customer_id": "cus_acme",
        "invoice_id": "in_1",
        "currency": "usd",
        "reason": "requested_by_customer",
    }
    return MoneyBack(amount_minor=amount, at=when, **(fields | given))


def fee(amount: int, when: datetime, **given: Any) -> Fee:
    """What Stripe kept of a charge of Acme."""
    fields = {"source_id": "txn_1", "customer_id": "cus_acme", "currency": "usd", "description": "Stripe fee"}
    return Fee(amount_minor=amount, at=when, **(fields | given))


def rate(nano: int, on: date, base: str = "eur", quote: str = "usd") -> FxRate:
    """What one euro was worth in dollars that day."""
    return FxRate(base, quote, on, nano, "test")


def lines_of(books: Books, rates: RateTable = NO_RATES, *, as_of: datetime = YEARS_LATER) -> list[RevenueLine]:
    """The revenue lines in dollars."""
    return revenue_lines(books, rates, "usd", as_of=as_of)


def by_month(lines: list[RevenueLine], basis: Basis, kind: Kind) -> dict[date, int | None]:
    """What a kind of amount comes to in each month, in cents of the reporting currency; unknown is None."""
    found: dict[date, int | None] = {}
    for part in lines:
        if (part.basis, part.kind) == (basis, kind):
            so_far = found.get(part.month, 0)
            unknown = so_far is None or part.reporting_minor is None
            found[part.month] = None if unknown else (so_far or 0) + (part.reporting_minor or 0)
    return found
