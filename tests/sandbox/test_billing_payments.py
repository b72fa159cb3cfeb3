"""Money that moves: fees, refunds that come back, disputes, declines of every class and the retries by the clock."""

from typing import Any

import pytest
import stripe

from tests.sandbox.shop import DAY, FEBRUARY, customer, newest_invoice, price, subscribe
from tests.sandbox_fixtures import SandboxServer

# What collecting February's invoice does, counted from its finalization: at once, then 3, 5 and 7 days after each failure.
HOUR = 3_600
TRIES = [FEBRUARY + HOUR + days * DAY for days in (0, 3, 3 + 5, 3 + 5 + 7)]


def pay(sdk: stripe.StripeClient, amount: int, card: str = "pm_card_visa", currency: str = "usd") -> stripe.Charge:
    """The charge of a payment outside invoices."""
    intent = sdk.v1.payment_intents.create(
        {"amount": amount, "currency": currency, "payment_method": card, "confirm": True}
    )
    return sdk.v1.charges.retrieve(str(intent.latest_charge), {"expand": ["balance_transaction"]})


def balance(sdk: stripe.StripeClient) -> int:
    """All that came and went, net of fees, in cents."""
    return sum(row.net for row in sdk.v1.balance_transactions.list({"limit": 100}).data)


def renewing(server: SandboxServer, sdk: stripe.StripeClient, outcomes: list[str]) -> tuple[str, str]:
    """A subscription to 49.00 a month whose card answers so from February on, and its customer."""
    of = customer(sdk)
    made = subscribe(sdk, of, price(sdk, 4_900))
    card = sdk.v1.payment_methods.list({"customer": of}).data[0].id
    server.control(f"/payment_methods/{card}/outcomes", {"outcomes": outcomes})
    return made.id, of


def attempts(sdk: stripe.StripeClient) -> list[tuple[int, str | None]]:
    """When each charge since February was tried, and its decline code."""
    charges = sdk.v1.charges.list({"created": {"gte": FEBRUARY}}).data[::-1]
    return [(one.created, one.outcome.reason) for one in charges if one.outcome]


@pytest.mark.parametrize(("amount", "fee"), [(10_000, 290 + 30), (4_900, 142 + 30), (50, 1 + 30)])
def test_the_fee_is_2_9_percent_and_30_cents(stripe_sdk: stripe.StripeClient, amount: int, fee: int) -> None:
    """49.00: 1.421, rounded to 1.42."""
    row: Any = pay(stripe_sdk, amount).balance_transaction

    assert (row.amount, row.fee, row.net, row.type) == (amount, fee, amount - fee, "charge")
    assert [(part.amount, part.type) for part in row.fee_details] == [(fee, "stripe_fee")]


def test_other_currencies_are_exchanged_and_cost_1_percent_more(stripe_sdk: stripe.StripeClient) -> None:
    row: Any = pay(stripe_sdk, 10_000, currency="eur").balance_transaction

    settled = round(10_000 * row.exchange_rate)
    assert (row.amount, row.currency) == (settled, "usd")
    assert [part.amount for part in row.fee_details] == [round(settled * 0.029) + 30, round(settled * 0.01)]


def test_a_refund_returns_the_money_but_not_the_fee(stripe_sdk: stripe.StripeClient) -> None:
    """100.00 in, 3.20 fee, 40.00 out."""
    charge = pay(stripe_sdk, 10_000)
    refund = stripe_sdk.v1.refunds.create({"charge": charge.id, "amount": 4_000, "reason": "requested_by_customer"})

    after = stripe_sdk.v1.charges.retrieve(charge.id, {"expand": ["refunds"]})
    assert (after.amount_refunded, after.refunded, [one.id for one in after.refunds.data]) == (
        4_000,
        False,
        [refund.id],
    )
    assert balance(stripe_sdk) == 10_000 - 320 - 4_000


