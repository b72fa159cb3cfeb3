"""The books of a tenant, read from the mirror of Stripe: what counts, of whom, and nothing of another tenant."""

from collections import defaultdict
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Engine

from pricing.fx import RateTable
from pricing.revenue import revenue_lines
from pricing.revenue_books import Books, unbalanced
from pricing.revenue_months import SIGNS, company_months, customer_months, unconverted
from store import fx_rates
from store.database import tenant_transaction
from store.revenue_sources import read_books
from tests.sandbox_fixtures import SandboxServer
from tests.store.stripe_money import NOON, balance_transaction, charge, dispute, invoice, keep, paid_by, refund

MIRRORED = ("customer", "invoice", "invoice_payment", "charge", "refund", "dispute", "balance_transaction")


def books_of(engine: Engine, tenant: UUID) -> Books:
    with tenant_transaction(engine, tenant) as connection:
        return read_books(connection)


def test_a_sale_and_its_refund_become_the_worked_example(engine: Engine, tenant: UUID) -> None:
    """Of 119.00 given back 279.00/332.01 was ours."""
    keep(engine, tenant, invoice(), charge(), paid_by(), refund("re_1"))
    books = books_of(engine, tenant)
    assert unbalanced(books.invoices) == []
    lines = revenue_lines(books, RateTable([]), "usd", as_of=datetime(2026, 4, 1, tzinfo=UTC))
    nets = {(row.month.month, row.basis): row.net_revenue_minor for row in customer_months(lines)}
    assert nets == {
        (1, "invoiced"): 310_00 - 31_00,
        (1, "service"): 170_00 - 17_00,
        (2, "service"): 140_00 - 14_00,
        (3, "invoiced"): -100_00,
        (3, "service"): -100_00,
    }


def test_another_tenant_has_books_of_its_own(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    keep(
        engine,
        tenant,
        invoice(),
        charge(),
        paid_by(),
        refund("re_1"),
        balance_transaction("txn_1", "charge", 1, 1, "ch_1"),
    )
    assert books_of(engine, mallory) == Books()
    keep(engine, mallory, invoice(customer="cus_of_mallory"))  # the same ids, as in a copied account
    assert [found.customer_id for found in books_of(engine, mallory).invoices] == ["cus_of_mallory"]
    assert [found.customer_id for found in books_of(engine, tenant).invoices] == ["cus_acme"]


def test_a_draft_has_no_day_yet(engine: Engine, tenant: UUID) -> None:
    keep(engine, tenant, invoice("in_draft", status="draft", status_transitions={"finalized_at": None}))
    assert books_of(engine, tenant).invoices == ()


def test_a_deleted_invoice_and_a_deleted_line_are_gone(engine: Engine, tenant: UUID) -> None:
    keep(engine, tenant, invoice("in_1"), invoice("in_2"))
    keep(engine, tenant, {"id": "in_1", "object": "invoice", "deleted": True})
    [kept] = books_of(engine, tenant).invoices
    assert (kept.invoice_id, len(kept.lines)) == ("in_2", 1)


def test_an_invoice_that_never_heard_of_tax_has_none(engine: Engine, tenant: UUID) -> None:
    keep(engine, tenant, invoice(total=279_00, total_excluding_tax=None))
    [kept] = books_of(engine, tenant).invoices
    assert kept.total_excluding_tax_minor == 279_00


def test_only_refunds_that_leave_and_disputes_that_are_lost_give_money_back(engine: Engine, tenant: UUID) -> None:
    refunds = [
        refund(f"re_{status}", status) for status in ("succeeded", "pending", "requires_action", "failed", "canceled")
    ]
    statuses = ("lost", "won", "needs_response", "under_review", "warning_closed", "prevented", "appeal_under_review")
    disputes = [dispute(f"dp_{status}", status) for status in statuses]
    keep(engine, tenant, invoice(), charge(), paid_by(), *refunds, *disputes)
    found = books_of(engine, tenant).money_back
    assert [back.source_id for back in found] == ["re_pending", "re_requires_action", "re_succeeded", "dp_lost"]
    assert {back.invoice_id for back in found} == {"in_1"}


def test_a_refund_finds_its_invoice_through_a_charge_that_paid_it_directly(engine: Engine, tenant: UUID) -> None:
    direct = paid_by() | {"payment": {"type": "charge", "charge": "ch_1"}}
    keep(engine, tenant, invoice(), charge(payment_intent=None), direct, refund("re_1"))
    [back] = books_of(engine, tenant).money_back
    assert (back.invoice_id, back.customer_id) == ("in_1", "cus_acme")


def test_a_refund_of_an_unknown_charge_is_kept_aside(engine: Engine, tenant: UUID) -> None:
    """Such as one that was read while its charge was not there yet."""
    keep(engine, tenant, refund("re_1", charge="ch_unknown"))
    books = books_of(engine, tenant)
    assert [(back.source_id, back.invoice_id, back.customer_id) for back in books.money_back_aside()] == [
        ("re_1", None, None)
    ]


def test_fees_belong_to_the_customer_behind_them_and_stripes_own_bills_to_none(engine: Engine, tenant: UUID) -> None:
    keep(
        engine,
        tenant,
        charge(),
        refund("re_1"),
        dispute("dp_1", "lost"),
        balance_transaction("txn_1", "charge", 332_01, 9_93, "ch_1"),
        balance_transaction("txn_2", "refund", -119_00, 0, "re_1"),  # no fee, no row
        balance_transaction("txn_3", "adjustment", -332_01, 15_00, "dp_1"),
        balance_transaction("txn_4", "stripe_fee", -12_00, 0, None),
        balance_transaction("txn_5", "payout", -100_00, 0, "po_1"),
        balance_transaction("txn_6", "adjustment", 332_01, -15_00, "dp_1"),  # a fee that came back
    )
    found = [(fee.source_id, fee.customer_id, fee.amount_minor) for fee in books_of(engine, tenant).fees]
    assert found == [
        ("txn_1", "cus_acme", 9_93),
        ("txn_3", "cus_acme", 15_00),
        ("txn_4", None, 12_00),
        ("txn_6", "cus_acme", -15_00),
    ]


def test_the_demo_companys_lines_come_to_its_invoices(
    engine: Engine, tenant: UUID, demo_company_server: SandboxServer
) -> None:
    """Per customer paying in dollars, added up from the sandbox's own objects; and nothing of it lacks an exchange rate."""
    objects = demo_company_server.state.objects
    keep(engine, tenant, *(raw for kind in MIRRORED for raw in objects[kind].values()))
    sold: dict[str | None, int] = defaultdict(int)
    for raw in objects["invoice"].values():
        if raw["currency"] == "usd" and raw["status"] in {"open", "paid"}:
            sold[raw["customer"]] += raw["total_excluding_tax"]
    with tenant_transaction(engine, tenant) as connection:
        fx_rates.record_from_stripe(connection, now=NOON)
        books, rates = read_books(connection), RateTable(fx_rates.read(connection))
    lines = revenue_lines(books, rates, "usd", as_of=NOON)
    counted: dict[str | None, int] = defaultdict(int)
    for part in lines:
        if part.basis == "invoiced" and part.kind in {"line", "discount", "credit"} and part.currency == "usd":
            counted[part.customer_id] += SIGNS[part.kind] * part.amount_minor
    assert counted == sold
    assert unbalanced(books.invoices) == []
    assert books.money_back_aside() == []
    assert unconverted(lines) == []
    assert all(row.net_revenue_minor is not None for row in company_months(customer_months(lines)))
