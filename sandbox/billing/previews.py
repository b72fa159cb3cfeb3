"""What a subscription will be billed: the change is really made, its invoice read, and all undone again."""

from sandbox.billing.cycle import end_or_renew
from sandbox.billing.params import flag, required
from sandbox.billing.refusals import invalid, referred
from sandbox.billing.subscription_changes import update_subscription
from sandbox.billing.subscriptions import ENDED, cancel_subscription
from sandbox.objects import StripeObject
from sandbox.state import State

CHANGES = {
    "cancel_at",
    "cancel_at_period_end",
    "default_tax_rates",
    "items",
    "proration_behavior",
    "proration_date",
    "trial_end",
}
CHANGES_KNOWN = {*CHANGES, "cancel_now"}


def preview_invoice(state: State, params: StripeObject) -> StripeObject:
    """The invoice that a change of a subscription makes at once, or else its next one, as a draft that is not kept.

    Raises 400 on what the sandbox cannot preview, 404 when nothing will be billed any more.
    """
    found = referred(state, "subscription", required(params, "subscription"), "subscription")
    details = params.get("subscription_details") or {}
    unknown = params.keys() - {"subscription", "subscription_details", "customer", "expand"}
    unknown |= {f"subscription_details[{name}]" for name in details.keys() - CHANGES_KNOWN}
    if unknown:
        raise invalid(f"The sandbox cannot preview `{min(unknown)}`.", param=min(unknown))
    with state.rehearsal():
        return _billed(state, found, details)


def _billed(state: State, found: StripeObject, details: StripeObject) -> StripeObject:
    before = found["latest_invoice"]
    if flag(details, "cancel_now", default=False):
        prorates = details.get("proration_behavior", "create_prorations") != "none"
        cancel_subscription(state, found["id"], {"prorate": prorates, "invoice_now": True})
    elif details:
        update_subscription(state, found["id"], {name: details[name] for name in CHANGES & details.keys()})
    if found["latest_invoice"] != before:
        return _as_draft(state.objects["invoice"][found["latest_invoice"]])
    if found["status"] in ENDED:
        raise _nothing(found)
    times = [item["current_period_end"] for item in found["items"]["data"]]
    state.now = min([*times, *([found["cancel_at"]] if found["cancel_at"] else [])])
    upcoming = end_or_renew(state, found)
    if upcoming is None:
        raise _nothing(found)
    return _as_draft(upcoming)


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
