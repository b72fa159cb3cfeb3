"""What the warehouse takes from the mirror beside revenue: each customer's plan, invoices, failures, and what waits."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from store import refunds_waiting, stripe_mirror
from store import warehouse_sources as sources
from store.database import tenant_transaction
from tests.store.stripe_money import NOON, Raw, charge, dispute, invoice, keep, paid_by, refund, seconds


def read(engine: Engine, tenant: UUID, source: Any) -> Any:
    with tenant_transaction(engine, tenant) as connection:
        return source(connection)


def customer(id_: str = "cus_acme", **given: Any) -> Raw:
    fields = {"id": id_, "object": "customer", "name": "Acme", "email": "pay@acme.example", "created": seconds(1, 1)}
    return fields | {"address": {"country": "DE"}, "currency": "usd", "metadata": {}} | given


def product(id_: str, name: str) -> Raw:
    return {"id": id_, "object": "product", "name": name, "active": True}


def price(id_: str, product_id: str, usage_type: str = "licensed") -> Raw:
    recurring = {"usage_type": usage_type, "interval": "month", "interval_count": 1}
    return {"id": id_, "object": "price", "product": product_id, "currency": "usd", "recurring": recurring}


def subscription(id_: str, status: str, *price_ids: str, month: int = 1, customer_id: str = "cus_acme") -> Raw:
    items = [
        {"id": f"si_{id_}_{place}", "object": "subscription_item", "subscription": id_, "price": {"id": price_id}}
        for place, price_id in enumerate(price_ids)
    ]
    return {
        "id": id_,
        "object": "subscription",
        "customer": customer_id,
        "status": status,
        "created": seconds(month, 1),
        "items": {"object": "list", "data": items, "has_more": False},
    }


PLANS = (product("prod_team", "Team"), product("prod_scale", "Scale"), product("prod_meter", "Tokens"))
PRICES = (
    price("price_team", "prod_team"),
    price("price_scale", "prod_scale"),
    price("price_m", "prod_meter", "metered"),
)


def test_a_customer_is_on_the_plan_of_the_newest_living_subscription(engine: Engine, tenant: UUID) -> None:
    """The canceled one of March is newer than the living one of February, and a metered item names no plan."""
    keep(engine, tenant, customer(), *PLANS, *PRICES)
    keep(engine, tenant, subscription("sub_1", "canceled", "price_scale", month=1))
    keep(engine, tenant, subscription("sub_2", "past_due", "price_m", "price_team", month=2))
    keep(engine, tenant, subscription("sub_3", "canceled", "price_scale", month=3))
    (row,) = read(engine, tenant, sources.customers)
    assert (row["customer_id"], row["name"], row["country"]) == ("cus_acme", "Acme", "DE")
    assert (row["plan"], row["subscription_status"]) == ("Team", "past_due")
    assert row["created_at"] == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_customer_without_name_or_subscription_is_still_one(engine: Engine, tenant: UUID) -> None:
    keep(engine, tenant, customer("cus_1", name=None), customer("cus_2", name=None, email=None))
    rows = read(engine, tenant, sources.customers)
    assert [(row["name"], row["plan"]) for row in rows] == [("pay@acme.example", None), ("cus_2", None)]


def test_invoices_are_the_finalized_ones_and_their_sums_are_of_the_same(engine: Engine, tenant: UUID) -> None:
    """332.01 + 100.00; a draft has no day of its own and is in neither."""
    draft = invoice("in_3", status="draft", status_transitions={"finalized_at": None})
    keep(engine, tenant, invoice(), invoice("in_2", total=100_00, status="void"), draft)
    rows = read(engine, tenant, sources.invoices)
    assert [row["invoice_id"] for row in rows] == ["in_1", "in_2"]
    assert read(engine, tenant, sources.invoice_sums) == {"invoices": 2, "total_minor": 332_01 + 100_00}


def test_an_invoice_with_something_due_is_unpaid_while_it_is_open(engine: Engine, tenant: UUID) -> None:
    keep(
        engine,
        tenant,
        invoice("in_1", status="open", amount_remaining=50_00, attempt_count=2),
        invoice("in_2", status="open", amount_remaining=0),
        invoice("in_3", status="uncollectible", amount_remaining=50_00),
    )
    (row,) = read(engine, tenant, sources.unpaid_invoices)
    assert (row["invoice_id"], row["amount_remaining_minor"], row["attempt_count"]) == ("in_1", 50_00, 2)


def test_each_failed_try_of_an_invoice_comes_with_what_the_bank_said(engine: Engine, tenant: UUID) -> None:
    keep(engine, tenant, invoice(status="open", amount_due=332_01), paid_by())
    for id_, day, code in (("ch_2", 17, "lost_card"), ("ch_1", 15, "insufficient_funds")):
        failed = {"status": "failed", "failure_code": "card_declined", "created": seconds(1, day)}
        keep(engine, tenant, charge(id_, **failed, outcome={"reason": code, "advice_code": "try_again_later"}))
    keep(engine, tenant, charge("ch_3", created=seconds(1, 20)))
    rows = read(engine, tenant, sources.failed_invoices)
    assert [(row["invoice_id"], row["failed_at"].day, row["amount_minor"]) for row in rows] == [
        ("in_1", 15, 332_01),
        ("in_1", 17, 332_01),
    ]
    assert all(row["decline_code"] for row in rows)


def test_only_disputes_that_want_an_answer_wait(engine: Engine, tenant: UUID) -> None:
    keep(engine, tenant, charge())
    due = {"evidence_details": {"due_by": seconds(12, 1)}}
    for id_, status in (("dp_1", "needs_response"), ("dp_2", "warning_needs_response"), ("dp_3", "under_review")):
        keep(engine, tenant, dispute(id_, status, **due))
    rows = read(engine, tenant, sources.open_disputes)
    assert [(row["dispute_id"], row["customer_id"], row["due_by"].month) for row in rows] == [
        ("dp_1", "cus_acme", 12),
        ("dp_2", "cus_acme", 12),
    ]


def test_a_change_in_mid_cycle_is_read_from_its_lines(engine: Engine, tenant: UUID) -> None:
    def line(id_: str, amount: int, price_id: str, *, proration: bool = True) -> Raw:
        return {
            "id": id_,
            "object": "line_item",
            "invoice": "in_1",
            "currency": "usd",
            "amount": amount,
            "quantity": 1,
            "parent": {
                "type": "subscription_item_details",
                "subscription_item_details": {"subscription": "sub_1", "proration": proration},
            },
            "pricing": {"price_details": {"price": price_id, "product": price_id.replace("price", "prod")}},
            "period": {"start": seconds(1, 20), "end": seconds(2, 15)},
        }

    lines = [line("il_1", -20_00, "price_team"), line("il_2", 50_00, "price_scale")]
    lines.append(line("il_3", 90_00, "price_scale", proration=False))
    keep(engine, tenant, *PLANS, *PRICES, invoice(lines={"object": "list", "data": lines, "has_more": False}))
    rows = read(engine, tenant, sources.proration_lines)
    assert [(row["plan"], row["amount_minor"], row["subscription_id"]) for row in rows] == [
        ("Team", -20_00, "sub_1"),
        ("Scale", 50_00, "sub_1"),
    ]


@pytest.mark.parametrize(
    "source",
    [
        sources.customers,
        sources.invoices,
        sources.unpaid_invoices,
        sources.open_disputes,
        refunds_waiting.on_their_way,
        refunds_waiting.asked_for,
    ],
)
def test_another_tenant_sees_none_of_it(engine: Engine, tenant: UUID, mallory: UUID, source: Any) -> None:
    asked = {"refund_requested_at": NOON.isoformat()}
    keep(
        engine,
        tenant,
        customer(),
        invoice(status="open", amount_remaining=1),
        charge(amount_captured=2, amount_refunded=1, metadata=asked),
        dispute("dp_1", "needs_response"),
        refund("re_1", "pending"),
    )
    assert len(read(engine, tenant, source)) == 1
    assert read(engine, mallory, source) == []


def test_a_customer_deleted_at_stripe_keeps_name_and_invoices(engine: Engine, tenant: UUID) -> None:
    """Their months stay revenue, and a page must be able to say whose."""
    keep(engine, tenant, customer(), invoice())
    with tenant_transaction(engine, tenant) as connection:
        stripe_mirror.mark_deleted(connection, tenant, "customer", ["cus_acme"], NOON)
    assert [row["name"] for row in read(engine, tenant, sources.customers)] == ["Acme"]
    assert len(read(engine, tenant, sources.invoices)) == 1
