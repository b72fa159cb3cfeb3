"""An object as it stands in an answer or an event: long sub-lists cut after ten rows, as at Stripe."""

from sandbox.objects import StripeObject

INLINE_ROWS = 10
SUB_LISTS = {"invoice": "lines", "subscription": "items"}


def with_short_lists(obj: StripeObject) -> StripeObject:
    """The object with at most ten rows of its sub-list; `has_more` tells whether the list's own address has more."""
    name = SUB_LISTS.get(obj["object"])
    if name is None or len(obj[name]["data"]) <= INLINE_ROWS:
        return obj
    return obj | {name: obj[name] | {"data": obj[name]["data"][:INLINE_ROWS], "has_more": True}}
