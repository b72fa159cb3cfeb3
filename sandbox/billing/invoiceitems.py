"""Invoice items: amounts that wait for the next invoice, or are put on a draft at once."""

from sandbox.billing import totals
from sandbox.billing.arithmetic import price_amount
from sandbox.billing.invoicing import bill_item, editable
from sandbox.billing.params import flag, integer, merge_metadata, metadata, required, required_integer
from sandbox.billing.refusals import addressed, invalid, referred
from sandbox.objects import StripeObject
from sandbox.objects import invoices as make
from sandbox.state import State


def create_invoiceitem(state: State, params: StripeObject) -> StripeObject:
    """An amount for the next invoice, or for the given draft."""
    customer = referred(state, "customer", required(params, "customer"), "customer")
    price_id = (params.get("pricing") or {}).get("price")
    price = referred(state, "price", price_id, "pricing[price]") if price_id else None
    quantity = integer(params, "quantity", 1) or 1
    if price is not None:
        amount, currency = price_amount(price, quantity), price["currency"]
    else:
        amount, currency = required_integer(params, "amount"), str(params.get("currency") or "usd").lower()
    period = params.get("period") or {}
    made = make.invoiceitem(
        state.new_id("ii"),
        state.now,
        customer_id=customer["id"],
        amount=amount,
        currency=currency,
        description=params.get("description"),
        price=price,
        quantity=quantity,
        discountable=flag(params, "discountable", default=amount >= 0),
        metadata=metadata(params),
        subscription=params.get("subscription"),
        period_start=integer(period, "start", state.now),
        period_end=integer(period, "end", state.now),
    )
    state.put(made)
    if params.get("invoice"):
        invoice = editable(state, params["invoice"])
        bill_item(state, invoice, made)
        totals.compute(state, invoice, uses_credits=False)
    state.emit("invoiceitem.created", made)
    return made


def update_invoiceitem(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Change an item as long as no finalized invoice holds it; a line made of it on a draft follows."""
    item = addressed(state, "invoiceitem", id_)
    invoice = editable(state, item["invoice"]) if item["invoice"] else None
    if "amount" in params:
        if item["pricing"]:
            raise invalid("You cannot change the amount of an invoice item that has a price.", param="amount")
        item["amount"] = item["net_amount"] = required_integer(params, "amount")
    if "description" in params:
        item["description"] = params["description"] or None
    merge_metadata(item, params)
    if invoice is not None:
        _take_off(invoice, id_)
        bill_item(state, invoice, item)
        totals.compute(state, invoice, uses_credits=False)
    return item


def _take_off(invoice: StripeObject, id_: str) -> None:
    invoice["lines"]["data"] = [line for line in invoice["lines"]["data"] if id_ not in str(line["parent"])]


def delete_invoiceitem(state: State, id_: str) -> StripeObject:
    """Only an item that no finalized invoice holds can go."""
    item = addressed(state, "invoiceitem", id_)
    if item["invoice"]:
        invoice = editable(state, item["invoice"])
        _take_off(invoice, id_)
        totals.compute(state, invoice, uses_credits=False)
    del state.objects["invoiceitem"][id_]
    state.emit("invoiceitem.deleted", item)
    return {"id": id_, "object": "invoiceitem", "deleted": True}
