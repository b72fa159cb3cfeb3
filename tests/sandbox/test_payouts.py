"""The sandbox's balance adds up, payouts are made of what is in it, and card networks warn of fraud."""

import pytest
import stripe

from tests.sandbox.test_billing_refusals import paid_charge, refused
from tests.sandbox_fixtures import SandboxServer


def amounts(sdk: stripe.StripeClient) -> tuple[int, int]:
    """What is available and what is still to settle."""
    found = sdk.v1.balance.retrieve()
    return found.available[0].amount, found.pending[0].amount


def test_the_balance_settles_and_is_paid_out(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """50.00 less 2.9 % and 30 cents are 48.25, there after two days; 8.25 go by hand, and 40.00 are left to go by themselves."""
    paid_charge(stripe_sdk)
    assert amounts(stripe_sdk) == (0, 4_825)
    sandbox_server.advance(days=2)
    assert amounts(stripe_sdk) == (4_825, 0)
    refused(sandbox_server, lambda: stripe_sdk.v1.payouts.create({"amount": 4_826, "currency": "usd"}))
    manual = stripe_sdk.v1.payouts.create({"amount": 825, "currency": "usd"})

    automatic = sandbox_server.control("/payouts", {})

    assert (automatic["amount"], amounts(stripe_sdk)) == (4_000, (0, 0))
    rows = stripe_sdk.v1.balance_transactions.list({"payout": automatic["id"], "expand": ["data.source"]}).data
    assert [(row.type, row.net) for row in rows] == [("payout", -4_000), ("payout", -825), ("charge", 4_825)]
    refused(sandbox_server, lambda: stripe_sdk.v1.balance_transactions.list({"payout": manual.id}))
    sandbox_server.advance(days=2)
    assert [one.status for one in stripe_sdk.v1.payouts.list({"status": "paid"}).data] == ["paid", "paid"]


def test_a_payout_that_the_bank_sends_back(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    paid_charge(stripe_sdk)
    sandbox_server.advance(days=2)
    payout = sandbox_server.control("/payouts", {})["id"]

    sandbox_server.control(f"/payouts/{payout}/fail", {"failure_code": "account_closed"})

    found = stripe_sdk.v1.payouts.retrieve(payout, {"expand": ["failure_balance_transaction"]})
    assert (found.status, found.failure_code, amounts(stripe_sdk)) == ("failed", "account_closed", (4_825, 0))
    assert sandbox_server.control("/payouts", {})["amount"] == 4_825


@pytest.mark.parametrize("how", ["disputed", "refunded in full"])
def test_a_fraud_warning_asks_for_something_until_it_is_too_late(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, how: str
) -> None:
    """A refund of a part changes nothing; the other charge's warning stays as it is."""
    charge, other = paid_charge(stripe_sdk), paid_charge(stripe_sdk)
    for one in (charge, other):
        sandbox_server.control("/fraud_warnings", {"charge": one, "fraud_type": "made_with_stolen_card"})
    stripe_sdk.v1.refunds.create({"charge": charge, "amount": 1_000})
    [warning] = stripe_sdk.v1.radar.early_fraud_warnings.list({"charge": charge}).data
    assert (warning.actionable, warning.fraud_type) == (True, "made_with_stolen_card")

    if how == "disputed":
        sandbox_server.control("/disputes", {"charge": charge})
    else:
        stripe_sdk.v1.refunds.create({"charge": charge})

    assert not stripe_sdk.v1.radar.early_fraud_warnings.retrieve(warning.id).actionable
    assert stripe_sdk.v1.radar.early_fraud_warnings.list({"charge": other}).data[0].actionable
    types = [event.type for event in stripe_sdk.v1.events.list({"type": "radar.*"}).data]
    assert types == ["radar.early_fraud_warning.updated", *["radar.early_fraud_warning.created"] * 2]
