"""What a list may be filtered by, kind by kind; a filter without a rule here compares the field of its name."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sandbox.billing.params import integer, list_of
from sandbox.billing.payouts import rows_of
from sandbox.billing.refusals import invalid
from sandbox.objects import StripeObject
from sandbox.state import State

Test: TypeAlias = Callable[[StripeObject], bool]
BOUNDS: Mapping[str, Callable[[int, int], bool]] = {
    "gt": lambda at, bound: at > bound,
    "gte": lambda at, bound: at >= bound,
    "lt": lambda at, bound: at < bound,
    "lte": lambda at, bound: at <= bound,
}


# Kinds whose lists leave out what is bound to a test clock, unless one of these filters is given.
OFF_CLOCK = {"customer": {"test_clock"}, "subscription": {"test_clock", "customer"}}


def tests(state: State, kind: str, params: StripeObject) -> list[Test]:
    """One test per filter given; an object is listed when it passes them all. Raises 400 on a value that is none."""
    found = [_RULES.get((kind, name), _same_field)(state, name, value) for name, value in params.items() if value != ""]
    if kind == "subscription" and "status" not in params:
        found.append(lambda obj: obj["status"] != "canceled")
    if kind in OFF_CLOCK and not OFF_CLOCK[kind] & params.keys():
        found.append(lambda obj: obj["test_clock"] is None)
    return found


def within(name: str, value: Any) -> Callable[[int | None], bool]:
    """A test of a time against an exact value or the bounds gt, gte, lt, lte."""
    if not isinstance(value, dict):
        exact = integer({name: value}, name)
        return lambda at: at == exact
    for bound in value:
        if bound not in BOUNDS:
            raise invalid(
                f"Received unknown parameter: {name}[{bound}]", param=f"{name}[{bound}]", code="parameter_unknown"
            )
    limits = [(BOUNDS[bound], integer(value, bound)) for bound in value]
    return lambda at: at is not None and all(limit is not None and passes(at, limit) for passes, limit in limits)


def _same_field(_state: State, name: str, value: Any) -> Test:
    if isinstance(value, dict | list):
        raise invalid(f"Invalid string: {value}", param=name)
    wanted = str(value).lower() if str(value).lower() in {"true", "false"} else str(value)
    return lambda obj: (str(obj.get(name)).lower() if isinstance(obj.get(name), bool) else obj.get(name)) == wanted


def _time(_state: State, name: str, value: Any) -> Test:
    passes = within(name, value)
    return lambda obj: passes(obj.get(name))


def _one_of(field: str) -> Callable[[State, str, Any], Test]:
    def rule(_state: State, name: str, value: Any) -> Test:
        wanted = {str(one) for one in list_of({name: value}, name)} if isinstance(value, list) else {str(value)}
        return lambda obj: obj[field] in wanted

    return rule


def _subscription_status(_state: State, _name: str, value: Any) -> Test:
    wanted = {"all": None, "ended": {"canceled", "incomplete_expired"}}.get(str(value), {str(value)})
    return lambda obj: wanted is None or obj["status"] in wanted


def _has_price(_state: State, _name: str, value: Any) -> Test:
    return lambda obj: any(item["price"]["id"] == value for item in obj["items"]["data"])


def _item_period(_state: State, name: str, value: Any) -> Test:
    passes = within(name, value)
    return lambda obj: any(passes(item[name]) for item in obj["items"]["data"])


def _of_subscription(_state: State, _name: str, value: Any) -> Test:
    return lambda obj: ((obj["parent"] or {}).get("subscription_details") or {}).get("subscription") == value


def _payment(_state: State, name: str, value: Any) -> Test:
    if not isinstance(value, dict):
        raise invalid("Invalid object", param=name)
    if not value.get("type"):
        raise invalid("Missing required param: payment[type].", param="payment[type]", code="parameter_missing")
    return lambda obj: all(obj["payment"].get(key) == wanted for key, wanted in value.items())


def _is_pending(_state: State, _name: str, value: Any) -> Test:
    return lambda obj: (obj["invoice"] is None) == (str(value).lower() == "true")


def _is_scheduled(_state: State, _name: str, value: Any) -> Test:
    return lambda obj: (obj["status"] == "not_started") == (str(value).lower() == "true")


def _event_type(_state: State, _name: str, value: Any) -> Test:
    wanted = str(value)
    if wanted.endswith("*"):
        return lambda obj: str(obj["type"]).startswith(wanted[:-1])
    return lambda obj: obj["type"] == wanted


def _is_delivered(_state: State, _name: str, value: Any) -> Test:
    return lambda obj: (obj["pending_webhooks"] == 0) == (str(value).lower() == "true")


def _recurring(_state: State, name: str, value: Any) -> Test:
    if not isinstance(value, dict):
        raise invalid("Invalid object", param=name)
    return lambda obj: all((obj["recurring"] or {}).get(key) == wanted for key, wanted in value.items())


def _customer_of_grant(state: State, _name: str, value: Any) -> Test:
    grants = state.objects["billing.credit_grant"]
    return lambda obj: grants[obj["credit_grant"]]["customer"] == value


def _of_payout(state: State, _name: str, value: Any) -> Test:
    rows = rows_of(state, str(value))
    return lambda obj: obj["id"] in rows


_RULES: Mapping[tuple[str, str], Callable[[State, str, Any], Test]] = {
    ("balance_transaction", "payout"): _of_payout,
    ("billing.credit_balance_transaction", "customer"): _customer_of_grant,
    ("event", "delivery_success"): _is_delivered,
    ("event", "type"): _event_type,
    ("event", "types"): _one_of("type"),
    ("invoice", "due_date"): _time,
    ("invoice", "subscription"): _of_subscription,
    ("invoice_payment", "payment"): _payment,
    ("invoiceitem", "pending"): _is_pending,
    ("payout", "arrival_date"): _time,
    ("price", "lookup_keys"): _one_of("lookup_key"),
    ("price", "recurring"): _recurring,
    ("product", "ids"): _one_of("id"),
    ("subscription_schedule", "canceled_at"): _time,
    ("subscription_schedule", "completed_at"): _time,
    ("subscription_schedule", "released_at"): _time,
    ("subscription_schedule", "scheduled"): _is_scheduled,
    ("subscription", "current_period_end"): _item_period,
    ("subscription", "current_period_start"): _item_period,
    ("subscription", "plan"): _has_price,
    ("subscription", "price"): _has_price,
    ("subscription", "status"): _subscription_status,
}
