"""The margin table against a second computation that shares no code with the first: equal to the cent, month by month."""

import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from rich.console import Console

from pipelines.margin_table import print_margin_table
from store import embedded_postgres
from store import warehouse_reads as reads
from store.database import open_engine, prepare_roles
from store.warehouse_margins import margin_of
from store.warehouse_reads import Warehouse
from tests.demo_fixtures import ServedDemo, metering
from tests.journeys.recomputation import Books, Cells, coverage, recompute, table
from tests.journeys.recomputation_bills import read_bills
from tests.journeys.recomputation_revenue import INVOICED, SERVICE, TAKEN_OFF
from tests.journeys.recomputation_usage import COLUMNS, Spending, cost_cents

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]
BASES = (SERVICE, INVOICED)
REVENUE_PARTS = ("gross", *TAKEN_OFF, "fees")


@pytest.fixture(scope="module")
def company(running_demo: ServedDemo) -> UUID:
    """The demo company's tenant."""
    tenant_id = reads.tenant_named(running_demo.folder, "demo")
    assert tenant_id is not None
    return tenant_id


@pytest.fixture(scope="module")
def published(running_demo: ServedDemo, company: UUID) -> Warehouse:
    """The version that was current when the first of these tests began; it stays readable, whatever is published."""
    warehouse = reads.open_current(running_demo.folder, company)
    assert warehouse is not None
    return warehouse


@pytest.fixture(scope="module")
def books(running_demo: ServedDemo, company: UUID, published: Warehouse) -> Books:
    """Everything a second time, from Stripe's answers, the usage file and the bills' lines, for the same moment."""
    engine, as_of = open_engine(prepare_roles(embedded_postgres.start(running_demo.folder)).app), published.as_of
    bills = read_bills(engine, company, as_of.replace(tzinfo=UTC))
    engine.dispose()
    return recompute(
        running_demo.sandbox_url,
        running_demo.folder / "demo-usage.parquet",
        bills,
        currency=published.reporting_currency,
        as_of=as_of.replace(tzinfo=UTC),
    )


def printed_month(output: str) -> date:
    """The month in the title of a printed table."""
    title = re.search(r"^Demo company, (\w+ \d{4}), in USD, revenue by service period", output, re.MULTILINE)
    assert title, output
    return datetime.strptime(f"1 {title.group(1)} +0000", "%d %B %Y %z").date()


def printed_rows(output: str) -> dict[str, Cells]:
    """The cells of a printed table by the name in front of them, the total among them."""
    rows = {}
    for line in output.splitlines():
        if line.startswith("\u2502"):
            name, net, cost, profit, margin = (cell.strip() for cell in line.strip("\u2502").split("\u2502"))
            assert name not in rows, f"{name} stands in the table twice"
            rows[name] = net, cost, profit, margin
    return rows


def last_closed_month(as_of: datetime) -> date:
    running = as_of.date().replace(day=1)
    return date(running.year - (running.month == 1), (running.month - 2) % 12 + 1, 1)


def test_the_printed_margin_table_equals_the_recomputation_to_the_cent(
    running_demo: ServedDemo, published: Warehouse, books: Books
) -> None:
    month = printed_month(running_demo.printed)
    rows = printed_rows(running_demo.printed)
    assert month == last_closed_month(published.as_of)
    assert len(rows) > 50
    assert rows == table(books, month)
    assert coverage(books, month) in running_demo.printed


@pytest.mark.parametrize("basis", BASES)
def test_every_customers_revenue_of_every_month_is_recomputed(published: Warehouse, books: Books, basis: str) -> None:
    stored = published.rows("select * exclude (basis) from customer_month where basis = $1", [basis])
    rows = {(row["month"], row["customer_id"]): row for row in stored.iter_rows(named=True)}
    assert len(rows) == stored.height
    compared = 0
    for month in books.months():
        for customer in books.customers():
            row = rows.pop((month, customer), {})
            found = {kind: row.get(f"{kind}_minor", 0) for kind in REVENUE_PARTS}
            found["net"] = row.get("net_revenue_minor", 0)
            expected = {kind: books.revenue.part(basis, month, customer, kind) for kind in REVENUE_PARTS}
            expected["net"] = books.revenue.net(basis, month, customer)
            assert found == expected, f"{customer} in {month:%B %Y}"
            compared += len(found)
    assert rows == {}, "the warehouse has months or customers that the recomputation does not know"
    assert compared > 13 * 50 * 7


def test_every_customers_usage_of_every_month_is_recomputed_to_the_millionth_of_a_millionth(
    published: Warehouse, books: Books
) -> None:
    stored = published.rows("select * from customer_month_usage")
    rows = {
        (row["month"], row["customer_id"]): Spending(**{name: row[name] for name in Spending.__dataclass_fields__})
        for row in stored.iter_rows(named=True)
    }
    assert len(rows) == stored.height
    expected = dict(books.usage.spending)
    for month in books.months():
        nobodys = expected.get((month, None), Spending())
        expected[month, None] = replace(nobodys, cost_pico_usd=nobodys.cost_pico_usd + books.beyond(month))
    assert any(books.beyond(month) for month in books.months())
    assert rows == expected


