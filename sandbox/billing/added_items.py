"""One-time items beside a subscription's prices: they wait for its next invoice."""

from sandbox.billing.catalog import create_price
from sandbox.billing.invoiceitems import create_invoiceitem
from sandbox.billing.params import integer, list_of, required
from sandbox.billing.refusals import invalid, referred
from sandbox.objects import StripeObject
from sandbox.state import State

PERIOD = {"end": {"type": "min_item_period_end"}, "start": {"type": "max_item_period_start"}}


def one_time_price(state: State, given: StripeObject, index: int) -> StripeObject:
    """The price that an added item names or brings along. Raises 400 on a recurring one."""
    if given.get("price_data"):
        return create_price(state, given["price_data"])
    place = f"add_invoice_items[{index}][price]"
    price = referred(state, "price", required(given, "price"), place)
    if price["recurring"] is not None:
        raise invalid(
            "The price specified is set to `type=recurring` but this field only accepts prices with `type=one_time`.",
            param=place,
        )
    return price


def add_invoice_items(state: State, subscription: StripeObject, params: StripeObject) -> None:
    """What `add_invoice_items` names, waiting for the subscription's next invoice."""
    for index, given in enumerate(list_of(params, "add_invoice_items")):
        price = one_time_price(state, given, index)
        create_invoiceitem(
            state,
            {
                "customer": subscription["customer"],
                "subscription": subscription["id"],
                "pricing": {"price": price["id"]},
                "quantity": integer(given, "quantity", 1),
                "description": state.objects["product"][price["product"]]["name"],
                "metadata": given.get("metadata"),
            },
        )


def as_phase_items(state: State, params: StripeObject) -> list[StripeObject]:
    """The same as a phase of a schedule remembers them."""
    return [
        {
            "discountable": None,
            "discounts": [],
            "metadata": dict(given.get("metadata") or {}),
            "period": PERIOD,
            "price": one_time_price(state, given, index)["id"],
            "quantity": integer(given, "quantity", 1),
            "tax_rates": None,
        }
        for index, given in enumerate(list_of(params, "add_invoice_items"))
    ]
