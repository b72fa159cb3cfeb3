"""Changing a running subscription: price, quantity, items, coupons, the end of it."""

from sandbox.billing import subscription_invoices as invoices
from sandbox.billing.calendar import add_interval
from sandbox.billing.cards import resolve_payment_method
from sandbox.billing.collection import collect
from sandbox.billing.invoicing import finalize_invoice, take_pending_items
from sandbox.billing.params import flag, integer, list_of, merge_metadata, required
from sandbox.billing.proration import prorate
from sandbox.billing.refusals import addressed, invalid, referred
from sandbox.billing.subscriptions import ENDED, add_item, apply_discounts, refuse_negative, tax_rates
from sandbox.objects import StripeObject
from sandbox.objects.catalog import plan, without_tiers
from sandbox.state import State

BEHAVIORS = {"create_prorations", "always_invoice", "none"}


def update_subscription(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Change a subscription. `proration_behavior` decides whether time already paid for is credited, and when."""
    found = addressed(state, "subscription", id_)
    if found["status"] in ENDED and set(params) - {"metadata", "cancellation_details"}:
        raise invalid(
            "A canceled subscription can only update its cancellation_details and metadata.",
            code="invalid_canceled_subscription_fields",
        )
    behavior = _behavior(params)
    before = _snapshot(found)
    _set_plain(state, found, params)
    wanted = list_of(params, "items")
    restarts = [_change_item(state, found, given, params) for given in wanted]
    if any(restarts):
        _bill_restarted(state, found)
    elif wanted and behavior == "always_invoice":
        _bill_now(state, found)
    after = _snapshot(found)
    state.emit("customer.subscription.updated", found, {k: v for k, v in before.items() if after[k] != v})
    return found


def _behavior(params: StripeObject) -> str:
    behavior = str(params.get("proration_behavior") or "create_prorations")
    if behavior not in BEHAVIORS:
        raise invalid(f"Invalid proration_behavior: {behavior}", param="proration_behavior")
    return behavior


def _snapshot(found: StripeObject) -> StripeObject:
    """What an update may change, in the form that the event shows as previous."""
    plain = ("cancel_at", "cancel_at_period_end", "canceled_at", "default_payment_method", "pause_collection")
    items = [dict(item) for item in found["items"]["data"]]
    return {key: found[key] for key in plain} | {
        "discounts": list(found["discounts"]),
        "items": {**found["items"], "data": items},
        "metadata": dict(found["metadata"]),
        "status": found["status"],
    }


def _set_plain(state: State, found: StripeObject, params: StripeObject) -> None:
    merge_metadata(found, params)
    if params.get("cancellation_details"):
        found["cancellation_details"] |= params["cancellation_details"]
    if "cancel_at_period_end" in params:
        found["cancel_at_period_end"] = flag(params, "cancel_at_period_end", default=False)
        ends = max(item["current_period_end"] for item in found["items"]["data"])
        found["cancel_at"] = ends if found["cancel_at_period_end"] else None
        found["canceled_at"] = state.now if found["cancel_at_period_end"] else None
        found["cancellation_details"]["reason"] = "cancellation_requested" if found["cancel_at_period_end"] else None
    if "cancel_at" in params:
        found["cancel_at"] = integer(params, "cancel_at")
        found["canceled_at"] = state.now if found["cancel_at"] else None
    if params.get("default_payment_method"):
        method = resolve_payment_method(state, params["default_payment_method"], found["customer"])
        found["default_payment_method"] = method["id"]
    if "default_tax_rates" in params:
        found["default_tax_rates"] = tax_rates(state, params)
    if "pause_collection" in params:
        found["pause_collection"] = params["pause_collection"] or None
    for key in ("description", "collection_method"):
        if key in params:
            found[key] = params[key] or None
    if "discounts" in params:
        kept = [one["discount"] for one in list_of(params, "discounts") if one.get("discount")]
        found["discounts"] = [id_ for id_ in found["discounts"] if id_ in kept]
        apply_discounts(state, found, list_of(params, "discounts"))
    if params.get("trial_end") == "now" and found["status"] == "trialing":
        found["trial_end"] = state.now
        for item in found["items"]["data"]:
            item["current_period_end"] = state.now


def _change_item(state: State, found: StripeObject, given: StripeObject, params: StripeObject) -> bool:
    """Change, add or remove one item with its prorations. True when the change of interval starts a new period."""
    prorates = _behavior(params) != "none" and found["status"] != "trialing"
    at = integer(params, "proration_date") or state.now
    if not given.get("id"):
        price = referred(state, "price", required(given, "price"), "items[0][price]")
        item = add_item(state, found, price, given)
        if prorates:
            prorate(state, found, item, is_credit=False, at=at)
        return False
    item = referred(state, "subscription_item", given["id"], "items[0][id]")
    if prorates:
        prorate(state, found, item, is_credit=True, at=at)
    if flag(given, "deleted", default=False):
        found["items"]["data"] = [one for one in found["items"]["data"] if one["id"] != item["id"]]
        del state.objects["subscription_item"][item["id"]]
        return False
    restarts = _set_price(state, found, item, given)
    if given.get("quantity") is not None:
        item["quantity"] = integer(given, "quantity")
        refuse_negative(item["quantity"])
    if prorates and not restarts:
        prorate(state, found, item, is_credit=False, at=at)
    return restarts


def _set_price(state: State, found: StripeObject, item: StripeObject, given: StripeObject) -> bool:
    if not given.get("price"):
        return False
    price = referred(state, "price", given["price"], "items[0][price]")
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
    if (how["interval"], how["interval_count"]) == (was["interval"], was["interval_count"]):
        return False
    found["billing_cycle_anchor"] = item["current_period_start"] = state.now
    item["current_period_end"] = add_interval(state.now, how["interval"], how["interval_count"])
    return True


def _bill_now(state: State, found: StripeObject) -> None:
    invoice = invoices.change_invoice(state, found)
    if invoice["status"] == "open" and found["collection_method"] == "charge_automatically":
        collect(state, invoice)


def _bill_restarted(state: State, found: StripeObject) -> None:
    """A new interval: the unused rest is credited and the first new period is billed at once."""
    invoice = invoices.begin(state, found, "subscription_update", (state.now, state.now))
    take_pending_items(state, invoice, found["id"])
    for item in found["items"]["data"]:
        if not invoices.is_metered(item):
            invoices.bill_licensed(state, invoice, found, item)
    invoices.complete(state, invoice)
    if finalize_invoice(state, invoice["id"], {})["status"] == "open":
        collect(state, invoice)


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
    return {key: params[key] for key in ("proration_behavior", "proration_date") if key in params}