@pytest.mark.parametrize("basis", BASES)
def test_every_customers_margin_that_pages_show_is_recomputed(published: Warehouse, books: Books, basis: str) -> None:
    months = books.months()
    rows = reads.customer_months(published, basis, months[0], months[-1])
    assert rows.height > 13 * 40
    for row in rows.iter_rows(named=True):
        month, customer, margin = row["month"], row["customer_id"], margin_of(row, "usd")
        expected = profit_and_share(books, basis, month, [customer])
        assert (margin.gross_profit_minor, margin.share) == expected, f"{customer} in {month:%B %Y}"


@pytest.mark.parametrize("basis", BASES)
def test_the_companys_margin_that_pages_show_is_recomputed(published: Warehouse, books: Books, basis: str) -> None:
    rows = {row["month"]: margin_of(row, "usd") for row in reads.months(published, basis).iter_rows(named=True)}
    # On the first day of a month nothing may have been invoiced or used yet, while a service day has begun.
    known = {month for of, month, _ in books.revenue.cents if of == basis} | {
        month for month, _ in books.usage.spending
    }
    assert set(rows) == known
    for month, margin in rows.items():
        expected = profit_and_share(books, basis, month, books.customers())
        assert (margin.gross_profit_minor, margin.share) == expected, f"{month:%B %Y}"


def profit_and_share(books: Books, basis: str, month: date, customers: list[str | None]) -> tuple[int, Fraction | None]:
    """What these customers leave together, in cents, and which part of their net revenue that is."""
    nets = [books.revenue.net(basis, month, customer) for customer in customers]
    net = sum(cents for cents in nets if cents is not None)
    assert None not in nets, "the demo company knows every rate"
    profit = net - cost_cents(books.cost_pico_usd(month, customers))
    return profit, Fraction(profit, net) if net > 0 else None


def test_the_demo_company_holds_everything_that_a_definition_speaks_of(books: Books) -> None:
    """Otherwise the comparisons above would say less than they seem to."""
    lines = [line for invoice in books.account.invoices for line in invoice["lines"]["data"]]
    taxes = {tax["tax_behavior"] for line in lines for tax in line["taxes"]}
    for kind in REVENUE_PARTS:
        total = sum(kinds.get(kind) or 0 for (basis, _, _), kinds in books.revenue.cents.items() if basis == SERVICE)
        assert total > 0, kind
    assert {invoice["status"] for invoice in books.account.invoices} >= {"open", "paid", "draft", "uncollectible"}
    assert {invoice["currency"] for invoice in books.account.invoices} == {"usd", "eur"}
    assert taxes == {"inclusive", "exclusive"}
    assert any(line["amount"] < 0 for line in lines)
    assert any(dispute["status"] != "lost" for dispute in books.account.disputes)
    assert {refund["status"] for refund in books.account.refunds} >= {"succeeded", "pending", "failed"}
    assert any(spent.unpriced_events for spent in books.usage.spending.values())
    assert any(customer is None for _, customer in books.usage.spending)


@pytest.fixture
def usage_of_mallory(running_demo: ServedDemo, tmp_path: Path) -> Path:
    """Events with the ids and customers of the demo's own first ones, at another time and a thousand times as big."""
    first = pl.scan_parquet(running_demo.folder / "demo-usage.parquet").select(COLUMNS).head(3).collect()
    file = tmp_path / "mallory.parquet"
    first.with_columns(
        (pl.col("occurred_at").dt.offset_by("12mo")),
        pl.lit("openai").alias("provider"),
        pl.lit("gpt-4o").alias("model"),
    ).with_columns(pl.col("input_tokens", "output_tokens") * 1000).write_parquet(file)
    return file


def test_what_another_company_imports_changes_nothing(
    running_demo: ServedDemo, company: UUID, books: Books, usage_of_mallory: Path
) -> None:
    home = running_demo.folder
    assert "3 accepted" in metering(home, "import-usage", str(usage_of_mallory), METERING_TENANT="mallory")
    # The demo company publishes again, and what is already there is imported again.
    again = metering(home, "import-usage", str(home / "demo-usage.parquet"), METERING_TENANT="demo")
    assert re.search(r"\b0 accepted", again), again

    shown = io.StringIO()
    print_margin_table(Console(file=shown, width=200), home, company)
    assert printed_rows(shown.getvalue()) == table(books, printed_month(shown.getvalue()))

    mallory = reads.tenant_named(home, "mallory")
    assert mallory not in {None, company}
    others = reads.open_current(home, mallory)
    assert others is not None
    assert others.rows("select customer_id, sum(events)::bigint from customer_month_usage group by 1").rows() == [
        (None, 3)
    ]
    assert reads.customers(others).is_empty()
    assert others.rows("select * from customer_month").is_empty()
