"""Changing a running subscription: price, quantity, items, coupons, the end of it."""

from dataclasses import dataclass

from sandbox.billing.added_items import add_invoice_items
from sandbox.billing.cards import resolve_payment_method
from sandbox.billing.held_collection import set_hold
from sandbox.billing.params import flag, integer, list_of, merge_metadata, required
from sandbox.billing.proration import credit, debit
from sandbox.billing.refusals import addressed, invalid, referred
from sandbox.billing.subscription_ends import set_end
from sandbox.billing.subscription_restarts import bill_changes, payment_behavior, start_over
from sandbox.billing.subscriptions import (
    ENDED,
    add_item,
    apply_discounts,
    price_of,
    refuse_negative,
    set_trial_rule,
    tax_rates,
)
from sandbox.objects import StripeObject
from sandbox.objects.catalog import plan, without_tiers
from sandbox.state import State

BEHAVIORS = {"create_prorations", "always_invoice", "none"}


def update_subscription(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Change a subscription. `proration_behavior` decides whether time already paid for is credited, and when.

    Another interval, `billing_cycle_anchor` now and a change of the trial begin a new period, which is billed at once.
    """
    found = addressed(state, "subscription", id_)
    if found["status"] in ENDED and set(params) - {"metadata", "cancellation_details"}:
        raise invalid(
            "A canceled subscription can only update its cancellation_details and metadata.",
            code="invalid_canceled_subscription_fields",
        )
    behavior, payment = _behavior(params), payment_behavior(params)
    at = proration_date(state, found, params)
    prorates = behavior != "none" and found["status"] != "trialing"
    before = _snapshot(found)
    waiting = _waiting(state, found)
    _set_plain(state, found, params)
    changed = [_change_item(state, found, given, at if prorates else None) for given in list_of(params, "items")]
    restarts = any(
        [_set_trial(state, found, params), _set_anchor(state, found, params), *(one.restarts for one in changed)]
    )
    touched = {one.item["id"] for one in changed}
    for item in found["items"]["data"]:
        if prorates and restarts and item["id"] not in touched:
            credit(state, found, item, at)
    for one in changed:
        if prorates and not restarts and one.is_billed:
            debit(state, found, one.item, at)
    set_end(state, found, params, prorates=prorates and not restarts)
    add_invoice_items(state, found, params)
    if restarts:
        start_over(state, found, payment=payment)
    elif behavior == "always_invoice" and _waiting(state, found) > waiting:
        bill_changes(state, found, payment=payment)
    after = _snapshot(found)
    state.emit("customer.subscription.updated", found, {k: v for k, v in before.items() if after[k] != v})
    return found


def proration_date(state: State, found: StripeObject, params: StripeObject) -> int:
    """The moment from which a change is prorated. Raises 400 when it lies outside the period that runs."""
    at = integer(params, "proration_date")
    if at is None:
        return state.now
    periods = [(item["current_period_start"], item["current_period_end"]) for item in found["items"]["data"]]
    if not all(start <= at <= end for start, end in periods):
        raise invalid(
            f"Cannot prorate at {at}: `proration_date` must be within the current period of the subscription, "
            f"{min(start for start, _ in periods)} to {max(end for _, end in periods)}.",
            param="proration_date",
        )
    return at


def _waiting(state: State, found: StripeObject) -> int:
    """How many items of the subscription wait for an invoice."""
    return sum(
        item["invoice"] is None and found["id"] in str(item["parent"]) for item in state.objects["invoiceitem"].values()
    )


def _behavior(params: StripeObject) -> str:
    behavior = str(params.get("proration_behavior") or "create_prorations")
    if behavior not in BEHAVIORS:
        raise invalid(f"Invalid proration_behavior: {behavior}", param="proration_behavior")
    return behavior


def _snapshot(found: StripeObject) -> StripeObject:
    """What an update may change, in the form that the event shows as previous."""
    plain = (
        "billing_cycle_anchor",
        "cancel_at",
        "cancel_at_period_end",
        "canceled_at",
        "default_payment_method",
        "pause_collection",
        "trial_end",
    )
    items = [dict(item) for item in found["items"]["data"]]
    return {key: found[key] for key in plain} | {
        "discounts": list(found["discounts"]),
        "items": {**found["items"], "data": items},
        "metadata": dict(found["metadata"]),
        "status": found["status"],
    }


def _set_plain(state: State, found: StripeObject, params: StripeObject) -> None:
    merge_metadata(found, params)
    set_trial_rule(found, params)
    if params.get("cancellation_details"):
        found["cancellation_details"] |= params["cancellation_details"]
    if params.get("default_payment_method"):
        method = resolve_payment_method(state, params["default_payment_method"], found["customer"])
        found["default_payment_method"] = method["id"]
    if "default_tax_rates" in params:
        found["default_tax_rates"] = tax_rates(state, params)
    if "pause_collection" in params:
        set_hold(state, found, params["pause_collection"])
    for key in ("description", "collection_method"):
        if key in params:
            found[key] = params[key] or None
    if "discounts" in params:
        kept = [one["discount"] for one in list_of(params, "discounts") if one.get("discount")]
        found["discounts"] = [id_ for id_ in found["discounts"] if id_ in kept]
        apply_discounts(state, found, list_of(params, "discounts"))


def _set_trial(state: State, found: StripeObject, params: StripeObject) -> bool:
    """End the trial now, move its end, or begin one. True when that begins a new period."""
    given = params.get("trial_end")
    if given in (None, ""):
        return False
    was_trial = bool(found["status"] == "trialing")
    if given == "now":
        if was_trial:
            found |= {"status": "active", "trial_end": state.now, "billing_cycle_anchor": state.now}
        return was_trial
    end = integer(params, "trial_end")
    if end is None or end <= state.now:
        raise invalid("Invalid timestamp: `trial_end` must be in the future.", param="trial_end")
    if not was_trial:
        found["trial_start"] = state.now
    found |= {"status": "trialing", "trial_end": end, "billing_cycle_anchor": end}
    if was_trial:
        for item in found["items"]["data"]:
            item["current_period_end"] = end
    return not was_trial


def _set_anchor(state: State, found: StripeObject, params: StripeObject) -> bool:
    """True when the billing cycle begins anew."""
    anchor = params.get("billing_cycle_anchor")
    word = anchor.get("type") if isinstance(anchor, dict) else anchor
    if word in (None, "", "unchanged"):
        return False
    if word != "now":
        raise invalid(f"Invalid billing_cycle_anchor[type]: {word}", param="billing_cycle_anchor[type]")
    if found["status"] == "trialing":
        raise invalid(
            "The billing cycle of a trial begins at its end. Set `trial_end` instead.", param="billing_cycle_anchor"
        )
    found["billing_cycle_anchor"] = state.now
    return True


@dataclass(frozen=True)
class _Changed:
    """An item that was changed: whether it is billed for the rest of its period, and whether a new period begins."""

    item: StripeObject
    is_billed: bool
    restarts: bool = False


def _change_item(state: State, found: StripeObject, given: StripeObject, at: int | None) -> _Changed:
    """Change, add or remove one item; what it was billed after `at` is given back, None gives nothing back."""
    if not given.get("id"):
        return _Changed(add_item(state, found, price_of(state, given, 0), given), is_billed=True)
    item = referred(state, "subscription_item", given["id"], "items[0][id]")
    if item["subscription"] != found["id"]:
        raise invalid(f"The subscription item {item['id']} is not one of {found['id']}.", param="items[0][id]")
    merge_metadata(item, given)
    if flag(given, "deleted", default=False):
        if at is not None:
            credit(state, found, item, at)
        found["items"]["data"] = [one for one in found["items"]["data"] if one["id"] != item["id"]]
        if not found["items"]["data"]:
            raise invalid("A subscription must have at least one active plan. Cancel the subscription instead.")
        del state.objects["subscription_item"][item["id"]]
        return _Changed(item, is_billed=False)
    quantity = integer(given, "quantity")
    refuse_negative(quantity)
    price = price_of(state, given, 0) if given.get("price") or given.get("price_data") else None
    is_other_price = price is not None and price["id"] != item["price"]["id"]
    if not is_other_price and quantity in (None, item.get("quantity")):
        return _Changed(item, is_billed=False)
    if at is not None:
        credit(state, found, item, at)
    restarts = _set_price(state, found, item, price) if price is not None else False
    if quantity is not None:
        item["quantity"] = quantity
    return _Changed(item, is_billed=True, restarts=restarts)


def _set_price(state: State, found: StripeObject, item: StripeObject, price: StripeObject) -> bool:
    """True when the new price has another interval, so that a new period begins."""
    if price["currency"] != found["currency"]:
        raise invalid(
            f"The price specified only supports `{price['currency']}`. This doesn't match the expected currency: "
            f"`{found['currency']}`.",
            param="items[0][price]",
        )
    how, was = price["recurring"], item["price"]["recurring"]
    item["price"], item["plan"] = without_tiers(price), plan(price)
    if how["usage_type"] == "metered":
        item.pop("quantity", None)
    elif "quantity" not in item:
        item["quantity"] = 1
    if (how["interval"], how["interval_count"]) == (was["interval"], was["interval_count"]):
        return False
    if found["status"] != "trialing":
        found["billing_cycle_anchor"] = state.now
    return bool(found["status"] != "trialing")


def create_subscription_item(state: State, params: StripeObject) -> StripeObject:
    """One more price on a subscription."""
    owner = referred(state, "subscription", required(params, "subscription"), "subscription")
    known = {item["id"] for item in owner["items"]["data"]}
    item_params = {key: params[key] for key in ("price", "quantity", "metadata") if key in params}
    update_subscription(state, owner["id"], {"items": [item_params]} | _timing(params))
    return next(item for item in owner["items"]["data"] if item["id"] not in known)


def update_subscription_item(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Another price or quantity for one item."""
    item = addressed(state, "subscription_item", id_)
    merge_metadata(item, params)
    change = {"id": id_} | {key: params[key] for key in ("price", "quantity") if key in params}
    if len(change) > 1:
        update_subscription(state, item["subscription"], {"items": [change]} | _timing(params))
    return item


def delete_subscription_item(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Take a price off a subscription; the last one cannot go."""
    item = addressed(state, "subscription_item", id_)
    owner = state.objects["subscription"][item["subscription"]]
    if len(owner["items"]["data"]) == 1:
        raise invalid("A subscription must have at least one active plan. Cancel the subscription instead.")
    update_subscription(state, owner["id"], {"items": [{"id": id_, "deleted": True}]} | _timing(params))
    return {"id": id_, "object": "subscription_item", "deleted": True}


def _timing(params: StripeObject) -> StripeObject:
    told = ("payment_behavior", "proration_behavior", "proration_date")
    return {key: params[key] for key in told if key in params}
