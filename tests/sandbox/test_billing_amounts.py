"""What prices, prorations, discounts, credits and taxes make of an invoice, with the arithmetic beside it."""

from decimal import Decimal
from typing import Any, cast

import pytest
import stripe

from sandbox.billing.subscription_invoices import TIMES
from tests.sandbox.shop import DAY, customer, lines, meter, newest_invoice, price, report, subscribe
from tests.sandbox_fixtures import EMPTY_STARTS_AT, SandboxServer

TIERS = [{"up_to": 10, "unit_amount": 500, "flat_amount": 1_000}, {"up_to": "inf", "unit_amount": 300}]
METERED = {"interval": "month", "usage_type": "metered"}


def grant(sdk: stripe.StripeClient, customer_id: str, value: int, **given: Any) -> str:
    """Prepaid credit in US dollars for metered prices."""
    plain = {
        "customer": customer_id,
        "amount": {"type": "monetary", "monetary": {"value": value, "currency": "usd"}},
        "applicability_config": {"scope": {"price_type": "metered"}},
        "category": "paid",
    }
    return sdk.v1.billing.credit_grants.create(cast("Any", plain | given)).id


@pytest.mark.parametrize(
    ("mode", "quantity", "amount"),
    [
        ("graduated", 0, 1_000 + 0 * 500),
        ("graduated", 10, 1_000 + 10 * 500),
        ("graduated", 14, 1_000 + 10 * 500 + 4 * 300),
        ("volume", 10, 1_000 + 10 * 500),
        ("volume", 14, 14 * 300),
    ],
)
def test_tiers(stripe_sdk: stripe.StripeClient, mode: str, quantity: int, amount: int) -> None:
    """10.00 and 5.00 each for the first ten, 3.00 each beyond. Volume: all at the price of the tier that is reached."""
    tiered = price(stripe_sdk, billing_scheme="tiered", tiers_mode=mode, tiers=TIERS)

    subscribe(stripe_sdk, customer(stripe_sdk), {"price": tiered, "quantity": quantity})

    assert newest_invoice(stripe_sdk).total == amount


def test_fractions_of_a_cent_are_rounded_once_per_line(stripe_sdk: stripe.StripeClient) -> None:
    """1,001 at 0.25 ¢ are 250.25 ¢ and so 250; at 0.35 ¢ they are 350.35 and so 350; 10 at 0.25 are 2.5 and so 3."""
    quarter = price(stripe_sdk, unit_amount_decimal=Decimal("0.25"))
    third = price(stripe_sdk, unit_amount_decimal=Decimal("0.35"))

    subscribe(
        stripe_sdk, customer(stripe_sdk), {"price": quarter, "quantity": 1_001}, {"price": third, "quantity": 1_001}
    )
    assert [amount for _, amount in lines(newest_invoice(stripe_sdk))] == [250, 350]
    subscribe(stripe_sdk, customer(stripe_sdk), {"price": quarter, "quantity": 10})
    assert newest_invoice(stripe_sdk).total == 3


def test_packages_are_billed_whole(stripe_sdk: stripe.StripeClient) -> None:
    """2.00 per package of 100: 250 units are three packages rounded up, two rounded down."""
    for how, packages in (("up", 3), ("down", 2)):
        packed = price(stripe_sdk, 200, transform_quantity={"divide_by": 100, "round": how})
        subscribe(stripe_sdk, customer(stripe_sdk), {"price": packed, "quantity": 250})
        assert newest_invoice(stripe_sdk).total == packages * 200


