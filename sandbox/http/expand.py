"""`expand`: replaces ids by the objects they name, and adds what an object holds only on request."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.billing.params import list_of
from sandbox.billing.refusals import invalid
from sandbox.errors import StripeError
from sandbox.http.expandable import ANY, BY_PREFIX, EXPANDABLE, NEVER
from sandbox.http.shown import shown
from sandbox.objects import StripeObject, listing
from sandbox.objects.embedded import INLINE_ROWS
from sandbox.state import State

DEEPEST = 4


def expand(state: State, answer: StripeObject, params: StripeObject) -> StripeObject:
    """The answer with everything that `expand` names. Raises 400 on a place that cannot be expanded."""
    for path in list_of(params, "expand"):
        parts = str(path).split(".")
        if len(parts) > DEEPEST:
            raise invalid(
                f"You cannot expand more than {DEEPEST} levels of a property. Property: {path}", param="expand"
            )
        answer = _object(state, answer, parts, str(path))
    return answer


def _unexpandable(part: str, path: str) -> StripeError:
    return invalid(
        f"This property cannot be expanded ({part}). You may want to try removing it from the expand list: {path}.",
        param="expand",
    )


def _object(state: State, obj: StripeObject, parts: list[str], path: str) -> StripeObject:
    """An object with `parts` expanded, which are counted from this object."""
    if obj["object"] == "list":
        return _rows(state, obj, parts, path)
    added = _ON_REQUEST.get((obj["object"], parts[0]))
    if added is not None and not obj.get("deleted"):
        value = obj[parts[0]] if parts[0] in obj else added(state, obj)
        return obj if value is None else obj | {parts[0]: _deeper(state, value, parts[1:], path)}
    return _inside(state, obj, parts, path, kind=obj["object"], behind=())


def _rows(state: State, rows: StripeObject, parts: list[str], path: str) -> StripeObject:
    if parts[0] != "data" or len(parts) == 1:
        raise _unexpandable(parts[0], path)
    return rows | {"data": [_object(state, row, parts[1:], path) for row in rows["data"]]}


def _inside(
    state: State, node: StripeObject, parts: list[str], path: str, *, kind: str, behind: tuple[str, ...]
) -> StripeObject:
    """A dict within an object of `kind`, reached through the keys `behind`."""
    place = (*behind, parts[0])
    name = ".".join(place)
    places = EXPANDABLE.get(kind, {})
    value = node.get(parts[0])
    if name in places:
        return node if value is None else node | {parts[0]: _named(state, value, places[name], parts[1:], path)}
    leads_on = any(known.startswith(f"{name}.") for known in places)
    if len(parts) > 1 and isinstance(value, dict) and "object" in value:
        return node | {parts[0]: _object(state, value, parts[1:], path)}
    if len(parts) == 1 or not (leads_on or _holds_objects(value)):
        raise _unexpandable(parts[0], path)
    if isinstance(value, list):
        return node | {
            parts[0]: [
                _object(state, one, parts[1:], path)
                if "object" in one
                else _inside(state, one, parts[1:], path, kind=kind, behind=place)
                for one in value
            ]
        }
    if value is None:
        return node
    return node | {parts[0]: _inside(state, value, parts[1:], path, kind=kind, behind=place)}


def _holds_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) and "object" in one for one in value)


def _named(state: State, value: Any, kind: str, further: list[str], path: str) -> Any:
    """The object that an id names, or the objects of a list of ids; what is no longer there stays an id."""
    if isinstance(value, list):
        return [_named(state, one, kind, further, path) for one in value]
    if isinstance(value, dict):
        return _deeper(state, value, further, path)
    if kind == ANY:
        kind = BY_PREFIX.get(str(value).partition("_")[0], NEVER)
    found = state.objects[kind].get(str(value)) if kind else None
    return value if found is None else _deeper(state, shown(state, found), further, path)


def _deeper(state: State, value: Any, further: list[str], path: str) -> Any:
    if not further or value is None or (isinstance(value, dict) and value.get("deleted")):
        return value
    if not isinstance(value, dict) or "object" not in value:
        raise _unexpandable(further[0], path)
    return _object(state, value, further, path)


def _related(state: State, kind: str, field: str, id_: str, url: str) -> StripeObject:
    """The newest objects of a kind that name this one, as a list inside it."""
    found = [one for one in state.objects[kind].values() if one.get(field) == id_][::-1]
    rows = listing(url, [shown(state, one) for one in found[:INLINE_ROWS]])
    return rows | {"has_more": len(found) > INLINE_ROWS}


def _subscriptions(state: State, customer: StripeObject) -> StripeObject:
    rows = _related(state, "subscription", "customer", customer["id"], f"/v1/customers/{customer['id']}/subscriptions")
    return rows | {"data": [one for one in rows["data"] if one["status"] != "canceled"]}


def _refunds(state: State, charge: StripeObject) -> StripeObject:
    return _related(state, "refund", "charge", charge["id"], f"/v1/charges/{charge['id']}/refunds")


def _payments(state: State, invoice: StripeObject) -> StripeObject:
    return _related(state, "invoice_payment", "invoice", invoice["id"], "/v1/invoice_payments")


def _stored(field: str) -> Callable[[State, StripeObject], Any]:
    """A field of the stored object that is not shown by itself."""
    return lambda state, obj: state.objects[obj["object"]][obj["id"]].get(field)


def _empty_list(under: str) -> Callable[[State, StripeObject], Any]:
    return lambda _state, obj: listing(f"/v1/customers/{obj['id']}/{under}", [])


_ON_REQUEST: Mapping[tuple[str, str], Callable[[State, StripeObject], Any]] = {
    ("charge", "refunds"): _refunds,
    ("customer", "sources"): _empty_list("sources"),
    ("customer", "subscriptions"): _subscriptions,
    ("customer", "tax_ids"): _empty_list("tax_ids"),
    ("invoice", "confirmation_secret"): _stored("confirmation_secret"),
    ("invoice", "payments"): _payments,
    ("price", "tiers"): _stored("tiers"),
}
