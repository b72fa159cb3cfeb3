"""What stands against a refund, and who may approve it all the same."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.principals import Principal, Role
from billing.refund_rules import Asked, Finding, Pending, RefundPolicy, findings, why_not_approve
from billing.refund_states import MOVES, STATES, NoSuchStep, follow

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
POLICY = RefundPolicy()


def a_charge(**changes: Any) -> dict[str, Any]:
    return {
        "created": int((NOW - timedelta(days=3)).timestamp()),
        "status": "succeeded",
        "disputed": False,
        "currency": "usd",
        "amount_captured": 10_000,
        "amount_refunded": 0,
        "payment_method_details": {"type": "card"},
    } | changes


@pytest.mark.parametrize(
    ("changes", "amount_minor", "pending", "codes"),
    [
        ({}, 10_000, [], []),
        ({"disputed": True}, 1, [], ["disputed"]),
        ({"status": "failed"}, 1, [], ["not_paid"]),
        ({"currency": "eur"}, 1, [], ["currency"]),
        ({"payment_method_details": {"type": "oxxo"}}, 1, [], ["method"]),
        ({"amount_refunded": 10_000}, 1, [], ["refunded"]),
        ({"amount_refunded": 4_000}, 6_001, [], ["too_much"]),  # 10,000 - 4,000 = 6,000 are left
        ({"amount_refunded": 4_000}, 6_000, [], []),
        ({"amount_refunded": 4_000}, 3_001, [(3_000, True)], ["reserved"]),  # 6,000 - 3,000 on their way
        ({"amount_refunded": 4_000}, 3_001, [(3_000, False)], []),  # nobody has decided on that one
        ({}, 3_000, [(3_000, False)], ["duplicate"]),
        ({}, 0, [], ["amount"]),
        ({"created": int((NOW - timedelta(days=29, hours=23)).timestamp())}, 1, [], []),
        ({"created": int((NOW - timedelta(days=30)).timestamp())}, 1, [], ["too_old"]),
    ],
)
def test_what_stands_against_a_refund(
    changes: dict[str, Any], amount_minor: int, pending: list[tuple[int, bool]], codes: list[str]
) -> None:
    others = [Pending(str(number), minor, decided) for number, (minor, decided) in enumerate(pending)]
    found = findings(a_charge(**changes), Asked(amount_minor, "usd"), others, POLICY, NOW)
    assert [finding.code for finding in found] == codes


def test_a_charge_that_is_not_there_cannot_be_refunded() -> None:
    assert [finding.code for finding in findings(None, Asked(1, "usd"), [], POLICY, NOW)] == ["no_charge"]


@pytest.mark.parametrize(
    ("role", "amount_minor", "may"),
    [
        ("viewer", 1, False),
        ("finance", 1, False),
        ("support", 50_000, True),
        ("support", 50_001, False),
        ("lead", 200_000, True),
        ("lead", 200_001, False),
        ("founder", 9_000_000, True),
    ],
)
def test_500_dollars_are_supports_2000_the_leads_and_more_is_the_founders(
    role: Role, amount_minor: int, may: bool
) -> None:
    refusal = why_not_approve(
        Principal("ann", role), Asked(amount_minor, "usd"), "bob", [], POLICY, override_reason=None
    )
    assert (refusal is None) == may


@pytest.mark.parametrize(
    ("role", "amount_minor", "may"),
    [("support", 50_000, True), ("lead", 200_000, True), ("founder", 200_000, True), ("founder", 200_001, False)],
)
def test_nobody_approves_their_own_request_above_the_limit(role: Role, amount_minor: int, may: bool) -> None:
    refusal = why_not_approve(
        Principal("ann", role), Asked(amount_minor, "usd"), "ann", [], POLICY, override_reason=None
    )
    assert (refusal is None) == may


def test_a_currency_without_limits_is_the_founders() -> None:
    for role, may in (("support", False), ("lead", False), ("founder", True)):
        person = Principal("ann", role)  # type: ignore[arg-type]  # the three words are roles
        assert (why_not_approve(person, Asked(1, "jpy"), "bob", [], POLICY, override_reason=None) is None) == may


def test_the_policy_is_overridden_by_a_lead_with_a_reason_and_a_stop_by_nobody() -> None:
    old, stop = Finding("too_old", "override", "Too old."), Finding("disputed", "stop", "Disputed.")
    asked = Asked(1, "usd")

    def may(role: Role, standing: list[Finding], reason: str | None) -> bool:
        return why_not_approve(Principal("ann", role), asked, "bob", standing, POLICY, override_reason=reason) is None

    assert not may("support", [old], "a good customer")
    assert not may("lead", [old], "  ")
    assert may("lead", [old], "a good customer")
    assert not may("founder", [old, stop], "because I can")


@given(
    captured=st.integers(0, 10**9),
    refunded=st.integers(0, 10**9),
    pending=st.lists(st.tuples(st.integers(1, 10**9), st.booleans()), max_size=4),
    amount_minor=st.integers(-5, 10**9),
)
def test_what_is_allowed_never_exceeds_what_is_left(
    captured: int, refunded: int, pending: list[tuple[int, bool]], amount_minor: int
) -> None:
    others = [Pending(str(number), minor, decided) for number, (minor, decided) in enumerate(pending)]
    charge = a_charge(amount_captured=captured, amount_refunded=refunded)
    stops = [f for f in findings(charge, Asked(amount_minor, "usd"), others, POLICY, NOW) if f.level == "stop"]
    reserved = sum(minor for minor, decided in pending if decided)
    assert (stops == []) == (0 < amount_minor <= captured - refunded - reserved)


def test_a_step_follows_the_table_alone() -> None:
    for state in STATES:
        for step in STATES:
            if step in MOVES[state]:
                assert follow(state, step) == step
            else:
                with pytest.raises(NoSuchStep):
                    follow(state, step)


def test_every_state_can_be_reached_and_every_open_one_ends() -> None:
    reached, queue = {"requested"}, ["requested"]
    while queue:
        for step in MOVES[queue.pop()]:  # type: ignore[index]  # the queue holds states
            if step not in reached:
                reached.add(step)
                queue.append(step)
    assert reached == set(STATES)
