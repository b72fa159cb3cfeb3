"""Net revenue, definition v1: what invoices, refunds, lost disputes and fees come to, by customer, month and basis."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from pricing.fx import RateTable
from pricing.money import convert_minor, convert_parts
from pricing.revenue_books import Books, Fee, Invoice, InvoiceLine, MoneyBack, without_tax
from pricing.service_period import Part, by_days, spread

Basis = Literal["service", "invoiced"]
Kind = Literal["line", "discount", "credit", "refund", "dispute", "fee"]
BASES: tuple[Basis, ...] = ("service", "invoiced")


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueLine:
    """A part of an amount that counts in one month. Amounts are as positive as on their source: the kind says the sign.

    `rate_nano`, `rate_date` and `reporting_minor` are None where no exchange rate is known: then it is not counted.
    """

    month: date
    customer_id: str | None
    basis: Basis
    kind: Kind
    invoice_id: str | None
    invoice_number: str | None
    source_id: str
    description: str | None
    period_start: date
    period_end: date
    currency: str
    amount_minor: int
    rate_nano: int | None
    rate_date: date | None
    reporting_minor: int | None


def revenue_lines(books: Books, rates: RateTable, reporting_currency: str, *, as_of: datetime) -> list[RevenueLine]:
    """Every amount of the books in the months that it counts in, on both bases, in the order of the books.

    Service days that have not begun at `as_of` are not earned yet and are left out; months are calendar months in UTC.
    """
    money_back = books.counted_money_back()
    revenue_back = without_tax(money_back)
    found: list[RevenueLine] = []
    for basis in BASES:
        for invoice in books.invoices:
            found += _invoice_lines(invoice, basis, rates, reporting_currency, as_of)
        for back, invoice in money_back:
            minor = revenue_back[back.source_id]
            found.append(_money_back_line(back, minor, invoice, basis, rates, reporting_currency))
        found += [_fee_line(fee, basis, rates, reporting_currency) for fee in books.fees]
    return found


def _invoice_lines(
    invoice: Invoice, basis: Basis, rates: RateTable, reporting_currency: str, as_of: datetime
) -> list[RevenueLine]:
    if not invoice.counts:
        return []
    rate = rates.find(invoice.currency, reporting_currency, invoice.finalized_at.date())
    found = []
    for line in invoice.lines:
        parts = _parts(line, basis, invoice.finalized_at, as_of)
        for kind, amount_minor in _amounts(line):
            minors = by_days(amount_minor, parts)
            counted: Sequence[int | None] = [None] * len(parts)
            if rate is not None:
                counted = convert_parts(minors, invoice.currency, reporting_currency, rate.rate_nano)
            found += [
                RevenueLine(
                    month=part.month,
                    customer_id=invoice.customer_id,
                    basis=basis,
                    kind=kind,
                    invoice_id=invoice.invoice_id,
                    invoice_number=invoice.number,
                    source_id=line.line_id,
                    description=line.description,
                    period_start=part.start,
                    period_end=part.end,
                    currency=invoice.currency,
                    amount_minor=minor,
                    rate_nano=rate.rate_nano if rate else None,
                    rate_date=rate.rate_date if rate else None,
                    reporting_minor=reporting_minor,
                )
                for part, minor, reporting_minor in zip(parts, minors, counted, strict=True)
                if part.is_earned
            ]
    return found


def _amounts(line: InvoiceLine) -> list[tuple[Kind, int]]:
    """The line before discounts and without tax, and what is taken off it; nothing makes no row."""
    amounts: tuple[tuple[Kind, int], ...] = (
        ("line", line.amount_minor - line.tax_inclusive_minor),
        ("discount", line.discount_minor),
        ("credit", line.credit_minor),
    )
    return [(kind, minor) for kind, minor in amounts if minor]


def _parts(line: InvoiceLine, basis: Basis, issued: datetime, as_of: datetime) -> list[Part]:
    """By service period, the line's days; as invoiced, or where the line names no period, the day of the invoice."""
    if basis == "service" and line.period_start is not None and line.period_end is not None:
        return spread(line.period_start, line.period_end, as_of=as_of)
    return [Part(issued.date(), issued.date() + timedelta(days=1), is_earned=True)]


def _money_back_line(
    back: MoneyBack, minor: int, invoice: Invoice, basis: Basis, rates: RateTable, reporting_currency: str
) -> RevenueLine:
    """In the month in which the money left, on both bases."""
    return _single(
        back.at,
        basis,
        back.kind,
        rates,
        reporting_currency,
        customer_id=invoice.customer_id or back.customer_id,
        invoice_id=invoice.invoice_id,
        invoice_number=invoice.number,
        source_id=back.source_id,
        description=back.reason,
        currency=back.currency,
        amount_minor=minor,
    )


def _fee_line(fee: Fee, basis: Basis, rates: RateTable, reporting_currency: str) -> RevenueLine:
    return _single(
        fee.at,
        basis,
        "fee",
        rates,
        reporting_currency,
        customer_id=fee.customer_id,
        invoice_id=None,
        invoice_number=None,
        source_id=fee.source_id,
        description=fee.description,
        currency=fee.currency,
        amount_minor=fee.amount_minor,
    )


def _single(
    at: datetime,
    basis: Basis,
    kind: Kind,
    rates: RateTable,
    reporting_currency: str,
    *,
    customer_id: str | None,
    invoice_id: str | None,
    invoice_number: str | None,
    source_id: str,
    description: str | None,
    currency: str,
    amount_minor: int,
) -> RevenueLine:
    """An amount that counts on one day."""
    day = at.date()
    rate = rates.find(currency, reporting_currency, day)
    return RevenueLine(
        month=day.replace(day=1),
        customer_id=customer_id,
        basis=basis,
        kind=kind,
        invoice_id=invoice_id,
        invoice_number=invoice_number,
        source_id=source_id,
        description=description,
        period_start=day,
        period_end=day + timedelta(days=1),
        currency=currency,
        amount_minor=amount_minor,
        rate_nano=rate.rate_nano if rate else None,
        rate_date=rate.rate_date if rate else None,
        reporting_minor=convert_minor(amount_minor, currency, reporting_currency, rate.rate_nano) if rate else None,
    )
