"""Which parameters an operation takes; unknown ones are refused, and older API versions may say things the older way."""

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.billing.refusals import invalid
from sandbox.errors import StripeError
from sandbox.http.lists import PAGING
from sandbox.objects import StripeObject

ENDIVE_DAY = "2026-09-30"
INSIDE = "inside"
TABLE = Path(__file__).with_name("parameters.toml")
CARD_ONLY = "payment_method_types"


@cache
def _table() -> Mapping[str, Any]:
    with TABLE.open("rb") as file:
        return tomllib.load(file)


@cache
def taken() -> Mapping[str, frozenset[str]]:
    """The names that each operation takes, beside `expand` and the paging of lists."""
    return {operation: frozenset(names.split()) for operation, names in _table().items() if operation != INSIDE}


@cache
def inside() -> Mapping[str, frozenset[str]]:
    """The names that may stand inside a parameter, by the parameter's own name; others may hold anything."""
    return {name: frozenset(names.split()) for name, names in _table()[INSIDE].items()}


def is_endive(version: str | None) -> bool:
    """Whether the request asks for API 2026-09-30 or newer; one that names no version speaks the account's older one."""
    return version is not None and version[:10] >= ENDIVE_DAY


def checked(operation: str, params: StripeObject, version: str | None) -> StripeObject:
    """The parameters in today's form. Raises 400 on a name that the operation does not take."""
    if is_endive(version):
        _refuse_what_endive_removed(operation, params)
    else:
        params = _modern(operation, params)
    known = taken().get(operation, frozenset())
    is_list = operation.startswith("GET") and not operation.endswith("{id}")
    for name in params:
        if name not in known and name != "expand" and not (is_list and name in PAGING):
            raise _unknown(name)
        _check_inside(name, params[name], name)
    return params


def _unknown(place: str) -> StripeError:
    return invalid(f"Received unknown parameter: {place}", param=place, code="parameter_unknown")


def _check_inside(name: str, value: Any, place: str) -> None:
    """The names of everything within a parameter; rows of a list are as the list is."""
    if isinstance(value, list):
        for index, row in enumerate(value):
            _check_inside(name, row, f"{place}[{index}]")
    elif isinstance(value, dict) and name in inside():
        for part, deeper in value.items():
            if part not in inside()[name]:
                raise _unknown(f"{place}[{part}]")
            _check_inside(part, deeper, f"{place}[{part}]")


def _refuse_what_endive_removed(operation: str, params: StripeObject) -> None:
    if CARD_ONLY in params and "payment_intents" in operation:
        raise invalid(
            "`payment_method_types` is no longer supported. Use `allowed_payment_method_types` or "
            "`excluded_payment_method_types` instead.",
            param=CARD_ONLY,
            code="payment_method_types_no_longer_supported",
        )
    anchor = params.get("billing_cycle_anchor")
    if operation in _ANCHORED and isinstance(anchor, str) and anchor:
        raise invalid("Invalid object", param="billing_cycle_anchor", code="parameter_invalid")


def _modern(operation: str, params: StripeObject) -> StripeObject:
    """What older versions called differently, renamed; what only they took and the sandbox does not need, left out."""
    for name, rename in _OLDER.get(operation, {}).items():
        if name in params:
            params = rename(params)
    return params


def _without(name: str) -> Callable[[StripeObject], StripeObject]:
    return lambda params: {key: value for key, value in params.items() if key != name}


def _coupon_as_discount(params: StripeObject) -> StripeObject:
    return _without("coupon")(params) | ({"discounts": [{"coupon": params["coupon"]}]} if params["coupon"] else {})


def _price_as_pricing(params: StripeObject) -> StripeObject:
    return _without("price")(params) | {"pricing": {"price": params["price"]}}


def _anchor_as_object(params: StripeObject) -> StripeObject:
    anchor = params["billing_cycle_anchor"]
    return params | ({"billing_cycle_anchor": {"type": anchor}} if isinstance(anchor, str) and anchor else {})


_ANCHORED = {"POST /v1/subscriptions/{id}", "POST /v1/subscriptions/{id}/resume"}
_OLDER: Mapping[str, Mapping[str, Callable[[StripeObject], StripeObject]]] = {
    "POST /v1/invoiceitems": {"price": _price_as_pricing},
    "POST /v1/invoiceitems/{id}": {"price": _price_as_pricing},
    "POST /v1/payment_intents": {CARD_ONLY: _without(CARD_ONLY)},
    "POST /v1/payment_intents/{id}": {CARD_ONLY: _without(CARD_ONLY)},
    "POST /v1/payment_intents/{id}/confirm": {CARD_ONLY: _without(CARD_ONLY)},
    "POST /v1/subscriptions": {"coupon": _coupon_as_discount},
    "POST /v1/subscriptions/{id}": {"billing_cycle_anchor": _anchor_as_object, "coupon": _coupon_as_discount},
    "POST /v1/subscriptions/{id}/resume": {"billing_cycle_anchor": _anchor_as_object},
}
