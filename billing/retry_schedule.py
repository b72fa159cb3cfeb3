"""When a failed invoice is tried next, or why it is not: one pure function over the invoice, its tries and the clock."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

from billing.decline_classes import (
    UNKNOWN,
    Decline,
    RecoveryClass,
    class_of,
    is_busy,
    may_be_tried_without_customer,
    wait_of,
)
from billing.local_hours import next_payday, within_hours
from billing.network_budgets import earliest_try, tries_left
from billing.recovery_mails import PlannedMail, planned_mails

POLICY_VERSION = "rules-2026-11"
TRIES_AT_MOST = 8  # of one invoice, the one that failed first included
GIVE_UP_AFTER = timedelta(days=30)
_DAY = timedelta(days=1)
# Gap before the next try, by how many have been made since the first failure.
GAPS_LATER = (1 * _DAY, 2 * _DAY, 2 * _DAY, 3 * _DAY, 3 * _DAY, 5 * _DAY, 6 * _DAY)  # days 1, 3, 5, 8, 11, 16, 22
GAPS_BUSY = (_DAY / 8, 1 * _DAY, 2 * _DAY, 4 * _DAY, 8 * _DAY)
GAPS_CARD = (6 * _DAY, 6 * _DAY)  # a card updater may have renewed the card meanwhile
# Nobody's tries all fall on the same minute: up to this much later, the same for the same invoice and try.
JITTER_MINUTES = 45
# A try missed by less than this is made late all the same; by more, it waits for good hours again.
LATE = timedelta(hours=1)

Actor = Literal["stripe", "ours", "customer", "manual"]
Verdict = Literal["retry", "stripe_owns", "needs_customer", "stop"]
Owner = Literal["stripe", "ours"]


@dataclass(frozen=True)
class Attempt:
    """A declined try: when, by whom, with which payment method (None: not known), and what was said."""

    at: datetime
    by: Actor
    decline: Decline = UNKNOWN
    payment_method_id: str | None = None


@dataclass(frozen=True)
class FailedInvoice:
    """What the schedule has to know about an invoice beside its tries; times are aware UTC.

    `status` is Stripe's; `payment_method_id` is what would be charged now, None when nothing would; `zone` is the customer's.
    """

    invoice_id: str
    status: str
    failed_at: datetime
    payment_method_id: str | None
    next_payment_attempt: datetime | None = None
    auto_advance: bool = False
    is_collected_by_hand: bool = False
    is_subscription_canceled: bool = False
    is_disputed: bool = False
    is_written_off: bool = False
    snoozed_until: datetime | None = None
    zone: tzinfo = UTC


@dataclass(frozen=True)
class Plan:
    """What happens next. `at` is set for a retry (and for Stripe's own next try); `reason` is a word, `sentence` says it in full.

    `slot_probability_ppm`: how likely, in millionths, the policy was to choose this minute, for judging policies by their logs.
    """

    verdict: Verdict
    reason: str
    sentence: str
    owner: Owner
    decline_class: RecoveryClass
    tries_made: int
    network_tries_left: int
    mails: tuple[PlannedMail, ...]
    at: datetime | None = None
    slot_probability_ppm: int | None = None
    policy_version: str = POLICY_VERSION


def owner_of(invoice: FailedInvoice, attempts: Sequence[Attempt]) -> Owner:
    """Who may try this invoice by themselves: Stripe while it has a try planned (or is about to make its first), else we."""
    about_to_begin = invoice.auto_advance and not attempts and not invoice.is_collected_by_hand
    return "stripe" if invoice.next_payment_attempt is not None or about_to_begin else "ours"


def plan(invoice: FailedInvoice, attempts: Sequence[Attempt], now: datetime) -> Plan:
    """What follows for a failed invoice after these declined tries, as of `now`; the same inputs give the same plan.

    A retry is never planned before the network's wait is over, nor where a network's budget is used up. Rules and their sources:
    docs/recovery.md.
    """
    made = sorted(attempts, key=lambda attempt: attempt.at)
    same_card = [attempt for attempt in made if _is_same_card(invoice, attempt)]
    last = made[-1].decline if made else UNKNOWN
    owner = owner_of(invoice, made)
    brand = same_card[-1].decline.brand if same_card else None
    ended = _why_over(invoice)
    common = _Common(
        owner,
        class_of(last),
        len(made),
        tries_left(brand, [attempt.at for attempt in same_card], now),
        () if ended else planned_mails(last, invoice.failed_at),
    )
    if ended is not None:
        return common.says("stop", *ended)
    if owner == "stripe":
        said = "Stripe retries this invoice by itself; it is left alone here so that it is not tried twice."
        return common.says("stripe_owns", "stripe_retries", said, at=invoice.next_payment_attempt)
    stands_against = _why_not(invoice, made, same_card)
    if stands_against is not None and now - invoice.failed_at > GIVE_UP_AFTER:
        said = f"{stands_against[2]} Nothing came from the customer in {GIVE_UP_AFTER.days} days."
        return common.says("stop", "too_late", said)
    if stands_against is not None:
        return common.says(*stands_against)
    return _retry(invoice, made, same_card, brand, now, common)


@dataclass(frozen=True)
class _Common:
    owner: Owner
    decline_class: RecoveryClass
    tries_made: int
    network_tries_left: int
    mails: tuple[PlannedMail, ...]

    def says(
        self, verdict: Verdict, reason: str, sentence: str, at: datetime | None = None, ppm: int | None = None
    ) -> Plan:
        """The plan with this verdict."""
        return Plan(verdict, reason, sentence, **vars(self), at=at, slot_probability_ppm=ppm)


def _is_same_card(invoice: FailedInvoice, attempt: Attempt) -> bool:
    """Whether a try counts against the card in use; one whose card is not known does."""
    return attempt.payment_method_id is None or attempt.payment_method_id == invoice.payment_method_id


def _why_over(invoice: FailedInvoice) -> tuple[str, str] | None:
    """Why there is nothing to recover any more, whoever would try; None when there is."""
    reasons = (
        (invoice.status == "paid", "paid", "The invoice is paid."),
        (invoice.status == "void", "void", "The invoice is void."),
        (invoice.is_written_off, "written_off", "The invoice is written off."),
        (invoice.status == "uncollectible", "uncollectible", "The invoice is marked uncollectible at Stripe."),
        (invoice.status == "deleted", "deleted", "The invoice is deleted."),
        (invoice.is_disputed, "disputed", "A payment of this customer's card is disputed: it is not charged again."),
        (invoice.is_subscription_canceled, "canceled", "The subscription is canceled."),
        (
            invoice.is_collected_by_hand,
            "sent_invoice",
            "The invoice is sent to the customer, who pays it; there is no card to try.",
        ),
    )
    return next(((reason, sentence) for is_so, reason, sentence in reasons if is_so), None)


def _why_not(
    invoice: FailedInvoice, made: Sequence[Attempt], same_card: Sequence[Attempt]
) -> tuple[Verdict, str, str] | None:
    """Why no machine may try (again), as verdict, word and sentence; None when one may."""
    if invoice.payment_method_id is None:
        return "needs_customer", "no_card", "The customer has no card on file."
    for attempt in same_card:
        if class_of(attempt.decline) == "never":
            code = attempt.decline.decline_code or attempt.decline.advice_code or "a network code"
            said = f"The bank forbids another try of this card ({code}): it takes another card."
            return "needs_customer", "hard_decline", said
    if same_card and not may_be_tried_without_customer(same_card[-1].decline):
        said = "The bank wants the customer to confirm the payment: a try without them is lost."
        return "needs_customer", "authentication", said
    if _automatic(made) >= TRIES_AT_MOST:
        return "stop", "tries_used", f"All {TRIES_AT_MOST} tries are used."
    if made and same_card and _gap(made, same_card) is None:
        return "needs_customer", "tries_used", f"All {len(made)} tries that such a decline allows are used."
    return None


def _automatic(made: Sequence[Attempt]) -> int:
    return sum(attempt.by in {"stripe", "ours"} for attempt in made)


def _gap(made: Sequence[Attempt], same_card: Sequence[Attempt]) -> timedelta | None:
    """How long after the last try the next one comes, before any rounding; None when that was the last one."""
    last = same_card[-1].decline
    of_class = class_of(last)
    gaps = GAPS_CARD if of_class in {"expired", "needs_customer"} else GAPS_BUSY if is_busy(last) else GAPS_LATER
    number = max(_automatic(made) - 1, 0)
    return gaps[number] if number < len(gaps) else None


def _retry(
    invoice: FailedInvoice,
    made: Sequence[Attempt],
    same_card: Sequence[Attempt],
    brand: str | None,
    now: datetime,
    common: _Common,
) -> Plan:
    """The next try: earliest allowed moment, good hours, jitter, budgets; or that it comes too late."""
    ppm = None
    if made and not same_card:
        reason, sentence, at = "new_card", "The customer has another card on file: it is tried at once.", now
    else:
        at = _chosen(invoice, made, same_card)
        reason, sentence = "scheduled", f"Try {len(made) + 1} of at most {TRIES_AT_MOST}."
        ppm = 1_000_000 // JITTER_MINUTES
    if invoice.snoozed_until is not None and invoice.snoozed_until > at:
        reason, sentence, at = "snoozed", "Snoozed: tried when the snooze is over.", invoice.snoozed_until
    if now - at > LATE:
        at = now if made and is_busy(made[-1].decline) else within_hours(now, invoice.zone)
    # Sorted and in the past, so what is allowed at `at` stays allowed when the try is made later than that.
    at = earliest_try(brand, [attempt.at for attempt in same_card], at)
    if at > invoice.failed_at + GIVE_UP_AFTER and reason != "new_card":
        said = f"The next try would come later than {GIVE_UP_AFTER.days} days after the failure."
        return common.says("stop", "too_late", said)
    return common.says("retry", reason, sentence, at=at, ppm=ppm)


def _chosen(invoice: FailedInvoice, made: Sequence[Attempt], same_card: Sequence[Attempt]) -> datetime:
    """The minute that the policy chooses after the last try."""
    if not made:
        return invoice.failed_at + GAPS_LATER[0] + _jitter(invoice.invoice_id, 0)
    last = same_card[-1].decline
    gap = _gap(made, same_card)
    assert gap is not None, "asked before"
    lower_bound = made[-1].at + max(gap, wait_of(last))
    aim = lower_bound
    if last.decline_code == "insufficient_funds":
        aim = next_payday(lower_bound, invoice.zone)
    if not is_busy(last):
        aim = within_hours(aim, invoice.zone)
    return max(aim, lower_bound) + _jitter(invoice.invoice_id, len(made))


def _jitter(invoice_id: str, number: int) -> timedelta:
    chosen = int.from_bytes(hashlib.sha256(f"{invoice_id}:{number}".encode()).digest()[:8], "big")
    return timedelta(minutes=chosen % JITTER_MINUTES)
