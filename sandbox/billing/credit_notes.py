"""Credit notes: less is owed of an open invoice; of a paid one money returns as refund, as credit, or outside of Stripe."""

from sandbox.billing.collection import recover_subscription
from sandbox.billing.credit_note_lines import lines_of
from sandbox.billing.customer_balance import move
from sandbox.billing.invoicing import give_up, mark_paid, payments_of
from sandbox.billing.params import integer, list_of, merge_metadata, metadata, required
from sandbox.billing.refunds import create_refund
from sandbox.billing.refusals import addressed, invalid, referred
from sandbox.billing.totals import summed
from sandbox.objects import StripeObject
from sandbox.objects.credit_notes import credit_note
from sandbox.state import State

REASONS = ("duplicate", "fraudulent", "order_change", "product_unsatisfactory")
WAYS = ("refund_amount", "credit_amount", "out_of_band_amount")


def create_credit_note(state: State, params: StripeObject) -> StripeObject:
    """Take back `amount`, or what `lines` say, of a finalized invoice; of a paid one say which way the money goes.

    Raises 400 when it is more than is left of the invoice or when the ways do not add up to it.
    """
    invoice = referred(state, "invoice", required(params, "invoice"), "invoice")
    if invoice["status"] not in {"open", "paid"}:
        raise invalid(
            f"You can only create a credit note for an open or paid invoice. This invoice's status is {invoice['status']}.",
            param="invoice",
        )
    if params.get("reason") and params["reason"] not in REASONS:
        raise invalid(f"Invalid reason: must be one of {', '.join(REASONS)}", param="reason")
    made = _written(state, invoice, params)
    _refuse_too_much(invoice, made["total"])
    ways = _ways(state, invoice, made["total"], params)
    state.put(made)
    if invoice["status"] == "open":
        _owe_less(state, invoice, made["total"])
    else:
        invoice["post_payment_credit_notes_amount"] += made["total"]
        _give_back(state, invoice, made, ways, params)
    state.emit("credit_note.created", made)
    state.emit("invoice.updated", invoice)
    return made


def preview_credit_note(state: State, params: StripeObject) -> StripeObject:
    """The credit note that would be made; nothing is."""
    with state.rehearsal():
        return create_credit_note(state, params)


def _written(state: State, invoice: StripeObject, params: StripeObject) -> StripeObject:
    lines = lines_of(state, invoice, list_of(params, "lines"))
    amount = integer(params, "amount")
    if not lines and amount is None:
        raise invalid("You must provide one of `amount`, `lines` or `shipping_cost`.", param="amount")
    taxes = summed(
        [tax for line in lines for tax in line["taxes"]], ("tax_behavior", "tax_rate_details"), ("taxable_amount",)
    )
    inclusive = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "inclusive")
    exclusive = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
    reductions = [part for line in lines for part in line["pretax_credit_amounts"]]
    subtotal = sum(line["amount"] for line in lines) if lines else amount or 0
    net = subtotal - sum(part["amount"] for part in reductions)
    if lines and amount is not None and amount != net + exclusive:
        raise invalid(
            f"The sum of the lines with tax, {net + exclusive}, must equal `amount`, {amount}.", param="amount"
        )
    number = 1 + sum(note["invoice"] == invoice["id"] for note in state.objects["credit_note"].values())
    return credit_note(
        state.new_id("cn"),
        state.now,
        invoice=invoice,
        number=f"{invoice['number']}-CN-{number:02d}",
        is_paid=invoice["status"] == "paid",
        lines=lines,
        subtotal=subtotal,
        inclusive_tax=inclusive,
        total=net + exclusive,
        total_excluding_tax=net - inclusive,
        total_taxes=taxes,
        discount_amounts=summed([part for line in lines for part in line["discount_amounts"]], ("discount",)),
        pretax_credit_amounts=summed(reductions, ("type", "discount", "credit_balance_transaction")),
        effective_at=integer(params, "effective_at"),
        memo=params.get("memo") or None,
        metadata=metadata(params),
        out_of_band_amount=integer(params, "out_of_band_amount"),
        reason=params.get("reason") or None,
    )


