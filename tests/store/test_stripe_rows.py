"""Stripe's objects become rows: nothing invented, nothing lost, every amount from the one place it belongs to."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from store.schema import metadata
from store.stripe_rows import KINDS, UnknownStripeObject, latest_created, to_row

FETCHED_AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def row(raw: dict[str, Any]) -> dict[str, Any]:
    return to_row(raw, fetched_at=FETCHED_AT)


def line(**given: Any) -> dict[str, Any]:
    return {"id": "il_1", "object": "line_item", "invoice": "in_1", "amount": 10_000, "currency": "usd"} | given


def test_a_line_takes_only_credit_grants_from_the_pretax_credits() -> None:
    """100.00 less a discount of 10.00 and 30.00 of credits: the pretax list repeats the discount (10.00 + 30.00)."""
    columns = row(
        line(
            discount_amounts=[{"amount": 1_000, "discount": "di_1"}],
            pretax_credit_amounts=[
                {"amount": 1_000, "discount": "di_1", "type": "discount"},
                {"amount": 3_000, "credit_balance_transaction": "cbtxn_1", "type": "credit_balance_transaction"},
            ],
        )
    )
    assert columns["amount_minor"] == 10_000  # before discounts
    assert columns["discount_minor"] == 1_000
    assert columns["pretax_credit_minor"] == 3_000


def test_a_line_keeps_taxes_inside_and_on_top_apart() -> None:
    columns = row(
        line(
            taxes=[
                {"amount": 700, "tax_behavior": "exclusive"},
                {"amount": 50, "tax_behavior": "exclusive"},
                {"amount": 1_597, "tax_behavior": "inclusive"},
            ]
        )
    )
    assert (columns["tax_exclusive_minor"], columns["tax_inclusive_minor"]) == (750, 1_597)


@pytest.mark.parametrize("absent", [None, []])
def test_a_line_without_deductions_has_deductions_of_zero(absent: list[Any] | None) -> None:
    columns = row(line(discount_amounts=absent, pretax_credit_amounts=absent, taxes=absent))
    assert {columns[name] for name in ("discount_minor", "pretax_credit_minor", "tax_exclusive_minor")} == {0}


def test_a_line_finds_its_price_its_subscription_and_its_period_where_they_are_since_2025() -> None:
    parent = {
        "type": "subscription_item_details",
        "invoice_item_details": None,
        "subscription_item_details": {"subscription": "sub_1", "subscription_item": "si_1", "proration": True},
    }
    pricing = {"type": "price_details", "price_details": {"price": {"id": "price_1"}, "product": "prod_1"}}
    columns = row(line(parent=parent, pricing=pricing, period={"start": 1_767_225_600, "end": 1_769_904_000}))
    assert (columns["price_id"], columns["product_id"], columns["subscription_id"]) == ("price_1", "prod_1", "sub_1")
    assert columns["is_proration"] is True
    assert columns["period_start"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert columns["period_end"] == datetime(2026, 2, 1, tzinfo=UTC)


def test_an_invoice_finds_its_subscription_in_its_parent() -> None:
    raw = {
        "id": "in_1",
        "object": "invoice",
        "customer": {"id": "cus_1", "object": "customer"},
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1"}},
        "status_transitions": {"finalized_at": 1_767_225_600, "paid_at": None},
    }
    columns = row(raw)
    assert (columns["customer_id"], columns["subscription_id"]) == ("cus_1", "sub_1")
    assert columns["finalized_at"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert columns["paid_at"] is None
    assert columns["total_minor"] is None  # unknown is not zero


def test_a_charge_has_a_decline_code_only_when_it_failed() -> None:
    outcome = {"reason": "insufficient_funds", "advice_code": "try_again_later", "network_decline_code": "51"}
    failed = row({"id": "ch_1", "object": "charge", "status": "failed", "outcome": outcome})
    reviewed = row(
        {"id": "ch_2", "object": "charge", "status": "succeeded", "outcome": {"reason": "elevated_risk_level"}}
    )
    assert (failed["decline_code"], failed["advice_code"]) == ("insufficient_funds", "try_again_later")
    assert failed["network_decline_code"] == "51"
    assert reviewed["decline_code"] is None


def test_a_dispute_without_a_deadline_has_none() -> None:
    """Stripe writes 0 where no answer is possible; 1970 would look very overdue."""
    columns = row({"id": "dp_1", "object": "dispute", "evidence_details": {"due_by": 0}})
    assert columns["due_by"] is None


def test_an_exchange_rate_is_the_decimal_that_stripe_wrote() -> None:
    raw = json.loads('{"id": "txn_1", "object": "balance_transaction", "exchange_rate": 1.08137}')
    assert row(raw)["exchange_rate"] == Decimal("1.08137")


def test_an_event_about_a_preview_names_no_object() -> None:
    raw = {"id": "evt_1", "object": "event", "type": "invoice.upcoming", "data": {"object": {"object": "invoice"}}}
    columns = row(raw)
    assert (columns["object_type"], columns["object_id"]) == ("invoice", None)


def test_an_object_of_another_kind_is_named_in_the_refusal() -> None:
    with pytest.raises(UnknownStripeObject, match="'topup'"):
        row({"id": "tu_1", "object": "topup"})


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_fills_exactly_the_columns_of_its_table(kind: str) -> None:
    """A column without a value in the mapping would stay null for ever, and nobody would know."""
    columns = row({"id": "x_1", "object": kind})
    table = metadata.tables[KINDS[kind].table]
    assert set(columns) == {column.name for column in table.columns} - {"tenant_id"}


def test_the_newest_of_no_objects_is_unknown() -> None:
    assert latest_created([]) is None
    assert latest_created([{"created": 1}, {"created": 3}, {}]) == datetime(1970, 1, 1, 0, 0, 3, tzinfo=UTC)


@pytest.mark.shared
@pytest.mark.parametrize("kind", KINDS)
def test_stripes_own_example_of_each_kind_is_understood(kind: str, shared: Path) -> None:
    fixtures = json.loads((shared / "stripe" / "fixtures3.json").read_text(encoding="utf-8"))["resources"]
    columns = row(fixtures[kind])
    assert columns["id"] == fixtures[kind]["id"]
    assert columns["raw"] == fixtures[kind]
