"""A change in mid-period: credit for the time not used, debit for the time that remains.

Flexible billing gives back a share of what the time was really billed, line by line; classic billing a share of what it costs
now. Percentage discounts stand inside the amounts, or beside them where `proration_discounts` is `itemized`.
"""

from sandbox.billing.arithmetic import percent_of, price_amount, share
from sandbox.billing.billed_time import billed_after, give_back, note
from sandbox.billing.calendar import moment
from sandbox.billing.subscription_invoices import TIMES, is_metered, whole_period
from sandbox.objects import StripeObject
from sandbox.objects.invoices import invoiceitem
from sandbox.state import State


def is_itemized(subscription: StripeObject) -> bool:
    """True when prorations are shown before discounts, with the discounts beside them."""
    return (subscription["billing_mode"]["flexible"] or {}).get("proration_discounts") == "itemized"


def _discounts_of(state: State, subscription: StripeObject, amount: int) -> dict[str, int]:
    """What the percentage coupons that run now take off an amount, by discount."""
    taken: dict[str, int] = {}
    for discount_id in subscription["discounts"]:
        discount = state.objects["discount"][discount_id]
        coupon = state.objects["coupon"].get(discount["source"]["coupon"])
        is_over = discount["end"] is not None and discount["end"] <= state.now
        if coupon and coupon["percent_off"] is not None and not is_over:
            taken[discount_id] = percent_of(amount - sum(taken.values()), coupon["percent_off"])
    return taken


def credit(state: State, subscription: StripeObject, item: StripeObject, at: int) -> None:
    """Give back what the item was, or in classic billing is, billed for the time after `at`; nothing for metered prices."""
    if is_metered(item) or at >= item["current_period_end"]:
        return
    if subscription["billing_mode"]["type"] == "classic":
        _add(state, subscription, item, at=at, sign=-1, part=_price_part(state, subscription, item, at))
        return
    for billed in billed_after(state, item["id"], at):
        start = max(at, billed.start)
        part, whole = billed.paid_until - start, billed.end - billed.start
        taken = {id_: share(amount, part, whole) for id_, amount in billed.discounts.items()}
        net = share(billed.amount - sum(billed.discounts.values()), part, whole)
        give_back(state, billed.id, at)
        if net + sum(taken.values()):
            _add(
                state, subscription, item, at=start, sign=-1, part=(net, taken), end=billed.paid_until, of=billed.source
            )


def debit(state: State, subscription: StripeObject, item: StripeObject, at: int) -> None:
    """Bill what is left of the item's period after `at` at its price and quantity; nothing for metered prices."""
    if is_metered(item) or at >= item["current_period_end"]:
        return
    made = _add(state, subscription, item, at=at, sign=1, part=_price_part(state, subscription, item, at))
    note(state, made["id"], item["id"], (at, item["current_period_end"]))


def _price_part(state: State, subscription: StripeObject, item: StripeObject, at: int) -> tuple[int, dict[str, int]]:
    """Today's price for the rest of the period, after discounts, and the discounts."""
    price = state.objects["price"][item["price"]["id"]]
    amount = price_amount(price, item.get("quantity", 1))
    discounts = _discounts_of(state, subscription, amount)
    start, end = whole_period(subscription, item)
    part, whole = item["current_period_end"] - at, end - start
    taken = {id_: share(discount, part, whole) for id_, discount in discounts.items()}
    return share(amount - sum(discounts.values()), part, whole), taken


def _add(
    state: State,
    subscription: StripeObject,
    item: StripeObject,
    *,
    at: int,
    sign: int,
    part: tuple[int, dict[str, int]],
    end: int | None = None,
    of: StripeObject | None = None,
) -> StripeObject:
    """A pending item for the time from `at` to `end`; `of` names what a credit gives back."""
    net, taken = part
    price = state.objects["price"][item["price"]["id"]]
    quantity = item.get("quantity", 1)
    name = state.objects["product"][price["product"]]["name"]
    gross = net + sum(taken.values()) if is_itemized(subscription) else net
    made = invoiceitem(
        state.new_id("ii"),
        state.now,
        customer_id=subscription["customer"],
        amount=sign * gross,
        currency=subscription["currency"],
        description=f"{'Unused' if sign < 0 else 'Remaining'} time on {quantity} {TIMES} {name} after {moment(at):%d %b %Y}",
        discountable=False,
        price=price,
        quantity=quantity,
        proration=True,
        subscription=subscription["id"],
        subscription_item=item["id"],
        period_start=at,
        period_end=item["current_period_end"] if end is None else end,
    )
    if is_itemized(subscription):
        shown = [{"amount": sign * amount, "discount": id_} for id_, amount in taken.items()]
        made["proration_details"]["discount_amounts"] = shown
        made["net_amount"] = sign * net
    if of is not None:
        made["proration_details"]["credited_items"] = of
    state.put(made)
    state.emit("invoiceitem.created", made)
    return made
