"""Money on its way to the bank: payouts, and the balance that they are taken from."""

from typing import Any

from sandbox.objects import StripeObject


def payout(
    id_: str, created: int, *, amount: int, currency: str, arrival_date: int, automatic: bool, **given: Any
) -> StripeObject:
    """A transfer of `amount` minor units to the bank, under way until `arrival_date` (unix seconds)."""
    return {
        "id": id_,
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": arrival_date,
        "automatic": automatic,
        "balance_transaction": None,
        "created": created,
        "currency": currency,
        "description": given.get("description"),
        "destination": "ba_sandbox",
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": given.get("metadata") or {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "completed" if automatic else "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": given.get("statement_descriptor"),
        "status": "in_transit",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }


def balance(*, available: int, pending: int, currency: str) -> StripeObject:
    """What is there to be paid out and what is still to settle, in minor units."""
    return {
        "object": "balance",
        "available": [{"amount": available, "currency": currency, "source_types": {"card": available}}],
        "connect_reserved": [{"amount": 0, "currency": currency}],
        "livemode": False,
        "pending": [{"amount": pending, "currency": currency, "source_types": {"card": pending}}],
    }
