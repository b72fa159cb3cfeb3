"""What is held about a dispute of Ada Lovelace's November payment, for tests that change one thing at a time."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from billing.evidence_facts import (
    Buyer,
    Charge,
    Customer,
    Disputed,
    Holdings,
    Invoice,
    Line,
    Policy,
    Refund,
    Subscription,
    UsageDay,
)

PAID_AT = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
DISPUTED_AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
BUYER = Buyer(
    customer_purchase_ip="203.0.113.7",
    customer_device_fingerprint="f" * 24,
    customer_account_id="ada",
    customer_email_address="ada@example.com",
)


def a_charge(name: str, created_at: datetime, invoice_id: str | None = None, **more: Any) -> Charge:
    given: dict[str, Any] = {"fingerprint": "card_of_ada", "brand": "visa", "network": "visa", "last4": "4242"}
    return Charge(name, created_at, 4_900, "usd", invoice_id=invoice_id, **(given | more))


def an_invoice(name: str, month: datetime, **more: Any) -> Invoice:
    """The invoice of a calendar month of the Team plan."""
    following = (month.replace(day=1) + timedelta(32)).replace(day=1)
    line = Line("Team plan", 4_900, month.replace(day=1), following)
    return Invoice(
        name, f"A-{name[-2:]}", "usd", 4_900, PAID_AT, PAID_AT, f"https://invoice.stripe.com/{name}", (line,), **more
    )


def used(day: date, calls: int = 10) -> UsageDay:
    return UsageDay(day, calls, ("gpt-4o",), ("chat", "search"), input_tokens=1_000 * calls, output_tokens=100 * calls)


def holdings(**changes: Any) -> Holdings:
    """November 2026 was paid with a Visa card and used on the 1st to the 19th, October on its 31st; 10 calls a day."""
    november, october = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
    full = Holdings(
        as_of=NOW,
        dispute=Disputed(
            "dp_1", "ch_11", 4_900, "usd", "fraudulent", "needs_response", DISPUTED_AT, network_reason_code="10.4"
        ),
        charge=a_charge(
            "ch_11",
            PAID_AT,
            "in_11",
            buyer=BUYER,
            receipt_url="https://pay.stripe.com/receipts/ch_11",
            statement_descriptor="ACME COPILOT",
            billing_address="12 St James's Square, London, GB",
        ),
        customer=Customer("cus_ada", "Ada Lovelace", "ada@example.com", None, datetime(2025, 12, 10, 8, tzinfo=UTC)),
        invoices=(an_invoice("in_11", november), an_invoice("in_10", october)),
        charges=(a_charge("ch_10", PAID_AT - timedelta(31), "in_10", buyer=BUYER),),
        subscription=Subscription("sub_1", "active", datetime(2025, 12, 10, 8, tzinfo=UTC), None, None),
        policy=Policy(
            product_description="Acme Copilot answers questions about your own documents.",
            refund_text="Refunds within 14 days.",
            refund_url="https://acme.example/refunds",
            cancellation_text="Cancel at any time; the month that was paid runs on.",
            disclosure="Both policies are linked beside the pay button.",
        ),
        usage=(used(date(2026, 10, 31)), *(used(date(2026, 11, day)) for day in range(1, 20))),
    )
    return replace(full, **changes)


def disputed_as(reason: str, **changes: Any) -> Holdings:
    held = holdings()
    return replace(held, dispute=replace(held.dispute, reason=reason), **changes)


def a_refund(amount_minor: int, **more: Any) -> Refund:
    return Refund("re_1", "ch_11", amount_minor, "usd", more.get("status", "succeeded"), PAID_AT + timedelta(2))
