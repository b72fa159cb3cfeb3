"""The commands that collect an invoice or give it up: what is sent, what is checked last, and how the effect is found again."""

from datetime import datetime

from billing import recovery_outcomes
from billing.commands import Command, CommandKind, Raw, ReadStripe, Request
from billing.recovery_deeds import PAY, WRITE_OFF
from billing.recovery_rules import why_not_pay

PAGE_LIMIT = 100


def _pay(command: Command) -> Request:
    """Charge the card on which the decision was made, and no other; paying takes no metadata."""
    return Request(
        "post", f"/v1/invoices/{command.object_id}/pay", {"payment_method": command.params["payment_method"]}
    )


def _all(read: ReadStripe, path: str, params: dict[str, object]) -> list[Raw]:
    """All pages of a list."""
    found: list[Raw] = []
    cursor: dict[str, object] = {}
    while True:
        page = read(path, {**params, "limit": PAGE_LIMIT, **cursor})
        found += page["data"]
        if not page["has_more"] or not page["data"]:
            return found
        cursor = {"starting_after": page["data"][-1]["id"]}


def charges_of(read: ReadStripe, invoice_id: str) -> list[Raw]:
    """All charges of an invoice's payments, oldest first."""
    charges: list[Raw] = []
    for payment in _all(read, "/v1/invoice_payments", {"invoice": invoice_id}):
        intent = (payment.get("payment") or {}).get("payment_intent")
        if intent is not None:
            charges += _all(read, "/v1/charges", {"payment_intent": intent})
    return sorted(charges, key=lambda charge: (charge["created"], charge["id"]))


def find_try(read: ReadStripe, command: Command) -> Raw | None:
    """The invoice when it is paid, else the declined charge that was not there when the try was decided.

    Had somebody else tried it in between, their charge is taken for ours: one try too few is better than one too many.
    """
    invoice = read(f"/v1/invoices/{command.object_id}", {})
    if invoice["status"] == "paid":
        return invoice
    known = set(command.params["known_charges"])
    new = [charge for charge in charges_of(read, str(command.object_id)) if charge["id"] not in known]
    return new[-1] if new else None


def check_pay(read: ReadStripe, command: Command, now: datetime) -> str | None:
    """Why the invoice is not tried, by Stripe's truth of this moment."""
    try:
        invoice = read(f"/v1/invoices/{command.object_id}", {})
    except LookupError:
        return f"Stripe has no invoice {command.object_id}."
    charges = charges_of(read, str(command.object_id)) if invoice["status"] == "open" else []
    return why_not_pay(invoice, charges, command.params, now)


def _write_off(command: Command) -> Request:
    return Request("post", f"/v1/invoices/{command.object_id}/mark_uncollectible", {})


def find_written_off(read: ReadStripe, command: Command) -> Raw | None:
    """The invoice when it is uncollectible."""
    invoice = read(f"/v1/invoices/{command.object_id}", {})
    return invoice if invoice["status"] == "uncollectible" else None


def check_write_off(read: ReadStripe, command: Command, _now: datetime) -> str | None:
    """Why there is nothing to write off."""
    try:
        invoice = read(f"/v1/invoices/{command.object_id}", {})
    except LookupError:
        return f"Stripe has no invoice {command.object_id}."
    return None if invoice["status"] == "open" else f"The invoice is {invoice['status']}, so it cannot be written off."


INVOICE_PAY = CommandKind(PAY, _pay, find_try, check_pay, recovery_outcomes.settle_pay)
INVOICE_WRITE_OFF = CommandKind(
    WRITE_OFF, _write_off, find_written_off, check_write_off, recovery_outcomes.settle_write_off
)
