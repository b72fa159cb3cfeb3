"""One failed payment as the page shows it: exact amounts, unknown as None, the words for states and classes; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from billing.recovery_metrics import Rate
from billing.recovery_states import IN_RECOVERY
from billing.retry_schedule import TRIES_AT_MOST
from dashboard import wording
from dashboard.refund_rows import Lifetime
from store.recovery_cases import Attempt, RecoveryCase
from store.recovery_reads import Failure, UsageCost

LABELS: Mapping[str, tuple[str, str]] = {
    "open": ("New", "gray"),
    "with_stripe": ("Stripe retries", "blue"),
    "scheduled": ("Retry planned", "blue"),
    "retrying": ("Being tried", "blue"),
    "waiting_for_customer": ("Needs the customer", "orange"),
    "snoozed": ("Snoozed", "gray"),
    "on_hold": ("On hold", "orange"),
    "recovered": ("Recovered", "green"),
    "lost": ("Lost", "red"),
    "written_off": ("Written off", "red"),
    "withdrawn": ("Withdrawn", "gray"),
}
CLASS_WORDS: Mapping[str, str] = {
    "never": "refused for good",
    "needs_customer": "needs the customer",
    "expired": "card expired",
    "later": "may work later",
}
ATTRIBUTION_WORDS: Mapping[str, str] = {
    "stripe_retry": "Stripe's retry",
    "our_retry": "Our retry",
    "card_update": "New card",
    "email": "E-mail",
    "manual": "By hand",
}
RATE_WORDS: Mapping[str, str] = {
    "cohort": "Of all failures",
    "closed": "Of closed ones only",
    "by_count": "By number of invoices",
    "attempted": "Of those retried",
}
BY_WORDS: Mapping[str, str] = {
    "stripe": "Stripe",
    "ours": "our schedule",
    "customer": "the customer",
    "manual": "a person here",
}
TRYING = ("with_stripe", "scheduled", "retrying")


@dataclass(frozen=True)
class Row:
    """A case with what stands beside it. `cost` is None where no usage is published for the customer."""

    case: RecoveryCase
    customer: str
    invoice: str
    attempts: Sequence[Attempt]
    cost: UsageCost | None
    lifetime: Lifetime

    @property
    def is_open(self) -> bool:
        """Whether the money may still come without a person giving it another chance."""
        return self.case.state in IN_RECOVERY

    @property
    def last_code(self) -> str | None:
        """What the bank said last."""
        declined = [attempt for attempt in self.attempts if attempt.outcome == "declined"]
        return (declined[-1].decline_code or declined[-1].advice_code) if declined else None

    @property
    def brand(self) -> str | None:
        """The card's brand, by the last try."""
        return self.attempts[-1].brand if self.attempts else None


def next_words(case: RecoveryCase, now: datetime) -> str:
    """When the next try comes and whose it is."""
    if case.state == "retrying":
        return "now"
    if case.next_attempt_at is None:
        return "none planned"
    whose = "Stripe" if case.owner == "stripe" else "ours"
    if case.next_attempt_at <= now:
        return f"due, {whose}"
    return f"{wording.moment_of(case.next_attempt_at)}, {whose}"


def tries_words(row: Row) -> str:
    """How many tries were seen, of how many our schedule allows."""
    return f"{len(row.attempts)} of {TRIES_AT_MOST}"


def total_words(failures: Sequence[Failure], states: Sequence[str], *, recovered: bool = False) -> tuple[str, str]:
    """What failures in some states come to: the currency with most invoices, and the others as `+ €3.00 · `; `none` of none."""
    totals: dict[str, list[int]] = {}
    for one in failures:
        if one.state in states:
            amount = (one.recovered_minor or 0) if recovered else one.amount_minor
            totals.setdefault(one.currency, []).append(amount)
    ordered = sorted(totals.items(), key=lambda item: (-len(item[1]), item[0]))
    said = [wording.money_exact(sum(amounts), currency) for currency, amounts in ordered]
    return said[0] if said else "none", "".join(f"+ {amount} · " for amount in said[1:])


def rate_words(rate: Rate, currency: str) -> tuple[str, str]:
    """A rate, and what it is a share of: `40.0 %`, `$40.00 of $100.00, $50.00 still in recovery`."""

    def said(number: int) -> str:
        return wording.money_exact(number, currency) if rate.unit == "minor" else f"{number:,}"

    pending = f", {said(rate.pending)} still in recovery" if rate.pending else ""
    what = "" if rate.unit == "minor" else " invoices"
    return wording.percent(rate.share), f"{said(rate.part)} of {said(rate.whole)}{what}{pending}"
