"""Disputes: opened by a bank, answered with evidence once, accepted, won or lost."""

from sandbox.billing import ledger
from sandbox.billing.calendar import DAY
from sandbox.billing.params import flag, integer, merge_metadata, metadata
from sandbox.billing.refusals import addressed, invalid
from sandbox.objects import StripeObject
from sandbox.objects.money import EVIDENCE_FIELDS, dispute
from sandbox.state import State

OPEN = {"needs_response", "warning_needs_response"}
UNDER_REVIEW = {"needs_response": "under_review", "warning_needs_response": "warning_under_review"}
NETWORK_REASONS = {
    "fraudulent": "10.4",
    "product_not_received": "13.1",
    "subscription_canceled": "13.2",
    "product_unacceptable": "13.3",
    "credit_not_processed": "13.6",
    "duplicate": "12.6.1",
    "general": "13.3",
}
EVIDENCE_CHARACTERS_MAX = 150_000
ANSWER_DAYS = 9


def open_dispute(state: State, charge_id: str, params: StripeObject) -> StripeObject:
    """Sandbox control: the cardholder complains. `status`, `reason`, `amount` and `due_by` may be given."""
    charge = addressed(state, "charge", charge_id)
    reason = params.get("reason") or "fraudulent"
    made = dispute(
        state.new_id("dp"),
        state.now,
        charge=charge,
        amount=integer(params, "amount") or charge["amount"],
        reason=reason,
        status=params.get("status") or "needs_response",
        due_by=integer(params, "due_by") or state.now + ANSWER_DAYS * DAY,
        network_reason_code=params.get("network_reason_code") or NETWORK_REASONS.get(reason),
        metadata=metadata(params),
    )
    state.put(made)
    if made["status"] == "needs_response":
        charge["disputed"] = True
        ledger.book_dispute(state, made)
    state.emit("charge.dispute.created", made)
    if made["balance_transactions"]:
        state.emit("charge.dispute.funds_withdrawn", made)
    return made


def update_dispute(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Give evidence. It is sent to the bank at once unless `submit=false`, and only once."""
    found = addressed(state, "dispute", id_)
    merge_metadata(found, params)
    evidence = params.get("evidence") or {}
    submits = flag(params, "submit", default=True) and ("evidence" in params or "submit" in params)
    if evidence or submits:
        _refuse_late_evidence(state, found)
        _take_evidence(found, evidence)
    if submits:
        found["evidence_details"]["submission_count"] += 1
        found["evidence_details"]["submission_method"] = "manual"
        found["status"] = UNDER_REVIEW[found["status"]]
    if params.get("intended_submission_method"):
        if params["intended_submission_method"] == "smart_disputes":
            raise invalid("Smart Disputes is not available for this dispute.", code="smart_disputes_not_available")
        found["intended_submission_method"] = params["intended_submission_method"]
    state.emit("charge.dispute.updated", found)
    return found


def _refuse_late_evidence(state: State, found: StripeObject) -> None:
    if found["status"] not in OPEN:
        raise invalid("This dispute is already closed or under review; evidence can no longer be changed.")
    due_by = found["evidence_details"]["due_by"]
    if due_by is not None and due_by < state.now:
        raise invalid("The deadline for submitting evidence on this dispute has passed.")


def _take_evidence(found: StripeObject, given: StripeObject) -> None:
    for field, value in given.items():
        if field not in EVIDENCE_FIELDS and field != "enhanced_evidence":
            raise invalid(
                f"Received unknown parameter: evidence[{field}]", param=f"evidence[{field}]", code="parameter_unknown"
            )
        found["evidence"][field] = value or ({} if field == "enhanced_evidence" else None)
    texts = [text for text in found["evidence"].values() if isinstance(text, str)]
    if sum(map(len, texts)) > EVIDENCE_CHARACTERS_MAX:
        raise invalid("The combined text of the evidence may not exceed 150,000 characters.", param="evidence")
    found["evidence_details"]["has_evidence"] = bool(texts)


def close_dispute(state: State, id_: str, _params: StripeObject) -> StripeObject:
    """Accept the dispute: it is lost, and that cannot be undone."""
    found = addressed(state, "dispute", id_)
    if found["status"] not in OPEN:
        raise invalid("This dispute is already closed.")
    return resolve_dispute(state, id_, "warning_closed" if found["status"].startswith("warning_") else "lost")


def resolve_dispute(state: State, id_: str, status: str) -> StripeObject:
    """Sandbox control: the bank decides (`won`, `lost`, `warning_closed`). A win brings the money back, not the fee."""
    found = addressed(state, "dispute", id_)
    before = {"status": found["status"]}
    found["status"] = status
    if status == "won":
        ledger.book_dispute_reversal(state, found)
        state.emit("charge.dispute.funds_reinstated", found)
    state.emit("charge.dispute.closed", found, before)
    return found
