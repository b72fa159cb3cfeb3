"""A dispute on the page: until when, what each way is worth in the balance's currency, and how warnings and months are told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from dashboard import dispute_rows
from dashboard.dispute_rows import Row, respond_by, warning_row, worth_words
from dashboard.wording import MINUS
from store.dispute_reads import EarlyWarning
from store.disputes import DisputeCase

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CASE = DisputeCase(
    case_id=UUID(int=1),
    dispute_id="dp_1",
    charge_id="ch_1",
    state="needs_response",
    status="needs_response",
    case_type="chargeback",
    amount_minor=10_000,
    currency="usd",
    reason="product_not_received",
    network="visa",
    network_reason_code="13.1",
    due_by=NOW + timedelta(days=4, hours=1),
    is_answer_taken=True,
    is_charge_refundable=False,
    submission_count=0,
    fee_minor=1_500,
    fee_currency="usd",
    opened_at=NOW,
    changed_at=NOW,
    answer_number=1,
    submissions_before=0,
    staged_version=None,
    submitted_version=None,
    submitted_sha256=None,
    command_id=None,
    outcome=None,
)
WARNING = EarlyWarning(
    warning_id="issfr_1",
    charge_id="ch_1",
    fraud_type="made_with_stolen_card",
    is_actionable=True,
    came_at=NOW,
    amount_minor=10_000,
    amount_refunded_minor=0,
    currency="usd",
    customer_id="cus_1",
    customer="Ada",
    is_disputed=False,
)


def row(case: DisputeCase = CASE, **given: Any) -> Row:
    around: dict[str, Any] = {"withdrawn": None, "won_by_reason": {}, "fees": {}, "completeness_percent": 80}
    return dispute_rows.row(case, customer="Ada", now=NOW, **{**around, **given})


@pytest.mark.parametrize(
    ("changes", "words", "color"),
    [
        ({}, "Respond by 28 Nov 2026 13:00 UTC: 4 days left", "orange"),
        ({"due_by": NOW + timedelta(days=2)}, "Respond by 26 Nov 2026 12:00 UTC: 2 days left", "red"),
        ({"due_by": NOW}, "Respond by 24 Nov 2026 12:00 UTC: Overdue", "red"),
        ({"due_by": None}, "No deadline given", "gray"),
        ({"due_by": None, "is_answer_taken": False}, "No answer is taken", "gray"),
        ({"state": "submitted"}, "", "gray"),
    ],
)
def test_until_when_it_is_to_be_answered(changes: dict[str, Any], words: str, color: str) -> None:
    assert respond_by(row(replace(CASE, **changes))) == (words, color)


def test_a_fight_is_told_with_its_average_and_interval_or_with_both_ends() -> None:
    """4 of 10 won: (4 * $100 - 6 * $15) / 10 = $31."""
    weighed = row(won_by_reason={"product_not_received": (4, 10)}).economics
    assert weighed is not None
    fight = weighed.of("fight")
    assert fight is not None
    figure, below = worth_words(fight, "usd")
    assert figure == "$31.00"
    assert below.startswith("on average; 95 % between ")
    unweighed = row().economics
    assert unweighed is not None
    ends = unweighed.of("fight")
    assert ends is not None
    assert worth_words(ends, "usd") == (
        f"{MINUS}$15.00 to $100.00",
        "the worst and the best end; no average without a rate",
    )


def test_a_dispute_in_euro_is_weighed_in_what_the_balance_lost() -> None:
    euro = replace(CASE, amount_minor=9_000, currency="eur")
    taken = row(euro, withdrawn=(10_400, "usd"))
    assert taken.economics is not None
    assert taken.worth_currency == "usd"
    fight = taken.economics.of("fight")
    assert fight is not None
    assert (fight.low_minor, fight.high_minor) == (-1_500, 10_400)
    unknown = row(euro)
    assert unknown.economics is not None
    nothing_known = unknown.economics.of("fight")
    assert nothing_known is not None
    assert worth_words(nothing_known, "eur") == ("unknown", "Stripe's fee in EUR is not known here.")


def test_what_has_ended_is_not_weighed() -> None:
    assert row(replace(CASE, state="won", status="won")).economics is None
    assert row(replace(CASE, amount_minor=None)).economics is None


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "To decide"),
        ({"is_disputed": True}, "Disputed"),
        ({"amount_refunded_minor": 10_000}, "Refunded"),
        ({"amount_refunded_minor": 4_000}, "To decide"),
        ({"is_actionable": False}, "Nothing to do any more"),
    ],
)
def test_a_warning_is_decided_or_over(changes: dict[str, Any], state: str) -> None:
    one = warning_row(replace(WARNING, **changes), disputed=(0, 0), fees={})
    assert one.state == state
    assert (one.economics is not None) == (state == "To decide")


def test_what_is_left_of_a_warned_payment_is_what_a_refund_costs() -> None:
    one = warning_row(replace(WARNING, amount_refunded_minor=4_000), disputed=(0, 0), fees={})
    assert one.economics is not None
    refund = one.economics.of("refund")
    assert refund is not None
    assert refund.expected_minor == -6_000
