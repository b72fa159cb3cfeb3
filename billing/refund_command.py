"""The command that refunds a charge: what is sent, what is checked last, and how the refund is found again."""

from datetime import datetime

from billing import refund_outcomes
from billing.commands import Command, CommandKind, Raw, ReadStripe, Request

KIND = "refund.create"
MARK = "metering_command"
PAGE_LIMIT = 100


def _request(command: Command) -> Request:
    """The refund with the command's id in its metadata, by which it is found again."""
    params = {
        "charge": command.object_id,
        "amount": command.amount_minor,
        **command.params,
        "metadata": {**command.params.get("metadata", {}), MARK: str(command.command_id)},
    }
    return Request("post", "/v1/refunds", params)


def find_refund(read: ReadStripe, command: Command) -> Raw | None:
    """The refund that this command made, among all refunds of the charge; Stripe's search would lag behind."""
    cursor: dict[str, str] = {}
    while True:
        page = read("/v1/refunds", {"charge": command.object_id, "limit": PAGE_LIMIT, **cursor})
        refunds: list[Raw] = page["data"]
        for refund in refunds:
            if (refund.get("metadata") or {}).get(MARK) == str(command.command_id):
                return refund
        if not page["has_more"] or not refunds:
            return None
        cursor = {"starting_after": refunds[-1]["id"]}


def check_charge(read: ReadStripe, command: Command, _now: datetime) -> str | None:
    """Why the charge cannot give this amount back, by what Stripe says now; None when it can."""
    try:
        charge = read(f"/v1/charges/{command.object_id}", {})
    except LookupError:
        return f"Stripe has no charge {command.object_id}."
    return why_not(charge, command.amount_minor or 0, command.currency)


def why_not(charge: Raw, amount_minor: int, currency: str | None) -> str | None:
    """Why this amount of a charge (Stripe's object) cannot be given back, as a sentence; None when it can."""
    left_minor = charge["amount_captured"] - charge["amount_refunded"]
    reasons = (
        (amount_minor <= 0, f"A refund of {amount_minor} {currency} gives nothing back: it must be more than zero."),
        (currency != charge["currency"], f"The charge is in {charge['currency']}, the refund in {currency}."),
        (charge["status"] != "succeeded", f"The charge was not paid (it is {charge['status']})."),
        (charge["disputed"], "The charge is disputed: a refund on top would pay the customer twice."),
        (
            amount_minor > left_minor,
            f"Only {left_minor} {currency} (minor units) of the charge are left to refund, not {amount_minor}.",
        ),
    )
    return next((sentence for is_so, sentence in reasons if is_so), None)


REFUND_CREATE = CommandKind(KIND, _request, find_refund, check_charge, refund_outcomes.settle)
