"""Collection held back (`pause_collection`): invoices are still made, but not collected, until the hold ends."""

from sandbox.billing.invoicing import finalize_invoice, mark_uncollectible, void_invoice
from sandbox.billing.params import integer
from sandbox.billing.refusals import invalid, missing_param
from sandbox.objects import StripeObject
from sandbox.state import State

BEHAVIORS = ("keep_as_draft", "mark_uncollectible", "void")


def set_hold(state: State, found: StripeObject, given: StripeObject | str | None) -> None:
    """Begin, change or (empty) end the hold of a subscription. Raises 400 on another behavior or a moment that is past."""
    if not given:
        found["pause_collection"] = None
        return
    behavior = given.get("behavior") if isinstance(given, dict) else None
    if not behavior:
        raise missing_param("pause_collection[behavior]")
    if behavior not in BEHAVIORS:
        raise invalid(
            f"Invalid pause_collection[behavior]: must be one of {', '.join(BEHAVIORS)}",
            param="pause_collection[behavior]",
        )
    assert isinstance(given, dict), "a behavior was found in it"
    resumes_at = integer(given, "resumes_at")
    if resumes_at is not None and resumes_at <= state.now:
        raise invalid("`resumes_at` must be in the future.", param="pause_collection[resumes_at]")
    found["pause_collection"] = {"behavior": behavior, "resumes_at": resumes_at}


def hold_ends_at(found: StripeObject) -> int | None:
    """When collection starts again by itself; None when it is not held or nobody said until when."""
    at: int | None = (found["pause_collection"] or {}).get("resumes_at")
    return at


def end_hold(state: State, found: StripeObject) -> None:
    """Invoices made from now on are collected again; those made meanwhile stay as they are."""
    before = {"pause_collection": found["pause_collection"]}
    found["pause_collection"] = None
    state.emit("customer.subscription.updated", found, before)


def hold_back(state: State, found: StripeObject, invoice: StripeObject) -> None:
    """Do with a new draft what the hold says; also a draft of an unpaid subscription is kept."""
    invoice |= {"auto_advance": False, "automatically_finalizes_at": None, "next_payment_attempt": None}
    behavior = (found["pause_collection"] or {}).get("behavior")
    if behavior in {"mark_uncollectible", "void"}:
        finalize_invoice(state, invoice["id"], {})
    if invoice["status"] != "open":
        return
    if behavior == "void":
        void_invoice(state, invoice["id"], {})
    else:
        mark_uncollectible(state, invoice["id"], {})
