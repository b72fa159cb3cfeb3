"""Subscriptions paused and resumed: unused time given back and usage billed on the way out, billed again on the way in."""

from sandbox.billing.arithmetic import price_amount
from sandbox.billing.billed_time import billed_after
from sandbox.billing.meters import reported_usage
from sandbox.billing.params import integer
from sandbox.billing.proration import credit, debit
from sandbox.billing.refusals import addressed, invalid
from sandbox.billing.subscription_invoices import TIMES, is_metered
from sandbox.billing.subscription_restarts import begin_period, bill_changes, payment_behavior, start_over
from sandbox.objects import StripeObject
from sandbox.objects.invoices import invoiceitem
from sandbox.state import State

BILL_FOR = {
    "outstanding_usage_through": ("now", "none"),
    "unused_time_from": ("now", "none", "item_current_period_start"),
}
INVOICING = ("pending_invoice_item", "invoice")


def pause_subscription(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Stop billing. Unused time is credited and usage billed as `bill_for` says, with the next invoice or at once.

    Only a subscription in flexible billing mode can be paused.
    """
    found = addressed(state, "subscription", id_)
    if found["billing_mode"]["type"] != "flexible":
        raise invalid("You can only pause subscriptions with `billing_mode` set to `flexible`.")
    if found["status"] not in {"active", "past_due", "trialing"}:
        raise invalid(
            f"You can't pause a subscription with status {found['status']}.", code="status_transition_invalid"
        )
    usage_through, unused_from = (_told(params, name) for name in BILL_FOR)
    invoicing = params.get("invoicing_behavior") or INVOICING[0]
    if invoicing not in INVOICING:
        raise invalid(f"Invalid invoicing_behavior: {invoicing}", param="invoicing_behavior")
    for item in found["items"]["data"] if found["status"] != "trialing" else []:
        if is_metered(item) and usage_through == "now":
            _bill_usage(state, found, item)
        elif unused_from != "none":
            credit(state, found, item, state.now if unused_from == "now" else item["current_period_start"])
    if invoicing == "invoice":
        bill_changes(state, found)
    return set_paused(state, found, "pause_requested")


def _told(params: StripeObject, name: str) -> str:
    word = str(((params.get("bill_for") or {}).get(name) or {}).get("type") or "now")
    if word not in BILL_FOR[name]:
        raise invalid(f"Invalid bill_for[{name}][type]: {word}", param=f"bill_for[{name}][type]")
    return word


def _bill_usage(state: State, found: StripeObject, item: StripeObject) -> None:
    """What was used of a metered item so far, waiting for the next invoice."""
    price = state.objects["price"][item["price"]["id"]]
    start = item["current_period_start"]
    quantity = reported_usage(state, price, found["customer"], start, state.now)
    made = invoiceitem(
        state.new_id("ii"),
        state.now,
        customer_id=found["customer"],
        amount=price_amount(price, quantity),
        currency=found["currency"],
        description=f"{quantity} {TIMES} {state.objects['product'][price['product']]['name']}",
        price=price,
        quantity=quantity,
        subscription=found["id"],
        subscription_item=item["id"],
        period_start=start,
        period_end=state.now,
    )
    state.put(made)
    state.emit("invoiceitem.created", made)


def set_paused(state: State, found: StripeObject, why: str) -> StripeObject:
    """No invoices from now on; `why` is Stripe's type of pause."""
    before = {"status": found["status"]}
    found["status"] = "paused"
    found["status_details"] = {
        "paused": {"subscription": {"type": why}, "transitioned_at": state.now, "type": "subscription"}
    }
    state.emit("customer.subscription.paused", found)
    state.emit("customer.subscription.updated", found, before)
    return found


def resume_subscription(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Bill a paused subscription again: from a new period that begins now, or for what is left of the one that runs."""
    found = addressed(state, "subscription", id_)
    if found["status"] != "paused":
        raise invalid("You can only resume subscriptions that are paused.", code="status_transition_invalid")
    anchor = params.get("billing_cycle_anchor")
    restarts = (anchor.get("type") if isinstance(anchor, dict) else anchor) != "unchanged"
    behavior, payment = params.get("proration_behavior") or "create_prorations", payment_behavior(params)
    found["status"] = "active"
    found.pop("status_details", None)
    if restarts:
        found["billing_cycle_anchor"] = state.now
        start_over(state, found, bills_usage=False, payment=payment)
    else:
        for item in found["items"]["data"]:
            _go_on(state, found, item, integer(params, "proration_date", state.now) if behavior != "none" else None)
        if behavior == "always_invoice":
            bill_changes(state, found, payment=payment)
    state.emit("customer.subscription.resumed", found)
    state.emit("customer.subscription.updated", found, {"status": "paused"})
    return found


def _go_on(state: State, found: StripeObject, item: StripeObject, at: int | None) -> None:
    """The cycle as it was: what is left of its period is billed from `at` on, unless it has been already."""
    if item["current_period_end"] <= state.now:
        begin_period(state, found, item)
    elif is_metered(item):
        item["current_period_start"] = state.now  # usage up to the pause is billed, usage meanwhile is not
    if at is not None and not any(billed_after(state, item["id"], at)):
        debit(state, found, item, at)
