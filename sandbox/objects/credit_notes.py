"""What takes back part of an invoice: credit notes, their lines, and the movements of a customer's balance."""

from typing import Any

from sandbox.objects import StripeObject, listing


def credit_note(id_: str, created: int, *, invoice: StripeObject, number: str, **given: Any) -> StripeObject:
    """An issued credit note; amounts in minor units of the invoice's currency, `total` after discounts with tax."""
    total = given["total"]
    return {
        "id": id_,
        "object": "credit_note",
        "amount": total,
        "amount_shipping": 0,
        "created": created,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_account": None,
        "customer_balance_transaction": None,
        "discount_amount": sum(part["amount"] for part in given["discount_amounts"]),
        "discount_amounts": given["discount_amounts"],
        "effective_at": given.get("effective_at") or created,
        "invoice": invoice["id"],
        "lines": listing(f"/v1/credit_notes/{id_}/lines", given["lines"]),
        "livemode": False,
        "memo": given.get("memo"),
        "metadata": given.get("metadata") or {},
        "number": number,
        "out_of_band_amount": given.get("out_of_band_amount"),
        "pdf": f"https://pay.stripe.com/credit_notes/acct_sandbox/{id_}/pdf",
        "post_payment_amount": total if given["is_paid"] else 0,
        "pre_payment_amount": 0 if given["is_paid"] else total,
        "pretax_credit_amounts": given["pretax_credit_amounts"],
        "reason": given.get("reason"),
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "subtotal": given["subtotal"],
        "subtotal_excluding_tax": given["subtotal"] - given["inclusive_tax"],
        "total": total,
        "total_excluding_tax": given["total_excluding_tax"],
        "total_taxes": given["total_taxes"],
        "type": "post_payment" if given["is_paid"] else "pre_payment",
        "voided_at": None,
    }


def credit_note_line(id_: str, *, amount: int, **given: Any) -> StripeObject:
    """One line; `amount` before discounts and exclusive tax. Without `invoice_line_item` it is a custom one."""
    discounts = given.get("discount_amounts") or []
    unit_amount = given.get("unit_amount")
    return {
        "id": id_,
        "object": "credit_note_line_item",
        "amount": amount,
        "description": given.get("description"),
        "discount_amount": sum(part["amount"] for part in discounts),
        "discount_amounts": discounts,
        "invoice_line_item": given.get("invoice_line_item"),
        "livemode": False,
        "metadata": given.get("metadata") or {},
        "pretax_credit_amounts": given.get("pretax_credit_amounts") or [],
        "quantity": given.get("quantity"),
        "tax_rates": given.get("tax_rates") or [],
        "taxes": given.get("taxes") or [],
        "type": "invoice_line_item" if given.get("invoice_line_item") else "custom_line_item",
        "unit_amount": unit_amount,
        "unit_amount_decimal": None if unit_amount is None else str(unit_amount),
    }


def customer_balance_transaction(
    id_: str, created: int, *, customer: StripeObject, amount: int, currency: str, kind: str, **given: Any
) -> StripeObject:
    """A movement of the balance that was already changed; a negative amount is the customer's credit."""
    return {
        "id": id_,
        "object": "customer_balance_transaction",
        "amount": amount,
        "checkout_session": None,
        "created": created,
        "credit_note": given.get("credit_note"),
        "currency": currency,
        "customer": customer["id"],
        "customer_account": None,
        "description": None,
        "ending_balance": customer["balance"],
        "invoice": given.get("invoice"),
        "livemode": False,
        "metadata": {},
        "type": kind,
    }
