"""What a customer has agreed to pay again and again: subscriptions and their items, which carry the periods."""

from typing import Any

from sandbox.objects import StripeObject, listing
from sandbox.objects.catalog import plan, without_tiers

# What a new subscription has not yet, and what the sandbox never gives.
_NULL = (
    "application",
    "application_fee_percent",
    "billing_cycle_anchor_config",
    "billing_thresholds",
    "canceled_at",
    "customer_account",
    "default_source",
    "ended_at",
    "latest_invoice",
    "next_pending_invoice_item_invoice",
    "on_behalf_of",
    "pause_collection",
    "pending_invoice_item_interval",
    "pending_setup_intent",
    "pending_update",
    "schedule",
    "test_clock",
    "transfer_data",
)


def subscription(id_: str, created: int, *, customer_id: str, currency: str, **given: Any) -> StripeObject:
    """A subscription without items yet; all times in unix seconds."""
    return {
        "id": id_,
        "object": "subscription",
        **dict.fromkeys(_NULL),
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": given["anchor"],
        "billing_mode": given["billing_mode"],
        "billing_schedules": [],
        "cancel_at": None,
        "cancel_at_period_end": False,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": given.get("collection_method") or "charge_automatically",
        "created": created,
        "currency": currency,
        "customer": customer_id,
        "days_until_due": given.get("days_until_due"),
        "default_payment_method": given.get("default_payment_method"),
        "default_tax_rates": given.get("default_tax_rates") or [],
        "description": given.get("description"),
        "discounts": [],
        "invoice_settings": dict.fromkeys(("account_tax_ids", "custom_fields", "description", "footer"))
        | {"issuer": {"type": "self"}},
        "items": listing(f"/v1/subscription_items?subscription={id_}", []),
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": given.get("metadata") or {},
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "start_date": given["start_date"],
        "status": given["status"],
        "trial_end": given.get("trial_end"),
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": given.get("trial_start"),
    }


def subscription_item(
    id_: str, created: int, *, subscription_id: str, price: StripeObject, quantity: int | None, start: int, end: int
) -> StripeObject:
    """One price inside a subscription, paid up from `start` to `end` (unix seconds, end exclusive)."""
    item: StripeObject = {
        "id": id_,
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": created,
        "current_period_end": end,
        "current_period_start": start,
        "discounts": [],
        "metadata": {},
        "plan": plan(price),
        "price": without_tiers(price),
        "subscription": subscription_id,
        "tax_rates": [],
    }
    # Stripe leaves the quantity of a metered item out altogether.
    return item if quantity is None else item | {"quantity": quantity}
