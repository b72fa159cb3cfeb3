"""The lines of a credit note: part of an invoice's line with its share of discounts and tax, or an amount of one's own."""

from sandbox.billing.arithmetic import share
from sandbox.billing.params import integer, metadata, required
from sandbox.billing.refusals import invalid, no_such
from sandbox.objects import StripeObject
from sandbox.objects.credit_notes import credit_note_line
from sandbox.state import State


def lines_of(state: State, invoice: StripeObject, given: list[StripeObject]) -> list[StripeObject]:
    """The lines that parameters describe. Raises 400 on more than is left of a line of the invoice."""
    found: list[StripeObject] = []
    for index, one in enumerate(given):
        kind = required(one, "type")
        if kind == "invoice_line_item":
            found.append(_of_invoice(state, invoice, one, index, found))
        elif kind == "custom_line_item":
            found.append(_custom(state, one, index))
        else:
            raise invalid(f"Invalid lines[{index}][type]: {kind}", param=f"lines[{index}][type]")
    return found


def _custom(state: State, one: StripeObject, index: int) -> StripeObject:
    unit_amount = integer(one, "unit_amount")
    quantity = integer(one, "quantity", 1)
    amount = integer(one, "amount") if unit_amount is None else unit_amount * (quantity or 0)
    if amount is None or amount <= 0:
        raise invalid("A custom line needs a positive `unit_amount`.", param=f"lines[{index}][unit_amount]")
    return credit_note_line(
        state.new_id("cnli"),
        amount=amount,
        unit_amount=unit_amount,
        quantity=quantity,
        description=required(one, "description"),
        metadata=metadata(one),
    )


def _of_invoice(
    state: State, invoice: StripeObject, one: StripeObject, index: int, before: list[StripeObject]
) -> StripeObject:
    id_ = required(one, "invoice_line_item")
    line = next((line for line in invoice["lines"]["data"] if line["id"] == id_), None)
    if line is None:
        raise no_such("invoice line item", id_, param=f"lines[{index}][invoice_line_item]", status=400)
    quantity, amount = integer(one, "quantity"), integer(one, "amount")
    if amount is None:
        of = line["quantity"] or 1
        amount = line["amount"] if quantity is None else share(line["amount"], quantity, of)
    left = (
        line["amount"]
        - sum(part["amount"] for part in _credited(state, id_))
        - sum(part["amount"] for part in before if part["invoice_line_item"] == id_)
    )
    if not 0 < amount <= left:
        raise invalid(
            f"The credited amount {amount} must be positive and at most {left}, what is left of line {id_}.",
            param=f"lines[{index}][amount]",
        )
    return credit_note_line(
        state.new_id("cnli"),
        amount=amount,
        invoice_line_item=id_,
        quantity=quantity,
        description=line["description"],
        metadata=metadata(one),
        discount_amounts=_shares(line["discount_amounts"], amount, line["amount"]),
        pretax_credit_amounts=_shares(line["pretax_credit_amounts"], amount, line["amount"]),
        taxes=_shares(line["taxes"], amount, line["amount"], ("amount", "taxable_amount")),
        tax_rates=[state.objects["tax_rate"][tax["tax_rate_details"]["tax_rate"]] for tax in line["taxes"]],
    )


def _shares(
    parts: list[StripeObject], amount: int, whole: int, names: tuple[str, ...] = ("amount",)
) -> list[StripeObject]:
    return [part | {name: share(part[name], amount, whole) for name in names} for part in parts]


def _credited(state: State, line_id: str) -> list[StripeObject]:
    notes = [note for note in state.objects["credit_note"].values() if note["status"] == "issued"]
    return [line for note in notes for line in note["lines"]["data"] if line["invoice_line_item"] == line_id]
