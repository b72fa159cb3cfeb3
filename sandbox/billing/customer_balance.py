"""The balance of a customer: what invoices take from it or leave on it, and every movement of it as a row."""

from sandbox.billing.params import metadata, required, required_integer
from sandbox.billing.refusals import addressed, invalid
from sandbox.objects import StripeObject
from sandbox.objects.credit_notes import customer_balance_transaction
from sandbox.state import State


def move(state: State, customer: StripeObject, amount: int, currency: str, kind: str, **because: str) -> StripeObject:
    """Change the balance by `amount` minor units, negative in the customer's favor, and remember why."""
    customer["balance"] += amount
    customer["currency"] = customer["currency"] or currency
    made = customer_balance_transaction(
        state.new_id("cbtxn"), state.now, customer=customer, amount=amount, currency=currency, kind=kind, **because
    )
    return state.put(made)


def adjust_balance(state: State, customer_id: str, params: StripeObject) -> StripeObject:
    """Credit a customer by hand (negative), or let them owe more with their next invoice."""
    customer = addressed(state, "customer", customer_id)
    amount, currency = required_integer(params, "amount"), str(required(params, "currency")).lower()
    if customer["currency"] not in (None, currency):
        raise invalid(
            f"This customer's balance is in {customer['currency']}, it cannot be adjusted in {currency}.",
            param="currency",
        )
    was = customer["balance"]
    made = move(state, customer, amount, currency, "adjustment")
    made |= {"description": params.get("description"), "metadata": metadata(params)}
    state.emit("customer.updated", customer, {"balance": was})
    return made