def test_a_refund_that_fails_later_puts_the_money_back(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """The card ending in 5126: succeeded today, sent back by the bank tomorrow, and may then be refunded again."""
    charge = pay(stripe_sdk, 10_000, "pm_card_refundFail")
    refund = stripe_sdk.v1.refunds.create({"charge": charge.id})
    assert (refund.status, balance(stripe_sdk)) == ("succeeded", 10_000 - 320 - 10_000)

    sandbox_server.advance(days=1)

    failed = stripe_sdk.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    back: Any = failed.failure_balance_transaction
    assert (back.amount, back.type) == (10_000, "refund_failure")
    assert balance(stripe_sdk) == 10_000 - 320
    assert stripe_sdk.v1.charges.retrieve(charge.id).amount_refunded == 0
    assert stripe_sdk.v1.events.list({"type": "refund.failed"}).data[0].data.object["id"] == refund.id
    assert stripe_sdk.v1.refunds.create({"charge": charge.id}).status == "succeeded"


def test_a_pending_refund_settles_after_five_days(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """The card ending in 7726. The money counts as refunded meanwhile."""
    refund = stripe_sdk.v1.refunds.create({"charge": pay(stripe_sdk, 500, "pm_card_pendingRefund").id})
    sandbox_server.advance(seconds=5 * DAY - 1)
    assert stripe_sdk.v1.refunds.retrieve(refund.id).status == "pending"
    sandbox_server.advance(seconds=1)
    assert stripe_sdk.v1.refunds.retrieve(refund.id).status == "succeeded"


@pytest.mark.parametrize(("status", "net"), [("lost", -1_500), ("won", 10_000 - 1_500)])
def test_a_dispute_takes_the_money_and_15_dollars(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, status: str, net: int
) -> None:
    """100.00 in for a fee of 3.20. The dispute's fee is gone either way."""
    charge = pay(stripe_sdk, 10_000)
    dispute = sandbox_server.control("/disputes", {"charge": charge.id})["id"]
    assert balance(stripe_sdk) == 10_000 - 320 - 10_000 - 1_500

    sandbox_server.control(f"/disputes/{dispute}/resolve", {"status": status})

    assert balance(stripe_sdk) == -320 + net


def test_a_bank_s_every_word_is_told_with_its_codes(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """By the error, the intent and the charge alike; a word that no bank says is refused."""
    card = stripe_sdk.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}}).id
    said = {
        "pickup_card": ("card_declined", "do_not_try_again", "03", "04"),
        "stop_payment_order": ("card_declined", "do_not_try_again", "03", "R0"),
        "incorrect_zip": ("incorrect_zip", "confirm_card_data", "01", "N3"),
        "withdrawal_count_limit_exceeded": ("card_declined", "try_again_later", "02", "65"),
        "highest_risk_level": ("card_declined", "do_not_try_again", None, None),
    }
    for word, codes in said.items():
        sandbox_server.control(f"/payment_methods/{card}/outcomes", {"outcomes": [word]})
        with pytest.raises(stripe.CardError) as declined:
            pay(stripe_sdk, 700, card)
        error: Any = declined.value.error
        intent: Any = stripe_sdk.v1.payment_intents.list({"limit": 1}).data[0].last_payment_error
        for one in (error, intent):
            assert (one.code, one.advice_code, one.network_advice_code, one.network_decline_code) == codes
            assert one.decline_code == word
        outcome: Any = stripe_sdk.v1.charges.list({"limit": 1}).data[0].outcome
        assert (outcome.advice_code, outcome.network_advice_code, outcome.network_decline_code) == codes[1:]


@pytest.mark.parametrize(
    ("card", "code", "decline_code", "advice"),
    [
        ("chargeDeclined", "card_declined", "generic_decline", "try_again_later"),
        ("chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds", "try_again_later"),
        ("chargeDeclinedLostCard", "card_declined", "lost_card", "do_not_try_again"),
        ("chargeDeclinedExpiredCard", "expired_card", "expired_card", "confirm_card_data"),
        ("chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc", "confirm_card_data"),
        ("chargeDeclinedProcessingError", "processing_error", "processing_error", "try_again_later"),
    ],
)
def test_a_decline_says_of_which_class_it_is(
    stripe_sdk: stripe.StripeClient, card: str, code: str, decline_code: str, advice: str
) -> None:
    """On the error and on the charge that it leaves; the payment may be tried with another card."""
    with pytest.raises(stripe.CardError) as declined:
        pay(stripe_sdk, 500, f"pm_card_{card}")
    error = declined.value.error
    assert (error.code, error.decline_code, error.advice_code) == (code, decline_code, advice)

    [charge] = stripe_sdk.v1.charges.list().data
    assert (charge.failure_code, charge.outcome.reason, charge.outcome.advice_code) == (code, decline_code, advice)
    assert (charge.paid, charge.balance_transaction) == (False, None)
    intent = str(charge.payment_intent)
    assert stripe_sdk.v1.payment_intents.confirm(intent, {"payment_method": "pm_card_visa"}).status == "succeeded"


