"""What a quantity costs under a recurring price of Stripe, for one whole period and before discounts."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any


def whole_period_minor(price: Mapping[str, Any], quantity: int) -> int | None:
    """The list amount of `quantity` for one period, in minor units of the price's currency; None where it cannot be known.

    It cannot for metered prices, whose quantity is what will have been used, and for tiers that did not come with the price.
    Rules: docs.stripe.com/products-prices/pricing-models; an amount is rounded once, half away from zero.
    """
    if (price.get("recurring") or {}).get("usage_type") == "metered":
        return None
    if price.get("billing_scheme") == "tiered":
        tiers = price.get("tiers")
        return None if not tiers else _tiered(tiers, str(price.get("tiers_mode")), quantity)
    unit = price.get("unit_amount_decimal", price.get("unit_amount"))
    if unit is None:
        return None
    packs = price.get("transform_quantity")
    if packs:
        size = int(packs["divide_by"])
        quantity = -(-quantity // size) if packs["round"] == "up" else quantity // size
    return _rounded(Decimal(str(unit)) * quantity)


def less_percent(amount_minor: int, percent_off: str) -> int:
    """An amount after a percentage discount; the discount is rounded half away from zero, and never more than all."""
    percent = min(Decimal(percent_off), Decimal(100))
    return amount_minor - _rounded(Decimal(amount_minor) * percent / 100)


def _tiered(tiers: Sequence[Mapping[str, Any]], mode: str, quantity: int) -> int:
    """Volume: all units at the tier that the quantity reaches. Graduated: each unit at its own tier."""
    total, below = Decimal(0), 0
    for tier in tiers:
        unit, flat = (Decimal(str(tier.get(f"{name}_amount_decimal") or 0)) for name in ("unit", "flat"))
        top = quantity if tier.get("up_to") is None else int(tier["up_to"])
        is_last = quantity <= top
        if mode == "volume":
            if is_last:
                return _rounded(unit * quantity + flat)
            continue
        inside = min(quantity, top) - below
        if inside > 0 or below == 0:
            total += unit * inside + flat
        if is_last:
            break
        below = top
    return _rounded(total)


def _rounded(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))
