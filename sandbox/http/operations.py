"""The routes as a table: what can be done with each resource, and the function that does it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from sandbox import billing
from sandbox import webhook_endpoints as hooks
from sandbox.billing.params import required
from sandbox.billing.refusals import addressed, no_such
from sandbox.errors import StripeError
from sandbox.http.lists import list_kind, page
from sandbox.http.shown import shown
from sandbox.http.v2 import PATH as V2
from sandbox.http.v2 import find_v2
from sandbox.objects import StripeObject
from sandbox.state import EVENT, EVENTS_KEPT_SECONDS, TEST_CLOCK, State
from sandbox.thin_events import is_thin_only

Act: TypeAlias = Callable[[State, StripeObject], StripeObject]
ActOnOne: TypeAlias = Callable[[State, str, StripeObject], StripeObject]


@dataclass(frozen=True)
class Resource:
    """A resource's kind of object and what can be done: by POST, by DELETE, by POST to a word below an object."""

    kind: str
    create: Act | None = None
    update: ActOnOne | None = None
    delete: Callable[[State, str], StripeObject] | None = None
    end: ActOnOne | None = None
    actions: Mapping[str, ActOnOne] = field(default_factory=dict)
    is_listed: bool = True


@dataclass(frozen=True)
class Operation:
    """One request understood. `name` is the key in the table of parameters, `run` does it, `id` is of what it acts on."""

    name: str
    kind: str
    run: Act
    id: str | None = None


_CREDIT_GRANT = {"expire": billing.expire_credit_grant, "void": billing.void_credit_grant}
_INVOICE: Mapping[str, ActOnOne] = {
    "finalize": billing.finalize_invoice,
    "mark_uncollectible": billing.mark_uncollectible,
    "pay": billing.pay_invoice,
    "send": billing.send_invoice,
    "void": billing.void_invoice,
}
_METER = {"deactivate": billing.deactivate_meter, "reactivate": billing.reactivate_meter}
_METHOD = {"attach": billing.attach_payment_method, "detach": billing.detach_payment_method}
_INTENT = {"cancel": billing.cancel_payment_intent, "confirm": billing.confirm_payment_intent}
_SCHEDULE = {"cancel": billing.cancel_schedule, "release": billing.release_schedule}
_SUBSCRIPTION: Mapping[str, ActOnOne] = {
    "migrate": billing.migrate_subscription,
    "pause": billing.pause_subscription,
    "resume": billing.resume_subscription,
}

