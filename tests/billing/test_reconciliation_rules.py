"""What reconciliation finds between Stripe's objects and our copies, and in the sums of money: rule by rule."""

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.reconciliation_causes import AboutIt, EventState, explain
from billing.reconciliation_money import (
    balance_findings,
    charge_findings,
    payout_findings,
    transaction_findings,
)
from billing.reconciliation_rules import Held, compare, extra
from store.stripe_rows import embedded_parts, to_row

READ_AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
Raw = dict[str, Any]


def a_charge(**given: Any) -> Raw:
    return {
        "id": "ch_1",
        "object": "charge",
        "created": 1_795_000_000,
        "amount": 10_000,
        "amount_captured": 10_000,
        "amount_refunded": 0,
        "captured": True,
        "currency": "usd",
        "status": "succeeded",
        "outcome": {"network_status": "approved_by_network"},
        "balance_transaction": "txn_1",
        "receipt_url": "https://pay.example/one",
        **given,
    }


def a_transaction(source: str, amount: int, fee: int = 0, **given: Any) -> Raw:
    return {
        "id": f"txn_of_{source}",
        "object": "balance_transaction",
        "amount": amount,
        "fee": fee,
        "net": amount - fee,
        "currency": "usd",
        "exchange_rate": None,
        "source": source,
        "status": "pending",
        "fee_details": [{"amount": fee}] if fee else [],
        "type": "charge",
        **given,
    }


def a_refund(amount: int, status: str = "succeeded", id_: str = "re_1") -> Raw:
    return {"id": id_, "object": "refund", "amount": amount, "currency": "usd", "status": status, "charge": "ch_1"}


def a_dispute(status: str) -> Raw:
    return {"id": "dp_1", "object": "dispute", "amount": 10_000, "currency": "usd", "status": status, "charge": "ch_1"}


def held(raw: Raw) -> Held:
    """A copy as the mirror makes it of this object."""
    parts = {part["id"]: to_row(part, fetched_at=READ_AT) for part in embedded_parts(raw)}
    return Held(to_row(copy.deepcopy(raw), fetched_at=READ_AT), parts)


def an_invoice() -> Raw:
    lines = [
        {"id": f"il_{number}", "object": "line_item", "invoice": "in_1", "amount": 500, "currency": "usd"}
        for number in (1, 2)
    ]
    return {
        "id": "in_1",
        "object": "invoice",
        "created": 1_795_000_000,
        "currency": "usd",
        "total": 1_000,
        "lines": {"data": lines, "has_more": False},
    }


def test_a_faithful_copy_is_no_discrepancy_even_when_addresses_are_signed_anew() -> None:
    assert compare(a_charge(receipt_url="https://pay.example/two"), (), held(a_charge())) is None
    assert compare(an_invoice(), (), held(an_invoice())) is None


def test_what_stripe_has_and_we_do_not_is_missing_with_its_amount() -> None:
    found = compare(a_charge(), (), None)
    assert found is not None
    assert (found.kind, found.object_id, found.amount_minor, found.currency) == ("missing", "ch_1", 10_000, "usd")
    assert found.sentence == "Stripe has charge ch_1 of 100.00 USD; it is not here."
    assert found.refers_to == ("txn_1",)


def test_a_copy_wrongly_marked_as_deleted_is_missing() -> None:
    ours = held(a_charge())
    found = compare(a_charge(), (), Held({**ours.row, "is_deleted": True}))
    assert found is not None
    assert (found.kind, found.sentence) == (
        "missing",
        "Stripe has charge ch_1 of 100.00 USD; it is not here, as if it had been deleted.",
    )


def test_a_field_that_differs_is_named_with_both_values() -> None:
    found = compare(a_charge(amount_refunded=2_500), (), held(a_charge()))
    assert found is not None
    assert (found.kind, found.amount_minor, [one.field for one in found.fields]) == (
        "different",
        2_500 - 0,
        ["amount_refunded"],
    )
    assert found.sentence == "Charge ch_1 differs: amount_refunded is 2500 at Stripe and 0 here."


def test_a_column_that_was_changed_beside_its_object_is_found() -> None:
    ours = held(a_charge())
    found = compare(a_charge(), (), Held({**ours.row, "amount_captured_minor": 9_000}))
    assert found is not None
    assert [one.field for one in found.fields] == ["column amount_captured_minor"]
    assert found.amount_minor == 10_000 - 9_000
    assert "the row was changed here" in str(explain(found, [], READ_AT).cause)


