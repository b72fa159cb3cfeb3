"""A period that begins today instead of at its end: the usage so far, what waits and the new period billed at once."""

from sandbox.billing import subscription_invoices as invoices
from sandbox.billing.calendar import next_boundary
from sandbox.billing.collection import collect
from sandbox.billing.held_collection import hold_back
from sandbox.billing.invoicing import finalize_invoice, payments_of, take_pending_items
from sandbox.billing.payments import card_error
from sandbox.billing.refusals import invalid
from sandbox.errors import StripeError
from sandbox.objects import StripeObject
from sandbox.state import State

ALLOW = "allow_incomplete"
BEHAVIORS = {ALLOW, "default_incomplete", "error_if_incomplete"}


def payment_behavior(params: StripeObject) -> str:
    """What a change does that costs money at once and is not paid. Raises 400 on a word that there is not."""
    told = str(params.get("payment_behavior") or ALLOW)
    if told == "pending_if_incomplete":
        raise invalid("The sandbox makes no pending updates.", param="payment_behavior")
    if told not in BEHAVIORS:
        raise invalid(f"Invalid payment_behavior: {told}", param="payment_behavior")
    return told


def start_over(state: State, found: StripeObject, *, bills_usage: bool = True, payment: str = ALLOW) -> StripeObject:
    """A new period from now on for every item; its invoice, finalized and collected unless collection is held."""
    used = {item["id"]: (item["current_period_start"], state.now) for item in found["items"]["data"]}
    for item in found["items"]["data"]:
        begin_period(state, found, item)
    invoice = invoices.begin(state, found, "subscription_update", (state.now, state.now))
    take_pending_items(state, invoice, found["id"])
    for item in found["items"]["data"]:
        if not invoices.is_metered(item):
            invoices.bill_licensed(state, invoice, found, item)
        elif bills_usage:
            invoices.bill_metered(state, invoice, found, item, used[item["id"]])
    invoices.complete(state, invoice)
    return ask_now(state, found, invoice, payment)


def begin_period(state: State, found: StripeObject, item: StripeObject) -> None:
    """The item's period runs from now to the end of the trial, or else to the next boundary from the anchor on."""
    how = item["price"]["recurring"]
    end = found["trial_end"] if found["status"] == "trialing" else None
    if end is None:
        end = next_boundary(found["billing_cycle_anchor"], how["interval"], how["interval_count"], state.now)
    ends = [end] if found["cancel_at"] is None else [end, found["cancel_at"]]
    item["current_period_start"], item["current_period_end"] = state.now, min(ends)


def bill_changes(state: State, found: StripeObject, *, payment: str = ALLOW) -> StripeObject:
    """What waits for the subscription, billed now."""
    invoice = invoices.begin(state, found, "subscription_update", (state.now, state.now))
    take_pending_items(state, invoice, found["id"])
    invoices.complete(state, invoice)
    return ask_now(state, found, invoice, payment)


def ask_now(state: State, found: StripeObject, invoice: StripeObject, payment: str) -> StripeObject:
    """Finalize a draft at once and collect it, or do with it what a hold of the collection says.

    Unpaid, the change stands and the subscription is past due; `error_if_incomplete` takes all of it back with a 402, and
    `default_incomplete` does not try, so that the customer can.
    """
    if found["pause_collection"]:
        hold_back(state, found, invoice)
        return invoice
    finalize_invoice(state, invoice["id"], {})
    if invoice["status"] != "open" or invoice["collection_method"] != "charge_automatically":
        return invoice
    if payment == "default_incomplete":
        if found["status"] == "active":
            found["status"] = "past_due"
    elif not collect(state, invoice) and payment == "error_if_incomplete":
        raise _taken_back(state, invoice)
    return invoice


def _taken_back(state: State, invoice: StripeObject) -> StripeError:
    [payment] = payments_of(state, invoice["id"])
    intent = state.objects["payment_intent"][payment["payment"]["payment_intent"]]
    charge = state.objects["charge"].get(intent["latest_charge"] or "")
    if charge is None:
        return invalid(
            "This customer has no attached payment source or default payment method.", code="resource_missing"
        )
    refusal = card_error(charge, intent)
    refusal.leaves_traces = False
    return refusal
