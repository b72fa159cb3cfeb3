"""Which lines billed which time of a subscription's item: what flexible billing gives back when the item changes."""

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.objects import StripeObject
from sandbox.state import State

BILLED_TIME = "sandbox.billed_time"


@dataclass(frozen=True)
class Billed:
    """A line that billed an item from `start` to `paid_until` (the rest is given back), out of `start` to `end`.

    `amount` is gross in minor units, `discounts` what was taken off it by discount; `source` is the invoice item or the
    invoice and its line, in Stripe's form of `credited_items`.
    """

    id: str
    start: int
    end: int
    paid_until: int
    amount: int
    discounts: dict[str, int]
    source: StripeObject


def note(state: State, id_: str, item_id: str, period: tuple[int, int], invoice_id: str | None = None) -> None:
    """Remember that a line of an invoice, or without one an invoice item, billed this time; unix seconds."""
    start, end = period
    state.put(
        {
            "id": id_,
            "object": BILLED_TIME,
            "item": item_id,
            "invoice": invoice_id,
            "start": start,
            "end": end,
            "paid_until": end,
        }
    )


def give_back(state: State, id_: str, at: int) -> None:
    """What lies after `at` counts as not billed from now on."""
    kept = state.objects[BILLED_TIME][id_]
    kept["paid_until"] = max(kept["start"], at)


def billed_after(state: State, item_id: str, at: int) -> Iterator[Billed]:
    """What billed the item for time after `at`, the oldest first; lines of voided invoices billed nothing."""
    for kept in list(state.objects[BILLED_TIME].values()):
        if kept["item"] != item_id or kept["paid_until"] <= max(at, kept["start"]):
            continue
        found = _line_of(state, kept)
        if found is None:
            continue
        amount, discount_amounts, source = found
        discounts = {part["discount"]: part["amount"] for part in discount_amounts}
        yield Billed(kept["id"], kept["start"], kept["end"], kept["paid_until"], amount, discounts, source)


def _line_of(state: State, kept: StripeObject) -> tuple[int, list[StripeObject], StripeObject] | None:
    """The amount, the discounts and the name of what billed; None when it was deleted or its invoice voided."""
    if kept["invoice"] is None:
        item = state.objects["invoiceitem"].get(kept["id"])
        if item is None:
            return None
        invoice = state.objects["invoice"].get(item["invoice"] or "")
        if invoice is None:
            return item["amount"], item["proration_details"]["discount_amounts"], _as_item(item["id"])
        lines = [line for line in invoice["lines"]["data"] if _invoice_item_of(line) == item["id"]]
    else:
        invoice = state.objects["invoice"].get(kept["invoice"])
        lines = [line for line in invoice["lines"]["data"] if line["id"] == kept["id"]] if invoice else []
    if invoice is None or invoice["status"] == "void" or not lines:
        return None
    return lines[0]["amount"], lines[0]["discount_amounts"], _as_line(invoice["id"], lines[0]["id"])


def _invoice_item_of(line: StripeObject) -> str | None:
    found: str | None = ((line["parent"] or {}).get("subscription_item_details") or {}).get("invoice_item")
    return found


def _as_item(id_: str) -> StripeObject:
    return {"invoice_item": id_, "invoice_line_item_details": None, "type": "invoice_item"}


def _as_line(invoice_id: str, line_id: str) -> StripeObject:
    where = {"invoice": invoice_id, "invoice_line_items": [line_id]}
    return {"invoice_item": None, "invoice_line_item_details": where, "type": "invoice_line_items"}