def _refuse_too_much(invoice: StripeObject, total: int) -> None:
    left = invoice["amount_remaining"]
    if invoice["status"] == "paid":
        credited = invoice["pre_payment_credit_notes_amount"] + invoice["post_payment_credit_notes_amount"]
        left = invoice["total"] - credited
    if total <= 0:
        raise invalid("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    if total > left:
        raise invalid(
            f"The credit note's total, {total}, is more than what can still be credited of invoice {invoice['id']}: {left}.",
            param="amount",
        )


def _ways(state: State, invoice: StripeObject, total: int, params: StripeObject) -> dict[str, int]:
    """How much goes which way; on an open invoice none does."""
    ways = {name: integer(params, name, 0) or 0 for name in WAYS}
    linked = sum(_linked(state, invoice, one)["amount_refunded"] for one in list_of(params, "refunds"))
    told = sum(ways.values()) + linked
    if min(ways.values()) < 0:
        raise invalid("Invalid non-negative integer", param=min(ways, key=lambda name: ways[name]))
    if invoice["status"] == "open" and told:
        raise invalid(
            "Nothing of an open invoice was paid: a credit note on it returns nothing.", param="refund_amount"
        )
    if invoice["status"] == "paid" and told != total:
        raise invalid(
            f"The sum of credit amount, refund amount and out of band amount ({told}) must equal the credit note amount "
            f"({total}).",
        )
    return ways


def _linked(state: State, invoice: StripeObject, one: StripeObject) -> StripeObject:
    """A refund made before that the credit note explains, and how much of it."""
    refund = referred(state, "refund", required(one, "refund"), "refunds[0][refund]")
    if refund["payment_intent"] not in _intents(state, invoice):
        raise invalid(f"The refund {refund['id']} is not of invoice {invoice['id']}.", param="refunds[0][refund]")
    amount = integer(one, "amount_refunded", refund["amount"]) or 0
    explained = sum(
        part["amount_refunded"]
        for note in state.objects["credit_note"].values()
        for part in note["refunds"]
        if part["refund"] == refund["id"]
    )
    if not 0 < amount <= refund["amount"] - explained:
        raise invalid(
            f"Of refund {refund['id']} {refund['amount'] - explained} can be linked, not {amount}.",
            param="refunds[0][amount_refunded]",
        )
    return {"amount_refunded": amount, "payment_record_refund": None, "refund": refund["id"], "type": "refund"}


def _intents(state: State, invoice: StripeObject) -> list[str]:
    return [one["payment"]["payment_intent"] for one in payments_of(state, invoice["id"]) if one["status"] == "paid"]


def _give_back(
    state: State, invoice: StripeObject, made: StripeObject, ways: dict[str, int], params: StripeObject
) -> None:
    made["refunds"] = [_linked(state, invoice, one) for one in list_of(params, "refunds")]
    if ways["refund_amount"]:
        intents = _intents(state, invoice)
        if not intents:
            raise invalid(f"Invoice {invoice['id']} has no payment that can be refunded.", param="refund_amount")
        refund = create_refund(state, {"payment_intent": intents[0], "amount": ways["refund_amount"]})
        part = {"amount_refunded": refund["amount"], "payment_record_refund": None, "refund": refund["id"]}
        made["refunds"].append(part | {"type": "refund"})
    if ways["credit_amount"]:
        customer = state.objects["customer"][invoice["customer"]]
        because = {"credit_note": made["id"], "invoice": invoice["id"]}
        moved = move(state, customer, -ways["credit_amount"], invoice["currency"], "credit_note", **because)
        made["customer_balance_transaction"] = moved["id"]
        state.emit("customer.updated", customer, {"balance": customer["balance"] + ways["credit_amount"]})


def _owe_less(state: State, invoice: StripeObject, amount: int) -> None:
    """The open invoice asks for so much less (negative: more again); paid when nothing is left."""
    invoice["pre_payment_credit_notes_amount"] += amount
    invoice["amount_due"] -= amount
    invoice["amount_remaining"] -= amount
    for payment in payments_of(state, invoice["id"]):
        if payment["status"] == "open":
            payment["amount_requested"] = invoice["amount_remaining"]
            intent = state.objects["payment_intent"][payment["payment"]["payment_intent"]]
            intent["amount"] = invoice["amount_remaining"] or intent["amount"]
    if invoice["amount_remaining"] == 0:
        give_up(state, invoice, "void_invoice")
        mark_paid(state, invoice)
        recover_subscription(state, invoice)


def update_credit_note(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Only the memo and metadata can change."""
    found = addressed(state, "credit_note", id_)
    if "memo" in params:
        found["memo"] = params["memo"] or None
    merge_metadata(found, params)
    state.emit("credit_note.updated", found)
    return found


def void_credit_note(state: State, id_: str, _params: StripeObject) -> StripeObject:
    """As if never issued: its invoice, still open, asks for the sum again."""
    found = addressed(state, "credit_note", id_)
    invoice = state.objects["invoice"][found["invoice"]]
    if found["status"] != "issued" or found["type"] != "pre_payment" or invoice["status"] != "open":
        raise invalid(
            f"You can only void an issued credit note of an open invoice. This one is {found['status']} and "
            f"{found['type']}, its invoice {invoice['status']}.",
            code="status_transition_invalid",
        )
    found |= {"status": "void", "voided_at": state.now}
    _owe_less(state, invoice, -found["total"])
    state.emit("credit_note.voided", found)
    state.emit("invoice.updated", invoice)
    return found
