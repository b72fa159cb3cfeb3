"""How an object is shown: without what has to be asked for, long sub-lists cut, and what the clock alone changes."""

from sandbox.objects import StripeObject
from sandbox.objects.embedded import with_short_lists
from sandbox.state import TEST_CLOCK, State

# Fields that an object has only when `expand` asks for them.
ON_REQUEST = {"invoice": ("confirmation_secret",), "price": ("tiers",)}


def shown(state: State, obj: StripeObject) -> StripeObject:
    """The object as Stripe would send it now; the stored one is not changed."""
    if obj.get("deleted"):
        return obj
    kind = obj["object"]
    hidden = ON_REQUEST.get(kind, ())
    if any(name in obj for name in hidden):
        obj = {key: value for key, value in obj.items() if key not in hidden}
    if kind == "balance_transaction" and obj["status"] == "pending" and obj["available_on"] <= state.now:
        return obj | {"status": "available"}
    if kind == TEST_CLOCK:
        return obj | {"frozen_time": state.now}
    if kind == "dispute":
        return _dispute(state, obj)
    return with_short_lists(obj)


def _dispute(state: State, obj: StripeObject) -> StripeObject:
    details = obj["evidence_details"]
    is_late = bool(details["due_by"]) and details["due_by"] < state.now and details["submission_count"] == 0
    moved = [shown(state, movement) for movement in obj["balance_transactions"]]
    return obj | {"evidence_details": details | {"past_due": is_late}, "balance_transactions": moved}