def test_soft_declines_are_retried_by_the_clock_until_one_succeeds(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    subscription, of = renewing(sandbox_server, stripe_sdk, ["insufficient_funds", "do_not_honor", "approved"])

    sandbox_server.advance(to=TRIES[0])
    invoice = newest_invoice(stripe_sdk)
    assert (invoice.status, invoice.attempt_count, invoice.next_payment_attempt) == ("open", 1, TRIES[1])
    assert stripe_sdk.v1.subscriptions.retrieve(subscription).status == "past_due"
    assert stripe_sdk.v1.customers.retrieve(of).delinquent
    sandbox_server.advance(to=TRIES[3])

    assert attempts(stripe_sdk) == [(TRIES[0], "insufficient_funds"), (TRIES[1], "do_not_honor"), (TRIES[2], None)]
    assert (newest_invoice(stripe_sdk).status, newest_invoice(stripe_sdk).attempt_count) == ("paid", 3)
    assert stripe_sdk.v1.subscriptions.retrieve(subscription).status == "active"
    assert not stripe_sdk.v1.customers.retrieve(of).delinquent


def test_a_hard_decline_asks_the_bank_once(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """The count goes on rising but nothing is executed, until there is a new card."""
    _, of = renewing(sandbox_server, stripe_sdk, ["lost_card"])
    sandbox_server.advance(to=TRIES[1])
    assert attempts(stripe_sdk) == [(TRIES[0], "lost_card")]
    assert newest_invoice(stripe_sdk).attempt_count == 2

    card = "pm_card_mastercard"
    stripe_sdk.v1.payment_methods.attach(card, {"customer": of})
    new = stripe_sdk.v1.payment_methods.list({"customer": of, "limit": 1}).data[0].id
    stripe_sdk.v1.customers.update(of, {"invoice_settings": {"default_payment_method": new}})
    sandbox_server.advance(to=TRIES[2])

    assert attempts(stripe_sdk) == [(TRIES[0], "lost_card"), (TRIES[2], None)]
    assert newest_invoice(stripe_sdk).status == "paid"


def test_when_all_tries_fail_the_subscription_ends(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Four tries; then the invoice is written off, and no invoice follows."""
    subscription, _ = renewing(sandbox_server, stripe_sdk, ["insufficient_funds"])

    sandbox_server.advance(days=100)

    assert [at for at, _ in attempts(stripe_sdk)] == TRIES
    invoice = newest_invoice(stripe_sdk)
    assert (invoice.status, invoice.attempt_count) == ("uncollectible", 4)
    assert invoice.status_details.uncollectible.reason == "max_payment_attempts"
    ended = stripe_sdk.v1.subscriptions.retrieve(subscription)
    assert (ended.status, ended.ended_at, ended.cancellation_details.reason) == (
        "canceled",
        TRIES[3],
        "payment_failed",
    )


def test_a_manual_try_leaves_the_schedule(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """Declined by hand a day after the first failure: the next try by itself stays where it was."""
    renewing(sandbox_server, stripe_sdk, ["insufficient_funds", "do_not_honor", "approved"])
    sandbox_server.advance(to=TRIES[0] + DAY)
    invoice = newest_invoice(stripe_sdk).id

    with pytest.raises(stripe.CardError) as declined:
        stripe_sdk.v1.invoices.pay(invoice)

    assert declined.value.error.decline_code == "do_not_honor"
    assert newest_invoice(stripe_sdk).next_payment_attempt == TRIES[1]
    sandbox_server.advance(to=TRIES[1])
    assert newest_invoice(stripe_sdk).status == "paid"


def test_paid_out_of_band_takes_no_money(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """By bank transfer, say: the payment that was to pay it is given up."""
    renewing(sandbox_server, stripe_sdk, ["insufficient_funds"])
    sandbox_server.advance(to=TRIES[0])
    before = balance(stripe_sdk)

    paid = stripe_sdk.v1.invoices.pay(newest_invoice(stripe_sdk).id, {"paid_out_of_band": True})

    assert (paid.status, balance(stripe_sdk)) == ("paid", before)
    sandbox_server.advance(to=TRIES[3])
    assert [at for at, _ in attempts(stripe_sdk)] == TRIES[:1]
    [payment] = stripe_sdk.v1.invoice_payments.list({"invoice": paid.id}).data
    assert payment.status == "canceled"
