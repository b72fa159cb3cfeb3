"""What may be done about a dispute and until when, and where the bank's word leads from each state."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from billing import dispute_rules
from billing.dispute_rules import Deadline, Seen, deadline, read_dispute, target, why_not, why_not_evidence
from billing.dispute_states import MOVES, STATES, NoSuchMove, State, follow
from billing.evidence_needs import TEXT_FIELDS
from billing.principals import Principal
from store.disputes import DisputeCase
from store.schema.disputes import DISPUTE_STATES

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SAM, LEA, FIN = Principal("sam", "support"), Principal("lea", "lead"), Principal("fin", "finance")
RAW: dict[str, Any] = {
    "id": "dp_1",
    "object": "dispute",
    "amount": 10_000,
    "currency": "usd",
    "charge": "ch_1",
    "created": 1_795_000_000,
    "reason": "fraudulent",
    "status": "needs_response",
    "is_charge_refundable": False,
    "evidence_details": {"due_by": int((NOON + timedelta(days=9)).timestamp()), "submission_count": 0},
    "balance_transactions": [
        {"object": "balance_transaction", "amount": -10_000, "fee": 1_500, "currency": "usd"},
        {"object": "balance_transaction", "amount": 10_000, "fee": -1_500, "currency": "usd"},
    ],
    "payment_method_details": {
        "card": {"brand": "visa", "network": "visa", "network_reason_code": "10.4", "case_type": "chargeback"}
    },
}


def seen(status: str = "needs_response", **changes: Any) -> Seen:
    return replace(read_dispute({**RAW, "status": status}), **changes)


def case(state: str = "needs_response", status: str = "needs_response", **changes: Any) -> DisputeCase:
    ours: dict[str, Any] = {
        "case_id": uuid4(),
        "state": state,
        "changed_at": NOON,
        "answer_number": 1,
        "submissions_before": 0,
        "staged_version": None,
        "submitted_version": None,
        "submitted_sha256": None,
        "command_id": None,
        "outcome": None,
    }
    return DisputeCase(**{**vars(seen(status)), **ours, **changes})


def test_a_dispute_is_read_with_its_fee_and_deadline() -> None:
    read = read_dispute(RAW)
    assert (read.due_by, read.is_answer_taken, read.fee_minor, read.fee_currency) == (
        NOON + timedelta(days=9),
        True,
        1_500,
        "usd",
    )
    assert (read.network, read.network_reason_code, read.case_type) == ("visa", "10.4", "chargeback")


@pytest.mark.parametrize(
    ("due_by", "is_answer_taken", "expected"),
    [
        (NOON + timedelta(days=2, hours=23), True, Deadline("open", 2)),
        (NOON + timedelta(minutes=1), True, Deadline("open", 0)),
        (NOON, True, Deadline("overdue")),  # the end is not included
        (None, True, Deadline("none")),
        (None, False, Deadline("no_answer")),
    ],
)
def test_the_days_left_are_whole_ones(due_by: datetime | None, is_answer_taken: bool, expected: Deadline) -> None:
    assert deadline(due_by, is_answer_taken, NOON) == expected


def test_stripe_writes_zero_where_the_bank_takes_no_answer_and_null_where_no_time_is_known() -> None:
    zero, null = (read_dispute({**RAW, "evidence_details": {"due_by": due_by}}) for due_by in (0, None))
    assert deadline(zero.due_by, zero.is_answer_taken, NOON).words == "no answer is taken"
    assert deadline(null.due_by, null.is_answer_taken, NOON).words == "no deadline given"
    assert null.fee_minor == 1_500
    assert read_dispute({**RAW, "balance_transactions": []}).fee_minor is None  # nothing booked is not a fee of zero


def test_every_status_of_stripe_leads_somewhere_from_every_state() -> None:
    """A word of the bank's that could not be followed would stay in the inbox for ever."""
    statuses = (*dispute_rules.UNANSWERED_STATUSES, *dispute_rules.ENDED_STATUSES, "under_review", "some_new_word")
    for state in STATES:
        for status in statuses:
            to = target(seen(status), state, NOON)
            assert to == state or to in MOVES[state], (state, status)


