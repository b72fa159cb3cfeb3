"""What is asked for: invoices, their lines, pending invoice items and the payments made toward them."""

from typing import Any

from sandbox.objects import StripeObject, listing

_NULL = (
    "account_tax_ids",
    "application",
    "custom_fields",
    "default_source",
    "due_date",
    "effective_at",
    "ending_balance",
    "footer",
    "from_invoice",
    "hosted_invoice_url",
    "invoice_pdf",
    "last_finalization_error",
    "latest_revision",
    "number",
    "on_behalf_of",
    "receipt_number",
    "rendering",
    "shipping_cost",
    "shipping_details",
    "statement_descriptor",
    "status_details",
    "test_clock",
)


def invoice(id_: str, created: int, *, customer: StripeObject, currency: str, **given: Any) -> StripeObject:
    """A draft invoice without lines; amounts in minor units of `currency`, times in unix seconds."""
    return {
        "id": id_,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Acme Copilot, Inc.",
        **_unset(),
        **_no_amounts(),
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": given.get("auto_advance", True),
        "automatically_finalizes_at": given.get("automatically_finalizes_at"),
        "billing_reason": given.get("billing_reason") or "manual",
        "collection_method": given.get("collection_method") or "charge_automatically",
        "created": created,
        "currency": currency,
        **_customer_fields(customer),
        "default_payment_method": given.get("default_payment_method"),
        "default_tax_rates": given.get("default_tax_rates") or [],
        "description": given.get("description"),
        "discounts": given.get("discounts") or [],
        "issuer": {"type": "self"},
        "lines": listing(f"/v1/invoices/{id_}/lines", []),
        "livemode": False,
        "metadata": given.get("metadata") or {},
        "next_payment_attempt": given.get("next_payment_attempt"),
        "parent": given.get("parent"),
        "period_end": given["period_end"],
        "period_start": given["period_start"],
        "status": "draft",
        "webhooks_delivered_at": created,
    }


def _unset() -> StripeObject:
    """What a new draft has not been given, and what the sandbox never gives."""
    transitions = ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")
    return dict.fromkeys(_NULL) | {
        "automatic_tax": dict.fromkeys(("disabled_reason", "liability", "provider", "status")) | {"enabled": False},
        "payment_settings": dict.fromkeys(("default_mandate", "payment_method_options", "payment_method_types")),
        "status_transitions": dict.fromkeys(transitions),
    }


def _no_amounts() -> StripeObject:
    counted = (
        "amount_due",
        "amount_overpaid",
        "amount_paid",
        "amount_remaining",
        "amount_shipping",
        "post_payment_credit_notes_amount",
        "pre_payment_credit_notes_amount",
        "starting_balance",
        "subtotal",
        "subtotal_excluding_tax",
        "total",
        "total_excluding_tax",
    )
    listed = ("total_discount_amounts", "total_pretax_credit_amounts", "total_taxes")
    return dict.fromkeys(counted, 0) | {key: [] for key in listed}


def _customer_fields(customer: StripeObject) -> StripeObject:
    return {
        "customer": customer["id"],
        "customer_account": None,
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": None,
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
    }


def line_item(
    id_: str, *, invoice_id: str, amount: int, currency: str, quantity: int | None, **given: Any
) -> StripeObject:
    """One line; `amount` in minor units before discounts, credits and exclusive taxes; the period's end is exclusive."""
    price = given.get("price")
    return {
        "id": id_,
        "object": "line_item",
        "amount": amount,
        "currency": currency,
        "description": given.get("description"),
        "discount_amounts": [],
        "discountable": given.get("discountable", True),
        "discounts": [],
        "invoice": invoice_id,
        "livemode": False,
        "metadata": given.get("metadata") or {},
        "parent": given.get("parent"),
        "period": {"end": given["period_end"], "start": given["period_start"]},
        "pretax_credit_amounts": [],
        "pricing": price
        and {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": quantity,
        "quantity_decimal": None if quantity is None else str(quantity),
        "subscription": given.get("subscription"),
        "subtotal": amount,
        "taxes": [],
    }


def item_parent(subscription_id: str, item_id: str) -> StripeObject:
    """The parent of a line that a subscription item billed by itself."""
    return {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": False,
            "proration_details": None,
            "subscription": subscription_id,
            "subscription_item": item_id,
        },
        "type": "subscription_item_details",
    }


def invoiceitem_parent(invoiceitem: StripeObject) -> StripeObject:
    """The parent of a line that came from a pending invoice item, a proration for example."""
    details = (invoiceitem["parent"] or {}).get("subscription_details") or {}
    credited = (invoiceitem["proration_details"] or {}).get("credited_items") or {}
    credited_lines = credited.get("invoice_line_item_details")
    proration_details = {"credited_items": credited_lines} if invoiceitem["proration"] else None
    if details.get("subscription_item"):
        return {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": invoiceitem["id"],
                "proration": invoiceitem["proration"],
                "proration_details": proration_details,
                "subscription": details["subscription"],
                "subscription_item": details["subscription_item"],
            },
            "type": "subscription_item_details",
        }
    return {
        "invoice_item_details": {
            "invoice_item": invoiceitem["id"],
            "proration": invoiceitem["proration"],
            "proration_details": proration_details,
            "subscription": details.get("subscription"),
        },
        "subscription_item_details": None,
        "type": "invoice_item_details",
    }


def invoiceitem(id_: str, created: int, *, customer_id: str, amount: int, currency: str, **given: Any) -> StripeObject:
    """An amount that waits for the next invoice (or belongs to one); minor units."""
    price = given.get("price")
    subscription_id = given.get("subscription")
    quantity = given.get("quantity", 1)
    return {
        "id": id_,
        "object": "invoiceitem",
        "amount": amount,
        "currency": currency,
        "customer": customer_id,
        "customer_account": None,
        "date": created,
        "description": given.get("description"),
        "discountable": given.get("discountable", True),
        "discounts": [],
        "invoice": given.get("invoice"),
        "livemode": False,
        "metadata": given.get("metadata") or {},
        "net_amount": amount,
        "parent": subscription_id
        and {
            "subscription_details": {
                "subscription": subscription_id,
                "subscription_item": given.get("subscription_item"),
            },
            "type": "subscription_details",
        },
        "period": {"end": given["period_end"], "start": given["period_start"]},
        "pricing": price
        and {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "proration": bool(given.get("proration")),
        "proration_details": {"discount_amounts": []} if given.get("proration") else None,
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "tax_rates": [],
        "test_clock": None,
    }


def invoice_payment(id_: str, created: int, *, invoice: StripeObject, payment_intent_id: str) -> StripeObject:
    """The link between an invoice and the payment intent that is to pay it."""
    return {
        "id": id_,
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice["amount_remaining"],
        "created": created,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": payment_intent_id, "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }
