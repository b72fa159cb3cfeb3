"""What a subscription will be billed: the change is really made, its invoice read, and all undone again."""

from sandbox.billing.cycle import end_or_renew
from sandbox.billing.params import flag, required
from sandbox.billing.proration import credit
from sandbox.billing.refusals import invalid, referred
from sandbox.billing.subscription_changes import proration_date, update_subscription
from sandbox.billing.subscription_pauses import pause_subscription, resume_subscription
from sandbox.billing.subscriptions import ENDED, cancel_subscription, create_subscription
from sandbox.objects import StripeObject
from sandbox.state import State

CHANGES = {
    "billing_cycle_anchor",
    "cancel_at",
    "cancel_at_period_end",
    "default_tax_rates",
    "items",
    "proration_behavior",
    "proration_date",
    "trial_end",
}
CHANGES_KNOWN = {*CHANGES, "billing_mode", "cancel_now", "pause", "resume_at"}


def preview_invoice(state: State, params: StripeObject) -> StripeObject:
    """The invoice that a change of a subscription makes at once, or else its next one, as a draft that is not kept.

    Without `subscription`, the first invoice of a new one for `customer`. Raises 400 on what the sandbox cannot preview, 404
    when nothing will be billed any more.
    """
    details = params.get("subscription_details") or {}
    unknown = params.keys() - {"subscription", "subscription_details", "customer", "expand"}
    unknown |= {f"subscription_details[{name}]" for name in details.keys() - CHANGES_KNOWN}
    if unknown:
        raise invalid(f"The sandbox cannot preview `{min(unknown)}`.", param=min(unknown))
    with state.rehearsal():
        if not params.get("subscription") and details.get("items"):
            return _of_a_new_one(state, required(params, "customer"), details)
        found = referred(state, "subscription", required(params, "subscription"), "subscription")
        return _billed(state, found, details)


def _of_a_new_one(state: State, customer_id: str, details: StripeObject) -> StripeObject:
    told = {name: details[name] for name in details.keys() - {"cancel_now", "proration_date", "billing_cycle_anchor"}}
    begun = create_subscription(state, told | {"customer": customer_id, "payment_behavior": "default_incomplete"})
    return _as_draft(state.objects["invoice"][begun["latest_invoice"]])


def _billed(state: State, found: StripeObject, details: StripeObject) -> StripeObject:
    before = found["latest_invoice"]
    if flag(details, "cancel_now", default=False):
        _end_now(state, found, details)
    elif details.get("pause"):
        pause_subscription(state, found["id"], details["pause"] | {"invoicing_behavior": "invoice"})
    elif details.get("resume_at"):
        told = {name: details[name] for name in ("billing_cycle_anchor", "proration_date") if name in details}
        behavior = "none" if details.get("proration_behavior") == "none" else "always_invoice"
        resume_subscription(state, found["id"], told | {"proration_behavior": behavior})
    elif details:
        update_subscription(state, found["id"], {name: details[name] for name in CHANGES & details.keys()})
    if found["latest_invoice"] != before:
        return _as_draft(state.objects["invoice"][found["latest_invoice"]])
    if found["status"] in {*ENDED, "paused"}:
        raise _nothing(found)
    times = [item["current_period_end"] for item in found["items"]["data"]]
    state.now = min([*times, *([found["cancel_at"]] if found["cancel_at"] else [])])
    upcoming = end_or_renew(state, found)
    if upcoming is None:
        raise _nothing(found)
    return _as_draft(upcoming)


def _end_now(state: State, found: StripeObject, details: StripeObject) -> None:
    prorates = details.get("proration_behavior", "create_prorations") != "none"
    at = proration_date(state, found, details)
    for item in found["items"]["data"] if prorates else []:
        credit(state, found, item, at)
    cancel_subscription(state, found["id"], {"prorate": False, "invoice_now": True})


def _nothing(found: StripeObject) -> Exception:
    return invalid(f"No upcoming invoices for customer: {found['customer']}", code="invoice_upcoming_none", status=404)


def _as_draft(invoice: StripeObject) -> StripeObject:
    """The invoice as it would stand before it is finalized; nothing of it is paid."""
    shown = invoice | {
        "id": f"upcoming_{invoice['id']}",
        "status": "draft",
        "number": None,
        "attempted": False,
        "attempt_count": 0,
        "amount_paid": 0,
        "amount_remaining": invoice["amount_due"],
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "effective_at": None,
        "status_transitions": dict.fromkeys(invoice["status_transitions"]),
    }
    shown.pop("confirmation_secret", None)
    return shown
