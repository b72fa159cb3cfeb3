"""One dispute, inquiry or early warning as the page shows it: what it is, how long there is, what each way is worth; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from billing import dispute_economics as economics
from billing.dispute_economics import Economics, Record, Worth
from billing.dispute_rules import Deadline, deadline
from billing.dispute_states import ANSWERABLE
from dashboard import wording
from store.dispute_reads import EarlyWarning
from store.disputes import DisputeCase

LABELS: Mapping[str, tuple[str, str]] = {
    "needs_response": ("To answer", "orange"),
    "staged": ("Staged at Stripe", "orange"),
    "submitting": ("Being submitted", "blue"),
    "accepting": ("Being accepted", "blue"),
    "submitted": ("At the bank", "blue"),
    "accepted": ("Accepted", "gray"),
    "expired": ("Deadline passed", "red"),
    "won": ("Won", "green"),
    "lost": ("Lost", "red"),
    "closed": ("Closed without a chargeback", "green"),
    "prevented": ("Prevented", "green"),
}
WAY_LABELS: Mapping[str, str] = {
    "fight": "Fight",
    "answer": "Answer",
    "accept": "Accept",
    "refund": "Refund in full",
    "wait": "Wait",
}
SOON_DAYS = 3


@dataclass(frozen=True)
class Row:
    """A case with what stands around it. `completeness_percent` is None where evidence is no question any more.

    `economics` are in minor units of `worth_currency`: what the balance is kept in, where money was taken already.
    """

    case: DisputeCase
    customer: str
    deadline: Deadline
    completeness_percent: int | None
    economics: Economics | None
    worth_currency: str

    @property
    def is_answerable(self) -> bool:
        """Whether somebody can still do something about it."""
        return self.case.state in ANSWERABLE


@dataclass(frozen=True)
class WarningRow:
    """An early fraud warning; `economics` is None where nothing can be done any more or the amount is unknown."""

    warning: EarlyWarning
    customer: str
    state: str
    economics: Economics | None


def row(
    case: DisputeCase,
    *,
    customer: str | None,
    completeness_percent: int | None,
    withdrawn: tuple[int, str] | None,
    won_by_reason: Mapping[str, tuple[int, int]],
    fees: Mapping[str, int],
    now: datetime,
) -> Row:
    """The case with its deadline and what each way is worth; an ended one, or one without an amount, is worth nothing to weigh.

    `withdrawn` is what the dispute took from the balance, in the balance's currency.
    """
    amount_minor, currency = withdrawn or (case.amount_minor, case.currency)
    weighed = None
    if case.state in ANSWERABLE and amount_minor is not None and currency is not None:
        record = {reason: Record(*counted) for reason, counted in won_by_reason.items()}
        rate = economics.win_rate(record, case.reason)
        booked_minor = case.fee_minor if case.fee_currency == currency else fees.get(currency)
        fee_minor = economics.fee_of(currency, booked_minor)
        weighed = (
            economics.inquiry(amount_minor, fee_minor, rate)
            if case.is_inquiry
            else economics.chargeback(amount_minor, currency, fee_minor, rate)
        )
    return Row(
        case,
        customer or "a customer we do not know",
        deadline(case.due_by, case.is_answer_taken, now),
        completeness_percent,
        weighed,
        currency or "usd",
    )


def warning_row(warning: EarlyWarning, *, disputed: tuple[int, int], fees: Mapping[str, int]) -> WarningRow:
    """The warning with its state in words and what refunding is worth against waiting."""
    refunded, amount = warning.amount_refunded_minor, warning.amount_minor
    is_refunded = refunded is not None and amount is not None and refunded >= amount
    state = "Disputed" if warning.is_disputed else "Refunded" if is_refunded else "To decide"
    if state == "To decide" and warning.is_actionable is False:
        state = "Nothing to do any more"
    weighed = None
    if state == "To decide" and amount is not None and warning.currency is not None:
        left_minor = amount - (refunded or 0)
        fee_minor = economics.fee_of(warning.currency, fees.get(warning.currency))
        weighed = economics.early_warning(left_minor, warning.currency, fee_minor, Record(*disputed))
    return WarningRow(warning, warning.customer or "a customer we do not know", state, weighed)


def respond_by(row_: Row) -> tuple[str, str]:
    """Until when, in words and in a color: red is over or within three days."""
    due_by, left = row_.case.due_by, row_.deadline
    if not row_.is_answerable:
        return "", "gray"
    when = f"Respond by {due_by:%d %b %Y %H:%M} UTC: {left.words}" if due_by is not None else left.words.capitalize()
    is_urgent = left.kind == "overdue" or (left.days_left is not None and left.days_left < SOON_DAYS)
    return when, "red" if is_urgent else "orange" if left.kind == "open" else "gray"


def reason_words(case: DisputeCase) -> str:
    """Stripe's reason and the network's code."""
    reason = (case.reason or "no reason given").replace("_", " ")
    code = f"{(case.network or 'network').capitalize()} {case.network_reason_code}" if case.network_reason_code else ""
    return " · ".join(filter(None, [reason, code]))


def worth_words(worth: Worth, currency: str) -> tuple[str, str]:
    """What one way is worth as a figure, and the interval below it; one number where there is only one end."""
    low, high = (wording.money_exact(minor, currency) for minor in (worth.low_minor, worth.high_minor))
    if worth.expected_minor is None and None in {worth.low_minor, worth.high_minor}:
        return "unknown", worth.sentence
    if worth.expected_minor is None:
        return f"{low} to {high}", "the worst and the best end; no average without a rate"
    figure = wording.money_exact(worth.expected_minor, currency)
    return figure, "certain" if worth.low_minor == worth.high_minor else f"on average; 95 % between {low} and {high}"
