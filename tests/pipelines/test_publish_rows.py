"""What a version says beside its sums: who owes, who changed plans, which payments failed, and what waits for a person."""

from datetime import UTC, date, datetime
from typing import Any

from pipelines.publish_attention import Attention
from pipelines.publish_rows import failed_payments, past_due, plan_changes
from pricing.fx import FxRate, RateTable
from pricing.revenue_books import Invoice
from pricing.revenue_months import Unconverted

NOW = datetime(2026, 11, 25, tzinfo=UTC)
RATES = RateTable([FxRate("eur", "usd", date(2026, 11, 20), 1_100_000_000, "test")])
Row = dict[str, Any]


def unpaid(customer_id: str, minor: int, **given: Any) -> Row:
    row = {"customer_id": customer_id, "currency": "usd", "amount_remaining_minor": minor, "attempt_count": 1}
    return row | {"due_at": None} | given


def test_past_due_is_what_failed_or_is_over_its_due_date() -> None:
    """a: 10.00 failed + 5.00 EUR x 1.10; b: due tomorrow; c: due an hour ago; d: nobody has tried yet; e: a currency without a rate."""
    rows = [
        unpaid("cus_a", 10_00),
        unpaid("cus_a", 5_00, currency="eur"),
        unpaid("cus_b", 7_00, due_at=datetime(2026, 11, 26, tzinfo=UTC)),
        unpaid("cus_c", 8_00, due_at=datetime(2026, 11, 24, 23, tzinfo=UTC), attempt_count=0),
        unpaid("cus_d", 9_00, attempt_count=0),
        unpaid("cus_e", 9_00, currency="jpy"),
        unpaid("cus_e", 1_00),
    ]
    assert past_due(rows, RATES, "usd", now=NOW) == {"cus_a": 15_50, "cus_c": 8_00, "cus_e": None}


def proration(amount_minor: int, plan: str, quantity: int | None = 1, *, invoice_id: str = "in_1") -> Row:
    row = {"customer_id": "cus_a", "subscription_id": "sub_1", "invoice_id": invoice_id, "currency": "usd"}
    return row | {"changed_at": NOW, "amount_minor": amount_minor, "plan": plan, "quantity": quantity}


def test_the_lines_of_one_change_are_one_plan_change() -> None:
    """Team for 4 seats at 40.00 credited, for 6 seats at 60.00 charged: 20.00 more."""
    (change,) = plan_changes([proration(-40_00, "Team", 4), proration(60_00, "Team", 6)])
    assert (change["from_plan"], change["to_plan"]) == ("4 \u00d7 Team", "6 \u00d7 Team")
    assert (change["direction"], change["amount_minor"], change["invoice_id"]) == ("upgrade", 20_00, "in_1")


def test_a_change_that_gives_money_back_is_a_downgrade() -> None:
    changes = plan_changes(
        [proration(-90_00, "Scale"), proration(30_00, "Starter"), proration(5_00, "Team", invoice_id="in_2")]
    )
    assert [(each["direction"], each["from_plan"], each["to_plan"]) for each in changes] == [
        ("downgrade", "Scale", "Starter"),
        ("upgrade", None, "Team"),
    ]


def test_the_same_plan_at_another_price_is_named_so() -> None:
    (change,) = plan_changes([proration(-40_00, "Enterprise"), proration(60_00, "Enterprise")])
    assert change["to_plan"] == "Enterprise at another price"


def failure(invoice_id: str, day: int, code: str | None, **given: Any) -> Row:
    row = {"invoice_id": invoice_id, "customer_id": "cus_a", "currency": "usd", "amount_minor": 12_00, "status": "open"}
    row |= {"failed_at": datetime(2026, 11, day, tzinfo=UTC), "decline_code": code, "advice_code": None}
    return row | given


def test_an_invoice_fails_once_when_it_first_failed_and_by_what_was_said_last() -> None:
    tries = [failure("in_1", 1, "insufficient_funds"), failure("in_1", 4, "lost_card"), failure("in_2", 2, None)]
    first, second = failed_payments(tries, RATES, "usd")
    assert (first["failed_at"].day, first["month"], first["decline_code"]) == (1, date(2026, 11, 1), "lost_card")
    assert (first["decline_class"], first["is_recovered"], first["reporting_minor"]) == ("never", False, 12_00)
    assert (second["invoice_id"], second["decline_class"]) == ("in_2", "later")


