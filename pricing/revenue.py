"""Net revenue, definition v1: what invoices, refunds, lost disputes and fees come to, by customer, month and basis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from pricing.fx import RateTable
from pricing.money import allocate, convert_minor, convert_parts, divide_half_away
from pricing.service_period import Part, spread

Basis = Literal["service", "invoiced"]
Kind = Literal["line", "discount", "credit", "refund", "dispute", "fee"]
BASES: tuple[Basis, ...] = ("service", "invoiced")
# A draft may still change and a void invoice was a mistake; what is uncollectible was written off, so it was never earned.
COUNTED_INVOICES = frozenset({"open", "paid"})
# A pending refund is on its way out; a failed or canceled one has come back.
COUNTED_REFUNDS = frozenset({"succeeded", "pending", "requires_action"})


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """A line of an invoice in minor units of the invoice's currency; `amount_minor` is before discounts and credits."""

    line_id: str
    description: str | None
    amount_minor: int
    discount_minor: int
    credit_minor: int
    tax_inclusive_minor: int
    period_start: datetime | None
    period_end: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """A finalized invoice; `total_excluding_tax_minor` against `total_minor` says which part of a payment is tax."""

    invoice_id: str
    number: str | None
    customer_id: str | None
    status: str
    currency: str
    finalized_at: datetime | None
    total_minor: int
    total_excluding_tax_minor: int
    lines: tuple[InvoiceLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyBack:
    """A refund or a lost dispute of a charge, and the invoice that the charge paid, where there is one."""

    source_id: str
    kind: Literal["refund", "dispute"]
    customer_id: str | None
    invoice_id: str | None
    currency: str
    amount_minor: int
    at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """What Stripe kept, in the currency of the settlement; without a customer where no charge stands behind it."""

    source_id: str
    customer_id: str | None
    currency: str
    amount_minor: int
    at: datetime
    description: str | None


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


@dataclass(frozen=True, slots=True)
class Books:
    """Everything at Stripe that revenue is made of."""

    invoices: tuple[Invoice, ...] = ()
    money_back: tuple[MoneyBack, ...] = ()
    fees: tuple[Fee, ...] = ()


def revenue_lines(books: Books, rates: RateTable, reporting_currency: str, *, as_of: datetime) -> list[RevenueLine]:
    """Every amount of the books in the months that it counts in, on both bases, in the order of the books.

    Service days from `as_of` on are not earned yet and are left out; months are calendar months in UTC.
    """
    invoices = {invoice.invoice_id: invoice for invoice in books.invoices}
    found: list[RevenueLine] = []
    for basis in BASES:
        for invoice in books.invoices:
            found += _invoice_lines(invoice, basis, rates, reporting_currency, as_of)
        for back in books.money_back:
            found.append(_money_back_line(back, basis, invoices, rates, reporting_currency))
        for fee in books.fees:
            found.append(_fee_line(fee, basis, rates, reporting_currency))
    return found


def _invoice_lines(
    invoice: Invoice, basis: Basis, rates: RateTable, reporting_currency: str, as_of: datetime
) -> list[RevenueLine]:
    if invoice.status not in COUNTED_INVOICES or invoice.finalized_at is None:
        return []
    issued = invoice.finalized_at
    rate = rates.find(invoice.currency, reporting_currency, issued.date())
    found = []
    for line in invoice.lines:
        parts = _parts(line, basis, issued, as_of)
        for kind, amount_minor in _amounts(line):
            minors = allocate(amount_minor, [part.days for part in parts])
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
    """The line before discounts and without tax, and what is taken off it; nothing taken off makes no row."""
    taken_off: tuple[tuple[Kind, int], ...] = (("discount", line.discount_minor), ("credit", line.credit_minor))
    return [("line", line.amount_minor - line.tax_inclusive_minor), *(pair for pair in taken_off if pair[1])]


def _parts(line: InvoiceLine, basis: Basis, issued: datetime, as_of: datetime) -> list[Part]:
    """By service period, the line's days; as invoiced, or where the line names no period, the day of the invoice."""
    if basis == "service" and line.period_start is not None and line.period_end is not None:
        return spread(line.period_start, line.period_end, as_of=as_of)
    return spread(issued, issued, as_of=as_of)


def _money_back_line(
    back: MoneyBack, basis: Basis, invoices: Mapping[str, Invoice], rates: RateTable, reporting_currency: str
) -> RevenueLine:
    """The part of it that was revenue, in the month in which the money left: what was tax goes back to the tax office."""
    invoice = invoices.get(back.invoice_id or "")
    minor = back.amount_minor
    if invoice is not None and invoice.total_minor > 0:
        minor = divide_half_away(back.amount_minor * invoice.total_excluding_tax_minor, invoice.total_minor)
    return _single(
        back.at,
        basis,
        back.kind,
        rates,
        reporting_currency,
        customer_id=back.customer_id,
        invoice_id=back.invoice_id,
        invoice_number=invoice.number if invoice else None,
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
