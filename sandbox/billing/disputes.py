"""Disputes and inquiries: opened by a bank, answered with evidence once, accepted, won, lost or closed."""

from sandbox.billing import ledger
from sandbox.billing.calendar import DAY
from sandbox.billing.compelling_evidence import is_eligible, standing
from sandbox.billing.evidence import decision_asked_for, take_evidence
from sandbox.billing.fraud_warnings import judge_fraud_warnings
from sandbox.billing.params import flag, integer, merge_metadata, metadata
from sandbox.billing.refusals import addressed, invalid
from sandbox.objects import StripeObject
from sandbox.objects.money import dispute
from sandbox.state import State

OPEN = {"needs_response", "warning_needs_response"}
UNDER_REVIEW = {"needs_response": "under_review", "warning_needs_response": "warning_under_review"}
# What the bank can make of a dispute; an inquiry closes or becomes a chargeback.
ENDS = {
    "needs_response": {"won", "lost"},
    "under_review": {"won", "lost"},
    "warning_needs_response": {"warning_closed", "needs_response"},
    "warning_under_review": {"warning_closed", "needs_response"},
}
NETWORK_REASONS = {
    "fraudulent": "10.4",
    "product_not_received": "13.1",
    "subscription_canceled": "13.2",
    "product_unacceptable": "13.3",
    "credit_not_processed": "13.6",
    "duplicate": "12.6.1",
    "general": "13.3",
}
ANSWER_DAYS = 9
INQUIRY_CLOSES_AFTER_DAYS = 120


def open_dispute(state: State, charge_id: str, params: StripeObject) -> StripeObject:
    """Sandbox control: the cardholder complains. `status`, `reason`, `amount`, `due_by` and `network_reason_code` may be given.

    `due_by` null or 0 means that the bank takes no answer, absent means nine days. Without `amount` all that has not
    been refunded is disputed. Refuses a charge that took no money, and one that is in dispute already.
    """
    charge = addressed(state, "charge", charge_id)
    status, reason = params.get("status") or "needs_response", params.get("reason") or "fraudulent"
    if status not in OPEN:
        raise invalid(f"Invalid status: must be one of {', '.join(sorted(OPEN))}", param="status")
    _refuse_what_cannot_be_disputed(state, charge)
    made = dispute(
        state.new_id("dp"),
        state.now,
        charge=charge,
        amount=integer(params, "amount") or charge["amount_captured"] - charge["amount_refunded"] or charge["amount"],
        reason=reason,
        status=status,
        due_by=integer(params, "due_by") if "due_by" in params else state.now + ANSWER_DAYS * DAY,
        network_reason_code=params.get("network_reason_code") or NETWORK_REASONS.get(reason),
        metadata=metadata(params),
    )
    if is_eligible(state, made):
        made["enhanced_eligibility_types"] = ["visa_compelling_evidence_3"]
        made["evidence_details"]["enhanced_eligibility"] = {"visa_compelling_evidence_3": standing(state, made)}
    state.put(made)
    is_chargeback = status == "needs_response"
    if is_chargeback:
        _withdraw(state, made)
    state.emit("charge.dispute.created", made)
    if is_chargeback:
        state.emit("charge.dispute.funds_withdrawn", made)
    judge_fraud_warnings(state, charge)
    return made


def _refuse_what_cannot_be_disputed(state: State, charge: StripeObject) -> None:
    id_ = charge["id"]
    if charge["status"] != "succeeded":
        raise invalid(f"Charge {id_} took no money, so nobody disputes it.", param="charge")
    for other in state.objects["dispute"].values():
        if other["charge"] == id_ and other["status"] in ENDS:
            raise invalid(f"Charge {id_} is in dispute already ({other['id']}).", param="charge")


def _withdraw(state: State, found: StripeObject) -> None:
    state.objects["charge"][found["charge"]]["disputed"] = True
    ledger.book_dispute(state, found)


