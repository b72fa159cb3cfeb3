"""From the mirror of Stripe to MRR, streams and cohorts of a published version, and nothing of another tenant's in them."""

from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from pipelines.publish_metrics import month_ends
from pipelines.publish_warehouse import publish
from store import warehouse_metric_reads, warehouse_reads
from store.warehouse_bridge import period
from tests.pipelines.test_publish_warehouse import ACME, opened
from tests.store.stripe_money import charge, invoice, keep, paid_by, refund, seconds

NOW = datetime(2026, 3, 20, tzinfo=UTC)
JANUARY, FEBRUARY, MARCH = (date(2026, month, 1) for month in (1, 2, 3))
Raw = dict[str, Any]


def price(id_: str, product: str, **recurring: Any) -> Raw:
    return {"id": id_, "object": "price", "product": product, "currency": "usd", "recurring": recurring}


def sold(id_: str, price_id: str, product: str, amount: int, quantity: int, start: int, end: int, **given: Any) -> Raw:
    """An invoice of one line at that price, without tax, finalized when its period starts."""
    line = {
        "id": f"il_{id_}", "object": "line_item", "invoice": id_, "currency": "usd", "amount": amount, "quantity": quantity,
        "period": {"start": start, "end": end}, "subscription": "sub_1",
        "parent": {"type": "subscription_item_details", "subscription_item_details": {"proration": False}},
        "pricing": {"price_details": {"price": price_id, "product": product}},
    }  # fmt: skip
    fields = {"total": amount, "total_excluding_tax": amount, "status_transitions": {"finalized_at": start}}
    return invoice(id_, **fields, lines={"object": "list", "data": [line], "has_more": False}, **given)


def shop(engine: Engine, tenant: UUID) -> None:
    """Acme: 3 seats at 20.00 from 1 January, 4 from 1 February, canceled on 10 March; tokens metered beside it."""
    products = [
        {"id": "prod_team", "object": "product", "name": "Team"},
        {"id": "prod_tokens", "object": "product", "name": "Tokens"},
    ]
    prices = [
        price("price_seat", "prod_team", interval="month", interval_count=1, usage_type="licensed"),
        price("price_tokens", "prod_tokens", interval="month", interval_count=1, usage_type="metered"),
    ]
    first, second, third, fourth = (seconds(month, 1) for month in (1, 2, 3, 4))
    subscription = {
        "id": "sub_1", "object": "subscription", "customer": "cus_acme", "status": "canceled", "ended_at": seconds(3, 10),
        "items": {"object": "list", "data": []},
    }  # fmt: skip
    keep(
        engine, tenant, ACME | {"metadata": {"segment": "agency"}}, *products, *prices, subscription,
        sold("in_1", "price_seat", "prod_team", 60_00, 3, first, second),
        sold("in_2", "price_seat", "prod_team", 80_00, 4, second, third),
        sold("in_3", "price_seat", "prod_team", 80_00, 4, third, fourth, status="open"),
        sold("in_4", "price_tokens", "prod_tokens", 15_00, 30_000, first, second),
    )  # fmt: skip


def test_mrr_follows_the_lines_until_the_subscription_ends(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """60.00 at the end of January, 80.00 of February; on 20 March the open invoice counts no more: it ended on the 10th."""
    shop(engine, tenant)
    assert publish(engine, tmp_path, tenant, now=NOW).is_published
    found = warehouse_metric_reads.mrr_months(opened(tmp_path, tenant))
    assert [(row.month, row.mrr_minor, row.customers, row.moved_minor) for row in found] == [
        (JANUARY, 60_00, 1, {}),
        (FEBRUARY, 80_00, 1, {"expansion": 20_00}),
        (MARCH, 0, 0, {"churn": -80_00}),
    ]
    kept = warehouse_metric_reads.retention(opened(tmp_path, tenant))
    assert (kept[FEBRUARY, 1].nrr, kept[FEBRUARY, 1].grr) == (Fraction(80, 60), 1)


def test_streams_keep_seats_and_units_apart(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    shop(engine, tenant)
    publish(engine, tmp_path, tenant, now=NOW)
    warehouse = opened(tmp_path, tenant)
    january = period(warehouse, [JANUARY], "service").customers["cus_acme"].streams
    assert {name: (each.quantity_micro, each.reporting_minor) for name, each in january.items()} == {
        "plan \u00b7 USD": (3 * 10**6, 60_00),
        "usage \u00b7 Tokens \u00b7 USD": (30_000 * 10**6, 15_00),
    }
    assert warehouse_metric_reads.usage_revenue(warehouse) == {JANUARY: 15_00}


def test_money_back_and_traits_are_kept(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    shop(engine, tenant)
    keep(engine, tenant, charge(), paid_by(), refund("re_1", amount=30_00, created=seconds(2, 3)))
    publish(engine, tmp_path, tenant, now=NOW)
    warehouse = opened(tmp_path, tenant)
    assert period(warehouse, [FEBRUARY], "service").customers["cus_acme"].money_back_minor == 30_00
    segments = warehouse_metric_reads.segments(warehouse, "service", "segment", [FEBRUARY])
    assert [(each.value, each.net_revenue_minor) for each in segments] == [("agency", 50_00)]
    cohorts = warehouse_metric_reads.segments(warehouse, "service", "cohort", [FEBRUARY])
    assert [each.value for each in cohorts] == ["2026-01"]


def test_nothing_of_another_tenants_is_in_it(engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path) -> None:
    shop(engine, tenant)
    publish(engine, tmp_path, mallory, now=NOW)
    warehouse = warehouse_reads.open_current(tmp_path, mallory)
    assert warehouse is not None
    assert warehouse_metric_reads.mrr_months(warehouse) == []
    assert period(warehouse, [JANUARY], "service").customers == {}


def test_months_end_at_midnight_and_the_running_one_now() -> None:
    assert month_ends(datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 2, 3, 4, tzinfo=UTC)) == [
        (JANUARY, datetime(2026, 2, 1, tzinfo=UTC)),
        (FEBRUARY, datetime(2026, 2, 3, 4, tzinfo=UTC)),
    ]
