"""Prepaid and promotional credit: grants and the transactions that use them up."""

from typing import Any

from sandbox.objects import StripeObject


def credit_grant(id_: str, created: int, *, customer_id: str, amount: int, currency: str, **given: Any) -> StripeObject:
    """Credit worth `amount` minor units that metered lines use up before tax."""
    return {
        "id": id_,
        "object": "billing.credit_grant",
        "amount": {"monetary": {"currency": currency, "value": amount}, "type": "monetary"},
        "applicability_config": given.get("applicability_config") or {"scope": {"price_type": "metered"}},
        "category": given.get("category") or "paid",
        "created": created,
        "customer": customer_id,
        "customer_account": None,
        "effective_at": given.get("effective_at") or created,
        "expires_at": given.get("expires_at"),
        "livemode": False,
        "metadata": given.get("metadata") or {},
        "name": given.get("name"),
        "priority": given.get("priority", 50),
        "test_clock": None,
        "updated": created,
        "voided_at": None,
    }


def credit_transaction(
    id_: str, created: int, *, grant: StripeObject, kind: str, amount: int, **given: Any
) -> StripeObject:
    """`amount` minor units into a grant (credits_granted …) or out of it (credits_applied, _expired, _voided)."""
    into = kind in {"credits_granted", "credits_application_invoice_voided"}
    currency = grant["amount"]["monetary"]["currency"]
    where = given.get("invoice") and {
        "invoice": given["invoice"],
        "invoice_line_item": given["invoice_line_item"],
    }
    movement: StripeObject = {
        "amount": {"monetary": {"currency": currency, "value": amount}, "type": "monetary"},
        "type": kind,
    }
    movement["credits_application_invoice_voided" if into else "credits_applied"] = where
    return {
        "id": id_,
        "object": "billing.credit_balance_transaction",
        "created": created,
        "credit": movement if into else None,
        "credit_grant": grant["id"],
        "debit": None if into else movement,
        "effective_at": created,
        "livemode": False,
        "test_clock": None,
        "type": "credit" if into else "debit",
    }
