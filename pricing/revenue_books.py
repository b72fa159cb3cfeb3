"""What revenue is counted from: invoices with their lines, money given back, Stripe's fees; and which of them count."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pricing.money import divide_half_away

# A draft may still change and a void invoice was a mistake; what is uncollectible was written off, so it was never earned.
COUNTED_INVOICES = frozenset({"open", "paid"})
# A pending refund is on its way out; a failed or canceled one has come back.
COUNTED_REFUNDS = frozenset({"succeeded", "pending", "requires_action"})
# While a dispute is open, or only an inquiry, nobody knows yet who keeps the money.
COUNTED_DISPUTES = frozenset({"lost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """A line of an invoice in minor units of the invoice's currency.

    `amount_minor` is before discounts and credits and contains `tax_inclusive_minor`; tax on top of it is not in it.
    The period includes its start and excludes its end (UTC); both are None where Stripe names none.
    """

    line_id: str
    description: str | None
    amount_minor: int
    discount_minor: int
    credit_minor: int
    tax_inclusive_minor: int
    period_start: datetime | None
    period_end: datetime | None

    @property
    def net_minor(self) -> int:
        """What the line earns: without tax, after discounts and credits."""
        return self.amount_minor - self.tax_inclusive_minor - self.discount_minor - self.credit_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """A finalized invoice; `total_excluding_tax_minor` against `total_minor` says which part of a payment is tax."""

    invoice_id: str
    number: str | None
    customer_id: str | None
    status: str
    currency: str
    finalized_at: datetime
    total_minor: int
    total_excluding_tax_minor: int
    lines: tuple[InvoiceLine, ...]

    @property
    def counts(self) -> bool:
        """Whether the invoice is revenue at all."""
        return self.status in COUNTED_INVOICES


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyBack:
    """A refund or a lost dispute, tax included, and the invoice that its charge had paid; None where it paid none."""

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


@dataclass(frozen=True, slots=True)
class Books:
    """Everything at Stripe that revenue is made of, in the order of ids."""

    invoices: tuple[Invoice, ...] = ()
    money_back: tuple[MoneyBack, ...] = ()
    fees: tuple[Fee, ...] = ()

    def counted_invoices(self) -> dict[str, Invoice]:
        """The invoices that are revenue, by id."""
        return {invoice.invoice_id: invoice for invoice in self.invoices if invoice.counts}

    def counted_money_back(self) -> list[tuple[MoneyBack, Invoice]]:
        """What takes revenue away, oldest first, beside its invoice: only what was counted can be taken away again."""
        invoices = self.counted_invoices()
        ordered = sorted(self.money_back, key=lambda back: (back.at, back.source_id))
        return [(back, invoices[back.invoice_id]) for back in ordered if back.invoice_id in invoices]

    def money_back_aside(self) -> list[MoneyBack]:
        """What was given back of charges that no counted invoice stands behind: it is not in net revenue, on either side."""
        invoices = self.counted_invoices()
        return [back for back in self.money_back if back.invoice_id not in invoices]


def without_tax(money_back: Iterable[tuple[MoneyBack, Invoice]]) -> dict[str, int]:
    """The part of each refund or dispute that was revenue, by its id, in minor units of its own currency.

    The tax goes back to the tax office in the proportion of the invoice. The running total of an invoice is divided, not each
    refund, so that refunding everything in three parts takes away exactly what the invoice had brought.
    """
    given_back: dict[tuple[str, str], int] = defaultdict(int)
    found = {}
    for back, invoice in money_back:
        key = (invoice.invoice_id, back.currency)
        before, given_back[key] = given_back[key], given_back[key] + back.amount_minor
        found[back.source_id] = _revenue_in(given_back[key], invoice) - _revenue_in(before, invoice)
    return found


def _revenue_in(paid_minor: int, invoice: Invoice) -> int:
    if invoice.total_minor <= 0:
        return paid_minor
    return divide_half_away(paid_minor * invoice.total_excluding_tax_minor, invoice.total_minor)


def unbalanced(invoices: Iterable[Invoice]) -> list[tuple[Invoice, int]]:
    """Counted invoices whose lines do not come to their total without tax, with what is missing from the lines (minor units).

    Empty for a complete mirror; a line that was not read yet would show here.
    """
    differences = (
        (invoice, invoice.total_excluding_tax_minor - sum(line.net_minor for line in invoice.lines))
        for invoice in invoices
        if invoice.counts
    )
    return [(invoice, missing) for invoice, missing in differences if missing]
