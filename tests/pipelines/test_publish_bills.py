"""A provider's bill beside the usage log: the company pays the bill, customers keep their cost, and every cent between has a cause."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from pipelines.publish_warehouse import publish
from pricing.coverage import Doubt
from store import usage_connections, warehouse_bill_reads, warehouse_reads
from store.database import tenant_transaction
from store.provider_reports import Days, replace_costs, replace_usage
from store.tenants import ensure_tenant
from store.usage_connections import CountsAs
from store.warehouse_margins import margin_of
from store.warehouse_reads import Warehouse
from tests.pipelines.imported_usage import import_one, row, usage_csv
from tests.store.provider_report_rows import cost, cost_frame, usage_frame, used
from tests.store.stripe_money import keep, seconds

NOW = datetime(2026, 12, 5, tzinfo=UTC)
NOVEMBER = date(2026, 11, 1)
ACME = {"id": "cus_acme", "object": "customer", "name": "Acme", "created": seconds(1, 1), "metadata": {"id": "acct_1"}}
# What a call of the log costs: 1,000 x $2.50 and 100 x $10 a million.
CALL_INPUT, CALL_OUTPUT = 2_500_000_000, 1_000_000_000
SNAPSHOT = "gpt-4o-2024-08-06"


def day_of(number: int) -> date:
    return NOVEMBER + timedelta(days=number - 1)


def logged(engine: Engine, home: Path, tenant: UUID, *extra: str) -> None:
    """A thousand calls of the same kind a day would be more money; one a day is the same arithmetic. Days 1 to 6."""
    keep(engine, tenant, ACME)
    rows = [row(f"e{day}", day=day) for day in range(1, 7)]
    import_one(engine, home, tenant, usage_csv(home / "usage.csv", [*rows, *extra]))


def billed(
    engine: Engine, tenant: UUID, *lines: dict[str, object], usage: list[dict[str, object]] | None = None
) -> None:
    days = Days(NOVEMBER, date(2026, 12, 1))
    with tenant_transaction(engine, tenant) as connection:
        usage_connections.connect(connection, "openai", "OpenAI", counts_as=CountsAs.BILL, principal="test", now=NOW)
        known = usage_connections.one(connection, "openai", "OpenAI").connection_id
        replace_costs(connection, known, "costs", days, cost_frame(*lines), now=NOW)
        replace_usage(connection, known, "completions", days, usage_frame(*(usage or [])), now=NOW)


def bill_of(day: int, *, scale: int = 1, **given: Any) -> list[dict[str, object]]:
    """The bill of one day's call, or of several times it."""
    told: dict[str, Any] = {"model": SNAPSHOT} | given
    return [
        cost(
            day_of(day),
            f"{SNAPSHOT}, input",
            CALL_INPUT * scale,
            unit="input_uncached_tokens",
            quantity=1_000 * scale,
            **told,
        ),
        cost(
            day_of(day),
            f"{SNAPSHOT}, output",
            CALL_OUTPUT * scale,
            unit="output_text_tokens",
            quantity=100 * scale,
            **told,
        ),
    ]


def shown(engine: Engine, home: Path, tenant: UUID) -> Warehouse:
    publication = publish(engine, home, tenant, now=NOW)
    assert publication.is_published, publication.message
    warehouse = warehouse_reads.open_current(home, tenant)
    assert warehouse is not None
    return warehouse


