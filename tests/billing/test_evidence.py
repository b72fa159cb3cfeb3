"""Dispute evidence: what each reason gets, what is missing, and that nothing is said that is not held."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from billing.evidence import assemble
from billing.evidence_facts import Customer, Holdings, Policy, Subscription, money, service_period
from billing.evidence_needs import (
    ALL_TEXT_MAX,
    FILE_FIELDS,
    LONG_TEXT_MAX,
    NEEDS,
    TEXT_FIELDS,
    WHERE_FROM,
    completeness,
    too_long,
)
from billing.evidence_usage import access_log, usage_line
from tests.billing.holdings_of_ada import NOW, PAID_AT, a_charge, a_refund, an_invoice, disputed_as, holdings, used


@pytest.mark.parametrize("reason", NEEDS)
def test_the_weights_of_a_reason_are_hundredths_of_fields_that_stripe_has(reason: str) -> None:
    assert sum(NEEDS[reason].values()) == 100
    assert set(NEEDS[reason]) <= set(WHERE_FROM)
    shipped = {name for name in TEXT_FIELDS if name.startswith("shipping_")}  # software is not shipped
    assert set(WHERE_FROM) == {*FILE_FIELDS, *TEXT_FIELDS} - {"uncategorized_file"} - shipped


@pytest.mark.parametrize("reason", [*NEEDS, "a_reason_of_tomorrow"])
def test_nothing_held_says_nothing_and_misses_everything(reason: str) -> None:
    nothing = replace(disputed_as(reason), charge=None, customer=None, invoices=(), charges=(), usage=())
    found = assemble(replace(nothing, subscription=None, policy=Policy()))
    assert (found.fields, found.shown_by_file, found.completeness_percent, found.against) == ({}, (), 0, ())
    assert set(found.missing) == set(NEEDS.get(reason, NEEDS["general"]))


def test_a_fraud_dispute_with_all_pieces_is_complete() -> None:
    found = assemble(holdings())
    assert (found.completeness_percent, found.missing, found.against) == (100, (), ())
    assert found.fields["customer_purchase_ip"] == "203.0.113.7"
    assert found.fields["service_date"] == "1 November 2026 to 30 November 2026"
    assert found.fields["product_description"] == (
        "Acme Copilot answers questions about your own documents. This payment was for: Team plan. "
        "On a card statement it reads ACME COPILOT."
    )
    assert found.fields["uncategorized_text"].splitlines() == [
        "The customer's account was opened on 10 December 2025.",
        (
            "On 2026-11-01 09:30 UTC the customer paid 49.00 USD with the visa ending in 4242. "
            "Payment ch_11 of 2026-11-01 09:30 UTC paid invoice A-11 for 1 November 2026 to 30 November 2026: Team plan."
        ),
        (
            "Before it, the same customer made 1 payment of together 49.00 USD that nobody disputed, 1 of them with the same card; "
            "the first on 1 October 2026."
        ),
        # 20 days x 10 calls, of which the 19 days of November
        (
            "The service was used on 20 days between 31 October 2026 and 19 November 2026, with 200 calls. Of these, 190 calls on "
            "19 days fall into the period that the disputed payment is for (1 November 2026 to 30 November 2026)."
        ),
        "Our records hold no refund of this payment.",
        "Receipt: https://pay.stripe.com/receipts/ch_11",
        "Invoice: https://invoice.stripe.com/in_11",
        "These are our records as of 2026-11-25 12:00 UTC.",
    ]


def test_a_missing_address_and_name_are_listed_by_weight_and_cost_their_weight() -> None:
    held = holdings()
    assert held.charge is not None
    bare = replace(held, customer=Customer("cus_ada", email="ada@example.com"))
    found = assemble(replace(bare, charge=replace(held.charge, billing_address=None)))
    assert found.missing == ("billing_address", "customer_name")
    assert found.completeness_percent == 85  # 100 - 10 - 5
    assert {"billing_address", "customer_name"}.isdisjoint(found.fields)


def test_a_persons_own_words_count_as_held() -> None:
    assert completeness("fraudulent", NEEDS["fraudulent"]) == (100, ())
    assert completeness("fraudulent", set(NEEDS["fraudulent"]) - {"customer_purchase_ip"}) == (
        80,
        ("customer_purchase_ip",),
    )


def test_the_log_puts_the_days_paid_for_first_and_the_newest_of_them_on_top() -> None:
    held = holdings(
        usage=(used(date(2026, 10, 31)), used(date(2026, 11, 2)), used(date(2026, 11, 5)), used(date(2026, 12, 1)))
    )
    log, left_out = access_log(held)
    assert log is not None
    days = [line[:10] for line in log.splitlines() if line.startswith("2026-")]
    assert (days, left_out) == (["2026-11-05", "2026-11-02", "2026-12-01", "2026-10-31"], 0)
    assert log.startswith("Calls of the service by Ada Lovelace (account cus_ada), by day in UTC.")
    assert "Known of the disputed payment: IP address 203.0.113.7, device fingerprint ffff" in log


def test_a_day_of_the_log_says_what_is_known_and_no_more() -> None:
    day = used(date(2026, 11, 5), calls=1)
    assert usage_line(day) == (
        "2026-11-05: 1 call; models gpt-4o; features chat, search; 1,000 input tokens; 100 output tokens"
    )
    assert (
        usage_line(replace(day, models=(), features=(), input_tokens=None, output_tokens=None)) == "2026-11-05: 1 call"
    )


@pytest.mark.parametrize("limit", [1_000, 3_000, LONG_TEXT_MAX])
def test_a_log_that_is_too_long_says_what_it_leaves_out(limit: int) -> None:
    held = holdings(usage=tuple(used(date(2025, 1, 1) + timedelta(number)) for number in range(690)))
    log, left_out = access_log(held, limit)
    assert log is not None
    assert len(log) <= limit
    kept = sum(1 for line in log.splitlines() if line.startswith("202"))
    assert kept + left_out == 690
    assert left_out > 0
    assert log.endswith(f"Left out for length: {left_out:,} further days with {10 * left_out:,} calls.")
    assert "with 6,900 calls" in log, "the sum is of all days, also of those left out"


@pytest.mark.parametrize("reason", NEEDS)
def test_the_longest_holdings_stay_within_stripes_limits(reason: str) -> None:
    long = "x" * 60_000
    held = disputed_as(reason)
    assert held.charge is not None
    huge = replace(
        held,
        customer=Customer("cus_ada", long, long, long, NOW),
        policy=Policy(10, long, long, long, long, long, long),
        charge=replace(held.charge, billing_address=long, receipt_url=long),
        usage=tuple(replace(used(date(2020, 1, 1) + timedelta(n)), models=(long,)) for n in range(2_000)),
    )
    fields = assemble(huge).fields
    assert too_long(fields) == ()
    assert max(map(len, fields.values())) <= LONG_TEXT_MAX
    assert sum(map(len, fields.values())) <= ALL_TEXT_MAX


def test_texts_that_a_person_made_too_long_are_named() -> None:
    assert too_long({"uncategorized_text": "x" * 20_001}) == (
        "uncategorized_text has 20,001 characters; Stripe takes 20,000.",
    )
    eight = {str(number): "x" * 20_000 for number in range(8)}
    assert too_long(eight) == ("All texts together have 160,000 characters; Stripe takes 150,000.",)


def test_the_policy_is_shown_only_when_the_tenant_says_how_customers_see_it() -> None:
    held = disputed_as("credit_not_processed")
    assert assemble(held).fields["refund_policy_disclosure"] == (
        "Both policies are linked beside the pay button. The policy is published at https://acme.example/refunds. "
        "It reads: Refunds within 14 days."
    )
    untold = assemble(replace(held, policy=replace(held.policy, disclosure=None)))
    assert "refund_policy_disclosure" in untold.missing
    assert "refund_policy" in untold.shown_by_file, "the text itself is held, and the PDF shows it"


def test_a_refund_that_was_made_answers_a_missing_credit() -> None:
    found = assemble(disputed_as("credit_not_processed", refunds=(a_refund(4_900),), usage=()))
    assert found.fields["refund_refusal_explanation"] == (
        "Of this payment 49.00 USD on 3 November 2026 (re_1, succeeded) was refunded."
    )
    failed = assemble(disputed_as("credit_not_processed", refunds=(a_refund(4_900, status="failed"),), usage=()))
    assert "refund_refusal_explanation" in failed.missing


@pytest.mark.parametrize(("window_days", "is_said"), [(18, True), (19, False), (None, False)])
def test_the_refund_window_is_named_once_it_has_passed(window_days: int | None, is_said: bool) -> None:
    # Disputed a minute more than 19 days after it was paid.
    late = disputed_as("credit_not_processed", usage=(), policy=Policy(refund_window_days=window_days))
    late = replace(late, dispute=replace(late.dispute, created_at=PAID_AT + timedelta(19, 60)))
    explained = assemble(late).fields.get("refund_refusal_explanation")
    assert (
        explained == "The payment was disputed 19 days after it was made; refunds are given within 18 days."
    ) is is_said


@pytest.mark.parametrize(
    ("ended", "said", "against"),
    [
        (None, "hold no cancellation of the subscription sub_1", 0),
        (timedelta(days=3), "was canceled on 2026-11-04 09:30 UTC, after the disputed payment", 0),
        (timedelta(0), None, 1),
        (timedelta(days=-3), None, 1),
    ],
)
def test_a_cancellation_is_rebutted_only_if_there_was_none_before_the_payment(
    ended: timedelta | None, said: str | None, against: int
) -> None:
    at = None if ended is None else PAID_AT + ended
    found = assemble(disputed_as("subscription_canceled", subscription=Subscription("sub_1", "active", None, at, at)))
    assert len(found.against) == against
    if said is None:
        assert "cancellation_rebuttal" in found.missing
    else:
        assert said in found.fields["cancellation_rebuttal"]
        # 2 to 19 November are 18 days after the day of the payment.
        assert "used on 18 days, with 180 calls" in found.fields["cancellation_rebuttal"]


def test_two_payments_of_two_months_are_told_apart() -> None:
    found = assemble(disputed_as("duplicate"))
    assert found.fields["duplicate_charge_id"] == "ch_10"
    explained = found.fields["duplicate_charge_explanation"]
    assert (
        "Payment ch_11 of 2026-11-01 09:30 UTC paid invoice A-11 for 1 November 2026 to 30 November 2026" in explained
    )
    assert "Payment ch_10 of 2026-10-01 09:30 UTC paid invoice A-10 for 1 October 2026 to 31 October 2026" in explained
    assert (found.file_field, found.completeness_percent) == ("duplicate_charge_documentation", 100)


def test_two_payments_of_one_invoice_are_not_explained_away() -> None:
    twice = assemble(disputed_as("duplicate", charges=(a_charge("ch_12", PAID_AT + timedelta(minutes=1), "in_11"),)))
    assert twice.against == ("The payment ch_12 of the same amount paid the same invoice in_11.",)
    assert {"duplicate_charge_explanation", "duplicate_charge_documentation"} <= set(twice.missing)


def test_a_payment_without_a_twin_says_so() -> None:
    alone = assemble(disputed_as("duplicate", charges=(a_charge("ch_old", PAID_AT - timedelta(46)),)))
    assert (
        "no other payment of 49.00 USD by this customer within 45 days" in alone.fields["duplicate_charge_explanation"]
    )
    assert "duplicate_charge_id" in alone.missing


def test_what_speaks_against_us_is_told_to_us_and_never_sent() -> None:
    other = a_charge("ch_09", PAID_AT - timedelta(60), is_disputed=True)
    found = assemble(holdings(usage=(used(date(2026, 10, 31)),), charges=(other,)))
    assert found.against == (
        "The usage log shows no call in the period that the payment is for.",
        "1 other payment of this customer was disputed too.",
    )
    assert not any(sentence in text for sentence in found.against for text in found.fields.values())
    assert "nobody disputed" not in found.fields["uncategorized_text"]


def test_a_period_that_ends_within_a_day_pays_for_that_day() -> None:
    november = an_invoice("in_11", PAID_AT)
    line = replace(november.lines[0], period_start=PAID_AT, period_end=datetime(2026, 12, 1, 9, 30, tzinfo=UTC))
    assert service_period(replace(november, lines=(line,))) == (date(2026, 11, 1), date(2026, 12, 2))
    assert service_period(replace(november, lines=())) is None


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [(123_456, "usd", "1,234.56 USD"), (5, "eur", "0.05 EUR"), (500, "jpy", "500 JPY"), (-1_005, "kwd", "-1.005 KWD")],
)
def test_amounts_are_written_by_their_currency(minor: int, currency: str, said: str) -> None:
    assert money(minor, currency) == said


def test_the_same_holdings_give_the_same_evidence() -> None:
    first: Holdings = holdings()
    assert assemble(first) == assemble(holdings())