def test_a_lost_line_of_an_invoice_is_a_difference_of_the_invoice() -> None:
    ours = held(an_invoice())
    found = compare(an_invoice(), (), Held(ours.row, {"il_1": ours.parts["il_1"]}))
    assert found is not None
    assert [(one.field, one.at_stripe, one.here) for one in found.fields] == [("il_2", "there", None)]


def test_what_stripe_does_not_have_is_extra_and_counts_against_us() -> None:
    found = extra(held(a_charge()))
    assert (found.kind, found.amount_minor) == ("extra", -10_000)
    assert found.sentence == "Charge ch_1 of 100.00 USD is here, but Stripe has no such object."


@settings(deadline=None)  # the first example pays for what is imported
@given(st.sampled_from(sorted(set(a_charge()) - {"id", "object", "receipt_url"})), st.integers(1, 10**9))
def test_any_change_of_any_field_is_found_and_named(name: str, value: int) -> None:
    changed = a_charge(**{name: value})
    found = compare(changed, (), held(a_charge()))
    if changed == a_charge():
        assert found is None
    else:
        assert found is not None
        assert {one.field.partition(".")[0] for one in found.fields} == {name}


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("never_came", "never came here"),
        ("dead", "is a dead letter"),
        ("received", "waits to be handled"),
        ("discarded", "was discarded"),
        ("handled", "was followed, so what it told was lost here afterwards"),
    ],
)
def test_an_event_newer_than_the_copy_makes_it_stale_and_is_its_cause(state: EventState, words: str) -> None:
    found = compare(a_charge(amount_refunded=2_500), (), held(a_charge()))
    assert found is not None
    about = [
        AboutIt("evt_1", "charge.succeeded", READ_AT - timedelta(hours=1), "handled"),
        AboutIt("evt_2", "charge.refunded", READ_AT + timedelta(hours=1), state),
    ]
    explained = explain(found, about, READ_AT)
    assert explained.kind == "stale"
    assert str(explained.cause).startswith("The event charge.refunded (evt_2) of 20 Nov 2026 13:00 UTC ")
    assert words in str(explained.cause)


def test_without_a_newer_event_a_copy_that_differs_was_changed_here_or_silently_there() -> None:
    found = compare(a_charge(amount_refunded=2_500), (), held(a_charge()))
    assert found is not None
    explained = explain(
        found, [AboutIt("evt_1", "charge.succeeded", READ_AT - timedelta(seconds=1), "handled")], READ_AT
    )
    assert explained.kind == "different"
    assert "No event tells of a change since it was read on 20 Nov 2026 12:00 UTC" in str(explained.cause)


def test_a_charge_adds_up_with_its_refund_and_its_transactions() -> None:
    charge = a_charge(amount_refunded=2_500)
    booked = {"ch_1": [a_transaction("ch_1", 10_000, 320)], "re_1": [a_transaction("re_1", -2_500)]}
    assert charge_findings(charge, [a_refund(2_500)], [], booked) == []


def rules_of(*found: Any) -> list[tuple[str, str, int | None]]:
    return [(one.rule, one.object_id, one.amount_minor) for one in found]


def test_a_refunded_sum_that_its_refunds_do_not_come_to_is_found() -> None:
    booked = {"ch_1": [a_transaction("ch_1", 10_000)], "re_1": [a_transaction("re_1", -2_500)]}
    found = charge_findings(a_charge(amount_refunded=4_000), [a_refund(2_500)], [], booked)
    assert rules_of(*found) == [("charge_refunded", "ch_1", 4_000 - 2_500)]
    assert found[0].sentence == "Charge ch_1 says that 40.00 USD of it are refunded, its refunds come to 25.00 USD."


def test_money_that_no_transaction_books_is_found_for_charge_refund_and_dispute() -> None:
    charge = a_charge(amount_refunded=2_500)
    found = charge_findings(charge, [a_refund(2_500)], [a_dispute("needs_response")], {})
    assert rules_of(*found) == [
        ("charge_booked", "ch_1", 10_000),
        ("refund_booked", "re_1", -2_500),
        ("dispute_booked", "dp_1", -10_000),
    ]


def test_more_refunded_than_captured_is_found() -> None:
    refunds = [a_refund(6_000), a_refund(6_000, id_="re_2")]
    booked = {
        "ch_1": [a_transaction("ch_1", 10_000)],
        "re_1": [a_transaction("re_1", -6_000)],
        "re_2": [a_transaction("re_2", -6_000)],
    }
    found = charge_findings(a_charge(amount_refunded=12_000), refunds, [], booked)
    assert rules_of(*found) == [("charge_over_refunded", "ch_1", 12_000 - 10_000)]


