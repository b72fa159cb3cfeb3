"""Attempts to take money: payment intents and charges."""

from typing import Any

from sandbox.objects import StripeObject

_NULL_ON_INTENT = (
    "application",
    "application_fee_amount",
    "canceled_at",
    "cancellation_reason",
    "customer_account",
    "excluded_payment_method_types",
    "last_payment_error",
    "latest_charge",
    "next_action",
    "on_behalf_of",
    "payment_method_configuration_details",
    "processing",
    "review",
    "shipping",
    "source",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
)


def payment_intent(id_: str, created: int, *, amount: int, currency: str, **given: Any) -> StripeObject:
    """An attempt to collect `amount` minor units, not yet confirmed."""
    return {
        "id": id_,
        "object": "payment_intent",
        **dict.fromkeys(_NULL_ON_INTENT),
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "automatic_payment_methods": given.get("automatic_payment_methods"),
        "capture_method": "automatic_async",
        "client_secret": f"{id_}_secret_sandbox",
        "confirmation_method": "automatic",
        "created": created,
        "currency": currency,
        "customer": given.get("customer"),
        "description": given.get("description"),
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": given.get("metadata") or {},
        "payment_method": given.get("payment_method"),
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card"],
        "receipt_email": given.get("receipt_email"),
        "setup_future_usage": given.get("setup_future_usage"),
        "status": "requires_confirmation" if given.get("payment_method") else "requires_payment_method",
    }


def charge(id_: str, created: int, *, amount: int, currency: str, outcome: StripeObject, **given: Any) -> StripeObject:
    """One try on one card, succeeded or failed; `amount` in minor units of `currency`."""
    succeeded = outcome["type"] == "authorized"
    return {
        "id": id_,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount if succeeded else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": given["billing_details"],
        "calculated_statement_descriptor": "ACME COPILOT",
        "captured": succeeded,
        "created": created,
        "currency": currency,
        "customer": given.get("customer"),
        "description": given.get("description"),
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": given.get("failure_code"),
        "failure_message": given.get("failure_message"),
        "fraud_details": {},
        "livemode": False,
        "metadata": given.get("metadata") or {},
        "on_behalf_of": None,
        "outcome": outcome,
        "paid": succeeded,
        "payment_intent": given.get("payment_intent"),
        "payment_method": given.get("payment_method"),
        "payment_method_details": {"card": given["card"], "type": "card"},
        "radar_options": {},
        "receipt_email": given.get("receipt_email"),
        "receipt_number": None,
        "receipt_url": f"https://pay.stripe.com/receipts/{id_}" if succeeded else None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded" if succeeded else "failed",
        "transfer_data": None,
        "transfer_group": None,
    }


def authorized() -> StripeObject:
    """The outcome of a charge that the bank let through."""
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "normal",
        "risk_score": 12,
        "seller_message": "Payment complete.",
        "type": "authorized",
    }


def refused(
    *,
    reason: str,
    advice_code: str | None,
    network_advice_code: str | None,
    network_decline_code: str | None,
    is_blocked: bool,
) -> StripeObject:
    """The outcome of a charge that the bank, or Stripe before asking the bank, refused."""
    return {
        "advice_code": advice_code,
        "network_advice_code": network_advice_code,
        "network_decline_code": network_decline_code,
        "network_status": "not_sent_to_network" if is_blocked else "declined_by_network",
        "reason": reason,
        "risk_level": "highest" if is_blocked else "normal",
        "risk_score": 92 if is_blocked else 18,
        "seller_message": "Stripe blocked this payment."
        if is_blocked
        else f"The bank returned the decline code `{reason}`.",
        "type": "blocked" if is_blocked else "issuer_declined",
    }