def update_dispute(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Give evidence. It is sent to the bank at once unless `submit=false`, and only once.

    Stripe's words for testing decide at once: `uncategorized_text` of `winning_evidence`, `losing_evidence` or, for an
    inquiry, `escalate_inquiry_evidence`.
    """
    found = addressed(state, "dispute", id_)
    before = {"status": found["status"], "evidence": dict(found["evidence"])}
    merge_metadata(found, params)
    evidence = params.get("evidence") or {}
    submits = flag(params, "submit", default=True) and ("evidence" in params or "submit" in params)
    if evidence or submits:
        _refuse_late_evidence(state, found)
        take_evidence(state, found, evidence)
    if submits:
        _submit(state, found)
    if params.get("intended_submission_method"):
        if params["intended_submission_method"] == "smart_disputes":
            raise invalid("Smart Disputes is not available for this dispute.", code="smart_disputes_not_available")
        found["intended_submission_method"] = params["intended_submission_method"]
    state.emit("charge.dispute.updated", found, before)
    end = decision_asked_for(found) if submits else None
    return resolve_dispute(state, id_, end) if end else found


def _refuse_late_evidence(state: State, found: StripeObject) -> None:
    due_by = found["evidence_details"]["due_by"]
    is_late = bool(due_by) and due_by < state.now and not found["evidence_details"]["submission_count"]
    if is_late and found["status"] in {"needs_response", "warning_needs_response", "lost"}:
        raise invalid("The deadline for submitting evidence on this dispute has passed.")
    if found["status"] not in OPEN:
        raise invalid("This dispute is already closed or under review; evidence can no longer be changed.")
    if not due_by:
        raise invalid("The cardholder's bank does not take evidence for this dispute.")


def _submit(state: State, found: StripeObject) -> None:
    """On its way to the bank. Countering a chargeback costs a second fee, an answer to an inquiry nothing."""
    found["evidence_details"] |= {
        "submission_count": found["evidence_details"]["submission_count"] + 1,
        "submission_method": "manual",
    }
    if found["status"] == "needs_response":
        ledger.book_counter_fee(state, found)
    found["status"] = UNDER_REVIEW[found["status"]]


def close_dispute(state: State, id_: str, _params: StripeObject) -> StripeObject:
    """Accept the dispute: it is lost, and that cannot be undone."""
    found = addressed(state, "dispute", id_)
    if found["status"] not in OPEN:
        raise invalid("This dispute is already closed.")
    return resolve_dispute(state, id_, "warning_closed" if found["status"].startswith("warning_") else "lost")


def resolve_dispute(state: State, id_: str, status: str) -> StripeObject:
    """Sandbox control: the bank decides: `won`, `lost`; of an inquiry `warning_closed`, or `needs_response` to escalate it.

    A win brings the money back and the fee for countering, not the fee for the dispute received.
    """
    found = addressed(state, "dispute", id_)
    before = {"status": found["status"]}
    possible = ENDS.get(found["status"], set())
    if status not in possible:
        raise invalid(
            f"A dispute that is {found['status']} cannot become {status}: "
            f"{'must be one of ' + ', '.join(sorted(possible)) if possible else 'it is closed'}.",
            param="status",
        )
    if status == "needs_response":
        return _escalate(state, found, before)
    found["status"] = status
    if status == "won":
        ledger.book_dispute_reversal(state, found)
        state.emit("charge.dispute.funds_reinstated", found)
    state.emit("charge.dispute.closed", found, before)
    return found


def _escalate(state: State, found: StripeObject, before: StripeObject) -> StripeObject:
    """An inquiry becomes a chargeback: the same dispute, now with money withdrawn and a deadline of its own."""
    found |= {"status": "needs_response", "is_charge_refundable": False}
    found["payment_method_details"]["card"]["case_type"] = "chargeback"
    found["evidence_details"] |= {
        "due_by": state.now + ANSWER_DAYS * DAY,
        "submission_count": 0,
        "submission_method": "not_submitted",
    }
    _withdraw(state, found)
    state.emit("charge.dispute.updated", found, before)
    state.emit("charge.dispute.funds_withdrawn", found)
    return found


def dispute_due(found: StripeObject) -> int | None:
    """When time alone decides: a chargeback after its deadline, an inquiry 120 days after it was made; None if never."""
    due_by = found["evidence_details"]["due_by"]
    if found["status"] == "needs_response" and due_by:
        return int(due_by) + 1
    if found["status"].startswith("warning_") and found["status"] in ENDS:
        return int(found["created"]) + INQUIRY_CLOSES_AFTER_DAYS * DAY
    return None


def time_decides(state: State, found: StripeObject) -> None:
    """Unanswered by its deadline a chargeback is lost; an inquiry that nobody escalated is closed."""
    resolve_dispute(state, found["id"], "lost" if found["status"] == "needs_response" else "warning_closed")
