"""What is asked for: invoices, their lines, pending invoice items and the payments made toward them."""

from typing import Any

from sandbox.objects import StripeObject, listing


def invoice(id_: str, created: int, *, customer: StripeObject, currency: str, **given: Any) -> StripeObject:
    """A draft invoice without lines; amounts in minor units of `currency`, times in unix seconds."""
    return {
        "id": id_,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Acme Copilot, Inc.",
        "account_tax_ids": None,
        **_no_amounts(),
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": given.get("auto_advance", True),
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": given.get("automatically_finalizes_at"),
        "billing_reason": given.get("billing_reason") or "manual",
        "collection_method": given.get("collection_method") or "charge_automatically",
        "created": created,
        "currency": currency,
        "custom_fields": None,
        **_customer_fields(customer),
        "default_payment_method": given.get("default_payment_method"),
        "default_source": None,
        "default_tax_rates": given.get("default_tax_rates") or [],
        "description": given.get("description"),
        "discounts": given.get("discounts") or [],
        "due_date": None,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": listing(f"/v1/invoices/{id_}/lines", []),
        "livemode": False,
        "metadata": given.get("metadata") or {},
        "next_payment_attempt": given.get("next_payment_attempt"),
        "number": None,
        "on_behalf_of": None,
        "parent": given.get("parent"),
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": given["period_end"],
        "period_start": given["period_start"],
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "statement_descriptor": None,
        "status": "draft",
        "status_details": None,
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "test_clock": None,
        "webhooks_delivered_at": created,
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
    proration_details = {"credited_items": None} if invoiceitem["proration"] else None
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
