"""A failed payment in words: whose try comes next, what the rates are shares of, every state and class with its own word."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from billing.decline_codes import decline_class
from billing.recovery_metrics import FORMULAS, Rate
from billing.recovery_rules import ATTRIBUTIONS
from billing.recovery_states import STATES
from dashboard.recovery_rows import (
    ATTRIBUTION_WORDS,
    CLASS_WORDS,
    LABELS,
    RATE_WORDS,
    next_words,
    rate_words,
    total_words,
)
from store.recovery_cases import RecoveryCase
from store.recovery_reads import Failure

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
CASE = RecoveryCase(
    case_id=UUID(int=1),
    invoice_id="in_1",
    customer_id="cus_1",
    subscription_id="sub_1",
    amount_minor=4_900,
    currency="usd",
    state="scheduled",
    owner="ours",
    decline_class=decline_class("insufficient_funds"),
    reason="scheduled",
    sentence="Try 2 of at most 8.",
    failed_at=NOW - timedelta(days=1),
    opened_at=NOW,
    changed_at=NOW,
    next_attempt_at=NOW + timedelta(days=1),
    try_number=1,
    tries_made=1,
    network_tries_left=14,
    hold_until=None,
    snoozed_until=None,
    policy_version="rules-2026-11",
    slot_probability_ppm=22_222,
    planned_mails=[],
    command_id=None,
    written_off_at=None,
    ended_at=None,
    recovered_minor=None,
    attribution=None,
)


def test_the_next_try_says_whose_it_is() -> None:
    assert next_words(CASE, NOW) == "26 Nov 2026, 12:00 UTC, ours"
    assert next_words(replace(CASE, owner="stripe"), NOW) == "26 Nov 2026, 12:00 UTC, Stripe"
    assert next_words(CASE, NOW + timedelta(days=2)) == "due, ours"
    assert next_words(replace(CASE, state="retrying"), NOW) == "now"
    assert next_words(replace(CASE, next_attempt_at=None), NOW) == "none planned"


def test_every_state_class_way_and_rate_has_a_word() -> None:
    assert set(LABELS) == set(STATES)
    assert set(CLASS_WORDS) == {"never", "needs_customer", "expired", "later"}
    assert set(ATTRIBUTION_WORDS) == set(ATTRIBUTIONS)
    assert set(RATE_WORDS) == set(FORMULAS)


def test_a_rate_says_what_it_is_a_share_of() -> None:
    closed = rate_words(Rate("closed", "minor", 4_000, 5_000, 5_000), "usd")
    assert closed == ("80.0%", "$40.00 of $50.00, $50.00 still in recovery")
    assert rate_words(Rate("by_count", "invoices", 1, 3, 0), "usd") == ("33.3%", "1 of 3 invoices")


def test_totals_keep_currencies_apart() -> None:
    def failure(currency: str, state: str) -> Failure:
        return Failure(UUID(int=1), None, currency, 1_000, state, NOW, None, None, None, 1)

    found = [failure("usd", "lost"), failure("eur", "written_off"), failure("usd", "recovered"), failure("usd", "lost")]
    assert total_words(found, ("lost", "written_off")) == ("$20.00", "+ €10.00 · ")
    assert total_words(found, ("scheduled",)) == ("none", "")
