"""Customers: made, changed, deleted."""

import hashlib

from sandbox.billing.cards import resolve_payment_method
from sandbox.billing.customer_balance import move
from sandbox.billing.params import integer, merge_metadata, metadata
from sandbox.billing.refusals import addressed, invalid, referred
from sandbox.billing.subscriptions import cancel_subscription
from sandbox.objects import StripeObject, address
from sandbox.objects.customers import customer
from sandbox.state import TEST_CLOCK, State

CUSTOMERS_PER_CLOCK = 3
SETTLEMENT = "usd"  # the balance of a customer who has no currency yet
PLAIN = ("name", "email", "phone", "description", "tax_exempt", "business_name", "individual_name")


def create_customer(state: State, params: StripeObject) -> StripeObject:
    """A new customer; `payment_method` attaches a card, `invoice_settings[default_payment_method]` charges it."""
    id_ = state.new_id("cus")
    given = {key: params.get(key) for key in (*PLAIN, "address", "shipping", "preferred_locales")}
    clock = _clock_of(state, params)
    prefix = hashlib.sha256(id_.encode()).hexdigest()[:8].upper()
    made = state.put(
        customer(
            id_,
            state.now,
            invoice_prefix=params.get("invoice_prefix") or prefix,
            metadata=metadata(params),
            balance=0,
            **given,
        )
        | {"test_clock": clock}
    )
    attach_cards(state, made, params)
    balance = integer(params, "balance", 0)
    if balance:
        move(state, made, balance, SETTLEMENT, "initial")
    state.emit("customer.created", made)
    return made


def _clock_of(state: State, params: StripeObject) -> str | None:
    """The test clock that a new customer is bound to."""
    if not params.get("test_clock"):
        return None
    clock = referred(state, TEST_CLOCK, params["test_clock"], "test_clock")["id"]
    bound = sum(one.get("test_clock") == clock for one in state.objects["customer"].values())
    if bound >= CUSTOMERS_PER_CLOCK:
        raise invalid(f"A test clock can have at most {CUSTOMERS_PER_CLOCK} customers.", param="test_clock")
    return str(clock)


def attach_cards(state: State, owner: StripeObject, params: StripeObject) -> None:
    """Cards named on create and update: attach `payment_method`, set the default for invoices."""
    default = (params.get("invoice_settings") or {}).get("default_payment_method")
    attached = params.get("payment_method")
    if attached:
        method = resolve_payment_method(state, str(attached), owner["id"])
        method["customer"] = owner["id"]
        state.emit("payment_method.attached", method)
        if default == attached:
            default = method["id"]
    if default == "":
        owner["invoice_settings"]["default_payment_method"] = None
    elif default:
        method = resolve_payment_method(state, str(default), owner["id"])
        if method["customer"] != owner["id"]:
            raise invalid(
                "The customer does not have a payment method with the ID "
                f"{default}. The payment method must be attached to the customer.",
                param="invoice_settings[default_payment_method]",
                code="resource_missing",
            )
        owner["invoice_settings"]["default_payment_method"] = method["id"]


def update_customer(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Change a customer; only given fields change."""
    found = addressed(state, "customer", id_)
    if found.get("deleted"):
        raise invalid(f"No such customer: '{id_}'", param="id", code="resource_missing", status=404)
    before = {key: found[key] for key in (*PLAIN, "address", "metadata", "balance") if key in params}
    for key in PLAIN:
        if key in params:
            found[key] = params[key] or None
    if "address" in params:
        found["address"] = address(params["address"] or None)
    if "balance" in params:
        change = (integer(params, "balance", 0) or 0) - found["balance"]
        if change:
            move(state, found, change, found["currency"] or SETTLEMENT, "adjustment")
    merge_metadata(found, params)
    attach_cards(state, found, params)
    state.emit("customer.updated", found, before)
    return found


def delete_customer(state: State, id_: str) -> StripeObject:
    """Delete a customer for good; their subscriptions end at once."""
    found = addressed(state, "customer", id_)
    for subscription in list(state.objects.get("subscription", {}).values()):
        if subscription["customer"] == id_ and subscription["status"] not in {"canceled", "incomplete_expired"}:
            cancel_subscription(state, subscription["id"], {})
    state.emit("customer.deleted", found)
    state.objects["customer"][id_] = {"id": id_, "object": "customer", "deleted": True}
    return state.objects["customer"][id_]
