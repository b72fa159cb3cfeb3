"""A change in mid-period: credit for the time not used, debit for the time that remains."""

from sandbox.billing.arithmetic import percent_of, price_amount, share
from sandbox.billing.calendar import moment
from sandbox.billing.subscription_invoices import TIMES
from sandbox.objects import StripeObject
from sandbox.objects.invoices import invoiceitem
from sandbox.state import State


def _price_after_discount(state: State, subscription: StripeObject, price: StripeObject, quantity: int) -> int:
    """Flexible billing prorates what the customer really pays: percentage discounts are inside the amount."""
    amount = price_amount(price, quantity)
    for discount_id in subscription["discounts"]:
        coupon = state.objects["coupon"].get(state.objects["discount"][discount_id]["source"]["coupon"])
        if coupon and coupon["percent_off"] is not None:
            amount -= percent_of(amount, coupon["percent_off"])
    return amount


def prorate(
    state: State, subscription: StripeObject, item: StripeObject, *, is_credit: bool, at: int
) -> StripeObject | None:
    """A pending item for what is left of the item's period at its price and quantity; None for metered prices."""
    price = state.objects["price"][item["price"]["id"]]
    if price["recurring"]["usage_type"] == "metered":
        return None
    start, end = item["current_period_start"], item["current_period_end"]
    quantity = item.get("quantity", 1)
    whole = _price_after_discount(state, subscription, price, quantity)
    amount = share(whole, end - at, end - start)
    name = state.objects["product"][price["product"]]["name"]
    day = f"{moment(at):%d %b %Y}"
    made = invoiceitem(
        state.new_id("ii"),
        state.now,
        customer_id=subscription["customer"],
        amount=-amount if is_credit else amount,
        currency=subscription["currency"],
        description=f"{'Unused' if is_credit else 'Remaining'} time on {quantity} {TIMES} {name} after {day}",
        discountable=False,
        price=price,
        quantity=quantity,
        proration=True,
        subscription=subscription["id"],
        subscription_item=item["id"],
        period_start=at,
        period_end=end,
    )
    state.put(made)
    state.emit("invoiceitem.created", made)
    return made
