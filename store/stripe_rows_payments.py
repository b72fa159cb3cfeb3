"""The typed columns of money's movements: payments, charges, refunds, disputes, payouts, balance transactions; and of events."""

from collections.abc import Mapping
from typing import Any

from store.stripe_values import exact, inside, moment, reference

Raw = Mapping[str, Any]
Row = dict[str, Any]


def invoice_payment(raw: Raw) -> Row:
    """Which payment paid (or is to pay) which invoice: the only way from a charge to its invoice."""
    payment = raw.get("payment")
    return {
        "invoice_id": reference(raw.get("invoice")),
        "payment_intent_id": reference(inside(payment, "payment_intent")),
        "charge_id": reference(inside(payment, "charge")),
        "status": raw.get("status"),
        "amount_paid_minor": raw.get("amount_paid"),
        "amount_requested_minor": raw.get("amount_requested"),
        "currency": raw.get("currency"),
        "is_default": raw.get("is_default"),
        "paid_at": moment(inside(raw, "status_transitions", "paid_at")),
    }


def payment_intent(raw: Raw) -> Row:
    """An attempt to collect money, and why the last try failed."""
    return {
        "customer_id": reference(raw.get("customer")),
        "amount_minor": raw.get("amount"),
        "currency": raw.get("currency"),
        "status": raw.get("status"),
        "latest_charge_id": reference(raw.get("latest_charge")),
        "last_error_code": inside(raw, "last_payment_error", "code"),
        "last_decline_code": inside(raw, "last_payment_error", "decline_code"),
    }


def charge(raw: Raw) -> Row:
    """One try on one card. For a failed one Stripe gives the bank's decline code as the outcome's reason."""
    outcome = raw.get("outcome")
    has_failed = raw.get("status") == "failed"
    return {
        "customer_id": reference(raw.get("customer")),
        "payment_intent_id": reference(raw.get("payment_intent")),
        "amount_minor": raw.get("amount"),
        "amount_captured_minor": raw.get("amount_captured"),
        "amount_refunded_minor": raw.get("amount_refunded"),
        "currency": raw.get("currency"),
        "status": raw.get("status"),
        "is_paid": raw.get("paid"),
        "is_disputed": raw.get("disputed"),
        "failure_code": raw.get("failure_code"),
        "decline_code": inside(outcome, "reason") if has_failed else None,
        "advice_code": inside(outcome, "advice_code"),
        "network_decline_code": inside(outcome, "network_decline_code"),
        "balance_transaction_id": reference(raw.get("balance_transaction")),
        "metadata": raw.get("metadata"),
    }


def refund(raw: Raw) -> Row:
    """Money given back; a succeeded refund may still fail later."""
    return {
        "charge_id": reference(raw.get("charge")),
        "payment_intent_id": reference(raw.get("payment_intent")),
        "amount_minor": raw.get("amount"),
        "currency": raw.get("currency"),
        "status": raw.get("status"),
        "reason": raw.get("reason"),
        "failure_reason": raw.get("failure_reason"),
        "balance_transaction_id": reference(raw.get("balance_transaction")),
        "metadata": raw.get("metadata"),
    }


def dispute(raw: Raw) -> Row:
    """A charge questioned at the bank; `due_by` is None where no answer is possible (Stripe writes 0 or null)."""
    return {
        "charge_id": reference(raw.get("charge")),
        "payment_intent_id": reference(raw.get("payment_intent")),
        "amount_minor": raw.get("amount"),
        "currency": raw.get("currency"),
        "status": raw.get("status"),
        "reason": raw.get("reason"),
        "due_by": moment(inside(raw, "evidence_details", "due_by") or None),
        "network_reason_code": inside(raw, "payment_method_details", "card", "network_reason_code"),
    }


def early_fraud_warning(raw: Raw) -> Row:
    """A card issuer's word that a payment may be fraud, before any dispute; actionable while it is neither disputed nor refunded."""
    return {
        "charge_id": reference(raw.get("charge")),
        "payment_intent_id": reference(raw.get("payment_intent")),
        "fraud_type": raw.get("fraud_type"),
        "is_actionable": raw.get("actionable"),
    }


def balance_transaction(raw: Raw) -> Row:
    """A change of the Stripe balance, in minor units of the settlement currency; net = amount less fee."""
    return {
        "type": raw.get("type"),
        "reporting_category": raw.get("reporting_category"),
        "amount_minor": raw.get("amount"),
        "fee_minor": raw.get("fee"),
        "net_minor": raw.get("net"),
        "currency": raw.get("currency"),
        "exchange_rate": exact(raw.get("exchange_rate")),
        "source_id": reference(raw.get("source")),
        "available_at": moment(raw.get("available_on")),
        "description": raw.get("description"),
    }


def payout(raw: Raw) -> Row:
    """Money sent to the bank; only an automatic one is made of balance transactions, and they do not name it."""
    return {
        "amount_minor": raw.get("amount"),
        "currency": raw.get("currency"),
        "status": raw.get("status"),
        "is_automatic": raw.get("automatic"),
        "failure_code": raw.get("failure_code"),
        "balance_transaction_id": reference(raw.get("balance_transaction")),
        "arrival_at": moment(raw.get("arrival_date")),
    }


def event(raw: Raw) -> Row:
    """That something happened to an object; `object_id` is None for previews, which have none."""
    subject = inside(raw, "data", "object")
    return {
        "type": raw.get("type"),
        "object_id": reference(inside(subject, "id")),
        "object_type": inside(subject, "object"),
        "api_version": raw.get("api_version"),
    }
