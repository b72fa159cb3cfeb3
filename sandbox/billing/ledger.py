"""The balance: every movement of money becomes one balance transaction in usd, with Stripe's fee."""

from decimal import Decimal

from sandbox.billing.arithmetic import rounded, settle
from sandbox.objects import StripeObject
from sandbox.objects.money import balance_transaction
from sandbox.state import State

FIXED_FEE_MINOR = 30
DISPUTE_FEE_MINOR = 1500
COUNTER_FEE, COUNTER_FEE_MINOR = "Dispute counter fee", 1500


def charge_fees(charge: StripeObject, settled_minor: int) -> list[tuple[str, int]]:
    """2.9 % + 30 ¢; 1.5 % more for a foreign card; 1 % more where the currency is exchanged."""
    fees = [("Stripe processing fees", rounded(Decimal(settled_minor) * 29 / 1000) + FIXED_FEE_MINOR)]
    if charge["payment_method_details"]["card"]["country"] != "US":
        fees.append(("International card fee", rounded(Decimal(settled_minor) * 15 / 1000)))
    if charge["currency"] != "usd":
        fees.append(("Currency conversion fee", rounded(Decimal(settled_minor) / 100)))
    return fees


def book_charge(state: State, charge: StripeObject) -> StripeObject:
    """The money of a successful charge, less fees."""
    settled, rate = settle(charge["amount"], charge["currency"], state.now)
    made = balance_transaction(
        state.new_id("txn"),
        state.now,
        kind="charge",
        reporting_category="charge",
        amount=settled,
        fees=charge_fees(charge, settled),
        source=charge["id"],
        description=charge["description"],
        exchange_rate=rate,
    )
    charge["balance_transaction"] = made["id"]
    return state.put(made)


def book_refund(state: State, refund: StripeObject, charge: StripeObject) -> StripeObject:
    """The money of a refund leaving; Stripe keeps its fee."""
    settled, rate = settle(refund["amount"], refund["currency"], state.now)
    made = balance_transaction(
        state.new_id("txn"),
        state.now,
        kind="refund",
        reporting_category="refund",
        amount=-settled,
        fees=[],
        source=refund["id"],
        description=f"REFUND FOR CHARGE ({charge['description']})",
        exchange_rate=rate,
    )
    refund["balance_transaction"] = made["id"]
    return state.put(made)


def book_refund_failure(state: State, refund: StripeObject) -> StripeObject:
    """A refund that the bank sent back: the same sum returns."""
    went = state.objects["balance_transaction"][refund["balance_transaction"]]
    made = balance_transaction(
        state.new_id("txn"),
        state.now,
        kind="refund_failure",
        reporting_category="refund_failure",
        amount=-went["amount"],
        fees=[],
        source=refund["id"],
        description="REFUND FAILURE",
        exchange_rate=went["exchange_rate"],
    )
    refund["failure_balance_transaction"] = made["id"]
    return state.put(made)


def book_dispute(state: State, dispute: StripeObject) -> StripeObject:
    """The disputed sum withdrawn, and the fee for a dispute received."""
    settled, rate = settle(dispute["amount"], dispute["currency"], state.now)
    made = balance_transaction(
        state.new_id("txn"),
        state.now,
        kind="adjustment",
        reporting_category="dispute",
        amount=-settled,
        fees=[("Dispute fee", DISPUTE_FEE_MINOR)],
        source=dispute["id"],
        description=f"Chargeback withdrawal for {dispute['charge']}",
        exchange_rate=rate,
    )
    dispute["balance_transactions"].append(made)
    return state.put(made)


def book_counter_fee(state: State, dispute: StripeObject) -> StripeObject:
    """The fee for countering a dispute. Stripe lists with the dispute only what was withdrawn and reinstated, not this."""
    return state.put(
        balance_transaction(
            state.new_id("txn"),
            state.now,
            kind="adjustment",
            reporting_category="dispute",
            amount=0,
            fees=[(COUNTER_FEE, COUNTER_FEE_MINOR)],
            source=dispute["id"],
            description=f"Fee for countering the dispute of {dispute['charge']}",
        )
    )


def book_dispute_reversal(state: State, dispute: StripeObject) -> StripeObject:
    """A dispute won: the sum returns and the fee for countering it, the fee for receiving it does not."""
    went = dispute["balance_transactions"][0]
    was_countered = dispute["evidence_details"]["submission_count"] > 0
    made = balance_transaction(
        state.new_id("txn"),
        state.now,
        kind="adjustment",
        reporting_category="dispute_reversal",
        amount=-went["amount"],
        fees=[(COUNTER_FEE, -COUNTER_FEE_MINOR)] if was_countered else [],
        source=dispute["id"],
        description=f"Chargeback reversal for {dispute['charge']}",
        exchange_rate=went["exchange_rate"],
    )
    dispute["balance_transactions"].append(made)
    return state.put(made)
