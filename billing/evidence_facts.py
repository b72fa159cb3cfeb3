"""What we hold about one dispute, as plain facts: who bought what, what was paid, what was used; never what anybody typed into a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pricing.money import exponent

TIME = "%Y-%m-%d %H:%M UTC"
"""How a moment, in UTC, is written for a bank."""


@dataclass(frozen=True)
class Disputed:
    """The dispute as Stripe has it. `amount_minor` in `currency`; `due_by` None where no answer is possible or known."""

    dispute_id: str
    charge_id: str
    amount_minor: int
    currency: str
    reason: str
    status: str
    created_at: datetime
    network_reason_code: str | None = None
    due_by: datetime | None = None
    # Whether Stripe takes Visa's Compelling Evidence 3.0 for it, and how far what was given goes: qualified, requires_action, …
    takes_ce3: bool = False
    ce3_status: str | None = None


@dataclass(frozen=True)
class Customer:
    """Who the account belongs to; `address` on one line."""

    customer_id: str
    name: str | None = None
    email: str | None = None
    address: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True)
class Line:
    """One line of an invoice; the period's end is not included."""

    description: str | None
    amount_minor: int | None
    period_start: datetime | None
    period_end: datetime | None


@dataclass(frozen=True)
class Invoice:
    """What was billed, in minor units of `currency`."""

    invoice_id: str
    number: str | None
    currency: str
    total_minor: int | None
    created_at: datetime
    paid_at: datetime | None
    hosted_url: str | None
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Buyer:
    """What the shop knew of the buyer's machine and account when a charge was made: metadata of the charge, under these names."""

    customer_purchase_ip: str | None = None
    customer_device_id: str | None = None
    customer_device_fingerprint: str | None = None
    customer_account_id: str | None = None
    customer_email_address: str | None = None


@dataclass(frozen=True)
class Charge:
    """A payment. `fingerprint` is the same for every use of one card; `invoice_id` None where it paid no known invoice."""

    charge_id: str
    created_at: datetime
    amount_minor: int
    currency: str
    amount_refunded_minor: int = 0
    is_disputed: bool = False
    # Whether the card's issuer has warned of fraud.
    is_reported: bool = False
    fingerprint: str | None = None
    brand: str | None = None
    network: str | None = None
    last4: str | None = None
    receipt_url: str | None = None
    statement_descriptor: str | None = None
    billing_name: str | None = None
    billing_address: str | None = None
    invoice_id: str | None = None
    buyer: Buyer = Buyer()


@dataclass(frozen=True)
class Refund:
    """Money that went back, or is on its way."""

    refund_id: str
    charge_id: str
    amount_minor: int
    currency: str
    status: str | None
    created_at: datetime


@dataclass(frozen=True)
class Subscription:
    """A subscription that the disputed invoice billed; the times are None while it has neither been canceled nor ended."""

    subscription_id: str
    status: str | None
    started_at: datetime | None
    canceled_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True)
class Policy:
    """What the tenant has told us of its own shop; each text as its customers read it.

    `refund_window_days` is that of the refund queue. `disclosure` says how and when a customer sees the policies before paying.
    """

    refund_window_days: int | None = None
    product_description: str | None = None
    refund_text: str | None = None
    refund_url: str | None = None
    cancellation_text: str | None = None
    cancellation_url: str | None = None
    disclosure: str | None = None


@dataclass(frozen=True)
class UsageDay:
    """What the customer used on one day (UTC). Tokens are input and output in total; None where the log does not say."""

    day: date
    calls: int
    models: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True)
class Holdings:
    """All we hold about one dispute. `charges` are the customer's other paid ones, `invoices` all that the charges paid.

    `usage` is by day in order, as the log stood at `usage_as_of`. `as_of` is when this was read: facts after it are not in it.
    None and empty mean that we do not know, or know of none.
    """

    as_of: datetime
    dispute: Disputed
    charge: Charge | None
    customer: Customer | None
    invoices: tuple[Invoice, ...] = ()
    charges: tuple[Charge, ...] = ()
    refunds: tuple[Refund, ...] = ()
    subscription: Subscription | None = None
    policy: Policy = Policy()
    usage: tuple[UsageDay, ...] = ()
    usage_as_of: datetime | None = None


def invoice_of(holdings: Holdings, charge: Charge | None) -> Invoice | None:
    """The invoice that a charge paid; None when it paid none that we hold."""
    if charge is None or charge.invoice_id is None:
        return None
    return next((invoice for invoice in holdings.invoices if invoice.invoice_id == charge.invoice_id), None)


def service_period(invoice: Invoice | None) -> tuple[date, date] | None:
    """The days (UTC) that an invoice's lines pay for, the last one not included; None when no line says so."""
    lines = invoice.lines if invoice is not None else ()
    starts = [line.period_start for line in lines if line.period_start is not None]
    ends = [line.period_end for line in lines if line.period_end is not None]
    if not starts or not ends:
        return None
    first, last = min(starts).astimezone(UTC), max(ends).astimezone(UTC)
    # A period that ends in the middle of a day pays for a part of that day.
    end = last.date() if last == datetime(last.year, last.month, last.day, tzinfo=UTC) else last.date() + timedelta(1)
    return first.date(), max(end, first.date() + timedelta(1))


def days_in(usage: Sequence[UsageDay], period: tuple[date, date] | None) -> tuple[UsageDay, ...]:
    """The days of use within a period; none when the period is unknown."""
    return () if period is None else tuple(day for day in usage if period[0] <= day.day < period[1])


def undisputed(holdings: Holdings) -> tuple[Charge, ...]:
    """The customer's charges before the disputed one that nobody ever questioned, the newest first."""
    if holdings.charge is None:
        return ()
    before = holdings.charge.created_at
    found = [
        charge
        for charge in holdings.charges
        if charge.created_at < before and not (charge.is_disputed or charge.is_reported)
    ]
    return tuple(sorted(found, key=lambda charge: (charge.created_at, charge.charge_id), reverse=True))


def money(amount_minor: int, currency: str) -> str:
    """An amount as a bank reads it: 1,234.56 USD."""
    places = exponent(currency)
    units, rest = divmod(abs(amount_minor), 10**places)
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{units:,}{f'.{rest:0{places}}' if places else ''} {currency.upper()}"


def day_words(moment: date | datetime) -> str:
    """A day as people of any country read it: 3 October 2026. Moments are told in UTC."""
    day = moment.astimezone(UTC) if isinstance(moment, datetime) else moment
    return f"{day.day} {day:%B %Y}"


def period_words(period: tuple[date, date]) -> str:
    """A period by its first and its last day."""
    last = period[1] - timedelta(1)
    return day_words(period[0]) if last <= period[0] else f"{day_words(period[0])} to {day_words(last)}"


def clipped(text: str, limit: int) -> str:
    """The text, or its beginning with a word on how much is left out."""
    if len(text) <= limit:
        return text
    note = f" [... {len(text):,} characters in full]"
    return text[: limit - len(note)] + note
