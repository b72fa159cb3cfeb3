"""Subscriptions: begun, canceled, moved to another billing mode."""

from sandbox.billing import subscription_invoices as invoices
from sandbox.billing.added_items import add_invoice_items
from sandbox.billing.calendar import DAY, add_months, next_boundary
from sandbox.billing.cards import resolve_payment_method
from sandbox.billing.catalog import create_price
from sandbox.billing.collection import collect, end_subscription
from sandbox.billing.invoicing import void_invoice
from sandbox.billing.params import flag, integer, list_of, metadata, required
from sandbox.billing.payments import card_error
from sandbox.billing.proration import credit
from sandbox.billing.refusals import addressed, invalid, referred
from sandbox.billing.subscription_ends import set_end
from sandbox.objects import StripeObject
from sandbox.objects.catalog import discount
from sandbox.objects.subscriptions import subscription, subscription_item
from sandbox.state import State

ENDED = {"canceled", "incomplete_expired"}
ITEMS_MAX = 20
MISSING_METHOD = ("create_invoice", "cancel", "pause")


def create_subscription(state: State, params: StripeObject) -> StripeObject:
    """Begin to bill a customer: the first invoice is made and paid at once unless there is a trial."""
    customer = referred(state, "customer", required(params, "customer"), "customer")
    wanted = list_of(params, "items")
    if not wanted or len(wanted) > ITEMS_MAX:
        raise invalid("Missing required param: items.", param="items", code="parameter_missing")
    prices = [price_of(state, given, index) for index, given in enumerate(wanted)]
    currency = prices[0]["currency"]
    _refuse_mixture(customer, prices)
    trial_end = _trial_end(state, params)
    behavior = params.get("payment_behavior") or "allow_incomplete"
    made = subscription(
        state.new_id("sub"),
        state.now,
        customer_id=customer["id"],
        currency=currency,
        anchor=integer(params, "billing_cycle_anchor") or trial_end or state.now,
        start_date=state.now,
        status="trialing" if trial_end else "active",
        trial_start=state.now if trial_end else None,
        trial_end=trial_end,
        billing_mode=billing_mode(params),
        collection_method=params.get("collection_method"),
        days_until_due=integer(params, "days_until_due"),
        description=params.get("description"),
        default_tax_rates=tax_rates(state, params),
        metadata=metadata(params),
    )
    if params.get("default_payment_method"):
        method = resolve_payment_method(state, params["default_payment_method"], customer["id"])
        made["default_payment_method"] = method["id"]
    customer["currency"] = customer["currency"] or currency
    set_trial_rule(made, params)
    state.put(made)
    for given, price in zip(wanted, prices, strict=True):
        add_item(state, made, price, given)
    apply_discounts(state, made, list_of(params, "discounts"))
    set_end(state, made, params, prorates=False)
    _shorten(made)
    add_invoice_items(state, made, params)
    _pay_first_invoice(state, made, behavior, bills_part=params.get("proration_behavior") != "none")
    state.emit("customer.subscription.created", made)
    return made


def price_of(state: State, given: StripeObject, index: int) -> StripeObject:
    """The recurring price that an item names or brings along. Raises 400 on one that cannot be subscribed to."""
    if given.get("price_data"):
        return create_price(state, given["price_data"])
    price = referred(state, "price", required(given, "price"), f"items[{index}][price]")
    if not price["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.", param="items")
    if price["recurring"] is None:
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            param=f"items[{index}][price]",
        )
    return price


def _refuse_mixture(customer: StripeObject, prices: list[StripeObject]) -> None:
    currencies = {price["currency"] for price in prices}
    if len(currencies) > 1 or (customer["currency"] and customer["currency"] not in currencies):
        raise invalid(
            f"You cannot combine currencies on a single customer. This customer has an active subscription, "
            f"subscription schedule, discount, quote, or invoice item with currency {customer['currency']}.",
        )
    if len({(p["recurring"]["interval"], p["recurring"]["interval_count"]) for p in prices}) > 1:
        raise invalid("Currently, all plans on a subscription must have the same billing interval.", param="items")


def billing_mode(params: StripeObject) -> StripeObject:
    """Flexible, with discounts inside its prorations, unless said otherwise."""
    given = params.get("billing_mode") or {}
    type_ = given.get("type") or "flexible"
    shown = (given.get("flexible") or {}).get("proration_discounts") or "included"
    if type_ not in {"classic", "flexible"} or shown not in {"included", "itemized"}:
        raise invalid(f"Invalid billing_mode: {type_}, {shown}", param="billing_mode")
    return {"flexible": {"proration_discounts": shown} if type_ == "flexible" else None, "type": type_}


def _trial_end(state: State, params: StripeObject) -> int | None:
    days = integer(params, "trial_period_days")
    if params.get("trial_end") in (None, "", "now"):
        return state.now + days * DAY if days else None
    end = integer(params, "trial_end")
    if days:
        raise invalid("You may only specify one of these parameters: trial_end, trial_period_days.", param="trial_end")
    if end is None or end <= state.now:
        raise invalid("Invalid timestamp: `trial_end` must be in the future.", param="trial_end")
    return end


