"""A period that begins today instead of at its end: the usage so far, what waits and the new period billed at once."""

from sandbox.billing import subscription_invoices as invoices
from sandbox.billing.calendar import next_boundary
from sandbox.billing.collection import collect
from sandbox.billing.held_collection import hold_back
from sandbox.billing.invoicing import finalize_invoice, take_pending_items
from sandbox.objects import StripeObject
from sandbox.state import State


def start_over(state: State, found: StripeObject, *, bills_usage: bool = True) -> StripeObject:
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
    return ask_now(state, found, invoice)


def begin_period(state: State, found: StripeObject, item: StripeObject) -> None:
    """The item's period runs from now to the end of the trial, or else to the next boundary from the anchor on."""
    how = item["price"]["recurring"]
    end = found["trial_end"] if found["status"] == "trialing" else None
    if end is None:
        end = next_boundary(found["billing_cycle_anchor"], how["interval"], how["interval_count"], state.now)
    ends = [end] if found["cancel_at"] is None else [end, found["cancel_at"]]
    item["current_period_start"], item["current_period_end"] = state.now, min(ends)


def bill_changes(state: State, found: StripeObject) -> StripeObject:
    """What waits for the subscription, billed now."""
    invoice = invoices.begin(state, found, "subscription_update", (state.now, state.now))
    take_pending_items(state, invoice, found["id"])
    invoices.complete(state, invoice)
    return ask_now(state, found, invoice)


def ask_now(state: State, found: StripeObject, invoice: StripeObject) -> StripeObject:
    """Finalize a draft at once and collect it, or do with it what a hold of the collection says."""
    if found["pause_collection"]:
        hold_back(state, found, invoice)
        return invoice
    finalize_invoice(state, invoice["id"], {})
    if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
        collect(state, invoice)
    return invoice
