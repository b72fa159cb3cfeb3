"""The invoices a subscription makes: the first, one per period, and one for a change in between."""

from sandbox.billing import totals
from sandbox.billing.arithmetic import price_amount, share
from sandbox.billing.billed_time import note
from sandbox.billing.calendar import period_around
from sandbox.billing.invoicing import add_line, draft, finalize_invoice, take_pending_items
from sandbox.billing.meters import reported_usage
from sandbox.objects import StripeObject
from sandbox.objects.invoices import item_parent
from sandbox.state import State

TIMES = "\u00d7"  # Stripe writes 5 times a product with the multiplication sign


def is_metered(item: StripeObject) -> bool:
    """True when the quantity is what was used rather than what was agreed."""
    return bool(item["price"]["recurring"]["usage_type"] == "metered")


def _product_name(state: State, price: StripeObject) -> str:
    return str(state.objects["product"][price["product"]]["name"])


def whole_period(subscription: StripeObject, item: StripeObject) -> tuple[int, int]:
    """The full interval in which the item's period stands: a first one up to the anchor, or a last one, may be shorter."""
    how = item["price"]["recurring"]
    return period_around(
        subscription["billing_cycle_anchor"], how["interval"], how["interval_count"], item["current_period_start"]
    )


def begin(state: State, subscription: StripeObject, reason: str, period: tuple[int, int]) -> StripeObject:
    """A draft invoice for the subscription, still without lines; `period` in unix seconds."""
    customer = state.objects["customer"][subscription["customer"]]
    finalizes_later = reason == "subscription_cycle"
    invoice = draft(
        state,
        customer,
        subscription["currency"],
        billing_reason=reason,
        collection_method=subscription["collection_method"],
        default_tax_rates=list(subscription["default_tax_rates"]),
        discounts=list(subscription["discounts"]),
        parent={
            "quote_details": None,
            "subscription_details": {
                "metadata": dict(subscription["metadata"]),
                "subscription": subscription["id"],
            },
            "type": "subscription_details",
        },
        period_start=period[0],
        period_end=period[1],
        **({} if finalizes_later else {"automatically_finalizes_at": None, "next_payment_attempt": None}),
    )
    if subscription["collection_method"] == "send_invoice":
        invoice["due_date"] = state.now + (subscription["days_until_due"] or 30) * 86400
    subscription["latest_invoice"] = invoice["id"]
    return invoice


def bill_licensed(state: State, invoice: StripeObject, subscription: StripeObject, item: StripeObject) -> None:
    """The agreed quantity, for the item's current period, in advance."""
    price = state.objects["price"][item["price"]["id"]]
    quantity = item.get("quantity", 1)
    is_trial = subscription["status"] == "trialing"
    start, end = whole_period(subscription, item)
    period = (item["current_period_start"], item["current_period_end"])
    amount = 0 if is_trial else price_amount(price, quantity)
    if not is_trial and period != (start, end):
        amount = share(amount, period[1] - period[0], end - start)
    name = _product_name(state, price)
    line = add_line(
        state,
        invoice,
        amount=amount,
        quantity=quantity,
        description=f"Trial period for {name}" if is_trial else f"{quantity} {TIMES} {name}",
        parent=item_parent(subscription["id"], item["id"]),
        period_start=period[0],
        period_end=period[1],
        price=price,
        subscription=subscription["id"],
    )
    if not is_trial:
        note(state, line["id"], item["id"], period, invoice["id"])


def bill_metered(
    state: State, invoice: StripeObject, subscription: StripeObject, item: StripeObject, period: tuple[int, int]
) -> None:
    """What was used in the period that has ended."""
    price = state.objects["price"][item["price"]["id"]]
    quantity = reported_usage(state, price, subscription["customer"], period[0], period[1])
    add_line(
        state,
        invoice,
        amount=price_amount(price, quantity),
        quantity=quantity,
        description=f"{quantity} {TIMES} {_product_name(state, price)}",
        parent=item_parent(subscription["id"], item["id"]),
        period_start=period[0],
        period_end=period[1],
        price=price,
        subscription=subscription["id"],
    )


def complete(state: State, invoice: StripeObject) -> StripeObject:
    """Add the sums and announce the draft."""
    totals.compute(state, invoice, uses_credits=False)
    state.emit("invoice.created", invoice)
    return invoice


def first_invoice(state: State, subscription: StripeObject, *, bills_part: bool) -> StripeObject:
    """The invoice of a new subscription, finalized at once; a period up to the anchor is billed when `bills_part`."""
    invoice = begin(state, subscription, "subscription_create", (state.now, state.now))
    take_pending_items(state, invoice, subscription["id"])
    for item in subscription["items"]["data"]:
        is_part = subscription["billing_cycle_anchor"] > state.now and subscription["status"] != "trialing"
        if not is_metered(item) and (bills_part or not is_part):
            bill_licensed(state, invoice, subscription, item)
    complete(state, invoice)
    return finalize_invoice(state, invoice["id"], {})


def cycle_invoice(state: State, subscription: StripeObject, ended: dict[str, tuple[int, int]]) -> StripeObject:
    """The draft at a period's end: pending items, usage of the ended period, and the next period in advance.

    `ended` maps the id of each item whose period ended to that period.
    """
    invoice = begin(state, subscription, "subscription_cycle", next(iter(ended.values())))
    take_pending_items(state, invoice, subscription["id"])
    for item in subscription["items"]["data"]:
        if item["id"] not in ended:
            continue
        if is_metered(item):
            bill_metered(state, invoice, subscription, item, ended[item["id"]])
        else:
            bill_licensed(state, invoice, subscription, item)
    return complete(state, invoice)


def last_invoice(state: State, subscription: StripeObject) -> StripeObject | None:
    """Usage and prorations that are still to be billed when a subscription ends; None when there are none."""
    metered = [item for item in subscription["items"]["data"] if is_metered(item)]
    waiting = any(
        item["invoice"] is None and subscription["id"] in str(item["parent"])
        for item in state.objects.get("invoiceitem", {}).values()
    )
    if not metered and not waiting:
        return None
    invoice = begin(state, subscription, "subscription_cycle", (state.now, state.now))
    take_pending_items(state, invoice, subscription["id"])
    for item in metered:
        period = (item["current_period_start"], min(state.now, item["current_period_end"]))
        bill_metered(state, invoice, subscription, item, period)
    return complete(state, invoice)
