"""Refunds: asked for, settled, failed at the bank, canceled."""

from sandbox.billing import ledger
from sandbox.billing.calendar import DAY
from sandbox.billing.fraud_warnings import judge_fraud_warnings
from sandbox.billing.params import integer, merge_metadata, metadata
from sandbox.billing.refusals import addressed, invalid, referred
from sandbox.objects import StripeObject
from sandbox.objects.money import refund
from sandbox.state import State

REASONS = {"duplicate", "fraudulent", "requested_by_customer"}
COUNTED = {"succeeded", "pending", "requires_action"}
PENDING_CARD, RETURNING_CARD = "7726", "5126"
SETTLES_AFTER, RETURNS_AFTER = 5 * DAY, DAY


def _last4(charge: StripeObject) -> str:
    return str(charge["payment_method_details"]["card"]["last4"])


def refund_due(state: State, found: StripeObject) -> int | None:
    """When the bank will settle a pending refund or send one back; None when nothing is to come."""
    last4 = _last4(state.objects["charge"][found["charge"]])
    if found["status"] == "pending":
        return int(found["created"]) + SETTLES_AFTER
    if found["status"] == "succeeded" and last4 == RETURNING_CARD:
        return int(found["created"]) + RETURNS_AFTER
    return None


def bank_answers(state: State, found: StripeObject) -> None:
    """What falls due on a refund: settled, or sent back."""
    if found["status"] == "pending":
        settle_refund(state, found["id"])
    else:
        fail_refund(state, found["id"], "expired_or_canceled_card")


def create_refund(state: State, params: StripeObject) -> StripeObject:
    """Send money back on a charge or a payment intent; all of it unless `amount` says less.

    On Stripe's test card ending in 7726 the refund stays pending for days; on 5126 the bank sends it back.
    """
    charge = _charge_of(state, params)
    reason = params.get("reason")
    if reason and reason not in REASONS:
        raise invalid(f"Invalid reason: must be one of {', '.join(sorted(REASONS))}", param="reason", code=None)
    amount = _refundable_amount(state, charge, integer(params, "amount"))
    status = "pending" if _last4(charge) == PENDING_CARD else "succeeded"
    made = refund(
        state.new_id("re"),
        state.now,
        charge=charge,
        amount=amount,
        status=status,
        reason=reason,
        metadata=metadata(params),
    )
    state.put(made)
    ledger.book_refund(state, made, charge)
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    _count(state, charge)
    state.emit("refund.created", made)
    state.emit("charge.refunded", charge, before)
    return made


def _charge_of(state: State, params: StripeObject) -> StripeObject:
    if params.get("charge"):
        return referred(state, "charge", params["charge"], "charge")
    if not params.get("payment_intent"):
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    intent = referred(state, "payment_intent", params["payment_intent"], "payment_intent")
    if intent["status"] != "succeeded":
        raise invalid(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.", param="payment_intent"
        )
    return referred(state, "charge", intent["latest_charge"], "payment_intent")


def _refundable_amount(state: State, charge: StripeObject, asked: int | None) -> int:
    id_, left = charge["id"], charge["amount_captured"] - charge["amount_refunded"]
    if charge["status"] != "succeeded":
        raise invalid(f"Charge {id_} did not succeed; cannot issue a refund.", code="charge_not_refundable")
    if left == 0:
        raise invalid(f"Charge {id_} has already been refunded.", code="charge_already_refunded")
    if any(d["charge"] == id_ and not d["is_charge_refundable"] for d in state.objects.get("dispute", {}).values()):
        raise invalid(f"Charge {id_} has been charged back; cannot issue a refund.", code="charge_disputed")
    amount = left if asked is None else asked
    if amount <= 0:
        raise invalid("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    if amount > left:
        raise invalid(
            f"Refund amount ({_money(amount, charge)}) is greater than unrefunded amount on charge "
            f"({_money(left, charge)})",
            param="amount",
        )
    return amount


def _money(minor: int, charge: StripeObject) -> str:
    sign = {"usd": "$", "eur": "€", "gbp": "£"}.get(charge["currency"], charge["currency"].upper() + " ")
    return f"{sign}{minor // 100:,}.{minor % 100:02d}"


def _count(state: State, charge: StripeObject) -> None:
    """A charge's refunded sum is that of its refunds which have not come back."""
    of_charge = [r for r in state.objects["refund"].values() if r["charge"] == charge["id"]]
    charge["amount_refunded"] = sum(r["amount"] for r in of_charge if r["status"] in COUNTED)
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    judge_fraud_warnings(state, charge)


def update_refund(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Only a refund's metadata can change."""
    found = addressed(state, "refund", id_)
    merge_metadata(found, params)
    state.emit("refund.updated", found)
    return found


def cancel_refund(state: State, id_: str, _params: StripeObject) -> StripeObject:
    """Only a refund that still waits for the customer can be canceled; card refunds never do."""
    found = addressed(state, "refund", id_)
    if found["status"] != "requires_action":
        raise invalid(
            f"This refund cannot be canceled because its status is {found['status']}.", code="status_transition_invalid"
        )
    found["status"] = "canceled"
    ledger.book_refund_failure(state, found)
    _count(state, state.objects["charge"][found["charge"]])
    state.emit("refund.updated", found)
    return found


def settle_refund(state: State, id_: str) -> StripeObject:
    """Sandbox control: the bank took a pending refund."""
    found = addressed(state, "refund", id_)
    found["status"] = "succeeded"
    found.pop("pending_reason", None)
    found["destination_details"]["card"] |= {"reference_status": "available", "type": "refund"}
    state.emit("refund.updated", found)
    return found


def fail_refund(state: State, id_: str, reason: str) -> StripeObject:
    """Sandbox control: the bank sent a refund back, even one that had succeeded; the money returns."""
    found = addressed(state, "refund", id_)
    found |= {"status": "failed", "failure_reason": reason}
    found.pop("pending_reason", None)
    ledger.book_refund_failure(state, found)
    _count(state, state.objects["charge"][found["charge"]])
    state.emit("refund.failed", found)
    state.emit("refund.updated", found)
    return found
