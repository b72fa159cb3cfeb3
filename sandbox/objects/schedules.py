"""What a subscription is to become, phase by phase: subscription schedules."""

from typing import Any

from sandbox.objects import StripeObject


def _invoice_settings() -> StripeObject:
    unset = ("account_tax_ids", "custom_fields", "days_until_due", "description", "footer")
    return dict.fromkeys(unset) | {"issuer": {"type": "self"}}


def subscription_schedule(id_: str, created: int, *, customer_id: str, **given: Any) -> StripeObject:
    """A schedule that has not begun; all times in unix seconds."""
    unset = (
        "application",
        "canceled_at",
        "completed_at",
        "current_phase",
        "customer_account",
        "released_at",
        "released_subscription",
        "subscription",
        "test_clock",
    )
    return {
        "id": id_,
        "object": "subscription_schedule",
        **dict.fromkeys(unset),
        "billing_mode": given["billing_mode"],
        "created": created,
        "customer": customer_id,
        "default_settings": {
            "application_fee_percent": None,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": "automatic",
            "billing_thresholds": None,
            "collection_method": "charge_automatically",
            "default_payment_method": None,
            "description": None,
            **given.get("default_settings", {}),
            "invoice_settings": _invoice_settings(),
            "on_behalf_of": None,
            "transfer_data": None,
        },
        "end_behavior": given["end_behavior"],
        "livemode": False,
        "metadata": given.get("metadata") or {},
        "pause_schedules": [],
        "phases": given["phases"],
        "status": "not_started",
    }


def phase(*, currency: str, items: list[StripeObject], start: int, end: int, **given: Any) -> StripeObject:
    """One phase, from `start` until before `end`; of what is None the subscription keeps its own."""
    return {
        "add_invoice_items": given.get("add_invoice_items") or [],
        "application_fee_percent": None,
        "automatic_tax": None,
        "billing_cycle_anchor": given.get("billing_cycle_anchor"),
        "billing_thresholds": None,
        "collection_method": given.get("collection_method"),
        "currency": currency,
        "default_payment_method": given.get("default_payment_method"),
        "default_tax_rates": [],
        "description": given.get("description"),
        "discounts": given.get("discounts") or [],
        "end_date": end,
        "invoice_settings": None,
        "items": items,
        "metadata": given.get("metadata") or {},
        "on_behalf_of": None,
        "proration_behavior": given.get("proration_behavior") or "create_prorations",
        "start_date": start,
        "transfer_data": None,
        "trial_end": given.get("trial_end"),
    }


def phase_item(price_id: str, quantity: int | None, metadata: dict[str, str]) -> StripeObject:
    """One price within a phase; a metered one has no quantity."""
    made: StripeObject = {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": metadata,
        "plan": price_id,
        "price": price_id,
        "tax_rates": [],
    }
    return made if quantity is None else made | {"quantity": quantity}
