"""Who pays and with what: customers and their cards."""

from typing import Any

from sandbox.objects import StripeObject, address


def customer(id_: str, created: int, *, invoice_prefix: str, **given: Any) -> StripeObject:
    """A customer; `balance` in minor units, negative when they have credit."""
    return {
        "id": id_,
        "object": "customer",
        "address": address(given.get("address")),
        "balance": int(given.get("balance") or 0),
        "business_name": given.get("business_name"),
        "created": created,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": given.get("description"),
        "discount": None,
        "email": given.get("email"),
        "individual_name": given.get("individual_name"),
        "invoice_prefix": invoice_prefix,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": (given.get("invoice_settings") or {}).get("default_payment_method"),
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": given.get("metadata") or {},
        "name": given.get("name"),
        "next_invoice_sequence": 1,
        "phone": given.get("phone"),
        "preferred_locales": given.get("preferred_locales") or [],
        "shipping": given.get("shipping"),
        "tax_exempt": given.get("tax_exempt") or "none",
        "test_clock": None,
    }


def billing_details(owner: StripeObject | None) -> StripeObject:
    """Name and address as the bank sees them."""
    owner = owner or {}
    empty = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}
    return {
        "address": dict(owner.get("address") or empty),
        "email": owner.get("email"),
        "name": owner.get("name"),
        "phone": owner.get("phone"),
        "tax_id": None,
    }


def card(*, brand: str, last4: str, fingerprint: str, country: str, exp_month: int, exp_year: int) -> StripeObject:
    """A card as a payment method shows it."""
    return {
        "brand": brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": "pass", "cvc_check": "pass"},
        "country": country,
        "display_brand": brand,
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": fingerprint,
        "funding": "credit",
        "generated_from": None,
        "last4": last4,
        "networks": {"available": [brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def payment_method(id_: str, created: int, *, card_details: StripeObject, **given: Any) -> StripeObject:
    """A card on file, attached to a customer or not yet."""
    return {
        "id": id_,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": given.get("billing_details") or billing_details(None),
        "card": card_details,
        "created": created,
        "customer": given.get("customer"),
        "customer_account": None,
        "livemode": False,
        "metadata": given.get("metadata") or {},
        "type": "card",
    }


def charged_card(card_details: StripeObject, *, authorized_minor: int | None, code: str | None) -> StripeObject:
    """The card of a payment method as a charge remembers it."""
    return {
        "amount_authorized": authorized_minor,
        "authorization_code": code,
        "brand": card_details["brand"],
        "checks": dict(card_details["checks"]),
        "country": card_details["country"],
        "exp_month": card_details["exp_month"],
        "exp_year": card_details["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card_details["fingerprint"],
        "funding": card_details["funding"],
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card_details["last4"],
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card_details["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": authorized_minor or 0, "status": "unavailable"},
        "regulated_status": card_details["regulated_status"],
        "three_d_secure": None,
        "transaction_link_id": None,
        "wallet": None,
    }