RESOURCES: Mapping[str, Resource] = {
    "balance_transactions": Resource("balance_transaction"),
    "billing/credit_balance_transactions": Resource("billing.credit_balance_transaction"),
    "billing/credit_grants": Resource(
        "billing.credit_grant", billing.create_credit_grant, billing.update_credit_grant, actions=_CREDIT_GRANT
    ),
    "billing/meter_events": Resource("billing.meter_event", billing.create_meter_event, is_listed=False),
    "billing/meter_event_adjustments": Resource(
        "billing.meter_event_adjustment", billing.create_adjustment, is_listed=False
    ),
    "billing/meters": Resource("billing.meter", billing.create_meter, billing.update_meter, actions=_METER),
    "charges": Resource("charge", billing.create_charge, billing.update_charge),
    "coupons": Resource("coupon", billing.create_coupon, billing.update_coupon, billing.delete_coupon),
    "credit_notes": Resource(
        "credit_note",
        billing.create_credit_note,
        billing.update_credit_note,
        actions={"void": billing.void_credit_note},
    ),
    "customers": Resource("customer", billing.create_customer, billing.update_customer, billing.delete_customer),
    "disputes": Resource("dispute", None, billing.update_dispute, actions={"close": billing.close_dispute}),
    "events": Resource(EVENT),
    "files": Resource("file", billing.create_file),
    "invoice_payments": Resource("invoice_payment"),
    "invoiceitems": Resource(
        "invoiceitem", billing.create_invoiceitem, billing.update_invoiceitem, billing.delete_invoiceitem
    ),
    "invoices": Resource(
        "invoice", billing.create_invoice, billing.update_invoice, billing.delete_invoice, actions=_INVOICE
    ),
    "payouts": Resource("payout", billing.create_payout, billing.update_payout),
    "payment_intents": Resource(
        "payment_intent", billing.create_payment_intent, billing.update_payment_intent, actions=_INTENT
    ),
    "payment_methods": Resource(
        "payment_method", billing.create_payment_method, billing.update_payment_method, actions=_METHOD
    ),
    "prices": Resource("price", billing.create_price, billing.update_price),
    "products": Resource("product", billing.create_product, billing.update_product, billing.delete_product),
    "radar/early_fraud_warnings": Resource("radar.early_fraud_warning"),
    "refunds": Resource(
        "refund", billing.create_refund, billing.update_refund, actions={"cancel": billing.cancel_refund}
    ),
    "subscription_items": Resource(
        "subscription_item",
        billing.create_subscription_item,
        billing.update_subscription_item,
        end=billing.delete_subscription_item,
    ),
    "subscription_schedules": Resource(
        "subscription_schedule", billing.create_schedule, billing.update_schedule, actions=_SCHEDULE
    ),
    "subscriptions": Resource(
        "subscription",
        billing.create_subscription,
        billing.update_subscription,
        end=billing.cancel_subscription,
        actions=_SUBSCRIPTION,
    ),
    "tax_rates": Resource("tax_rate", billing.create_tax_rate, billing.update_tax_rate),
    "test_helpers/test_clocks": Resource(
        TEST_CLOCK,
        billing.create_test_clock,
        delete=billing.delete_test_clock,
        actions={"advance": billing.advance_test_clock},
    ),
    "webhook_endpoints": Resource(
        hooks.ENDPOINT,
        hooks.create_webhook_endpoint,
        hooks.update_webhook_endpoint,
        hooks.delete_webhook_endpoint,
    ),
}
SUMMARY = "billing.meter_event_summary"
# Lists that Stripe does not give without saying of whom.
NEEDED_FILTERS = {"subscription_items": "subscription", "billing/credit_balance_transactions": "customer"}


# Lists below a customer, by their word.
_OF_CUSTOMER = {"balance_transactions": "customer_balance_transaction", "payment_methods": "payment_method"}


def find(method: str, path: str) -> Operation:
    """The operation of a request. Raises 404 for what Stripe, or the sandbox, does not know."""
    told = find_v2(method, path) if path.startswith(V2) else None
    if told is not None:
        return Operation(*told)
    parts = path.removeprefix("/v1/").strip("/").split("/")
    words = 2 if parts[0] in {"billing", "radar", "test_helpers"} else 1
    name, rest = "/".join(parts[:words]), parts[words:]
    found = _single(method, name, rest) or _on_resource(method, name, rest)
    if found is None:
        raise StripeError(
            status=404,
            type="invalid_request_error",
            message=f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at "
            "https://support.stripe.com/.",
        )
    return found


def _single(method: str, name: str, rest: list[str]) -> Operation | None:
    """Addresses that are no list of objects of their own."""
    match method, name, rest:
        case "GET", ("balance" | "billing/credit_balance_summary"), []:
            run = billing.read_balance if name == "balance" else billing.credit_balance_summary
            return Operation(f"GET /v1/{name}", name.replace("/", "."), run)
        case "GET", ("invoices" | "credit_notes" | "billing/meters"), [id_, word] if id_ != "preview":
            return _list_below(name, id_, word)
        case "GET", "credit_notes", ["preview"]:
            return Operation("GET /v1/credit_notes/preview", "credit_note", billing.preview_credit_note)
        case "POST", "invoices", ["create_preview"]:
            return Operation("POST /v1/invoices/create_preview", "invoice", billing.preview_invoice)
        case (("GET" | "POST"), "customers", [id_, word]) if word in _OF_CUSTOMER:
            return _below_customer(method, id_, word)
    return None


