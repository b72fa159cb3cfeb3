"""What follows from each answer of Stripe, and when the same key may be used again."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from billing.commands import PATIENCE, Done, Later, Refused, Unknown, after, idempotency_key, next_step
from billing.stripe_gateway import outcome_of
from store.stripe_commands import Command

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def a_command(state: str, *, sent_ago: timedelta | None = None, troubles: int = 0) -> Command:
    return Command(
        command_id=UUID(int=7),
        kind="refund.create",
        intent_key="a",
        subject="a",
        object_id="ch_1",
        params={},
        params_sha256="",
        amount_minor=1,
        currency="usd",
        state=state,
        key_version=2,
        attempts=1,
        troubles=troubles,
        first_sent_at=None if sent_ago is None else NOW - sent_ago,
        next_attempt_at=NOW,
        lease_token=None,
        lease_until=None,
        answer=None,
        answer_id=None,
        refusal=None,
        last_trouble=None,
        requested_by="sam (support)",
        requested_at=NOW,
        settled_at=None,
    )


def test_the_key_is_made_of_the_intent_alone() -> None:
    assert idempotency_key(a_command("waiting")) == "ms-refund.create-00000000-0000-0000-0000-000000000007-v2"


@pytest.mark.parametrize(
    ("state", "hours", "step"),
    [
        ("waiting", None, "send"),
        ("sending", 0, "send_again"),
        ("sending", 22.99, "send_again"),
        ("sending", 23, "look_up"),  # Stripe keeps a key for 24 hours: one of them is left for clocks and slow answers
        ("unknown", 0, "look_up"),  # the key would only repeat the 500
    ],
)
def test_a_key_is_used_again_only_while_stripe_surely_remembers_it(state: str, hours: float | None, step: str) -> None:
    sent_ago = None if hours is None else timedelta(hours=hours)
    assert next_step(a_command(state, sent_ago=sent_ago), NOW) == step


@given(troubles=st.integers(0, 30), is_unknown=st.booleans())
def test_no_trouble_ever_settles_a_command_as_done_or_refused(troubles: int, is_unknown: bool) -> None:
    outcome = Unknown("500") if is_unknown else Later("timeout")
    values = after(a_command("sending", troubles=troubles), outcome, NOW)
    assert values.get("state") in {None, "unknown", "needs_review"}
    assert (values.get("state") == "needs_review") == (troubles >= len(PATIENCE))
    if values.get("state") != "needs_review":
        assert values["next_attempt_at"] > NOW


def test_an_answer_settles_and_a_refusal_keeps_stripes_sentence_and_codes() -> None:
    assert after(a_command("sending"), Done({"id": "re_1"}), NOW)["answer_id"] == "re_1"
    refused = after(a_command("sending"), Refused("Charge is disputed.", status=400, code="charge_disputed"), NOW)
    assert refused["refusal"] == {"sentence": "Charge is disputed.", "status": 400, "code": "charge_disputed"}


@pytest.mark.parametrize(
    ("trouble", "outcome"),
    [
        (stripe.APIConnectionError("reset"), Later),
        (stripe.RateLimitError("slow", http_status=429), Later),
        (stripe.AuthenticationError("no", http_status=401), Later),
        (stripe.PermissionError("no", http_status=403), Later),
        (stripe.InvalidRequestError("busy", None, http_status=409, code="lock_timeout"), Later),
        (stripe.IdempotencyError("other parameters", http_status=400), Unknown),
        (stripe.APIError("oops", http_status=500), Unknown),
        (stripe.APIError("no JSON", http_status=200), Unknown),
        (stripe.InvalidRequestError("gone", None, http_status=404), Refused),
        (stripe.CardError("declined", None, "card_declined", http_status=402), Refused),
    ],
)
def test_an_error_is_one_of_three_outcomes(trouble: stripe.StripeError, outcome: type) -> None:
    assert isinstance(outcome_of(trouble), outcome)
