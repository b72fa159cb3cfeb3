"""What may be done about a dispute and until when: by its deadline, its state, and what was submitted before; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from billing.dispute_states import ANSWERABLE, ON_ITS_WAY, State
from billing.evidence_needs import ALL_TEXT_MAX, LONG_TEXT_MAX, TEXT_FIELDS
from billing.principals import Principal
from store.disputes import DisputeCase

Raw = Mapping[str, Any]
Deed = Literal["edit", "stage", "submit", "accept"]

UNANSWERED_STATUSES = {"needs_response", "warning_needs_response", "appeal_needs_response"}
_STATE_OF_STATUS: Mapping[str, State] = {
    "under_review": "submitted",
    "warning_under_review": "submitted",
    "appeal_under_review": "submitted",
    "won": "won",
    "lost": "lost",
    "warning_closed": "closed",
    "prevented": "prevented",
}
ENDED_STATUSES = {"won", "lost", "warning_closed", "prevented"}


@dataclass(frozen=True)
class Seen:
    """A dispute as Stripe gives it now; the fields mean what they mean in DisputeCase."""

    dispute_id: str
    charge_id: str | None
    status: str
    case_type: str | None
    amount_minor: int | None
    currency: str | None
    reason: str | None
    network: str | None
    network_reason_code: str | None
    due_by: datetime | None
    is_answer_taken: bool
    is_charge_refundable: bool | None
    submission_count: int
    fee_minor: int | None
    fee_currency: str | None
    opened_at: datetime | None


@dataclass(frozen=True)
class Deadline:
    """How long there is for an answer. `kind` is open, overdue, none (Stripe names no time) or no_answer (the bank takes none)."""

    kind: Literal["open", "overdue", "none", "no_answer"]
    days_left: int | None = None

    @property
    def words(self) -> str:
        """What a person reads: days are whole ones that are left, rounded down."""
        match self.kind:
            case "open":
                return "due today" if self.days_left == 0 else f"{self.days_left} day{'s' * (self.days_left != 1)} left"
            case "overdue":
                return "Overdue"
            case "none":
                return "no deadline given"
            case "no_answer":
                return "no answer is taken"


def read_dispute(raw: Raw) -> Seen:
    """What concerns us in Stripe's dispute.

    `due_by` 0 means that the bank takes no answer, null that no time is named (Stripe's SDK 16.1). The fee is what was
    taken with the money; an inquiry has none, and the fee for answering is not listed with the dispute.
    """
    details = raw.get("evidence_details") or {}
    card = (raw.get("payment_method_details") or {}).get("card") or {}
    moved = [item for item in raw.get("balance_transactions") or () if isinstance(item, Mapping)]
    taken = [item for item in moved if (item.get("amount") or 0) < 0]
    due_by, charge, opened = details.get("due_by"), raw.get("charge"), raw.get("created")
    return Seen(
        dispute_id=raw["id"],
        charge_id=charge["id"] if isinstance(charge, Mapping) else charge,
        status=raw.get("status") or "unknown",
        case_type=card.get("case_type"),
        amount_minor=raw.get("amount"),
        currency=raw.get("currency"),
        reason=raw.get("reason"),
        network=card.get("network") or card.get("brand"),
        network_reason_code=card.get("network_reason_code") or raw.get("network_reason_code"),
        due_by=datetime.fromtimestamp(due_by, UTC) if due_by else None,
        is_answer_taken=due_by != 0,
        is_charge_refundable=raw.get("is_charge_refundable"),
        submission_count=details.get("submission_count") or 0,
        fee_minor=sum(item.get("fee") or 0 for item in taken) if taken else None,
        fee_currency=taken[0].get("currency") if taken else None,
        opened_at=datetime.fromtimestamp(opened, UTC) if opened is not None else None,
    )


def deadline(due_by: datetime | None, is_answer_taken: bool, now: datetime) -> Deadline:
    """How long there is for an answer."""
    if not is_answer_taken:
        return Deadline("no_answer")
    if due_by is None:
        return Deadline("none")
    if due_by <= now:
        return Deadline("overdue")
    return Deadline("open", (due_by - now) // timedelta(days=1))


def target(seen: Seen, state: State | None, now: datetime) -> State:
    """The state that Stripe's word leads to from one of ours (None: the dispute is new here)."""
    if seen.status in _STATE_OF_STATUS:
        said = _STATE_OF_STATUS[seen.status]
        return "accepted" if said in {"lost", "closed"} and state in {"accepting", "accepted"} else said
    is_known = seen.status in UNANSWERED_STATUSES
    if state is not None and (
        state in ON_ITS_WAY or not is_known
    ):  # a status that Stripe has added since changes nothing
        return state
    if is_known and deadline(seen.due_by, seen.is_answer_taken, now).kind in {"overdue", "no_answer"}:
        return "expired"
    return "staged" if state == "staged" else "needs_response"


def is_older(seen: Seen, case: DisputeCase) -> bool:
    """Whether this is an earlier state of the dispute than the one we know.

    Then a submission is missing, or it is an inquiry again, or it waits for an answer though it has ended.
    """
    if is_new_round(seen, case):
        return False
    was_charged_back = not case.is_inquiry and seen.status.startswith("warning_")
    had_ended = case.status in ENDED_STATUSES and seen.status in UNANSWERED_STATUSES
    return was_charged_back or had_ended or seen.submission_count < case.submission_count


def is_new_round(seen: Seen, case: DisputeCase) -> bool:
    """Whether the dispute needs one more answer: an inquiry became a chargeback, or a lost one may be appealed."""
    became_chargeback = case.is_inquiry and seen.status == "needs_response"
    may_appeal = seen.status == "appeal_needs_response" and not case.status.startswith("appeal_")
    return became_chargeback or may_appeal


def why_no_answer(seen: Seen | DisputeCase, submissions_before: int, now: datetime) -> str | None:
    """Why Stripe would take no evidence for this dispute now, as a sentence; None when it would."""
    if seen.status not in UNANSWERED_STATUSES:
        return f"The dispute is {seen.status.replace('_', ' ')} at Stripe: no evidence is taken any more."
    if seen.submission_count > submissions_before:
        return "Evidence was submitted for this dispute already, and Stripe takes one submission."
    match deadline(seen.due_by, seen.is_answer_taken, now).kind:
        case "no_answer":
            return "The customer's bank takes no answer to this dispute."
        case "overdue":
            return f"The answer was due by {seen.due_by:%d %b %Y %H:%M} UTC, so none is taken any more."
    return None


def why_not(deed: Deed, case: DisputeCase, principal: Principal, now: datetime) -> str | None:
    """Why somebody may not do this with a dispute, as a sentence; None when they may.

    Support answers disputes. Giving the money up is for a lead or a founder, because nothing brings it back.
    """
    if principal.role == "viewer":
        return "A viewer does not answer disputes."
    if deed == "accept" and (principal.role == "finance" or not principal.ranks_at_least("lead")):
        return "Only a lead or a founder accepts a dispute: the money is gone for good then."
    if case.state not in ANSWERABLE:
        return f"The dispute is {case.state.replace('_', ' ')}, so nothing can be done about it here."
    if deed == "accept":
        return None
    return why_no_answer(case, case.submissions_before, now)


def why_not_evidence(fields: Mapping[str, str]) -> str | None:
    """Why these texts cannot be Stripe's evidence, as a sentence; None when they can."""
    unknown = sorted(set(fields) - set(TEXT_FIELDS))
    if unknown:
        return f"Stripe has no text field for evidence that is called {', '.join(unknown)}."
    if not any(text.strip() for text in fields.values()):
        return "There is no evidence in it: write at least one field."
    for name, text in fields.items():
        if len(text) > LONG_TEXT_MAX:
            return f"{name} has {len(text):,} characters; Stripe takes {LONG_TEXT_MAX:,} in one field."
    total = sum(map(len, fields.values()))
    if total > ALL_TEXT_MAX:
        return f"The evidence has {total:,} characters; Stripe takes {ALL_TEXT_MAX:,} in all."
    return None