def test_what_was_paid_later_is_recovered_and_another_currency_is_converted_that_day() -> None:
    (row,) = failed_payments([failure("in_1", 21, "expired_card", status="paid", currency="eur")], RATES, "usd")
    assert row["is_recovered"]
    assert row["reporting_minor"] == 13_20  # 12.00 EUR x 1.10


def attention() -> Attention:
    return Attention({"cus_a": "Acme"}, RATES, "usd", NOW)


def test_disputes_and_inquiries_carry_their_due_date_and_both_amounts() -> None:
    due = datetime(2026, 12, 1, tzinfo=UTC)
    row = {"customer_id": "cus_a", "amount_minor": 10_00, "currency": "eur", "reason": "not_received", "due_by": due}
    waiting = attention()
    waiting.disputes(
        [
            row | {"dispute_id": "dp_1", "status": "needs_response"},
            row | {"dispute_id": "dp_2", "status": "warning_needs_response", "customer_id": None},
        ]
    )
    first, second = waiting.rows
    assert (first["title"], first["amount_minor"], first["due_by"]) == ("Acme disputes a charge", 11_00, due)
    assert first["detail"] == "not received (10.00 EUR)"
    assert second["title"] == "Somebody inquires about a charge"


def test_a_refund_request_says_since_when_even_if_nobody_can_read_when() -> None:
    request = {"charge_id": "ch_1", "customer_id": "cus_a", "amount_minor": 5_00, "currency": "usd", "reason": None}
    waiting = attention()
    waiting.refunds(
        [request | {"requested_at": "2026-11-20T10:00:00Z"}, request | {"requested_at": "last tuesday"}],
        [request | {"refund_id": "re_1", "status": "requires_action", "created_at": NOW}],
        [request | {"refund_id": "re_2", "reason": "expired_or_canceled_card", "created_at": NOW}],
    )
    failed, *others = waiting.rows
    assert (failed["kind"], failed["title"]) == ("refund_failed", "Refund to Acme did not arrive")
    assert (failed["amount_minor"], failed["detail"]) == (5_00, "expired or canceled card")
    assert [row["kind"] for row in others] == ["refund_request", "refund_request", "refund_pending"]
    assert [row["at"] for row in others] == [datetime(2026, 11, 20, 10, tzinfo=UTC), None, NOW]
    assert others[2]["title"] == "Refund to Acme waits for the customer"


def test_only_past_due_customers_whose_usage_goes_on_burn() -> None:
    """$1.50 of usage in the last days is 1.50 of the reporting currency, the dollar."""
    waiting = attention()
    waiting.past_due_burn({"cus_a": 9_00, "cus_quiet": 9_00}, {"cus_a": 15 * 10**11, "cus_payer": 10**12}, 10**9)
    (row,) = waiting.rows
    assert (row["customer_id"], row["amount_minor"]) == ("cus_a", 9_00)
    assert row["detail"] == "AI cost of 1.50 USD in the last 30 days"


def test_gaps_in_the_numbers_wait_too() -> None:
    invoice = Invoice(
        invoice_id="in_1", number="A-1", customer_id="cus_a", status="paid", currency="usd", finalized_at=NOW,
        total_minor=10_00, total_excluding_tax_minor=10_00, lines=(),
    )  # fmt: skip
    waiting = attention()
    waiting.unpriced([("acme", "house-7b", 1_200, 40_000), (None, None, 1, 0)])
    waiting.unattributed([("acct_9", 3, 2 * 10**12), (None, 1, 0)], 10**9)
    waiting.unbalanced([(invoice, 10_00)])
    waiting.unconverted([Unconverted("jpy", 5_000, 2)])
    assert [(row["kind"], row["title"], row["amount_minor"]) for row in waiting.rows] == [
        ("unpriced", "acme/house-7b has no price", None),
        ("unpriced", "Usage without a model has no price", None),
        ("unattributed", "acct_9 belongs to no customer", 2_00),
        ("unattributed", "Usage without a name belongs to no customer", 0),
        ("unbalanced", "The lines of invoice A-1 do not come to its total", 10_00),
        ("no_rate", "5000 JPY of revenue has no exchange rate", None),
    ]