def set_trial_rule(found: StripeObject, params: StripeObject) -> None:
    """What happens when a trial ends and there is nothing to pay with: `trial_settings`."""
    told = (params.get("trial_settings") or {}).get("end_behavior") or {}
    rule = told.get("missing_payment_method")
    if rule is None:
        return
    if rule not in MISSING_METHOD:
        raise invalid(
            f"Invalid trial_settings[end_behavior][missing_payment_method]: {rule}",
            param="trial_settings[end_behavior][missing_payment_method]",
        )
    found["trial_settings"] = {"end_behavior": {"missing_payment_method": rule}}


def _shorten(made: StripeObject) -> None:
    """The first period of one that ends before it would be over is only as long as that."""
    for item in made["items"]["data"]:
        if made["cancel_at"] is not None and made["status"] != "trialing":
            item["current_period_end"] = min(item["current_period_end"], made["cancel_at"])


def tax_rates(state: State, params: StripeObject) -> list[StripeObject]:
    """The tax rates that `default_tax_rates` names."""
    return [referred(state, "tax_rate", id_, "default_tax_rates") for id_ in list_of(params, "default_tax_rates")]


def add_item(state: State, owner: StripeObject, price: StripeObject, given: StripeObject) -> StripeObject:
    """One more price on the subscription, for the period that is running."""
    how = price["recurring"]
    metered = how["usage_type"] == "metered"
    if metered and given.get("quantity") is not None:
        raise invalid("You cannot set the quantity for metered plans.", param="items[0][quantity]")
    quantity = None if metered else integer(given, "quantity", 1)
    refuse_negative(quantity)
    is_trial = owner["status"] == "trialing"
    end = owner["trial_end"] if is_trial else None
    if any(one["current_period_end"] <= state.now for one in owner["items"]["data"]):
        end = state.now  # the renewal that is due this very moment bills it with the others
    if end is None:
        end = next_boundary(owner["billing_cycle_anchor"], how["interval"], how["interval_count"], state.now)
    item = subscription_item(
        state.new_id("si"),
        state.now,
        subscription_id=owner["id"],
        price=price,
        quantity=quantity,
        start=state.now,
        end=end,
    )
    item["metadata"] = metadata(given)
    owner["items"]["data"].append(item)
    return state.put(item)


def refuse_negative(quantity: int | None) -> None:
    """Nobody can subscribe to less than nothing; zero of something is allowed."""
    if quantity is not None and quantity < 0:
        raise invalid("Invalid non-negative integer", param="items[0][quantity]", code="parameter_invalid_integer")


def apply_discounts(state: State, owner: StripeObject, given: list[StripeObject]) -> None:
    """Redeem coupons for the subscription."""
    for one in given:
        if one.get("discount"):
            continue
        coupon = referred(state, "coupon", required(one, "coupon"), "discounts[0][coupon]")
        if not coupon["valid"]:
            raise invalid(f"Coupon expired: {coupon['id']}", param="coupon", code="coupon_expired")
        months = {"once": 1, "repeating": coupon["duration_in_months"], "forever": None}[coupon["duration"]]
        made = discount(
            state.new_id("di"),
            coupon_id=coupon["id"],
            customer_id=owner["customer"],
            start=state.now,
            end=None if months is None else add_months(state.now, months),
            subscription=owner["id"],
        )
        coupon["times_redeemed"] += 1
        owner["discounts"].append(state.put(made)["id"])
        state.emit("customer.discount.created", made)


def _pay_first_invoice(state: State, made: StripeObject, behavior: str, *, bills_part: bool) -> None:
    invoice = invoices.first_invoice(state, made, bills_part=bills_part)
    if invoice["status"] == "paid" or made["collection_method"] == "send_invoice":
        return
    if behavior == "default_incomplete":
        made["status"] = "incomplete"
        return
    if made["status"] == "active":
        made["status"] = "incomplete"
    if collect(state, invoice):
        return
    invoice["next_payment_attempt"] = None
    if behavior == "error_if_incomplete":
        intent = next(p for p in state.objects["payment_intent"].values() if invoice["number"] in str(p["description"]))
        charge = state.objects["charge"].get(intent["latest_charge"] or "")
        void_invoice(state, invoice["id"], {})
        del state.objects["subscription"][made["id"]]
        if charge is not None:
            raise card_error(charge, intent)
        raise invalid(
            "This customer has no attached payment source or default payment method.", code="resource_missing"
        )


def cancel_subscription(state: State, id_: str, params: StripeObject) -> StripeObject:
    """End a subscription now. `invoice_now` bills what was used, `prorate` credits what was not."""
    found = addressed(state, "subscription", id_)
    if found["status"] in ENDED:
        raise invalid(f"No such subscription: '{id_}'", param="id", code="resource_missing", status=404)
    if flag(params, "prorate", default=False):
        for item in found["items"]["data"]:
            credit(state, found, item, state.now)
    if flag(params, "invoice_now", default=False):
        invoices.last_invoice(state, found)
    details = params.get("cancellation_details") or {}
    found["cancellation_details"] |= {key: details.get(key) for key in ("comment", "feedback")}
    return end_subscription(state, found, reason="cancellation_requested")


def migrate_subscription(state: State, id_: str, params: StripeObject) -> StripeObject:
    """From classic to flexible billing, for good; what is billed already is not touched."""
    found = addressed(state, "subscription", id_)
    mode = billing_mode(params)
    if mode["type"] != "flexible":
        raise invalid("You can only migrate to `billing_mode` `flexible`.", param="billing_mode[type]")
    before = {"billing_mode": found["billing_mode"]}
    found["billing_mode"] = mode | {"updated_at": state.now}
    state.emit("customer.subscription.updated", found, before)
    return found
