"""The catalogue: products, prices (flat, per unit, tiered, metered), coupons and tax rates."""

from decimal import Decimal
from typing import Any

from sandbox.billing.params import decimal, flag, integer, list_of, merge_metadata, metadata, required, required_integer
from sandbox.billing.refusals import addressed, invalid, referred
from sandbox.objects import StripeObject
from sandbox.objects import catalog as make
from sandbox.state import State

INTERVALS = ("day", "week", "month", "year")


def create_product(state: State, params: StripeObject) -> StripeObject:
    """Something to sell."""
    id_ = params.get("id") or state.new_id("prod")
    if id_ in state.objects.get("product", {}):
        raise invalid(f"Product already exists: {id_}", param="id", code="resource_already_exists")
    plain = {key: params.get(key) for key in ("description", "unit_label", "url", "tax_code", "statement_descriptor")}
    made = make.product(
        str(id_),
        state.now,
        name=required(params, "name"),
        active=flag(params, "active", default=True),
        metadata=metadata(params),
        **plain,
    )
    state.put(made)
    if params.get("default_price_data"):
        price = create_price(state, params["default_price_data"] | {"product": made["id"]})
        made["default_price"] = price["id"]
    state.emit("product.created", made)
    return made


def update_product(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Rename, describe or retire a product."""
    found = addressed(state, "product", id_)
    for key in ("name", "description", "unit_label", "url", "default_price"):
        if key in params:
            found[key] = params[key] or None
    found["active"] = flag(params, "active", default=found["active"])
    found["updated"] = state.now
    merge_metadata(found, params)
    state.emit("product.updated", found)
    return found


def delete_product(state: State, id_: str) -> StripeObject:
    """Only a product that never had a price can go."""
    found = addressed(state, "product", id_)
    if any(price["product"] == id_ for price in state.objects["price"].values()):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    del state.objects["product"][id_]
    state.emit("product.deleted", found)
    return {"id": id_, "object": "product", "deleted": True}


def create_price(state: State, params: StripeObject) -> StripeObject:
    """A price of a product: once or recurring, per unit or tiered, set or metered quantity."""
    currency = str(required(params, "currency")).lower()
    if params.get("product_data"):
        product_id = create_product(state, params["product_data"])["id"]
    else:
        product_id = referred(state, "product", required(params, "product"), "product")["id"]
    tiers = _tiers(params) if params.get("billing_scheme") == "tiered" else None
    if tiers and params.get("tiers_mode") not in {"graduated", "volume"}:
        raise invalid("Missing required param: tiers_mode.", param="tiers_mode", code="parameter_missing")
    amount = _unit_amount(params)
    if amount is None and not tiers:
        raise invalid("One of unit_amount, unit_amount_decimal or custom_unit_amount is required.", param="unit_amount")
    made = make.price(
        state.new_id("price"),
        state.now,
        product_id=product_id,
        currency=currency,
        unit_amount_decimal=None if tiers else amount,
        recurring=_recurring(state, params),
        tiers=tiers,
        tiers_mode=params.get("tiers_mode"),
        nickname=params.get("nickname"),
        lookup_key=params.get("lookup_key"),
        tax_behavior=params.get("tax_behavior"),
        transform_quantity=_packages(params.get("transform_quantity")),
        active=flag(params, "active", default=True),
        metadata=metadata(params),
    )
    state.put(made)
    state.emit("price.created", make.without_tiers(made))
    return made


def _unit_amount(params: StripeObject) -> Decimal | None:
    whole = integer(params, "unit_amount")
    if whole is not None:
        if whole < 0:
            raise invalid("Invalid non-negative integer", param="unit_amount", code="parameter_invalid_integer")
        return Decimal(whole)
    return decimal(params, "unit_amount_decimal")


def _packages(given: StripeObject | None) -> StripeObject | None:
    """How units are counted in packages."""
    return {"divide_by": required_integer(given, "divide_by"), "round": required(given, "round")} if given else None


def _recurring(state: State, params: StripeObject) -> StripeObject | None:
    given = params.get("recurring")
    if not given:
        return None
    if given.get("interval") not in INTERVALS:
        raise invalid(
            "Invalid recurring[interval]: must be one of day, month, week, or year", param="recurring[interval]"
        )
    if given.get("usage_type") == "metered":
        if not given.get("meter"):
            raise invalid(
                "Metered prices must be backed by a meter.", param="recurring[meter]", code="parameter_missing"
            )
        referred(state, "billing.meter", given["meter"], "recurring[meter]")
    return make.recurring(given | {"interval_count": integer(given, "interval_count", 1)})


def _tiers(params: StripeObject) -> list[StripeObject]:
    tiers = [_tier(given) for given in list_of(params, "tiers")]
    if not tiers or tiers[-1]["up_to"] is not None:
        raise invalid("The last tier must have up_to = inf.", param="tiers")
    tops = [tier["up_to"] for tier in tiers[:-1]]
    if any(top is None for top in tops) or tops != sorted(set(tops)):
        raise invalid("Tiers must have increasing up_to values.", param="tiers")
    return tiers


def _tier(given: StripeObject) -> StripeObject:
    unit = _unit_amount(given)
    flat = integer(given, "flat_amount")
    return {
        "flat_amount": flat,
        "flat_amount_decimal": None if flat is None else str(flat),
        "unit_amount": int(unit) if unit is not None and unit == int(unit) else None,
        "unit_amount_decimal": None if unit is None else f"{unit:f}",
        "up_to": None if str(given.get("up_to", "inf")) in ("inf", "None") else int(given["up_to"]),
    }


def update_price(state: State, id_: str, params: StripeObject) -> StripeObject:
    """A price's amount never changes; its name, metadata and whether it is offered do."""
    found = addressed(state, "price", id_)
    found["active"] = flag(params, "active", default=found["active"])
    for key in ("nickname", "lookup_key", "tax_behavior"):
        if key in params:
            found[key] = params[key] or None
    merge_metadata(found, params)
    state.emit("price.updated", make.without_tiers(found))
    return found


def create_coupon(state: State, params: StripeObject) -> StripeObject:
    """A coupon: percent_off, or amount_off with its currency."""
    percent = decimal(params, "percent_off")
    amount = integer(params, "amount_off")
    if (percent is None) == (amount is None):
        raise invalid("You must pass either `percent_off` or `amount_off`, but not both.", param="percent_off")
    if amount is not None and not params.get("currency"):
        raise invalid("You must pass currency when passing amount_off", param="currency", code="parameter_missing")
    if params.get("duration") == "repeating" and not params.get("duration_in_months"):
        raise invalid(
            "Missing required param: duration_in_months.", param="duration_in_months", code="parameter_missing"
        )
    id_ = str(params.get("id") or state.new_id("coupon").rpartition("_")[2][:8])
    if id_ in state.objects.get("coupon", {}):
        raise invalid("Coupon already exists.", param="id", code="resource_already_exists")
    made = make.coupon(
        id_,
        state.now,
        percent_off=None if percent is None else _number(percent),
        amount_off=amount,
        currency=params.get("currency"),
        duration=params.get("duration"),
        duration_in_months=integer(params, "duration_in_months"),
        name=params.get("name"),
        metadata=metadata(params),
    )
    state.put(made)
    state.emit("coupon.created", made)
    return made


def _number(value: Decimal) -> Any:
    """A decimal as JSON's number: whole where it is whole."""
    return int(value) if value == int(value) else float(value)


def update_coupon(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Rename a coupon; what it takes off never changes."""
    found = addressed(state, "coupon", id_)
    if "name" in params:
        found["name"] = params["name"] or None
    merge_metadata(found, params)
    state.emit("coupon.updated", found)
    return found


def delete_coupon(state: State, id_: str) -> StripeObject:
    """No new customer can redeem the coupon; who has it keeps it."""
    found = addressed(state, "coupon", id_)
    state.emit("coupon.deleted", found)
    del state.objects["coupon"][id_]
    return {"id": id_, "object": "coupon", "deleted": True}


def create_tax_rate(state: State, params: StripeObject) -> StripeObject:
    """A tax in percent, added to prices or contained in them."""
    percentage = decimal(params, "percentage")
    if percentage is None:
        raise invalid("Missing required param: percentage.", param="percentage", code="parameter_missing")
    plain = {key: params.get(key) for key in ("country", "state", "jurisdiction", "description", "tax_type")}
    made = make.tax_rate(
        state.new_id("txr"),
        state.now,
        display_name=required(params, "display_name"),
        percentage=_number(percentage),
        inclusive=flag(params, "inclusive", default=False),
        metadata=metadata(params),
        **plain,
    )
    state.put(made)
    state.emit("tax_rate.created", made)
    return made


def update_tax_rate(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Retire or rename a tax rate; its percentage never changes."""
    found = addressed(state, "tax_rate", id_)
    found["active"] = flag(params, "active", default=found["active"])
    for key in ("display_name", "description"):
        if key in params:
            found[key] = params[key] or None
    merge_metadata(found, params)
    state.emit("tax_rate.updated", found)
    return found