def test_a_refund_that_failed_and_a_dispute_that_was_won_have_moved_nothing_in_the_end() -> None:
    there_and_back = {
        "ch_1": [a_transaction("ch_1", 10_000)],
        "re_1": [a_transaction("re_1", -2_500), a_transaction("re_1", 2_500)],
        "dp_1": [a_transaction("dp_1", -10_000, 1_500), a_transaction("dp_1", 10_000)],
    }
    assert charge_findings(a_charge(), [a_refund(2_500, "failed")], [a_dispute("won")], there_and_back) == []
    not_back = there_and_back | {"re_1": there_and_back["re_1"][:1], "dp_1": there_and_back["dp_1"][:1]}
    found = charge_findings(a_charge(), [a_refund(2_500, "failed")], [a_dispute("won")], not_back)
    assert rules_of(*found) == [("refund_booked", "re_1", 0 - -2_500), ("dispute_booked", "dp_1", 0 - -10_000)]


def test_a_failed_charge_moves_nothing_and_needs_no_transaction() -> None:
    assert charge_findings(a_charge(status="failed", amount_captured=0), [], [], {}) == []


def test_another_currency_is_compared_at_the_transactions_rate() -> None:
    charge = a_charge(currency="eur")
    right = {"ch_1": [a_transaction("ch_1", 10_000 * 12 // 10, exchange_rate=1.2)]}
    assert charge_findings(charge, [], [], right) == []
    wrong = {"ch_1": [a_transaction("ch_1", 11_900, exchange_rate=1.2)]}
    (found,) = charge_findings(charge, [], [], wrong)
    assert (found.amount_minor, found.currency) == (12_000 - 11_900, "usd")


def test_a_transaction_is_its_amount_less_its_fees() -> None:
    assert transaction_findings(a_transaction("ch_1", 10_000, 320), is_source_known=True) == []
    wrong_net = a_transaction("ch_1", 10_000, 320, net=9_700)
    assert rules_of(*transaction_findings(wrong_net, is_source_known=None)) == [
        ("transaction_net", "txn_of_ch_1", 9_700 - (10_000 - 320))
    ]
    wrong_fee = a_transaction("ch_1", 10_000, 320, fee_details=[{"amount": 300}])
    assert rules_of(*transaction_findings(wrong_fee, is_source_known=True)) == [
        ("transaction_fee", "txn_of_ch_1", 320 - 300)
    ]
    assert rules_of(*transaction_findings(a_transaction("ch_gone", 700), is_source_known=False)) == [
        ("transaction_source", "txn_of_ch_gone", 700)
    ]


def test_an_automatic_payout_is_the_sum_of_what_it_pays_out() -> None:
    payout = {"id": "po_1", "object": "payout", "amount": 9_680, "currency": "usd", "status": "paid", "automatic": True}
    own = [a_transaction("po_1", -9_680, type="payout")]
    inside = [a_transaction("ch_1", 10_000, 320), *own]
    assert payout_findings(payout, inside, own) == []
    (found,) = payout_findings(payout, own, own)
    assert (found.rule, found.amount_minor) == ("payout_sum", 9_680 - 0)
    failed = payout | {"status": "failed"}
    assert payout_findings(failed, [], [*own, a_transaction("po_1", 9_680, type="payout_failure")]) == []


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["usd", "eur", "jpy"]), st.integers(-(10**12), 10**12)), st.integers(-50, 50))
def test_a_balance_is_the_sum_of_its_transactions_in_each_currency(net: dict[str, int], available: int) -> None:
    balance = {
        "available": [{"currency": currency, "amount": available} for currency in net],
        "pending": [{"currency": currency, "amount": total - available} for currency, total in net.items()],
    }
    assert balance_findings(balance, net) == []
    off = {currency: total - 1 for currency, total in net.items()}
    assert [(one.object_id, one.amount_minor) for one in balance_findings(balance, off)] == [
        (currency, 1) for currency in sorted(net)
    ]


def test_what_no_event_tells_of_is_said_so_for_a_missing_object() -> None:
    charge, moved = compare(a_charge(), (), None), compare(a_transaction("ch_1", 5), (), None)
    assert charge is not None
    assert moved is not None
    assert "lists no event about it in the last 30 days" in str(explain(charge, [], None).cause)
    assert "sends no events about a balance transaction" in str(explain(moved, [], None).cause)