def _list_below(name: str, id_: str, word: str) -> Operation | None:
    kind, run = (
        (SUMMARY, _summaries_of(id_)) if name == "billing/meters" else (RESOURCES[name].kind, _lines_of(name, id_))
    )
    known = "event_summaries" if name == "billing/meters" else "lines"
    return Operation(f"GET /v1/{name}/{{id}}/{word}", kind, run) if word == known else None


def _below_customer(method: str, id_: str, word: str) -> Operation | None:
    name, kind = f"{method} /v1/customers/{{id}}/{word}", _OF_CUSTOMER[word]
    if method == "GET":
        return Operation(name, kind, _of_customer(kind, id_, word))
    return Operation(name, kind, _on(billing.adjust_balance, id_)) if word == "balance_transactions" else None


def _on_resource(method: str, name: str, rest: list[str]) -> Operation | None:
    resource = RESOURCES.get(name)
    if resource is None:
        return None
    run: Act | None = None
    below = ""
    match method, rest:
        case "GET", [] if resource.is_listed:
            run = _list_of(name, resource.kind)
        case "POST", []:
            run = resource.create
        case "GET", [id_] if resource.is_listed:
            below, run = "/{id}", _one(resource.kind, id_)
        case "POST", [id_] if resource.update:
            below, run = "/{id}", _on(resource.update, id_)
        case "DELETE", [id_] if resource.end:
            below, run = "/{id}", _on(resource.end, id_)
        case "DELETE", [id_] if resource.delete:
            below, run = "/{id}", _deletion(resource.delete, id_)
        case "POST", [id_, word] if word in resource.actions:
            below, run = f"/{{id}}/{word}", _on(resource.actions[word], id_)
    return None if run is None else Operation(f"{method} /v1/{name}{below}", resource.kind, run, next(iter(rest), None))


def _on(act: ActOnOne, id_: str) -> Act:
    return lambda state, params: act(state, id_, params)


def _deletion(act: Callable[[State, str], StripeObject], id_: str) -> Act:
    return lambda state, _params: act(state, id_)


def _list_of(name: str, kind: str) -> Act:
    def run(state: State, params: StripeObject) -> StripeObject:
        if name in NEEDED_FILTERS:
            required(params, NEEDED_FILTERS[name])
        return list_kind(state, kind, f"/v1/{name}", params)

    return run


def _one(kind: str, id_: str) -> Act:
    def run(state: State, _params: StripeObject) -> StripeObject:
        found = addressed(state, kind, id_)
        if kind == EVENT and (found["created"] < state.now - EVENTS_KEPT_SECONDS or is_thin_only(found)):
            raise no_such(kind, id_)
        return found

    return run


def _lines_of(name: str, id_: str) -> Act:
    def run(state: State, params: StripeObject) -> StripeObject:
        rows = addressed(state, RESOURCES[name].kind, id_)["lines"]["data"]
        url = f"/v1/{name}/{id_}/lines"
        return page(state, "line_item", url, params, rows=rows, first=0, last=len(rows), newest_first=False)

    return run


def _summaries_of(id_: str) -> Act:
    def run(state: State, params: StripeObject) -> StripeObject:
        rows = billing.event_summaries(state, id_, params)
        url = f"/v1/billing/meters/{id_}/event_summaries"
        return page(state, SUMMARY, url, params, rows=rows, first=0, last=len(rows), newest_first=True)

    return run


def _of_customer(kind: str, id_: str, word: str) -> Act:
    def run(state: State, params: StripeObject) -> StripeObject:
        addressed(state, "customer", id_)
        return list_kind(state, kind, f"/v1/customers/{id_}/{word}", params | {"customer": id_})

    return run


def answer_of(state: State, operation: Operation, params: StripeObject) -> StripeObject:
    """Do it, and show the outcome as Stripe sends it."""
    done = operation.run(state, params)
    # Lists of API v2 do not say what they are.
    return done if done.get("object", "list") == "list" else shown(state, done)
