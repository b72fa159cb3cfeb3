"""Collecting an open invoice: pay now, try again in days, and what the subscription becomes when all fails."""

from sandbox.billing.cards import is_barred, resolve_payment_method
from sandbox.billing.declines import HARD_DECLINES
from sandbox.billing.invoicing import (
    finalize_invoice,
    give_up,
    mark_paid,
    mark_uncollectible,
    payments_of,
    void_invoice,
)
from sandbox.billing.params import flag
from sandbox.billing.payments import attempt, card_error
from sandbox.billing.refusals import addressed, invalid
from sandbox.billing.retry_clock import next_try
from sandbox.billing.schedule_ends import end_with
from sandbox.objects import StripeObject
from sandbox.state import State

FINAL_DUNNING = "sandbox.final_dunning"
OWING = {"past_due", "unpaid"}


def set_final_dunning(state: State, subscription_id: str, becomes: str) -> None:
    """What a subscription becomes when the last retry fails: `canceled` (also the default), `unpaid` or `past_due`."""
    state.put({"id": subscription_id, "object": FINAL_DUNNING, "becomes": becomes})


def pay_invoice(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Try to collect now. A decline is a 402; the retry schedule stays as it was."""
    invoice = addressed(state, "invoice", id_)
    if invoice["status"] == "draft":
        finalize_invoice(state, id_, {})
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid")
    if invoice["status"] not in {"open", "uncollectible"}:
        raise invalid(f"You can't pay an invoice that is {invoice['status']}.", code="status_transition_invalid")
    if flag(params, "paid_out_of_band", default=False):
        invoice["amount_paid_off_stripe"] = invoice["amount_remaining"]
        give_up(state, invoice, "automatic")
        mark_paid(state, invoice)
        recover_subscription(state, invoice)
        return invoice
    wanted = params.get("payment_method") or _card_for(state, invoice)
    if wanted is None:
        raise invalid(
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method.",
            code="resource_missing",
        )
    charge = _try(state, invoice, resolve_payment_method(state, wanted, invoice["customer"]))
    if charge["status"] == "failed":
        raise card_error(charge, state.objects["payment_intent"][charge["payment_intent"]])
    return invoice


def collect(state: State, invoice: StripeObject) -> bool:
    """Stripe's own attempt when it falls due. True when the invoice is paid."""
    customer_card = _card_for(state, invoice)
    if customer_card is None or _is_hopeless(state, invoice, customer_card):
        _note_failure(state, invoice)
    else:
        _try(state, invoice, resolve_payment_method(state, customer_card, invoice["customer"]))
    if invoice["status"] == "paid":
        return True
    _schedule(state, invoice)
    state.emit("invoice.updated", invoice, {"next_payment_attempt": None})
    return False


def _card_for(state: State, invoice: StripeObject) -> str | None:
    found: str | None = invoice["default_payment_method"] or card_of(
        state, invoice["customer"], subscription_of(state, invoice)
    )
    return found


def card_of(state: State, customer_id: str, subscription: StripeObject | None) -> str | None:
    """The card that pays for a subscription: its own, or the one for all invoices of the customer."""
    own: str | None = subscription["default_payment_method"] if subscription else None
    customer = state.objects["customer"][customer_id]
    return own or customer["invoice_settings"]["default_payment_method"]


def subscription_of(state: State, invoice: StripeObject) -> StripeObject | None:
    """The subscription that an invoice bills, if it bills one."""
    details = (invoice["parent"] or {}).get("subscription_details")
    return state.objects["subscription"].get(details["subscription"]) if details else None


def _default_payment(state: State, invoice: StripeObject) -> StripeObject:
    return next(payment for payment in payments_of(state, invoice["id"]) if payment["status"] == "open")


def _is_hopeless(state: State, invoice: StripeObject, card: str) -> bool:
    """The same card said no for good: Stripe counts the attempt but does not ask the bank again."""
    if is_barred(state, card):
        return True
    intent = state.objects["payment_intent"][_default_payment(state, invoice)["payment"]["payment_intent"]]
    error = intent["last_payment_error"]
    return error is not None and error["decline_code"] in HARD_DECLINES and intent["payment_method"] == card


def _try(state: State, invoice: StripeObject, method: StripeObject) -> StripeObject:
    payment = _default_payment(state, invoice)
    intent = state.objects["payment_intent"][payment["payment"]["payment_intent"]]
    charge = attempt(state, intent, method)
    if charge["status"] == "failed":
        _note_failure(state, invoice)
        return charge
    invoice["attempt_count"] += 1
    payment |= {"status": "paid", "amount_paid": invoice["amount_remaining"]}
    payment["status_transitions"]["paid_at"] = state.now
    state.emit("invoice_payment.paid", payment)
    mark_paid(state, invoice)
    recover_subscription(state, invoice)
    return charge


def _note_failure(state: State, invoice: StripeObject) -> None:
    invoice["attempt_count"] += 1
    invoice["attempted"] = True
    state.objects["customer"][invoice["customer"]]["delinquent"] = True
    subscription = subscription_of(state, invoice)
    if subscription is not None and subscription["status"] == "active":
        subscription["status"] = "past_due"
        state.emit("customer.subscription.updated", subscription, {"status": "active"})
    state.emit("invoice.payment_failed", invoice)


def _schedule(state: State, invoice: StripeObject) -> None:
    """The next try, or the end of them."""
    if invoice["collection_method"] != "charge_automatically":
        invoice["next_payment_attempt"] = None
        return
    invoice["next_payment_attempt"] = next_try(state, invoice)
    if invoice["next_payment_attempt"] is None:
        _end_dunning(state, invoice)


def _end_dunning(state: State, invoice: StripeObject) -> None:
    subscription = subscription_of(state, invoice)
    if subscription is None or subscription["status"] in {"canceled", "incomplete_expired"}:
        return
    rule = state.objects.get(FINAL_DUNNING, {}).get(subscription["id"], {"becomes": "canceled"})
    before = {"status": subscription["status"]}
    match rule["becomes"]:
        case "canceled":
            mark_uncollectible(state, invoice["id"], {}, reason="max_payment_attempts")
            end_subscription(state, subscription, reason="payment_failed")
        case "unpaid":
            subscription["status"] = "unpaid"
            state.emit("customer.subscription.updated", subscription, before)
        case _:
            pass


def end_subscription(state: State, found: StripeObject, *, reason: str) -> StripeObject:
    """The subscription is over as of now."""
    found |= {"status": "canceled", "ended_at": state.now, "canceled_at": found["canceled_at"] or state.now}
    found["cancellation_details"]["reason"] = found["cancellation_details"]["reason"] or reason
    end_with(state, found, reason)
    state.emit("customer.subscription.deleted", found)
    return found


def recover_subscription(state: State, invoice: StripeObject) -> None:
    """Paid: the subscription is active again unless something else is still owed."""
    subscription = subscription_of(state, invoice)
    customer = state.objects["customer"][invoice["customer"]]
    owed = [
        other
        for other in state.objects["invoice"].values()
        if other["customer"] == customer["id"] and other["status"] == "open" and other["attempt_count"] > 0
    ]
    customer["delinquent"] = bool(owed)
    if subscription is None:
        return
    if subscription["status"] == "incomplete" or (subscription["status"] in OWING and not owed):
        before = {"status": subscription["status"]}
        subscription["status"] = "active"
        state.emit("customer.subscription.updated", subscription, before)


def expire_incomplete(state: State, subscription: StripeObject) -> None:
    """A first payment not made within 23 hours: the subscription never began."""
    subscription["status"] = "incomplete_expired"
    subscription["ended_at"] = state.now
    latest = state.objects["invoice"].get(subscription["latest_invoice"] or "")
    if latest is not None and latest["status"] == "open":
        void_invoice(state, latest["id"], {})
    state.emit("customer.subscription.updated", subscription, {"status": "incomplete"})
