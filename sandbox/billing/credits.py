"""Prepaid credits: granted, used up by metered lines before tax, expired, voided."""

from sandbox.billing.params import integer, merge_metadata, metadata, required, required_integer
from sandbox.billing.refusals import addressed, invalid, referred
from sandbox.objects import StripeObject
from sandbox.objects.credits import credit_grant, credit_transaction
from sandbox.state import State

GRANT = "billing.credit_grant"
TRANSACTION = "billing.credit_balance_transaction"


def create_credit_grant(state: State, params: StripeObject) -> StripeObject:
    """Credit for a customer, to be used by metered prices from `effective_at` to `expires_at`."""
    monetary = required(required(params, "amount"), "monetary")
    customer = referred(state, "customer", required(params, "customer"), "customer")
    amount = required_integer(monetary, "value")
    if amount <= 0:
        raise invalid("The amount of a credit grant must be greater than zero.", param="amount[monetary][value]")
    made = credit_grant(
        state.new_id("credgr"),
        state.now,
        customer_id=customer["id"],
        amount=amount,
        currency=str(required(monetary, "currency")).lower(),
        category=params.get("category"),
        applicability_config=params.get("applicability_config"),
        name=params.get("name"),
        priority=integer(params, "priority", 50),
        effective_at=integer(params, "effective_at"),
        expires_at=integer(params, "expires_at"),
        metadata=metadata(params),
    )
    state.put(made)
    _move(state, made, "credits_granted", amount)
    state.emit("billing.credit_grant.created", made)
    return made


def update_credit_grant(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Change when a grant expires, or its metadata."""
    found = addressed(state, GRANT, id_)
    if "expires_at" in params:
        found["expires_at"] = integer(params, "expires_at")
    merge_metadata(found, params)
    found["updated"] = state.now
    state.emit("billing.credit_grant.updated", found)
    return found


def void_credit_grant(state: State, id_: str, _params: StripeObject) -> StripeObject:
    """Take a grant back; refused once some of it has been used."""
    found = addressed(state, GRANT, id_)
    left = available(state, found)
    if left != found["amount"]["monetary"]["value"]:
        raise invalid("This credit grant has been partially applied, and cannot be voided.")
    _move(state, found, "credits_voided", left)
    found["voided_at"] = found["updated"] = state.now
    state.emit("billing.credit_grant.updated", found)
    return found


def expire_credit_grant(state: State, id_: str, _params: StripeObject) -> StripeObject:
    """End a grant now; what is left of it is gone."""
    found = addressed(state, GRANT, id_)
    if found["voided_at"] is not None:
        raise invalid("This credit grant has been voided, and cannot be expired.")
    left = available(state, found)
    if left:
        _move(state, found, "credits_expired", left)
    found["expires_at"] = found["updated"] = state.now
    state.emit("billing.credit_grant.updated", found)
    return found


def _move(state: State, grant: StripeObject, kind: str, amount: int, **where: str) -> StripeObject:
    made = credit_transaction(state.new_id("cbtxn"), state.now, grant=grant, kind=kind, amount=amount, **where)
    state.put(made)
    state.emit("billing.credit_balance_transaction.created", made)
    return made


def available(state: State, grant: StripeObject) -> int:
    """What is left of a grant, in minor units of its currency."""
    left = 0
    for movement in state.objects.get(TRANSACTION, {}).values():
        if movement["credit_grant"] == grant["id"]:
            side = movement["credit"] or movement["debit"]
            value = side["amount"]["monetary"]["value"]
            left += value if movement["type"] == "credit" else -value
    return left


def usable_grants(state: State, customer_id: str, currency: str) -> list[StripeObject]:
    """Grants in force, in the order Stripe burns them: priority, then what expires first, then promotional first."""
    never = 2**62
    found = [
        grant
        for grant in state.objects.get(GRANT, {}).values()
        if grant["customer"] == customer_id
        and grant["amount"]["monetary"]["currency"] == currency
        and grant["voided_at"] is None
        and grant["effective_at"] <= state.now
        and (grant["expires_at"] or never) > state.now
    ]
    return sorted(found, key=lambda g: (g["priority"], g["expires_at"] or never, g["category"] == "paid", g["created"]))


def apply_credits(state: State, invoice: StripeObject, line: StripeObject, amount_minor: int) -> int:
    """Use credit for up to `amount_minor` of a metered line; the sum used, noted on the line."""
    used = 0
    for grant in usable_grants(state, invoice["customer"], invoice["currency"]):
        part = min(available(state, grant), amount_minor - used)
        if part <= 0:
            continue
        movement = _move(state, grant, "credits_applied", part, invoice=invoice["id"], invoice_line_item=line["id"])
        line["pretax_credit_amounts"].append(
            {"amount": part, "credit_balance_transaction": movement["id"], "type": "credit_balance_transaction"}
        )
        used += part
    return used


def return_credits(state: State, invoice: StripeObject) -> None:
    """A voided invoice gives its credits back."""
    for movement in list(state.objects.get(TRANSACTION, {}).values()):
        applied = (movement["debit"] or {}).get("credits_applied")
        if applied and applied["invoice"] == invoice["id"]:
            grant = state.objects[GRANT][movement["credit_grant"]]
            value = movement["debit"]["amount"]["monetary"]["value"]
            _move(state, grant, "credits_application_invoice_voided", value, **applied)


def credit_balance_summary(state: State, params: StripeObject) -> StripeObject:
    """What a customer still has, by currency."""
    customer = referred(state, "customer", required(params, "customer"), "customer")
    currencies = sorted(
        {
            grant["amount"]["monetary"]["currency"]
            for grant in state.objects.get(GRANT, {}).values()
            if grant["customer"] == customer["id"]
        }
    )
    balances = []
    for currency in currencies:
        left = sum(available(state, grant) for grant in usable_grants(state, customer["id"], currency))
        money = {"monetary": {"currency": currency, "value": left}, "type": "monetary"}
        balances.append({"available_balance": money, "ledger_balance": money})
    return {
        "object": "billing.credit_balance_summary",
        "balances": balances,
        "customer": customer["id"],
        "customer_account": None,
        "livemode": False,
    }