def test_the_table_in_postgres_knows_the_same_states() -> None:
    assert DISPUTE_STATES == STATES
    with pytest.raises(NoSuchMove, match="The dispute is won, so it cannot become staged"):
        follow("won", "staged")


@pytest.mark.parametrize(
    ("state", "status", "expected"),
    [
        (None, "needs_response", "needs_response"),
        ("staged", "needs_response", "staged"),
        ("submitting", "needs_response", "submitting"),  # our answer is on its way
        ("submitting", "under_review", "submitted"),
        ("accepting", "lost", "accepted"),
        ("submitted", "lost", "lost"),
        ("accepting", "warning_closed", "accepted"),
        ("submitted", "warning_closed", "closed"),
        (None, "prevented", "prevented"),
    ],
)
def test_the_banks_word_moves_a_case(state: State | None, status: str, expected: str) -> None:
    assert target(seen(status), state, NOON) == expected


def test_a_deadline_that_passed_closes_what_nobody_answered_and_one_that_moved_opens_it_again() -> None:
    late = NOON + timedelta(days=9)
    assert target(seen(), "staged", late) == "expired"
    assert target(seen(due_by=late + timedelta(days=3)), "expired", late) == "needs_response"
    assert target(seen(due_by=None, is_answer_taken=False), None, NOON) == "expired"


def test_an_earlier_word_is_told_from_one_more_question() -> None:
    submitted = case("submitted", "under_review", submission_count=1)
    assert dispute_rules.is_older(seen("needs_response"), submitted)
    inquiry = case("submitted", "warning_under_review", submission_count=1)
    assert dispute_rules.is_new_round(seen("needs_response"), inquiry)  # the inquiry became a chargeback
    assert not dispute_rules.is_older(seen("needs_response"), inquiry)
    assert dispute_rules.is_older(seen("warning_needs_response", submission_count=1), submitted)
    lost = case("lost", "lost", submission_count=1)
    assert dispute_rules.is_older(seen("needs_response", submission_count=1), lost)
    assert dispute_rules.is_new_round(seen("appeal_needs_response", submission_count=1), lost)


def test_who_may_do_what_and_until_when() -> None:
    assert why_not("submit", case(), SAM, NOON) is None
    assert "viewer" in str(why_not("edit", case(), Principal("vic", "viewer"), NOON))
    assert "Only a lead or a founder" in str(why_not("accept", case(), SAM, NOON))
    assert "Only a lead or a founder" in str(why_not("accept", case(), FIN, NOON))
    assert why_not("accept", case(), LEA, NOON) is None
    assert "due by 03 Dec 2026 12:00 UTC" in str(why_not("submit", case(), SAM, NOON + timedelta(days=9)))
    assert "one submission" in str(why_not("submit", case(submission_count=1), SAM, NOON))
    assert why_not("submit", case(submission_count=1, submissions_before=1), SAM, NOON) is None
    assert "takes no answer" in str(why_not("stage", case(is_answer_taken=False, due_by=None), SAM, NOON))
    assert "is submitted" in str(why_not("accept", case("submitted"), LEA, NOON))


def test_evidence_keeps_to_stripes_fields_and_limits() -> None:
    assert why_not_evidence({"uncategorized_text": "x" * 20_000}) is None
    assert "20,001 characters" in str(why_not_evidence({"uncategorized_text": "x" * 20_001}))
    eight = dict.fromkeys(TEXT_FIELDS[:8], "x" * 20_000)  # 8 * 20,000 = 160,000
    assert "160,000 characters; Stripe takes 150,000 in all" in str(why_not_evidence(eight))
    assert "called receipt" in str(why_not_evidence({"receipt": "a file's id is no text"}))
    assert "no evidence in it" in str(why_not_evidence({"customer_name": "  "}))
