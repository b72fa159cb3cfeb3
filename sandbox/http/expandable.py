"""What `expand` may reach: for each kind the places that hold an id, and the kind of object that they name."""

from collections.abc import Mapping

from sandbox.objects.money import EVIDENCE_FILES

# No object of the sandbox is ever named there: the place is always null, and asking for it is allowed.
NEVER = ""
# An id of several kinds: its prefix tells which.
ANY = "*"
BY_PREFIX = {"ch": "charge", "re": "refund", "dp": "dispute", "po": "payout"}

EXPANDABLE: Mapping[str, Mapping[str, str]] = {
    "balance_transaction": {"source": ANY},
    "billing.credit_balance_transaction": {
        "credit.credits_application_invoice_voided.invoice": "invoice",
        "credit_grant": "billing.credit_grant",
        "debit.credits_applied.invoice": "invoice",
        "test_clock": "test_helpers.test_clock",
    },
    "billing.credit_grant": {"customer": "customer", "test_clock": "test_helpers.test_clock"},
    "charge": {
        "application": NEVER,
        "application_fee": NEVER,
        "balance_transaction": "balance_transaction",
        "customer": "customer",
        "failure_balance_transaction": "balance_transaction",
        "on_behalf_of": NEVER,
        "payment_intent": "payment_intent",
        "review": NEVER,
        "source_transfer": NEVER,
    },
    "credit_note": {
        "customer": "customer",
        "customer_balance_transaction": "customer_balance_transaction",
        "discount_amounts.discount": "discount",
        "invoice": "invoice",
        "pretax_credit_amounts.discount": "discount",
        "refunds.refund": "refund",
    },
    "customer": {
        "default_source": NEVER,
        "invoice_settings.default_payment_method": "payment_method",
        "test_clock": "test_helpers.test_clock",
    },
    "customer_balance_transaction": {"credit_note": "credit_note", "customer": "customer", "invoice": "invoice"},
    "discount": {"customer": "customer", "promotion_code": NEVER, "source.coupon": "coupon"},
    "dispute": {
        "charge": "charge",
        "payment_intent": "payment_intent",
        **{f"evidence.{field}": "file" for field in EVIDENCE_FILES},
    },
    "invoice": {
        "account_tax_ids": NEVER,
        "application": NEVER,
        "customer": "customer",
        "default_payment_method": "payment_method",
        "default_source": NEVER,
        "discounts": "discount",
        "latest_revision": "invoice",
        "on_behalf_of": NEVER,
        "parent.subscription_details.subscription": "subscription",
        "test_clock": "test_helpers.test_clock",
        "total_discount_amounts.discount": "discount",
        "total_pretax_credit_amounts.credit_balance_transaction": "billing.credit_balance_transaction",
        "total_pretax_credit_amounts.discount": "discount",
    },
    "invoice_payment": {"invoice": "invoice", "payment.charge": "charge", "payment.payment_intent": "payment_intent"},
    "invoiceitem": {
        "customer": "customer",
        "discounts": "discount",
        "invoice": "invoice",
        "pricing.price_details.price": "price",
        "test_clock": "test_helpers.test_clock",
    },
    "line_item": {
        "discount_amounts.discount": "discount",
        "discounts": "discount",
        "pretax_credit_amounts.credit_balance_transaction": "billing.credit_balance_transaction",
        "pretax_credit_amounts.discount": "discount",
        "pricing.price_details.price": "price",
        "subscription": "subscription",
    },
    "payment_intent": {
        "application": NEVER,
        "customer": "customer",
        "latest_charge": "charge",
        "on_behalf_of": NEVER,
        "payment_method": "payment_method",
        "review": NEVER,
    },
    "payment_method": {"customer": "customer"},
    "plan": {"product": "product"},
    "payout": {
        "application_fee": NEVER,
        "balance_transaction": "balance_transaction",
        "destination": NEVER,
        "failure_balance_transaction": "balance_transaction",
        "original_payout": NEVER,
        "reversed_by": NEVER,
    },
    "price": {"product": "product"},
    "product": {"default_price": "price", "tax_code": NEVER},
    "radar.early_fraud_warning": {"charge": "charge", "payment_intent": "payment_intent"},
    "refund": {
        "balance_transaction": "balance_transaction",
        "charge": "charge",
        "customer": "customer",
        "failure_balance_transaction": "balance_transaction",
        "payment_intent": "payment_intent",
        "payment_method": "payment_method",
        "source_transfer_reversal": NEVER,
        "transfer_reversal": NEVER,
    },
    "subscription": {
        "application": NEVER,
        "customer": "customer",
        "default_payment_method": "payment_method",
        "default_source": NEVER,
        "discounts": "discount",
        "latest_invoice": "invoice",
        "on_behalf_of": NEVER,
        "pending_setup_intent": NEVER,
        "schedule": "subscription_schedule",
        "test_clock": "test_helpers.test_clock",
    },
    "subscription_schedule": {
        "application": NEVER,
        "customer": "customer",
        "phases.items.price": "price",
        "subscription": "subscription",
        "test_clock": "test_helpers.test_clock",
    },
    "subscription_item": {"discounts": "discount"},
}
