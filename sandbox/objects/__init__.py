"""Factories of complete Stripe objects, API 2026-10-28: every required key, every nullable key we know to be served."""

from typing import Any, TypeAlias

StripeObject: TypeAlias = dict[str, Any]


def listing(url: str, data: list[StripeObject]) -> StripeObject:
    """Stripe's list object around rows that are embedded in another object."""
    return {"object": "list", "data": data, "has_more": False, "url": url}


def address(params: StripeObject | None) -> StripeObject | None:
    """All six keys of an address, or None when none was given."""
    if params is None:
        return None
    keys = ("city", "country", "line1", "line2", "postal_code", "state")
    return {key: params.get(key) for key in keys}
