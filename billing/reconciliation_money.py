"""Whether money adds up: pure rules over charges, refunds, disputes, payouts and the balance transactions that book them.

Amounts are in minor units; a balance transaction's in those of the settlement currency. Sources: Stripe's descriptions of
balance transactions (`net = amount - fee`), refunds, disputes, payouts and the balance.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from billing.reconciliation_rules import Difference, Discrepancy, words
from pricing.money import Money, exponent
from store.stripe_values import reference

Raw = Mapping[str, Any]

COUNTED_REFUNDS = frozenset({"succeeded", "pending", "requires_action"})
_BOOKED_REFUNDS = frozenset({"succeeded", "pending"})
_RETURNED_REFUNDS = frozenset({"failed", "canceled"})
# The bank holds the money while it is asked for, and keeps it when the dispute is lost. Inquiries hold nothing.
_WITHDRAWN = frozenset({"needs_response", "under_review", "lost", "appeal_needs_response", "appeal_under_review"})
_NOT_WITHDRAWN = frozenset({"won", "warning_needs_response", "warning_under_review", "warning_closed", "prevented"})
_SENT_PAYOUTS = frozenset({"paid", "pending", "in_transit"})
_RETURNED_PAYOUTS = frozenset({"failed", "canceled"})


def charge_findings(
    charge: Raw, refunds: Sequence[Raw], disputes: Sequence[Raw], booked: Mapping[str, Sequence[Raw]]
) -> list[Discrepancy]:
    """What of one charge does not add up. `booked` are the balance transactions by the id of their source."""
    id_ = charge["id"]
    is_captured = charge.get("status") == "succeeded" and charge.get("captured") is not False
    captured = int(charge.get("amount_captured") or 0) if is_captured else 0
    found = [_booked("charge_booked", charge, captured, booked.get(id_, ()))]
    counted = sum(refund["amount"] for refund in refunds if refund.get("status") in COUNTED_REFUNDS)
    said = charge.get("amount_refunded")
    if said is not None and said != counted:
        sentence = f"Charge {id_} says that {_money(said, charge)} of it are refunded, its refunds come to {_money(counted, charge)}."
        found.append(_unbalanced("charge_refunded", charge, said - counted, "amount_refunded", said, counted, sentence))
    if counted > captured:
        sentence = f"{_money(counted, charge)} of charge {id_} are refunded, but only {_money(captured, charge)} were captured."
        found.append(
            _unbalanced("charge_over_refunded", charge, counted - captured, "refunds", counted, captured, sentence)
        )
    found += [_refund_finding(refund, booked.get(refund["id"], ())) for refund in refunds]
    found += [_dispute_finding(dispute, booked.get(dispute["id"], ())) for dispute in disputes]
    return [one for one in found if one is not None]


def _refund_finding(refund: Raw, booked: Sequence[Raw]) -> Discrepancy | None:
    """A refund takes its amount from the balance; one that came back takes nothing in the end."""
    status = refund.get("status")
    if status in _BOOKED_REFUNDS:
        return _booked("refund_booked", refund, -refund["amount"], booked)
    return _booked("refund_booked", refund, 0, booked) if status in _RETURNED_REFUNDS else None


def _dispute_finding(dispute: Raw, booked: Sequence[Raw]) -> Discrepancy | None:
    """A dispute takes its amount until it is won; its fees are no part of that."""
    status = dispute.get("status")
    if status in _WITHDRAWN:
        return _booked("dispute_booked", dispute, -dispute["amount"], booked)
    return _booked("dispute_booked", dispute, 0, booked) if status in _NOT_WITHDRAWN else None


def transaction_findings(transaction: Raw, *, is_source_known: bool | None) -> list[Discrepancy]:
    """What of one balance transaction does not add up. `is_source_known` is None where the source is of a kind not mirrored."""
    id_, amount, fee, net = transaction["id"], transaction["amount"], transaction["fee"], transaction["net"]
    found = []
    if amount - fee != net:
        sentence = (
            f"Balance transaction {id_} of {_money(amount, transaction)} less a fee of {_money(fee, transaction)} "
            f"says {_money(net, transaction)} net, not {_money(amount - fee, transaction)}."
        )
        off = net - (amount - fee)
        found.append(_unbalanced("transaction_net", transaction, off, "net", net, amount - fee, sentence))
    details = transaction.get("fee_details")
    if details:
        parts = sum(part["amount"] for part in details)
        if parts != fee:
            sentence = f"The fees of balance transaction {id_} come to {_money(parts, transaction)}, its fee is {_money(fee, transaction)}."
            found.append(_unbalanced("transaction_fee", transaction, fee - parts, "fee", fee, parts, sentence))
    if is_source_known is False:
        source = reference(transaction.get("source"))
        sentence = (
            f"Balance transaction {id_} of {_money(amount, transaction)} is of {source}, which Stripe does not have."
        )
        found.append(_unbalanced("transaction_source", transaction, amount, "source", source, None, sentence))
    return found


def payout_findings(payout: Raw, paid_out: Sequence[Raw], booked: Sequence[Raw]) -> list[Discrepancy]:
    """What of one payout does not add up: `paid_out` are the balance transactions that Stripe lists for it, `booked` its own.

    Only automatic payouts are made of balance transactions, earlier payouts that came back among them; a manual one takes
    from what there is.
    """
    id_, amount, status = payout["id"], payout["amount"], payout.get("status")
    found = []
    if payout.get("automatic") and status in _SENT_PAYOUTS:
        inside = sum(one["net"] for one in paid_out if reference(one.get("source")) != id_)
        if inside != amount:
            sentence = f"Payout {id_} is of {_money(amount, payout)}, its balance transactions come to {_money(inside, payout)}."
            found.append(_unbalanced("payout_sum", payout, amount - inside, "amount", amount, inside, sentence))
    if status in _SENT_PAYOUTS or status in _RETURNED_PAYOUTS:
        own = _booked("payout_booked", payout, -amount if status in _SENT_PAYOUTS else 0, booked)
        found += [] if own is None else [own]
    return found


def balance_findings(balance: Raw, net_by_currency: Mapping[str, int]) -> list[Discrepancy]:
    """Each currency in which Stripe's balance is not the sum of all balance transactions that we hold."""
    said: dict[str, int] = {}
    for part in ("available", "pending", "connect_reserved"):
        for money in balance.get(part) or ():
            said[money["currency"]] = said.get(money["currency"], 0) + money["amount"]
    found = []
    for currency in sorted(said.keys() | net_by_currency.keys()):
        at_stripe, ours = said.get(currency, 0), net_by_currency.get(currency, 0)
        if at_stripe == ours:
            continue
        sentence = f"Stripe's balance is {Money(at_stripe, currency)}, all balance transactions together come to {Money(ours, currency)}."
        of_balance = {"object": "balance", "id": currency, "currency": currency}
        found.append(
            _unbalanced("balance_total", of_balance, at_stripe - ours, "available + pending", at_stripe, ours, sentence)
        )
    return found


