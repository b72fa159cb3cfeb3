"""The sums of an invoice: lines, less discounts, less credits, plus exclusive tax; each noted line by line."""

from typing import Any

from sandbox.billing.arithmetic import allocate, contained_percent, percent_of
from sandbox.billing.credits import apply_credits
from sandbox.objects import StripeObject
from sandbox.state import State


def compute(state: State, invoice: StripeObject, *, uses_credits: bool) -> None:
    """Fill in every amount of a draft. Credits are used up only once, at finalization."""
    lines = invoice["lines"]["data"]
    for line in lines:
        line["discount_amounts"], line["taxes"] = [], []
        line["pretax_credit_amounts"] = []
        _take_prorated_discounts(state, line)
    for discount_id in invoice["discounts"]:
        _discount_lines(state, invoice, discount_id)
    for line in lines:
        reduced = _net(line)
        if uses_credits and reduced > 0 and _is_metered(state, line):
            apply_credits(state, invoice, line, reduced)
        _tax_line(invoice, line)
    _sum_up(invoice)


def _take_prorated_discounts(state: State, line: StripeObject) -> None:
    """An itemized proration brings its own discounts, a share of those of the line it changes."""
    details = (line["parent"] or {}).get("subscription_item_details") or {}
    item = state.objects["invoiceitem"].get(details.get("invoice_item") or "")
    for part in (item["proration_details"] or {}).get("discount_amounts", []) if item else []:
        line["discount_amounts"].append(dict(part))
        line["pretax_credit_amounts"].append(part | {"type": "discount"})


def _discount_lines(state: State, invoice: StripeObject, discount_id: str) -> None:
    discount = state.objects["discount"][discount_id]
    coupon = state.objects["coupon"].get(discount["source"]["coupon"])
    if coupon is None or (discount["end"] is not None and discount["end"] <= invoice["created"]):
        return
    lines = [line for line in invoice["lines"]["data"] if line["discountable"] and line["amount"] > 0]
    bases = [_net(line) for line in lines]
    if coupon["percent_off"] is not None:
        parts = [percent_of(base, coupon["percent_off"]) for base in bases]
    elif coupon["currency"] == invoice["currency"]:
        parts = allocate(min(coupon["amount_off"], sum(bases)), bases)
    else:
        return
    for line, part in zip(lines, parts, strict=True):
        line["discount_amounts"].append({"amount": part, "discount": discount_id})
        line["pretax_credit_amounts"].append({"amount": part, "discount": discount_id, "type": "discount"})


def _net(line: StripeObject) -> int:
    """What is left of a line after discounts and credits, before tax."""
    return int(line["amount"]) - sum(int(part["amount"]) for part in line["pretax_credit_amounts"])


def _is_metered(state: State, line: StripeObject) -> bool:
    if not line["pricing"]:
        return False
    price = state.objects["price"][line["pricing"]["price_details"]["price"]]
    return bool(price["recurring"] and price["recurring"]["usage_type"] == "metered")


def _tax_line(invoice: StripeObject, line: StripeObject) -> None:
    exempt = invoice["customer_tax_exempt"]
    for rate in invoice["default_tax_rates"]:
        base = _net(line)
        if exempt in {"exempt", "reverse"}:
            amount = 0
        elif rate["inclusive"]:
            amount = contained_percent(base, rate["percentage"])
        else:
            amount = percent_of(base, rate["percentage"])
        line["taxes"].append(
            {
                "amount": amount,
                "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
                "tax_rate_details": {"tax_rate": rate["id"]},
                "taxability_reason": {"exempt": "customer_exempt", "reverse": "reverse_charge"}.get(
                    exempt, "standard_rated"
                ),
                "taxable_amount": base - amount if rate["inclusive"] else base,
                "type": "tax_rate_details",
            }
        )


def summed(parts: list[StripeObject], keys: tuple[str, ...], also: tuple[str, ...] = ()) -> list[StripeObject]:
    """Amounts of equal kind added up, in the order they were first met."""
    found: dict[tuple[Any, ...], StripeObject] = {}
    for part in parts:
        key = tuple(str(part.get(name)) for name in keys)
        if key in found:
            for name in ("amount", *also):
                found[key][name] += part[name]
        else:
            found[key] = dict(part)
    return list(found.values())


def _sum_up(invoice: StripeObject) -> None:
    lines = invoice["lines"]["data"]
    taxes = [tax for line in lines for tax in line["taxes"]]
    inclusive = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "inclusive")
    exclusive = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
    subtotal = sum(line["amount"] for line in lines)
    net = sum(_net(line) for line in lines)
    reductions = [part for line in lines for part in line["pretax_credit_amounts"]]
    invoice |= {
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - inclusive,
        "total": net + exclusive,
        "total_excluding_tax": net - inclusive,
        "total_discount_amounts": summed([p for line in lines for p in line["discount_amounts"]], ("discount",)),
        "total_pretax_credit_amounts": summed(reductions, ("type", "discount", "credit_balance_transaction")),
        "total_taxes": summed(taxes, ("tax_behavior", "tax_rate_details", "taxability_reason"), ("taxable_amount",)),
        "amount_due": max(0, net + exclusive),
        "amount_remaining": max(0, net + exclusive),
    }
