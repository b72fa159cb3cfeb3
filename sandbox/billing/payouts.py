"""The balance, and payouts of it to the bank: automatic ones of all that is available, manual ones of a given amount."""

from sandbox.billing.calendar import DAY
from sandbox.billing.params import list_of, merge_metadata, metadata, required, required_integer
from sandbox.billing.refusals import addressed, invalid
from sandbox.objects import StripeObject
from sandbox.objects.money import balance_transaction
from sandbox.objects.payouts import balance, payout
from sandbox.state import State

# Which balance transactions an automatic payout is made of, its own among them; by the payout's id.
PAID_OUT = "sandbox.paid_out"
ARRIVES_AFTER = 2 * DAY
SETTLEMENT = "usd"
FAILURES = {
    "account_closed": "The bank account has been closed.",
    "could_not_process": "The bank could not process this transfer.",
    "no_account": "The bank account details on file are probably incorrect.",
}


def read_balance(state: State, _params: StripeObject) -> StripeObject:
    """What can be paid out, and what is still to settle, in minor units of usd."""
    rows = state.objects["balance_transaction"].values()
    available = sum(row["net"] for row in rows if row["available_on"] <= state.now)
    return balance(available=available, pending=sum(row["net"] for row in rows) - available, currency=SETTLEMENT)


def create_payout(state: State, params: StripeObject) -> StripeObject:
    """A manual payout. Refused when more is asked for than is available."""
    amount, currency = required_integer(params, "amount"), str(required(params, "currency")).lower()
    if amount < 1:
        raise invalid("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    if currency != SETTLEMENT or amount > _available(state):
        raise invalid(
            "You have insufficient funds in your Stripe account for this payout.",
            param="amount",
            code="balance_insufficient",
        )
    made = payout(
        state.new_id("po"),
        state.now,
        amount=amount,
        currency=currency,
        arrival_date=_arrival(state),
        automatic=False,
        description=params.get("description"),
        metadata=metadata(params),
        statement_descriptor=params.get("statement_descriptor"),
    )
    _book(state, made, "payout", -amount, "STRIPE PAYOUT", "balance_transaction")
    state.emit("payout.created", state.put(made))
    return made


def pay_out(state: State) -> StripeObject:
    """Sandbox control: an automatic payout of everything available. Refused when that is nothing."""
    rows = _unpaid(state)
    amount = sum(row["net"] for row in rows)
    if amount < 1:
        raise invalid(f"There is nothing to pay out: the available balance is {amount} minor units of {SETTLEMENT}.")
    made = payout(
        state.new_id("po"),
        state.now,
        amount=amount,
        currency=SETTLEMENT,
        arrival_date=_arrival(state),
        automatic=True,
        description="STRIPE PAYOUT",
    )
    own = _book(state, made, "payout", -amount, "STRIPE PAYOUT", "balance_transaction")
    state.put({"id": made["id"], "object": PAID_OUT, "rows": [row["id"] for row in (*rows, own)]})
    state.emit("payout.created", state.put(made))
    state.emit("payout.reconciliation_completed", made)
    return made


def _available(state: State) -> int:
    amount: int = read_balance(state, {})["available"][0]["amount"]
    return amount


def _unpaid(state: State) -> list[StripeObject]:
    """What is available and in no automatic payout yet."""
    gone = {id_ for one in state.objects[PAID_OUT].values() for id_ in one["rows"]}
    rows = state.objects["balance_transaction"].values()
    return [row for row in rows if row["available_on"] <= state.now and row["id"] not in gone]


def _arrival(state: State) -> int:
    """Midnight UTC, two days on."""
    return (state.now + ARRIVES_AFTER) // DAY * DAY


def _book(state: State, of: StripeObject, kind: str, amount: int, text: str, field: str) -> StripeObject:
    made = balance_transaction(
        state.new_id("txn"),
        state.now,
        kind=kind,
        reporting_category="payout" if kind == "payout" else "payout_reversal",
        amount=amount,
        fees=[],
        source=of["id"],
        description=text,
    )
    # What a payout takes, or gives back, does not have to settle.
    made |= {"available_on": state.now, "status": "available"}
    of[field] = made["id"]
    return state.put(made)


def rows_of(state: State, id_: str) -> set[str]:
    """The ids of the balance transactions of an automatic payout. Raises 400 on a manual one, as Stripe does."""
    found = state.objects["payout"].get(id_)
    if found is None:
        raise invalid(f"No such payout: '{id_}'", param="payout", code="resource_missing")
    if not found["automatic"]:
        raise invalid(
            "Balance transaction history can only be filtered on automatic transfers, not manual.", param="payout"
        )
    return set(list_of(state.objects[PAID_OUT][id_], "rows"))


def update_payout(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Only a payout's metadata can change."""
    found = addressed(state, "payout", id_)
    merge_metadata(found, params)
    state.emit("payout.updated", found)
    return found


def payout_due(found: StripeObject) -> int | None:
    """When the bank has it; None when it is there or came back."""
    return int(found["arrival_date"]) if found["status"] == "in_transit" else None


def arrive(state: State, found: StripeObject) -> None:
    """The bank has it."""
    found["status"] = "paid"
    state.emit("payout.paid", found, {"status": "in_transit"})


def fail_payout(state: State, id_: str, code: str) -> StripeObject:
    """Sandbox control: the bank sends a payout back, even one that had arrived; the money is in the balance again."""
    found = addressed(state, "payout", id_)
    if code not in FAILURES:
        raise invalid(f"Invalid failure_code: must be one of {', '.join(FAILURES)}", param="failure_code")
    if found["status"] == "failed":
        raise invalid(f"Payout {id_} has failed already.")
    before = {"status": found["status"]}
    _book(state, found, "payout_failure", found["amount"], "STRIPE PAYOUT FAILURE", "failure_balance_transaction")
    found |= {"status": "failed", "failure_code": code, "failure_message": FAILURES[code]}
    state.emit("payout.failed", found, before)
    return found