def test_metered_usage_is_billed_at_the_end_of_the_period(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """20.00 in advance each month; 700 and 500 units of January at 0.5 ¢ on 1 February, February's ten not yet."""
    counted = price(stripe_sdk, unit_amount_decimal=Decimal("0.5"), recurring=METERED | {"meter": meter(stripe_sdk)})
    ada, mallory = customer(stripe_sdk), customer(stripe_sdk)
    subscribe(stripe_sdk, ada, price(stripe_sdk, 2_000), counted)
    assert newest_invoice(stripe_sdk).total == 2_000
    report(stripe_sdk, ada, 700, "e1")
    report(stripe_sdk, mallory, 9_999, "e2")
    sandbox_server.advance(days=30)
    report(stripe_sdk, ada, 500, "e3")
    sandbox_server.advance(days=1)
    report(stripe_sdk, ada, 10, "e4")
    sandbox_server.advance(seconds=3_600)

    invoice = newest_invoice(stripe_sdk)
    assert lines(invoice) == [(f"1 {TIMES} Plan", 2_000), (f"1200 {TIMES} Plan", (700 + 500) // 2)]
    assert [line.period.start for line in invoice.lines.data] == [EMPTY_STARTS_AT + 31 * DAY, EMPTY_STARTS_AT]
    assert (invoice.status, invoice.amount_paid) == ("paid", 2_600)


@pytest.mark.parametrize(("formula", "units"), [("sum", 7 + 5), ("count", 2), ("last", 5)])
def test_a_meter_adds_up_by_its_formula(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, formula: str, units: int
) -> None:
    counted = price(stripe_sdk, 100, recurring=METERED | {"meter": meter(stripe_sdk, formula=formula)})
    ada = customer(stripe_sdk)
    subscribe(stripe_sdk, ada, counted)
    report(stripe_sdk, ada, 7, "e1")
    report(stripe_sdk, ada, 5, "e2")

    sandbox_server.advance(days=32)

    assert newest_invoice(stripe_sdk).total == units * 100


def test_an_upgrade_in_mid_cycle(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """From 31.00 to 93.00 after 11 of January's 31 days: 20/31 are credited and debited, on the invoice of February."""
    [item] = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))["items"].data
    sandbox_server.advance(days=11)

    stripe_sdk.v1.subscription_items.update(item.id, {"price": price(stripe_sdk, 9_300)})
    pending = stripe_sdk.v1.invoice_items.list({"pending": True}).data[::-1]
    assert [one.amount for one in pending] == [-3_100 * 20 // 31, 9_300 * 20 // 31]
    assert all(one.proration and one.period.end == EMPTY_STARTS_AT + 31 * DAY for one in pending)
    sandbox_server.advance(days=21)

    invoice = newest_invoice(stripe_sdk)
    assert [amount for _, amount in lines(invoice)] == [-2_000, 6_000, 9_300]
    assert (invoice.total, invoice.billing_reason, invoice.status) == (13_300, "subscription_cycle", "paid")
    details = invoice.lines.data[0].parent.subscription_item_details
    assert (details.proration, details.subscription_item) == (True, item.id)


def test_an_upgrade_that_is_invoiced_at_once(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """Two more seats at 31.00 for 20 of 31 days: 5 seats' 100.00 less 3 seats' 60.00 are 40.00, paid today."""
    made = subscribe(stripe_sdk, customer(stripe_sdk), {"price": price(stripe_sdk, 3_100), "quantity": 3})
    sandbox_server.advance(days=11)

    item = made["items"].data[0].id
    stripe_sdk.v1.subscriptions.update(
        made.id, {"items": [{"id": item, "quantity": 5}], "proration_behavior": "always_invoice"}
    )

    invoice = newest_invoice(stripe_sdk)
    assert [amount for _, amount in lines(invoice)] == [-3 * 2_000, 5 * 2_000]
    assert (invoice.amount_paid, invoice.billing_reason) == (4_000, "subscription_update")


def test_a_downgrade_leaves_credit_for_the_next_invoice(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """93.00 to 31.00 after 11 days, invoiced at once: -60.00 + 20.00 go to the balance, and February's 31.00 is paid of it."""
    made = subscribe(stripe_sdk, ada := customer(stripe_sdk), price(stripe_sdk, 9_300))
    sandbox_server.advance(days=11)
    change: Any = {"items": [{"id": made["items"].data[0].id, "price": price(stripe_sdk, 3_100)}]}
    stripe_sdk.v1.subscriptions.update(made.id, change | {"proration_behavior": "always_invoice"})

    invoice = newest_invoice(stripe_sdk)
    assert (invoice.total, invoice.amount_due, invoice.status, invoice.ending_balance) == (-4_000, 0, "paid", -4_000)
    assert stripe_sdk.v1.customers.retrieve(ada).balance == -4_000
    sandbox_server.advance(days=21)

    invoice = newest_invoice(stripe_sdk)
    assert (invoice.total, invoice.starting_balance, invoice.amount_due) == (3_100, -4_000, 0)
    assert stripe_sdk.v1.customers.retrieve(ada).balance == -4_000 + 3_100


def test_without_proration_the_change_counts_from_the_next_period(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    [item] = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))["items"].data
    sandbox_server.advance(days=11)
    stripe_sdk.v1.subscription_items.update(item.id, {"price": price(stripe_sdk, 9_300), "proration_behavior": "none"})
    sandbox_server.advance(days=21)

    assert [amount for _, amount in lines(newest_invoice(stripe_sdk))] == [9_300]


def test_discount_then_credit_then_tax(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """A seat of 100.00 and 200 units at 0.50, 20 % off, credit of 30.00, 19 % on top.

    Seat: 100.00 - 20.00 = 80.00, tax 15.20. Usage: 100.00 - 20.00 - 30.00 = 50.00, tax 9.50. Credit pays usage alone.
    """
    vat = stripe_sdk.v1.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": False})
    coupon = stripe_sdk.v1.coupons.create({"percent_off": 20, "duration": "forever"})
    counted = price(stripe_sdk, 50, recurring=METERED | {"meter": meter(stripe_sdk)})
    ada = customer(stripe_sdk)
    subscribe(
        stripe_sdk,
        ada,
        price(stripe_sdk, 10_000),
        counted,
        discounts=[{"coupon": coupon.id}],
        default_tax_rates=[vat.id],
    )
    granted = grant(stripe_sdk, ada, 3_000)
    report(stripe_sdk, ada, 200, "e1")
    sandbox_server.advance(days=32)

    invoice = newest_invoice(stripe_sdk)
    assert invoice.subtotal == 10_000 + 200 * 50
    assert [part.amount for part in invoice.total_discount_amounts] == [2_000 + 2_000]
    assert [(part.type, part.amount) for part in invoice.total_pretax_credit_amounts] == [
        ("discount", 4_000),
        ("credit_balance_transaction", 3_000),
    ]
    assert [(tax.amount, tax.taxable_amount) for tax in invoice.total_taxes] == [(1_520 + 950, 8_000 + 5_000)]
    assert invoice.total_excluding_tax == 20_000 - 4_000 - 3_000
    assert invoice.total == invoice.amount_paid == 13_000 + 2_470
    burned = stripe_sdk.v1.billing.credit_balance_transactions.list({"customer": ada, "credit_grant": granted}).data[0]
    assert (burned.debit.amount.monetary.value, burned.debit.credits_applied.invoice) == (3_000, invoice.id)


def test_tax_that_is_inside_the_price(stripe_sdk: stripe.StripeClient) -> None:
    """119.00 with 19 % inside: 100.00 without."""
    vat = stripe_sdk.v1.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": True})

    subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 11_900), default_tax_rates=[vat.id])

    invoice = newest_invoice(stripe_sdk)
    assert (invoice.total, invoice.total_excluding_tax, invoice.subtotal_excluding_tax) == (11_900, 10_000, 10_000)
    assert [(tax.amount, tax.tax_behavior) for tax in invoice.total_taxes] == [(1_900, "inclusive")]


@pytest.mark.parametrize(("exempt", "reason"), [("exempt", "customer_exempt"), ("reverse", "reverse_charge")])
def test_who_is_exempt_pays_no_tax(stripe_sdk: stripe.StripeClient, exempt: str, reason: str) -> None:
    vat = stripe_sdk.v1.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": False})
    subscribe(
        stripe_sdk, customer(stripe_sdk, tax_exempt=exempt), price(stripe_sdk, 10_000), default_tax_rates=[vat.id]
    )

    invoice = newest_invoice(stripe_sdk)
    assert (invoice.total, [(tax.amount, tax.taxability_reason) for tax in invoice.total_taxes]) == (
        10_000,
        [(0, reason)],
    )


def test_an_amount_off_is_spread_and_never_more_than_there_is(stripe_sdk: stripe.StripeClient) -> None:
    """10.00 off 30.00 and 20.00: 6.00 and 4.00. 100.00 off them leaves nothing to pay."""
    for off, parts in ((1_000, [600, 400]), (10_000, [3_000, 2_000])):
        coupon = stripe_sdk.v1.coupons.create({"amount_off": off, "currency": "usd", "duration": "once"})
        items = (price(stripe_sdk, 3_000), price(stripe_sdk, 2_000))
        subscribe(stripe_sdk, customer(stripe_sdk), *items, discounts=[{"coupon": coupon.id}])
        invoice = newest_invoice(stripe_sdk)
        assert [line.discount_amounts[0].amount for line in invoice.lines.data] == parts
        assert (invoice.total, invoice.status) == (5_000 - sum(parts), "paid")


def test_credits_burn_in_stripe_s_order(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """Priority first, then what expires first. 10.00 of usage: 4.00 by priority, 5.00 that expire, 1.00 of the rest."""
    counted = price(stripe_sdk, 1, recurring=METERED | {"meter": meter(stripe_sdk)})
    ada = customer(stripe_sdk)
    subscribe(stripe_sdk, ada, counted)
    lasting = grant(stripe_sdk, ada, 700)
    expiring = grant(stripe_sdk, ada, 500, expires_at=EMPTY_STARTS_AT + 90 * DAY)
    first = grant(stripe_sdk, ada, 400, priority=1)
    grant(stripe_sdk, ada, 9_999, expires_at=EMPTY_STARTS_AT + DAY)  # gone before it could be used
    report(stripe_sdk, ada, 1_000, "e1")
    sandbox_server.advance(days=32)

    invoice = newest_invoice(stripe_sdk)
    moved = stripe_sdk.v1.billing.credit_balance_transactions.list({"customer": ada}).data[::-1]
    burned = [(one.credit_grant, one.debit.amount.monetary.value) for one in moved if one.debit]
    assert burned == [(first, 400), (expiring, 500), (lasting, 1_000 - 400 - 500)]
    assert (invoice.subtotal, invoice.total, invoice.status) == (1_000, 0, "paid")
    summary: Any = {
        "customer": ada,
        "filter": {"type": "applicability_scope", "applicability_scope": {"price_type": "metered"}},
    }
    left = stripe_sdk.v1.billing.credit_balance_summary.retrieve(summary).balances[0].available_balance
    assert left.monetary.value == 700 - 100
