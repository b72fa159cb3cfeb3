"""Invoices: drafted, filled with lines, finalized, voided, written off."""

from sandbox.billing import credits as credit_ledger
from sandbox.billing import customer_balance, totals
from sandbox.billing.calendar import DAY, HOUR
from sandbox.billing.params import flag, integer, list_of, merge_metadata, metadata, required
from sandbox.billing.payments import new_intent
from sandbox.billing.refusals import addressed, invalid, referred
from sandbox.objects import StripeObject
from sandbox.objects import invoices as make
from sandbox.state import State


def draft(state: State, customer: StripeObject, currency: str, **given: object) -> StripeObject:
    """A draft without lines, announced once its lines are in."""
    given.setdefault("automatically_finalizes_at", state.now + HOUR if given.get("auto_advance", True) else None)
    given.setdefault("next_payment_attempt", given["automatically_finalizes_at"])
    return state.put(make.invoice(state.new_id("in"), state.now, customer=customer, currency=currency, **given))


def add_line(
    state: State, invoice: StripeObject, *, amount: int, quantity: int | None, **given: object
) -> StripeObject:
    """One more line; amount in minor units of the invoice's currency."""
    line = make.line_item(
        state.new_id("il"),
        invoice_id=invoice["id"],
        amount=amount,
        currency=invoice["currency"],
        quantity=quantity,
        **given,
    )
    invoice["lines"]["data"].append(line)
    return line


def take_pending_items(state: State, invoice: StripeObject, subscription_id: str | None) -> None:
    """Bill what waits: the customer's loose items, and those of the subscription when the invoice is for one."""
    for item in state.objects.get("invoiceitem", {}).values():
        of = ((item["parent"] or {}).get("subscription_details") or {}).get("subscription")
        fits = item["customer"] == invoice["customer"] and item["currency"] == invoice["currency"]
        if item["invoice"] is None and fits and of in (None, subscription_id):
            bill_item(state, invoice, item)


def bill_item(state: State, invoice: StripeObject, item: StripeObject) -> None:
    """Turn a pending invoice item into a line."""
    item["invoice"] = invoice["id"]
    details = (item["pricing"] or {}).get("price_details") or {}
    add_line(
        state,
        invoice,
        amount=item["amount"],
        quantity=item["quantity"],
        description=item["description"],
        discountable=item["discountable"],
        parent=make.invoiceitem_parent(item),
        period_start=item["period"]["start"],
        period_end=item["period"]["end"],
        price=state.objects["price"].get(details.get("price", "")),
        subscription=((item["parent"] or {}).get("subscription_details") or {}).get("subscription"),
    )


def create_invoice(state: State, params: StripeObject) -> StripeObject:
    """A draft by hand. It takes the customer's pending items when `pending_invoice_items_behavior` is `include`."""
    customer = referred(state, "customer", required(params, "customer"), "customer")
    currency = str(params.get("currency") or customer["currency"] or "usd").lower()
    made = draft(
        state,
        customer,
        currency,
        billing_reason="manual",
        auto_advance=flag(params, "auto_advance", default=False),
        collection_method=params.get("collection_method"),
        description=params.get("description"),
        default_payment_method=params.get("default_payment_method"),
        default_tax_rates=[
            referred(state, "tax_rate", id_, "default_tax_rates") for id_ in list_of(params, "default_tax_rates")
        ],
        metadata=metadata(params),
        period_start=state.now,
        period_end=state.now,
    )
    if made["collection_method"] == "send_invoice":
        made["due_date"] = integer(params, "due_date") or state.now + (integer(params, "days_until_due", 30) or 0) * DAY
    if params.get("pending_invoice_items_behavior") == "include":
        take_pending_items(state, made, params.get("subscription"))
    customer["currency"] = customer["currency"] or currency
    totals.compute(state, made, uses_credits=False)
    state.emit("invoice.created", made)
    return made


def editable(state: State, id_: str) -> StripeObject:
    """The invoice, as long as it is a draft."""
    invoice = addressed(state, "invoice", id_)
    if invoice["status"] != "draft":
        raise invalid("This invoice can no longer be edited", code="invoice_not_editable")
    return invoice


