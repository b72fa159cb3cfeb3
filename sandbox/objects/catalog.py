"""What is sold and how it is reduced or taxed: products, prices, plans, coupons, discounts, tax rates, meters."""

from decimal import Decimal
from typing import Any

from sandbox.objects import StripeObject


def product(id_: str, created: int, *, name: str, **given: Any) -> StripeObject:
    """A product; `created` in unix seconds."""
    return {
        "id": id_,
        "object": "product",
        "active": given.get("active", True),
        "created": created,
        "default_price": given.get("default_price"),
        "description": given.get("description"),
        "images": given.get("images") or [],
        "livemode": False,
        "marketing_features": given.get("marketing_features") or [],
        "metadata": given.get("metadata") or {},
        "name": name,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": given.get("statement_descriptor"),
        "tax_code": given.get("tax_code"),
        "type": "service",
        "unit_label": given.get("unit_label"),
        "updated": created,
        "url": given.get("url"),
    }


def price(
    id_: str,
    created: int,
    *,
    product_id: str,
    currency: str,
    unit_amount_decimal: Decimal | None,
    recurring: StripeObject | None,
    tiers: list[StripeObject] | None = None,
    **given: Any,
) -> StripeObject:
    """A price; amounts in minor units of `currency`. `tiers` are served only when expanded."""
    whole = unit_amount_decimal is not None and unit_amount_decimal == unit_amount_decimal.to_integral_value()
    made: StripeObject = {
        "id": id_,
        "object": "price",
        "active": given.get("active", True),
        "billing_scheme": "tiered" if tiers else "per_unit",
        "created": created,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": given.get("lookup_key"),
        "metadata": given.get("metadata") or {},
        "nickname": given.get("nickname"),
        "product": product_id,
        "recurring": recurring,
        "tax_behavior": given.get("tax_behavior") or "unspecified",
        "tiers_mode": given.get("tiers_mode") if tiers else None,
        "transform_quantity": given.get("transform_quantity"),
        "type": "recurring" if recurring else "one_time",
        "unit_amount": int(unit_amount_decimal) if whole and unit_amount_decimal is not None else None,
        "unit_amount_decimal": None if unit_amount_decimal is None else f"{unit_amount_decimal:f}",
    }
    if tiers:
        made["tiers"] = tiers
    return made


def recurring(given: StripeObject) -> StripeObject:
    """How often a price repeats, and whether its quantity is set or metered."""
    return {
        "interval": given["interval"],
        "interval_count": given.get("interval_count") or 1,
        "meter": given.get("meter"),
        "trial_period_days": None,
        "usage_type": given.get("usage_type") or "licensed",
    }


def without_tiers(price_object: StripeObject) -> StripeObject:
    """A price as it stands inside other objects: tiers are served only when asked for."""
    return {key: value for key, value in price_object.items() if key != "tiers"}


def plan(price_object: StripeObject) -> StripeObject:
    """The old view of a recurring price that subscription items still carry."""
    how = price_object["recurring"]
    return {
        "id": price_object["id"],
        "object": "plan",
        "active": price_object["active"],
        "amount": price_object["unit_amount"],
        "amount_decimal": price_object["unit_amount_decimal"],
        "billing_scheme": price_object["billing_scheme"],
        "created": price_object["created"],
        "currency": price_object["currency"],
        "interval": how["interval"],
        "interval_count": how["interval_count"],
        "livemode": False,
        "metadata": price_object["metadata"],
        "meter": how["meter"],
        "nickname": price_object["nickname"],
        "product": price_object["product"],
        "tiers_mode": price_object["tiers_mode"],
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": how["usage_type"],
    }


def coupon(id_: str, created: int, **given: Any) -> StripeObject:
    """A coupon: a percentage off, or an amount in minor units of its currency."""
    return {
        "id": id_,
        "object": "coupon",
        "amount_off": given.get("amount_off"),
        "created": created,
        "currency": given.get("currency"),
        "duration": given.get("duration") or "once",
        "duration_in_months": given.get("duration_in_months"),
        "livemode": False,
        "max_redemptions": given.get("max_redemptions"),
        "metadata": given.get("metadata") or {},
        "name": given.get("name"),
        "percent_off": given.get("percent_off"),
        "redeem_by": given.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
    }


def discount(id_: str, *, coupon_id: str, customer_id: str, start: int, end: int | None, **on: Any) -> StripeObject:
    """A coupon at work on a subscription, a customer or an invoice, from `start` to `end` (unix seconds)."""
    return {
        "id": id_,
        "object": "discount",
        "checkout_session": None,
        "customer": customer_id,
        "customer_account": None,
        "end": end,
        "invoice": on.get("invoice"),
        "invoice_item": None,
        "promotion_code": None,
        "source": {"coupon": coupon_id, "type": "coupon"},
        "start": start,
        "subscription": on.get("subscription"),
        "subscription_item": None,
    }


def tax_rate(
    id_: str, created: int, *, display_name: str, percentage: float, inclusive: bool, **given: Any
) -> StripeObject:
    """A tax rate in percent, on top of the amount or contained in it."""
    return {
        "id": id_,
        "object": "tax_rate",
        "active": given.get("active", True),
        "country": given.get("country"),
        "created": created,
        "description": given.get("description"),
        "display_name": display_name,
        "effective_percentage": percentage,
        "flat_amount": None,
        "inclusive": inclusive,
        "jurisdiction": given.get("jurisdiction"),
        "jurisdiction_level": None,
        "livemode": False,
        "metadata": given.get("metadata") or {},
        "percentage": percentage,
        "rate_type": "percentage",
        "state": given.get("state"),
        "tax_type": given.get("tax_type"),
    }


def meter(id_: str, created: int, *, display_name: str, event_name: str, formula: str, **given: Any) -> StripeObject:
    """What usage is counted by: the sum, count or last of the values under one event name."""
    return {
        "id": id_,
        "object": "billing.meter",
        "created": created,
        "customer_mapping": given.get("customer_mapping")
        or {"event_payload_key": "stripe_customer_id", "type": "by_id"},
        "default_aggregation": {"formula": formula},
        "display_name": display_name,
        "event_name": event_name,
        "event_time_window": None,
        "livemode": False,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
        "updated": created,
        "value_settings": given.get("value_settings") or {"event_payload_key": "value"},
    }