def test_a_bill_that_agrees_reconciles_everything_and_adds_nothing(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    """Six days of $0.0035; the bill names the snapshot, the log the alias. The last two days of a bill still grow."""
    logged(engine, tmp_path, tenant)
    billed(engine, tenant, *(line for day in range(1, 7) for line in bill_of(day)))
    warehouse = shown(engine, tmp_path, tenant)
    [month] = warehouse_bill_reads.bill_months(warehouse).rows(named=True)
    assert (month["state"], month["logged_pico_usd"], month["billed_pico_usd"]) == (
        "reconciled",
        21 * 10**9,
        21 * 10**9,
    )
    assert warehouse.rows("select count(*) from usage_cube where events = 0").item() == 0
    company = margin_of(warehouse_reads.months(warehouse, "service").row(0, named=True), "usd")
    assert company.coverage.reconciled == 1


def test_the_company_pays_the_bill_and_customers_keep_what_their_calls_cost(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    """Day 2 is billed three times: $0.0070 more, of calls past the log. Days 5 and 6 are not settled and win nothing yet."""
    logged(engine, tmp_path, tenant)
    scales = {2: 3, 6: 9}
    billed(engine, tenant, *(line for day in range(1, 7) for line in bill_of(day, scale=scales.get(day, 1))))
    warehouse = shown(engine, tmp_path, tenant)
    rows = warehouse.rows(
        "select day, provider, model, customer_id, cost_source, sum(cost_pico_usd)::hugeint from usage_cube where events = 0 group by all order by 1"
    ).rows()
    assert rows == [(day_of(2), "openai", "gpt-4o", None, "invoice", 7 * 10**9)]
    by_customer = {
        one["customer_id"]: int(one["cost_pico_usd"])
        for one in warehouse_reads.customer_months(warehouse, "service", NOVEMBER, NOVEMBER).rows(named=True)
    }
    assert by_customer == {"cus_acme": 21 * 10**9, None: 7 * 10**9}
    company = margin_of(warehouse_reads.months(warehouse, "service").row(0, named=True), "usd")
    # Settled are days 1 to 4: 4 x $0.0035 logged, 6 x billed. What the bill has beyond the log is no usage without a customer.
    assert company.coverage.reconciled == Fraction(4, 6)
    assert company.coverage.attributed == 1
    assert [reason.doubt for reason in company.reasons if reason.share is not None] == [Doubt.RECONCILED]
    causes = warehouse_bill_reads.bill_causes(warehouse, NOVEMBER).select("cause", "part_pico_usd").rows()
    assert dict(causes)["missing traffic"] == 7 * 10**9 + 8 * 35 * 10**8


def test_usage_without_a_price_costs_the_company_what_the_bill_says(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    """A preview model on day 3: no price, billed at $0.05. The company's range is a point, the customer's is as wide as the list."""
    logged(engine, tmp_path, tenant, row("preview", day=3, model="house-7b"))
    preview = cost(
        day_of(3), "house-7b, input", 5 * 10**10, unit="input_uncached_tokens", quantity=1_000, model="house-7b"
    )
    billed(engine, tenant, preview, *(line for day in range(1, 7) for line in bill_of(day)))
    warehouse = shown(engine, tmp_path, tenant)
    [company] = warehouse_reads.months(warehouse, "service").rows(named=True)
    assert company["cost_pico_usd"] == 21 * 10**9 + 5 * 10**10
    assert (company["unpriced_low_pico_usd"], company["unpriced_high_pico_usd"]) == (0, 0)
    [acme] = warehouse_reads.months(warehouse, "service", "cus_acme").rows(named=True)
    assert 0 < acme["unpriced_low_pico_usd"] < acme["unpriced_high_pico_usd"]
    assert dict(warehouse_bill_reads.bill_causes(warehouse).select("cause", "part_pico_usd").rows()) == {
        "price": 5 * 10**10
    }


def test_money_alone_gets_its_quantities_from_the_usage_report(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """Half the price on every day, and the report says that the quantities agree: it is the price, not missing calls."""
    logged(engine, tmp_path, tenant)
    days = [day_of(day) for day in range(1, 7)]
    lines = [
        cost(day, f"{SNAPSHOT}, {word}", each // 2, model=SNAPSHOT, unit=unit)
        for day in days
        for word, unit, each in (
            ("in", "input_uncached_tokens", CALL_INPUT),
            ("out", "output_text_tokens", CALL_OUTPUT),
        )
    ]
    report = [used(day, SNAPSHOT, input_uncached_tokens=1_000, output_text_tokens=100, requests=1) for day in days]
    billed(engine, tenant, *lines, usage=report)
    warehouse = shown(engine, tmp_path, tenant)
    cells = warehouse_bill_reads.bill_cells(warehouse, "openai", NOVEMBER)
    assert cells.select("unit", "logged_quantity", "billed_quantity").rows() == [
        ("input_uncached_tokens", 6_000, 6_000),
        ("output_text_tokens", 600, 600),
    ]
    total = -(21 * 10**9) // 2
    # Less than a cent a cell is within tolerance: nobody is told to look after it.
    assert dict(warehouse_bill_reads.bill_causes(warehouse).select("cause", "part_pico_usd").rows()) == {
        "within tolerance": total
    }


def test_without_a_bill_there_is_nothing_to_reconcile_and_another_companys_is_none_of_ours(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    logged(engine, tmp_path, tenant)
    mallory = ensure_tenant(engine, "mallory", name="Mallory", reporting_currency="usd", now=NOW)
    billed(engine, mallory, *bill_of(1, scale=1_000))
    warehouse = shown(engine, tmp_path, tenant)
    assert warehouse_bill_reads.bill_months(warehouse).select("provider", "state", "billed_pico_usd").rows() == [
        ("openai", "no bill connected", None)
    ]
    company = margin_of(warehouse_reads.months(warehouse, "service").row(0, named=True), "usd")
    assert company.coverage.reconciled is None


@pytest.mark.parametrize("category", ["tax", "credit"])
def test_tax_is_no_cost_and_a_credit_is(engine: Engine, tenant: UUID, tmp_path: Path, category: str) -> None:
    logged(engine, tmp_path, tenant)
    other = cost(day_of(2), category, -2 * 10**9, charge_category=category)
    billed(engine, tenant, other, *(line for day in range(1, 7) for line in bill_of(day)))
    warehouse = shown(engine, tmp_path, tenant)
    company = warehouse_reads.months(warehouse, "service").row(0, named=True)
    assert company["cost_pico_usd"] == 21 * 10**9 - (2 * 10**9 if category == "credit" else 0)


def test_what_a_metered_price_charged_stands_beside_the_usage_of_its_period(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    """6 calls of 1,100 tokens are 6.6 thousand; the period begins on the second day at noon and has four calls of them: 4.4."""
    logged(engine, tmp_path, tenant)
    product = {"id": "prod_1", "object": "product", "name": "Tokens", "active": True, "unit_label": "thousand tokens"}
    price = {
        "id": "price_1",
        "object": "price",
        "product": "prod_1",
        "currency": "usd",
        "active": True,
        "billing_scheme": "tiered",
    }
    price |= {"recurring": {"interval": "month", "usage_type": "metered"}, "nickname": "Scale tokens"}

    def tier(number: int, quantity: int, amount: int) -> dict[str, object]:
        return {
            "id": f"il_{number}", "object": "line_item", "invoice": "in_1", "currency": "usd", "amount": amount, "quantity": quantity,
            "period": {"start": seconds(11, 2, 12), "end": seconds(11, 7, 12)}, "pricing": {"price_details": {"price": "price_1"}},
        }  # fmt: skip

    sold = {
        "id": "in_1",
        "object": "invoice",
        "customer": "cus_acme",
        "status": "paid",
        "currency": "usd",
        "total": 5_00,
    }
    sold |= {
        "total_excluding_tax": 5_00,
        "created": seconds(11, 7),
        "lines": {"data": [tier(1, 3, 2_00), tier(2, 1, 3_00)]},
    }
    sold |= {"status_transitions": {"finalized_at": seconds(11, 7)}}
    keep(engine, tenant, product, price, sold)
    [line] = warehouse_bill_reads.invoiced_units(shown(engine, tmp_path, tenant)).rows(named=True)
    assert (line["name"], line["unit_label"], line["month"]) == ("Acme", "thousand tokens", NOVEMBER)
    assert (line["invoiced_quantity"], line["logged_quantity"], line["amount_minor"]) == (4, 4, 5_00)