def update_invoice(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Change a draft; on a finalized invoice only notes and how it is collected."""
    invoice = addressed(state, "invoice", id_)
    frozen = {"default_tax_rates", "discounts", "due_date", "days_until_due"} & set(params)
    if frozen and invoice["status"] != "draft":
        raise invalid("Finalized invoices can't be updated in this way", param=min(frozen), code="invoice_not_editable")
    invoice["auto_advance"] = flag(params, "auto_advance", default=bool(invoice["auto_advance"]))
    for key in ("description", "footer", "default_payment_method", "collection_method"):
        if key in params:
            invoice[key] = params[key] or None
    if "default_tax_rates" in params:
        invoice["default_tax_rates"] = [
            referred(state, "tax_rate", rate, "default_tax_rates") for rate in list_of(params, "default_tax_rates")
        ]
        totals.compute(state, invoice, uses_credits=False)
    merge_metadata(invoice, params)
    state.emit("invoice.updated", invoice)
    return invoice


def delete_invoice(state: State, id_: str) -> StripeObject:
    """Only a draft that no subscription made can be deleted."""
    invoice = addressed(state, "invoice", id_)
    if invoice["status"] != "draft":
        raise invalid("You can only delete draft invoices. Void it instead.", code="invoice_not_editable")
    if invoice["parent"]:
        raise invalid("You can't delete invoices created by subscriptions.", code="invoice_not_editable")
    for item in state.objects.get("invoiceitem", {}).values():
        if item["invoice"] == id_:
            item["invoice"] = None
    del state.objects["invoice"][id_]
    state.emit("invoice.deleted", invoice)
    return {"id": id_, "object": "invoice", "deleted": True}


def finalize_invoice(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Close a draft: number it, use credits and balance, and make the payment that is to pay it."""
    invoice = addressed(state, "invoice", id_)
    if invoice["status"] != "draft":
        raise invalid("This invoice is already finalized, you can't re-finalize it.", code="invoice_not_editable")
    customer = state.objects["customer"][invoice["customer"]]
    totals.compute(state, invoice, uses_credits=True)
    net = invoice["total"] + customer["balance"]
    number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
    customer["next_invoice_sequence"] += 1
    invoice |= {
        "status": "open",
        "auto_advance": flag(params, "auto_advance", default=bool(invoice["auto_advance"])),
        "number": number,
        "starting_balance": customer["balance"],
        "ending_balance": min(0, net),
        "amount_due": max(0, net),
        "amount_remaining": max(0, net),
        "automatically_finalizes_at": None,
        "effective_at": state.now,
        "hosted_invoice_url": f"https://invoice.stripe.com/i/acct_sandbox/{id_}",
        "invoice_pdf": f"https://pay.stripe.com/invoice/acct_sandbox/{id_}/pdf",
    }
    moved = min(0, net) - customer["balance"]
    if moved:
        customer_balance.move(state, customer, moved, invoice["currency"], "applied_to_invoice", invoice=id_)
    invoice["status_transitions"]["finalized_at"] = state.now
    if invoice["amount_due"] > 0:
        _ask_for_payment(state, invoice)
    state.emit("invoice.finalized", invoice)
    if invoice["amount_due"] == 0:
        mark_paid(state, invoice)
    return invoice


def _ask_for_payment(state: State, invoice: StripeObject) -> None:
    about = "Subscription update" if invoice["billing_reason"] == "subscription_update" else "Payment for Invoice"
    intent = new_intent(
        state,
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        description=f"{about} {invoice['number']}",
    )
    invoice["confirmation_secret"] = {"client_secret": intent["client_secret"], "type": "payment_intent"}
    state.put(make.invoice_payment(state.new_id("inpay"), state.now, invoice=invoice, payment_intent_id=intent["id"]))


def mark_paid(state: State, invoice: StripeObject) -> None:
    """Nothing is left to pay."""
    invoice |= {
        "status": "paid",
        "attempted": True,
        "auto_advance": False,
        "next_payment_attempt": None,
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
    }
    invoice["status_transitions"]["paid_at"] = state.now
    state.emit("invoice.paid", invoice)
    state.emit("invoice.payment_succeeded", invoice)


def payments_of(state: State, invoice_id: str) -> list[StripeObject]:
    """The payments made or to be made toward an invoice."""
    return [p for p in state.objects.get("invoice_payment", {}).values() if p["invoice"] == invoice_id]


def give_up(state: State, invoice: StripeObject, reason: str) -> None:
    """Nothing more is tried to collect the invoice: the payment that was to pay it is canceled."""
    invoice["next_payment_attempt"] = None
    invoice["auto_advance"] = False
    for payment in payments_of(state, invoice["id"]):
        if payment["status"] == "open":
            payment["status"] = "canceled"
            payment["status_transitions"]["canceled_at"] = state.now
            intent = state.objects["payment_intent"][payment["payment"]["payment_intent"]]
            intent |= {"status": "canceled", "canceled_at": state.now, "cancellation_reason": reason}
            state.emit("payment_intent.canceled", intent)


def send_invoice(state: State, id_: str, _params: StripeObject) -> StripeObject:
    """Mail an invoice to its customer, finalizing it first; nothing leaves the sandbox."""
    invoice = addressed(state, "invoice", id_)
    if invoice["collection_method"] != "send_invoice":
        raise invalid("You can only manually send an invoice if its collection method is 'send_invoice'.")
    if invoice["status"] == "draft":
        finalize_invoice(state, id_, {})
    state.emit("invoice.sent", invoice)
    return invoice


def void_invoice(state: State, id_: str, _params: StripeObject) -> StripeObject:
    """Treat a finalized invoice as never sent; credits and balance used return."""
    invoice = addressed(state, "invoice", id_)
    if invoice["status"] not in {"open", "uncollectible"}:
        raise invalid(
            f"You can only pass in open or uncollectible invoices. This invoice's status is {invoice['status']}.",
            code="status_transition_invalid",
        )
    give_up(state, invoice, "void_invoice")
    invoice["status"] = "void"
    invoice["status_transitions"]["voided_at"] = state.now
    credit_ledger.return_credits(state, invoice)
    customer = state.objects["customer"][invoice["customer"]]
    given_back = invoice["starting_balance"] - (invoice["ending_balance"] or 0)
    if given_back:
        kind = "unapplied_from_invoice"
        customer_balance.move(state, customer, given_back, invoice["currency"], kind, invoice=id_)
    state.emit("invoice.voided", invoice)
    return invoice


def mark_uncollectible(state: State, id_: str, _params: StripeObject, reason: str = "user_forgiven") -> StripeObject:
    """Write an open invoice off."""
    invoice = addressed(state, "invoice", id_)
    if invoice["status"] != "open":
        raise invalid(
            f"You can only pass in open invoices. This invoice's status is {invoice['status']}.",
            code="status_transition_invalid",
        )
    invoice |= {"status": "uncollectible", "next_payment_attempt": None, "auto_advance": False}
    invoice["status_details"] = {"uncollectible": {"reason": reason}}
    invoice["status_transitions"]["marked_uncollectible_at"] = state.now
    state.emit("invoice.marked_uncollectible", invoice)
    return invoice
