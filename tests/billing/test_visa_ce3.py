"""Visa's Compelling Evidence 3.0: the days, the identifiers, and why not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.evidence_facts import Buyer, Charge, Holdings
from billing.visa_ce3 import PAIRS, compelling, enhanced_evidence, identifiers
from tests.billing.holdings_of_ada import BUYER, PAID_AT, a_charge, holdings


def prior(days: int, **more: Any) -> Charge:
    return a_charge(f"ch_{days}_before", PAID_AT - timedelta(days), "in_10", **({"buyer": BUYER} | more))


def with_prior(*charges: Charge) -> Holdings:
    return holdings(charges=charges)


@pytest.mark.parametrize(("days", "is_eligible"), [(119, False), (120, True), (364, True), (365, False)])
def test_the_window_is_from_120_to_364_days(days: int, is_eligible: bool) -> None:
    assert compelling(with_prior(prior(200), prior(days))).is_eligible is is_eligible


@settings(deadline=None)
@given(
    days=st.lists(st.integers(0, 500), min_size=0, max_size=8, unique=True),
    seconds=st.integers(0, 86_399),
)
def test_exactly_two_of_those_within_the_days_are_named_whatever_the_hour(days: list[int], seconds: int) -> None:
    midnight = datetime(2026, 11, 1, tzinfo=UTC)
    charges = [a_charge(f"ch_{n}", midnight - timedelta(n) + timedelta(seconds=seconds), buyer=BUYER) for n in days]
    found = compelling(holdings(charges=tuple(charges)))
    within = sorted(n for n in days if 120 <= n <= 364)
    assert [one.charge_id for one in found.in_window] == [f"ch_{n}" for n in within]
    assert found.is_eligible is (len(within) >= 2)
    assert found.prior == (found.in_window[:2] if found.is_eligible else ())


@settings(deadline=None)
@given(
    kept=st.sets(st.sampled_from(sorted(vars(BUYER)))),
    device=st.sampled_from([None, "d" * 14, "d" * 15]),
)
def test_two_identifiers_count_only_with_an_ip_or_a_device_among_them(kept: set[str], device: str | None) -> None:
    buyer = Buyer(
        **({name: value for name, value in vars(BUYER).items() if name in kept} | {"customer_device_id": device})
    )
    older = (prior(130, buyer=buyer), prior(200, buyer=buyer))
    found = compelling(with_prior(*older))
    has_ip = "customer_purchase_ip" in kept
    has_device = "customer_device_fingerprint" in kept
    has_second = bool(kept & {"customer_account_id", "customer_email_address"})
    # The disputed charge has no device id, so that of the others matches nothing.
    assert found.is_eligible is ((has_ip and has_device) or ((has_ip or has_device) and has_second))
    if found.is_eligible:
        assert found.matching in PAIRS


def test_a_device_in_two_spellings_is_one_identifier() -> None:
    buyer = Buyer(customer_device_id="d" * 15, customer_device_fingerprint="f" * 20)
    held = with_prior(prior(130, buyer=buyer), prior(200, buyer=buyer))
    assert held.charge is not None
    assert not compelling(replace(held, charge=replace(held.charge, buyer=buyer))).is_eligible


def test_a_device_that_is_too_short_for_visa_does_not_count() -> None:
    short = Buyer(customer_device_id="d" * 14, customer_device_fingerprint="f" * 19, customer_account_id="ada")
    assert identifiers(prior(130, buyer=short)) == {"customer_account_id": "ada"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"network_reason_code": "13.1"}, "this dispute's is 13.1"),
        ({"network_reason_code": None}, "this dispute's is not known"),
        ({"network": "mastercard"}, "this card's network is mastercard"),
        ({"fingerprint": None}, "has no fingerprint"),
        ({"buyer": Buyer(customer_account_id="ada")}, "carries neither the buyer's IP address nor a device"),
        ({"buyer": replace(BUYER, customer_account_id=None)}, None),
        ({"buyer": Buyer(customer_purchase_ip="203.0.113.7")}, "no two of them share two identifiers"),
    ],
)
def test_why_a_dispute_does_not_qualify(change: dict[str, Any], why: str | None) -> None:
    held = with_prior(prior(130), prior(200))
    if "network_reason_code" in change:
        held = replace(held, dispute=replace(held.dispute, **change))
    else:
        assert held.charge is not None
        held = replace(held, charge=replace(held.charge, **change))
    found = compelling(held)
    assert found.is_eligible is (why is None)
    if why is not None:
        assert why in found.sentence


@pytest.mark.parametrize(
    "spoiled",
    [
        {"is_disputed": True},
        {"is_reported": True},
        {"fingerprint": "another_card"},
        {"buyer": Buyer()},
        {"amount_minor": 0},
    ],
)
def test_a_payment_that_was_disputed_or_is_not_the_same_buyers_does_not_count(spoiled: dict[str, Any]) -> None:
    assert not compelling(with_prior(prior(130), replace(prior(200), **spoiled))).is_eligible


def test_too_few_payments_are_counted_in_the_sentence() -> None:
    assert compelling(with_prior(prior(130), prior(10))).sentence == (
        "1 undisputed payment with the same card made 120 to 364 days before the disputed one; 2 are needed."
    )


def test_what_stripe_is_sent_names_three_payments_and_what_they_share() -> None:
    held = with_prior(prior(130), prior(200), prior(300))
    found = compelling(held)
    assert found.sentence == (
        "ch_130_before and ch_200_before were made with the same card and share the IP address and the device's fingerprint "
        "with the disputed payment."
    )
    shared = {"customer_purchase_ip": "203.0.113.7", "customer_device_fingerprint": "f" * 24}
    sold = "Acme Copilot answers questions about your own documents. This payment was for: Team plan."
    assert enhanced_evidence(held, found) == {
        "visa_compelling_evidence_3": {
            "disputed_transaction": {**shared, "product_description": sold, "merchandise_or_services": "services"},
            "prior_undisputed_transactions": [
                {"charge": name, **shared, "product_description": sold} for name in ("ch_130_before", "ch_200_before")
            ],
        }
    }


def test_without_a_description_of_what_was_sold_nothing_is_sent() -> None:
    held = with_prior(prior(130), prior(200))
    bare = replace(held, invoices=(), policy=replace(held.policy, product_description=None))
    assert compelling(bare).is_eligible
    assert enhanced_evidence(bare, compelling(bare)) is None
