"""Money that moved: balance transactions, refunds and disputes."""

from typing import Any

from sandbox.objects import StripeObject

EVIDENCE_FIELDS = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)
# Those that hold the id of an uploaded file; all others are text.
EVIDENCE_FILES = (
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
)
SETTLES_AFTER_SECONDS = 2 * 86400


def balance_transaction(
    id_: str,
    created: int,
    *,
    kind: str,
    reporting_category: str,
    amount: int,
    fees: list[tuple[str, int]],
    source: str,
    **given: Any,
) -> StripeObject:
    """A row of the balance, in minor units of the settlement currency usd; `fees` are (description, amount)."""
    fee = sum(part for _, part in fees)
    return {
        "id": id_,
        "object": "balance_transaction",
        "amount": amount,
        "available_on": created + (SETTLES_AFTER_SECONDS if amount > 0 else 0),
        "balance_type": "payments",
        "created": created,
        "currency": "usd",
        "description": given.get("description"),
        "exchange_rate": given.get("exchange_rate"),
        "fee": fee,
        "fee_details": [
            {"amount": part, "application": None, "currency": "usd", "description": text, "type": "stripe_fee"}
            for text, part in fees
        ],
        "net": amount - fee,
        "reporting_category": reporting_category,
        "source": source,
        "status": "pending" if amount > 0 else "available",
        "type": kind,
    }


def refund(id_: str, created: int, *, charge: StripeObject, amount: int, status: str, **given: Any) -> StripeObject:
    """Money on its way back to a card; `amount` in minor units of the charge's currency."""
    return {
        "id": id_,
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {
            "card": {
                "reference": None,
                "reference_status": "pending" if status == "pending" else "available",
                "reference_type": "acquirer_reference_number",
                "type": "pending" if status == "pending" else "refund",
            },
            "type": "card",
        },
        "metadata": given.get("metadata") or {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": given.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    } | ({"pending_reason": "processing"} if status == "pending" else {})


def dispute(
    id_: str, created: int, *, charge: StripeObject, amount: int, reason: str, status: str, **given: Any
) -> StripeObject:
    """A bank's challenge; `due_by` in unix seconds is the last moment for evidence, None or 0 when it takes none."""
    network_reason = given.get("network_reason_code")
    card = charge["payment_method_details"]["card"]
    return {
        "id": id_,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys(EVIDENCE_FIELDS) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": given.get("due_by"),
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": status.startswith("warning_"),
        "livemode": False,
        "metadata": given.get("metadata") or {},
        "network_reason_code": network_reason,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": card["brand"],
                "case_type": "inquiry" if status.startswith("warning_") else "chargeback",
                "network": card["network"],
                "network_reason_code": network_reason,
            },
            "type": "card",
        },
        "reason": reason,
        "status": status,
    }
