"""What follows from a failed invoice's objects: its decline, its state, who earned the money, why not to try it now. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from billing.decline_classes import Decline, class_of, may_be_tried_without_customer
from billing.network_budgets import tries_left
from billing.recovery_states import State
from billing.retry_schedule import Actor, Plan

Raw = Mapping[str, Any]
Attribution = Literal["stripe_retry", "our_retry", "card_update", "email", "manual"]
ATTRIBUTIONS: tuple[Attribution, ...] = ("stripe_retry", "our_retry", "card_update", "email", "manual")
# A mail counts as the reason for what a customer does within a week of it.
MAIL_WORKS_FOR = timedelta(days=7)


@dataclass(frozen=True)
class Payment:
    """The try that paid: who made it, with which card, when; and with which card the one before was declined."""

    at: datetime
    by: Actor
    payment_method_id: str | None
    declined_payment_method_id: str | None


def decline_of(charge: Raw) -> Decline:
    """What Stripe's charge tells of a decline."""
    outcome = charge.get("outcome") or {}
    card = (charge.get("payment_method_details") or {}).get("card") or {}
    return Decline(
        card.get("brand"),
        outcome.get("reason"),
        outcome.get("advice_code"),
        outcome.get("network_decline_code"),
        outcome.get("network_advice_code"),
    )


def payment_method_of(charge: Raw) -> str | None:
    """With what a charge was tried."""
    found = charge.get("payment_method")
    return found.get("id") if isinstance(found, Mapping) else found


def has_failed(invoice: Raw) -> bool:
    """Whether an invoice that is collected by itself was tried and is still owed, by Stripe's invoice alone."""
    return (
        invoice.get("collection_method") == "charge_automatically"
        and invoice.get("status") in {"open", "uncollectible"}
        and (invoice.get("attempt_count") or 0) > 0
    )


def state_of(
    plan: Plan, *, is_being_tried: bool, snoozed_until: datetime | None, paid_minor: int, now: datetime
) -> State:
    """Where a case stands, by the schedule's plan. `paid_minor`: what came in if the invoice is paid."""
    ended: dict[str, State] = {
        "paid": "recovered" if paid_minor > 0 else "withdrawn",
        "void": "withdrawn",
        "deleted": "withdrawn",
        "written_off": "written_off",
        "disputed": "on_hold",
        "sent_invoice": "on_hold",
    }
    if plan.verdict == "stop" and plan.reason in ended and not (is_being_tried and plan.reason == "disputed"):
        return ended[plan.reason]
    if is_being_tried:
        return "retrying"
    if plan.verdict == "stop":
        return "lost"
    if plan.verdict == "stripe_owns":
        return "with_stripe"
    if snoozed_until is not None and snoozed_until > now:
        return "snoozed"
    return "scheduled" if plan.verdict == "retry" else "waiting_for_customer"


def paid_minor(invoice: Raw, owed_minor: int) -> int:
    """How much of what was owed came in with a paid invoice, at Stripe or beside it; nothing when credit settled it."""
    if invoice.get("status") != "paid":
        return 0
    came_in = (invoice.get("amount_paid") or 0) or (invoice.get("amount_paid_off_stripe") or 0)
    return min(owed_minor, int(came_in)) if owed_minor else int(came_in)


def attribution(payment: Payment | None, mailed_at: Sequence[datetime] = ()) -> Attribution:
    """Who earned the money; None for `payment` when no try paid it (marked as paid by hand, say).

    In this order: our own commands; a mail of the last seven days before a payment that the customer made or a card that they
    changed; another card than the declined one; what the customer paid without any; Stripe's own retry.
    """
    if payment is None or payment.by == "manual":
        return "manual"
    is_new_card = (
        payment.declined_payment_method_id is not None
        and payment.payment_method_id is not None
        and payment.payment_method_id != payment.declined_payment_method_id
    )
    was_mailed = any(payment.at - MAIL_WORKS_FOR <= at <= payment.at for at in mailed_at)
    if was_mailed and (is_new_card or payment.by == "customer"):
        return "email"
    if is_new_card:
        return "card_update"
    if payment.by == "ours":
        return "our_retry"
    return "stripe_retry" if payment.by == "stripe" else "manual"


def why_not_pay(invoice: Raw, charges: Sequence[Raw], params: Mapping[str, Any], now: datetime) -> str | None:
    """Why an invoice is not tried now, by Stripe's objects as they are now, as a sentence; None when it may be.

    `params`: `payment_method` to be charged, `known_charges` that were seen when it was decided, `by` schedule or person.
    `charges` are those of the invoice's payments.
    """
    if invoice["status"] != "open":
        return f"The invoice is {invoice['status']}, so there is nothing to collect."
    if (invoice.get("amount_remaining") or 0) <= 0:
        return "Nothing is left to pay on the invoice."
    if params["by"] == "schedule" and invoice.get("next_payment_attempt") is not None:
        return "Stripe has a try of its own planned, so the invoice is left to Stripe."
    if {charge["id"] for charge in charges} - set(params["known_charges"]):
        return "It was tried by somebody else since this try was decided."
    if any(charge["status"] == "pending" for charge in charges):
        return "A payment of the invoice is still under way."
    declined = [
        charge
        for charge in charges
        if charge["status"] == "failed" and payment_method_of(charge) in {None, params["payment_method"]}
    ]
    return why_not_card([decline_of(one) for one in declined], [_created(one) for one in declined], now)


def why_not_card(declines: Sequence[Decline], tried_at: Sequence[datetime], now: datetime) -> str | None:
    """Why a card must not be tried once more after these declines of it, oldest first, whoever asks; None when it may be."""
    forbidden = next((one for one in declines if class_of(one) == "never"), None)
    if forbidden is not None:
        code = forbidden.decline_code or forbidden.advice_code or "a network code"
        return f"The bank forbids another try of this card ({code}): the customer has to give another one."
    if declines and not may_be_tried_without_customer(declines[-1]):
        return "The bank wants the customer to confirm the payment: send the link instead."
    brand = declines[-1].brand if declines else None
    if declines and tries_left(brand, tried_at, now) == 0:
        return f"The network's budget of tries for this card ({brand or 'brand not known'}) is used up for now."
    return None


def _created(charge: Raw) -> datetime:
    return datetime.fromtimestamp(charge["created"], UTC)
