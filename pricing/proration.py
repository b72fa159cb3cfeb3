"""What a change in the middle of a period costs: credit for the time not used, debit for the time that remains, each explained.

Sources: docs.stripe.com/billing/subscriptions/prorations and .../billing-mode/compare.
"""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from pricing.money import Money, divide_half_away

TIMES = "\u00d7"

BillingMode = Literal["flexible", "classic"]
LineKind = Literal["credit", "debit", "new_period", "by_day"]


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` until before `end`, to the second, with a zone."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"A period ends after it starts, not at {self.end} after {self.start}.")

    @property
    def seconds(self) -> int:
        """How long it is."""
        return seconds_between(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Terms:
    """What an item is sold at: `amount_minor` is for its whole quantity and one whole period, after discounts, before tax."""

    label: str
    amount_minor: int
    currency: str
    interval: tuple[str, int] = ("month", 1)


@dataclass(frozen=True, slots=True)
class Debit:
    """A line that billed an item for a time: `amount_minor` after discounts, before tax.

    `paid_until` is the end of what has not been credited yet. `credited_minor` is what credits have given back since,
    `refunded_minor` what refunds and credit notes have; both are positive.
    """

    id: str
    label: str
    amount_minor: int
    currency: str
    period: Period
    paid_until: datetime
    credited_minor: int = 0
    refunded_minor: int = 0

    @property
    def left_minor(self) -> int:
        """The most that may still be given back."""
        return max(0, self.amount_minor - self.credited_minor - self.refunded_minor)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of what a change is billed: positive is owed, negative is given back; `explanation` is its formula in numbers.

    `of` is the id of the debit that a credit takes back. `uncapped_minor` is the amount before what was refunded is left out.
    """

    kind: LineKind
    label: str
    amount_minor: int
    currency: str
    start: datetime
    end: datetime
    explanation: str
    of: str | None = None
    uncapped_minor: int | None = None


def interval_around(anchor: datetime, interval: tuple[str, int], moment: datetime) -> Period:
    """The full interval of a rhythm in which a moment lies: the anchor's hour and day, or the last day of a shorter month."""
    unit, count = interval
    if unit in {"day", "week"}:
        step = timedelta(days=count * (7 if unit == "week" else 1))
        start = anchor + (moment - anchor) // step * step
        return Period(start, start + step)
    months = count * (12 if unit == "year" else 1)
    place = ((moment.year - anchor.year) * 12 + moment.month - anchor.month) // months
    if _months_after(anchor, place * months) > moment:
        place -= 1
    return Period(_months_after(anchor, place * months), _months_after(anchor, (place + 1) * months))


def _months_after(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def seconds_between(start: datetime, end: datetime) -> int:
    """Whole seconds, as Stripe counts them: both moments without their fractions."""
    return int(end.timestamp()) - int(start.timestamp())


def share(amount_minor: int, part_seconds: int, whole_seconds: int) -> int:
    """amount * part / whole in minor units, half away from zero: each line is rounded by itself, as Stripe does."""
    return divide_half_away(amount_minor * part_seconds, whole_seconds)


def change(
    old: Terms | None,
    new: Terms | None,
    period: Period,
    at: datetime,
    *,
    mode: BillingMode,
    debits: Sequence[Debit] = (),
    is_trial: bool = False,
    whole: Period | None = None,
) -> list[Line]:
    """The lines of going from one item to another at a moment: a plan or quantity changes, an item is added or canceled.

    In a trial nothing was billed, so nothing is credited and nothing is owed before it ends. A change of interval starts a
    new period at `at`, billed in full. `whole` is the full interval where the item's own period is only a part of it (added in
    mid-period, or ending before). Lines of nothing are left out. Raises ValueError when `at` lies outside the period.
    """
    if not period.start <= at <= period.end:
        raise ValueError(f"A change is prorated inside its period, {period.start} to {period.end}, not at {at}.")
    if is_trial:
        return []
    lines = given_back(old, period, at, mode=mode, debits=debits, whole=whole) if old is not None else []
    if new is None:
        return lines
    if old is not None and new.interval != old.interval:
        return [*lines, new_period(new, at)]
    return [*lines, *_debit(new, period, at, whole or period)]


def given_back(
    old: Terms | None,
    period: Period,
    at: datetime,
    *,
    mode: BillingMode,
    debits: Sequence[Debit] = (),
    whole: Period | None = None,
) -> list[Line]:
    """What is given back for the time after `at`.

    Flexible: the share of each line that really billed that time, whatever the price is now; none when none did. Classic: the
    share of what the item costs now. A debit never gives back more than was paid for it: what is refunded already is not
    credited again.
    """
    if mode == "flexible":
        return [line for debit in debits for line in _give_back(debit, at)]
    if (
        old is None
        or (amount_minor := -share(old.amount_minor, seconds_between(at, period.end), (whole or period).seconds)) == 0
    ):
        return []
    shown = Money(old.amount_minor, old.currency)
    explanation = (
        f"{shown} {TIMES} {_part(at, period.end, whole or period)} = {Money(-amount_minor, old.currency)}, given back"
    )
    return [Line("credit", old.label, amount_minor, old.currency, at, period.end, explanation)]


def _give_back(debit: Debit, at: datetime) -> list[Line]:
    start, end = max(at, debit.period.start), debit.paid_until
    if end <= start:
        return []
    part_minor = share(debit.amount_minor, seconds_between(start, end), debit.period.seconds)
    amount_minor = min(part_minor, debit.left_minor)
    billed = Money(debit.amount_minor, debit.currency)
    explanation = f"{billed} billed {TIMES} {_part(start, end, debit.period)} = {Money(part_minor, debit.currency)}"
    if amount_minor < part_minor:
        returned = Money(debit.credited_minor + debit.refunded_minor, debit.currency)
        explanation += (
            f", of which only {Money(amount_minor, debit.currency)} is left after {returned} given back before"
        )
    if part_minor == 0:
        return []
    explanation += ", given back"
    return [
        Line("credit", debit.label, -amount_minor, debit.currency, start, end, explanation, debit.id, -part_minor),
    ]


def _debit(new: Terms, period: Period, at: datetime, whole: Period) -> list[Line]:
    amount_minor = share(new.amount_minor, seconds_between(at, period.end), whole.seconds)
    if amount_minor == 0:
        return []
    price, part = Money(new.amount_minor, new.currency), Money(amount_minor, new.currency)
    explanation = f"{price} {TIMES} {_part(at, period.end, whole)} = {part}"
    return [Line("debit", new.label, amount_minor, new.currency, at, period.end, explanation)]


def new_period(terms: Terms, at: datetime, end: datetime | None = None) -> Line:
    """A period that starts at `at`, billed in full: after a change of interval, the end of a trial, or a resumption."""
    count = "" if terms.interval[1] == 1 else f"{terms.interval[1]} "
    unit = terms.interval[0] if terms.interval[1] == 1 else f"{terms.interval[0]}s"
    explanation = (
        f"{Money(terms.amount_minor, terms.currency)} for a new period of {count or '1 '}{unit} from {_day(at)}"
    )
    return Line("new_period", terms.label, terms.amount_minor, terms.currency, at, end or at, explanation)


def by_day(old_minor: int, new_minor: int, currency: str, period: Period, at: datetime) -> Line:
    """The same change by whole UTC days, in one line: (new - old) / days * days left.

    The day of the change counts as left. Rounded once, so going back on the same day is the exact inverse.
    """
    days = max(1, (_utc(period.end).date() - _utc(period.start).date()).days)
    left = min(days, max(0, (_utc(period.end).date() - _utc(at).date()).days))
    amount_minor = divide_half_away((new_minor - old_minor) * left, days)
    old, new = Money(old_minor, currency), Money(new_minor, currency)
    explanation = f"({new} - {old}) / {days} days {TIMES} {left} days left = {Money(amount_minor, currency)}"
    return Line("by_day", "Difference by whole days", amount_minor, currency, at, period.end, explanation)


def book(debits: Sequence[Debit], lines: Iterable[Line], *, whole: Period | None = None) -> tuple[Debit, ...]:
    """The debits as they stand after these lines were billed: what was credited is used up, what was debited is new.

    `whole` is the period of a line that starts a new one. A debit made here is called after its place among all.
    """
    standing = {debit.id: debit for debit in debits}
    for line in lines:
        if line.of in standing:  # also a credit of nothing, where all was refunded: its time is given back
            taken = standing[line.of]
            standing[line.of] = replace(
                taken, paid_until=line.start, credited_minor=taken.credited_minor - line.amount_minor
            )
        elif line.kind in {"debit", "new_period"}:
            id_ = f"debit {len(standing) + 1}"
            period = whole if line.kind == "new_period" and whole is not None else Period(line.start, line.end)
            standing[id_] = Debit(id_, line.label, line.amount_minor, line.currency, period, period.end)
    return tuple(standing.values())


@dataclass(frozen=True, slots=True)
class Bill:
    """What becomes of a sum: `due_minor` is asked for, `from_balance_minor` is paid by credit the customer holds already,
    `to_balance_minor` is credit kept for the next invoice. All are zero or more."""

    total_minor: int
    from_balance_minor: int
    due_minor: int
    to_balance_minor: int


def bill(total_minor: int, balance_minor: int) -> Bill:
    """How an invoice of this total meets the customer's balance.

    `balance_minor` as Stripe keeps it: below zero the customer holds credit, above zero it is owed with the next invoice.
    """
    standing = total_minor + balance_minor
    used = min(max(0, total_minor), max(0, -balance_minor))
    return Bill(total_minor, used, max(0, standing), max(0, -standing))


def _part(start: datetime, end: datetime, period: Period) -> str:
    left = seconds_between(start, end)
    if left == period.seconds:
        return "the whole period"
    return f"{left:,} s of {period.seconds:,} s ({_length(left)} of {_length(period.seconds)})"


def _length(seconds: int) -> str:
    days, rest = divmod(seconds, 86_400)
    hours, minutes = rest // 3_600, rest % 3_600 // 60
    parts = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if count]
    return " ".join(parts) or f"{seconds} s"


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _day(moment: datetime) -> str:
    return f"{_utc(moment):%d %b %Y %H:%M} UTC"
