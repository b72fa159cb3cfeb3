"""Whole-number money arithmetic: rounding, shares, tiers and the day's exchange rate, all in minor units."""

import hashlib
from decimal import ROUND_HALF_UP, Decimal

from sandbox.billing.calendar import DAY
from sandbox.objects import StripeObject

RATE_SCALE = 100_000  # exchange rates have five decimals


def rounded(value: Decimal) -> int:
    """Half away from zero, as Stripe rounds amounts."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def share(amount: int, part: int, whole: int) -> int:
    """amount * part / whole, rounded half away from zero."""
    return rounded(Decimal(amount) * part / whole)


def percent_of(amount: int, percent: object) -> int:
    """A percentage of an amount, rounded half away from zero."""
    return rounded(Decimal(amount) * Decimal(str(percent)) / 100)


def contained_percent(amount: int, percent: object) -> int:
    """The tax contained in an amount that includes it: amount - amount / (1 + percent/100)."""
    rate = Decimal(str(percent)) / 100
    return amount - rounded(Decimal(amount) / (1 + rate))


def allocate(total: int, weights: list[int]) -> list[int]:
    """`total` split by weight so that the parts add up; what rounding leaves goes to the earliest parts."""
    whole = sum(weights)
    if whole == 0:
        return [0 for _ in weights]
    parts = [total * weight // whole for weight in weights]
    for place in range(total - sum(parts)):
        parts[place % len(parts)] += 1
    return parts


def price_amount(price: StripeObject, quantity: int) -> int:
    """What `quantity` units cost under a flat, per-unit or tiered price, in minor units."""
    if price["billing_scheme"] == "tiered":
        return tiered_amount(price["tiers"], price["tiers_mode"], quantity)
    divide = price.get("transform_quantity")
    if divide:
        extra = 1 if divide["round"] == "up" and quantity % int(divide["divide_by"]) else 0
        quantity = quantity // int(divide["divide_by"]) + extra
    return rounded(Decimal(price["unit_amount_decimal"]) * quantity)


def tiered_amount(tiers: list[StripeObject], mode: str, quantity: int) -> int:
    """Graduated: each unit at its own tier's price. Volume: all units at the price of the tier reached."""
    total, below = Decimal(0), 0
    for tier in tiers:
        unit = Decimal(tier["unit_amount_decimal"] or 0)
        flat = Decimal(tier["flat_amount_decimal"] or 0)
        top = tier["up_to"]
        reached = top is None or quantity <= top
        if mode == "volume":
            if reached:
                return rounded(unit * quantity + flat)
            continue
        inside = quantity - below if reached else top - below
        if inside > 0 or below == 0:
            total += unit * inside + flat
        if reached:
            break
        below = top
    return rounded(total)


def usd_per_unit(currency: str, at: int) -> int:
    """The dated rate, one per UTC day: US dollars per one unit of `currency`, in hundred-thousandths.

    Deterministic without a source: a slow swell around 1.12 for the euro and a small daily jitter.
    """
    if currency == "usd":
        return RATE_SCALE
    if currency != "eur":
        base = {"gbp": 129_500, "chf": 118_200, "cad": 71_900}
        return base.get(currency, RATE_SCALE)
    day = at // DAY
    # A triangle wave of 240 days and ±2.4 cents needs no floating point.
    phase = day % 240
    swell = (phase if phase < 120 else 240 - phase) * 40 - 2_400
    jitter = hashlib.sha256(f"eurusd:{day}".encode()).digest()[0] - 128
    return 112_000 + swell + 2 * jitter


def settle(amount: int, currency: str, at: int) -> tuple[int, float | None]:
    """An amount in its settlement currency usd, and Stripe's `exchange_rate` (None when nothing was exchanged)."""
    if currency == "usd":
        return amount, None
    rate = usd_per_unit(currency, at)
    return share(amount, rate, RATE_SCALE), rate / RATE_SCALE
