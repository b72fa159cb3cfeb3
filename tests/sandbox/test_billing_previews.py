"""A preview of a subscription's change: the lines that the change then bills, and nothing else happens."""

from typing import Any

import stripe

from tests.sandbox.shop import customer, lines, newest_invoice, price, subscribe
from tests.sandbox_fixtures import SandboxServer


def test_a_preview_is_what_the_change_then_bills(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """31.00 a month, after 11 of 31 days 62.00: -20.00 and +40.00 at once; and the preview leaves no trace."""
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))
    dearer = price(stripe_sdk, 6_200)
    sandbox_server.advance(days=11)
    before = sandbox_server.control("/state")
    change: Any = {
        "items": [{"id": made["items"].data[0].id, "price": dearer}],
        "proration_behavior": "always_invoice",
        "proration_date": made.start_date + 11 * 86_400,
    }

    seen = stripe_sdk.v1.invoices.create_preview({"subscription": made.id, "subscription_details": change})

    assert sandbox_server.control("/state") == before
    assert [amount for _, amount in lines(seen)] == [-2_000, 4_000]
    assert (seen.status, seen.total, seen.amount_due, seen.amount_paid) == ("draft", 2_000, 2_000, 0)
    stripe_sdk.v1.subscriptions.update(made.id, change)
    assert lines(newest_invoice(stripe_sdk)) == lines(seen)


def test_a_preview_without_a_change_is_the_next_invoice(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))

    seen = stripe_sdk.v1.invoices.create_preview({"subscription": made.id})

    sandbox_server.advance(days=32)
    assert lines(newest_invoice(stripe_sdk)) == lines(seen)
    assert seen.total == 3_100