def _booked(rule: str, subject: Raw, should_minor: int, booked: Iterable[Raw]) -> Discrepancy | None:
    """Whether the balance transactions of an object come to what it should move; None when they do, or when nobody can say."""
    transactions = list(booked)
    name = f"{words(subject['object'])} {subject['id']}"
    if not transactions:
        if should_minor == 0:
            return None
        sentence = f"{name.capitalize()} should move the balance by {_money(should_minor, subject)}, but no balance transaction does."
        return _unbalanced(rule, subject, should_minor, "balance_transaction", should_minor, None, sentence)
    did = sum(one["amount"] for one in transactions)
    settlement = {one["currency"] for one in transactions}
    if len(settlement) > 1:
        return None
    [currency] = settlement
    should = _settled(should_minor, subject["currency"], currency, transactions[0].get("exchange_rate"))
    # In another currency each transaction was rounded by itself.
    tolerance = 0 if currency == subject["currency"] else len(transactions)
    if should is None or abs(did - should) <= tolerance:
        return None
    sentence = f"{name.capitalize()} should move the balance by {Money(should, currency)}; its balance transactions move it by {Money(did, currency)}."
    settled = {**subject, "currency": currency}
    ids = tuple(one["id"] for one in transactions)
    return _unbalanced(rule, settled, should - did, "balance_transaction", should, did, sentence, ids)


def _settled(minor: int, currency: str, settlement: str, rate: Any) -> int | None:
    """An amount in the settlement currency by the transaction's rate; None where the rate's unit is not sure."""
    if currency == settlement or minor == 0:
        return minor
    if rate is None or exponent(currency) != exponent(settlement):
        return None
    return int((Decimal(minor) * Decimal(str(rate))).quantize(Decimal(1), ROUND_HALF_UP))


def _unbalanced(
    rule: str,
    subject: Raw,
    amount_minor: int | None,
    field: str,
    at_stripe: Any,
    adds_up_to: Any,
    sentence: str,
    refers_to: Iterable[str] = (),
) -> Discrepancy:
    return Discrepancy(
        "unbalanced",
        subject["object"],
        subject["id"],
        amount_minor,
        subject["currency"],
        (Difference(field, at_stripe, adds_up_to),),
        None,
        sentence,
        rule,
        tuple(refers_to),
    )


def _money(minor: int, raw: Raw) -> str:
    return str(Money(minor, raw["currency"]))
