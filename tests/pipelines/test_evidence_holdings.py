"""What is held about a dispute, gathered from Stripe over HTTP, Postgres and a published warehouse, and what is said of it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import Engine, select
from typer.testing import CliRunner

from billing.evidence import assemble
from billing.evidence_facts import Buyer, Holdings, UsageDay, service_period
from billing.evidence_holdings import NoSuchDispute, holdings
from pipelines import cli, evidence_commands
from sandbox.billing.disputes import open_dispute
from store import evidence_policies, refund_requests
from store.database import DatabaseUrls, tenant_transaction
from store.schema import audit_log
from store.warehouse_reads import Warehouse, open_current
from tests.pipelines.refund_desk import Desk, open_desk
from tests.sandbox import shop
from tests.sandbox_fixtures import SandboxServer
from tests.store.warehouse_rows import publish_tables, usage

BUYER = {"customer_purchase_ip": "203.0.113.7", "customer_device_id": "d" * 15, "customer_account_id": " ada "}


@pytest.fixture
def desk(engine: Engine, tenant: UUID, sandbox_server: SandboxServer) -> Iterator[Desk]:
    with open_desk(engine, tenant, sandbox_server) as opened:
        yield opened


def disputed(desk: Desk, reason: str) -> tuple[str, str]:
    """Ada's subscription since January 2026 for 49 dollars, its February payment disputed: her id and the dispute's."""
    address: Any = {"line1": "12 St James's Square", "city": "London", "country": "GB"}
    ada = shop.customer(desk.sdk, name="Ada Lovelace", email="ada@example.com", address=address)
    shop.subscribe(desk.sdk, ada, shop.price(desk.sdk, 4_900))
    desk.server.advance(to=shop.FEBRUARY + 2 * 3_600)
    charges = desk.sdk.v1.charges.list({"customer": ada}).data
    assert [charge.amount for charge in charges] == [4_900, 4_900]
    desk.sdk.v1.charges.update(charges[0].id, cast("Any", {"metadata": BUYER}))
    dispute = open_dispute(desk.server.state, charges[0].id, {"reason": reason})
    desk.pull()
    return ada, str(dispute["id"])


def published(home: Path, tenant: UUID, customer_id: str) -> Warehouse:
    """Ada's usage: on 10 January, and on 10 February by two models; somebody else's on the same day."""
    february = date(2026, 2, 1)
    text = {"output_text_tokens": 30}
    cube = [
        usage(date(2026, 1, 1), customer_id, 5, tokens=100, events=4),
        usage(february, customer_id, 5, tokens=200, events=2, feature="chat", **text),
        usage(february, customer_id, None, tokens=50, events=1, model="claude-opus", feature="search"),
        usage(february, "cus_other", 5, events=1_000),
        usage(date(2026, 3, 1), customer_id, 5, events=1_000),
    ]
    publish_tables(home, {"usage_cube": cube}, tenant_id=tenant, now=datetime(2026, 2, 20, tzinfo=UTC))
    opened = open_current(home, tenant)
    assert opened is not None
    return opened


def gather(desk: Desk, warehouse: Warehouse | None, dispute: str, *, tenant: UUID | None = None) -> Holdings:
    with tenant_transaction(desk.engine, tenant or desk.tenant) as connection:
        return holdings(connection, warehouse, dispute, now=datetime(2026, 2, 20, 12, tzinfo=UTC))


def test_all_that_is_held_about_a_dispute_is_gathered(desk: Desk, mallory: UUID, tmp_path: Path) -> None:
    ada, dispute = disputed(desk, "fraudulent")
    held = gather(desk, published(tmp_path, desk.tenant, ada), dispute)
    assert held.customer is not None
    assert (held.customer.name, held.customer.address) == ("Ada Lovelace", "12 St James's Square, London, GB")
    assert (held.dispute.reason, held.dispute.network_reason_code, held.dispute.amount_minor) == (
        "fraudulent",
        "10.4",
        4_900,
    )
    assert held.charge is not None
    assert held.charge.buyer == Buyer("203.0.113.7", "d" * 15, None, "ada", "ada@example.com")
    assert (held.charge.network, held.charge.last4, held.charge.is_disputed) == ("visa", "4242", True)
    assert [(one.amount_minor, one.is_disputed, one.fingerprint) for one in held.charges] == [
        (4_900, False, held.charge.fingerprint)
    ]
    paid = next(invoice for invoice in held.invoices if invoice.invoice_id == held.charge.invoice_id)
    assert service_period(paid) == (date(2026, 2, 1), date(2026, 3, 1))
    assert held.subscription is not None
    assert (held.subscription.status, held.subscription.canceled_at) == ("active", None)
    # 4 calls in January; 2 + 1 calls with 200 + 50 tokens in February; March is after the day of asking.
    assert held.usage == (
        UsageDay(date(2026, 1, 10), 4, ("gpt-4o",), (), 100, 0),
        UsageDay(date(2026, 2, 10), 3, ("claude-opus", "gpt-4o"), ("chat", "search"), 250, 30),
    )
    found = assemble(held)
    assert (found.completeness_percent, found.missing, found.against) == (100, (), ())
    assert "2026-02-10: 3 calls; models claude-opus, gpt-4o; features chat, search; 250 input tokens" in str(
        found.fields["access_activity_log"]
    )
    with pytest.raises(NoSuchDispute, match=f"has no dispute {dispute}: refresh from Stripe first"):
        gather(desk, None, dispute, tenant=mallory)


def test_without_a_warehouse_the_log_is_missing_and_not_empty(desk: Desk) -> None:
    _, dispute = disputed(desk, "product_not_received")
    held = gather(desk, None, dispute)
    assert (held.usage, held.usage_as_of) == ((), None)
    found = assemble(held)
    assert found.missing == ("access_activity_log", "service_documentation")
    assert found.completeness_percent == 45  # 100 - 35 - 20
    assert not any("calls" in text for text in found.fields.values())


def test_a_charge_that_paid_no_invoice_of_nobody_is_little_to_go_by(desk: Desk) -> None:
    charge = desk.charge()
    dispute = str(open_dispute(desk.server.state, charge, {"reason": "general"})["id"])
    desk.pull()
    held = gather(desk, None, dispute)
    assert (held.customer, held.invoices, held.charges, held.subscription) == (None, (), (), None)
    assert {"customer_name", "access_activity_log", "service_date"} <= set(assemble(held).missing)


def test_the_tenants_words_are_kept_audited_and_its_own(desk: Desk, mallory: UUID) -> None:
    _, dispute = disputed(desk, "credit_not_processed")
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        words = {"refund_text": " Within 14 days. ", "disclosure": "Beside the pay button."}
        evidence_policies.change(connection, desk.tenant, words, by="fay (founder)", now=desk.now)
        evidence_policies.change(connection, desk.tenant, words, by="fay (founder)", now=desk.now)
        evidence_policies.change(connection, desk.tenant, {"disclosure": ""}, by="fay (founder)", now=desk.now)
        evidence_policies.change(connection, desk.tenant, words, by="fay (founder)", now=desk.now)
        refund_requests.write_policy(connection, desk.tenant, window_days=14, limits_minor={}, by="fay", now=desk.now)
        with pytest.raises(ValueError, match="Nothing is said under prompt"):
            evidence_policies.change(connection, desk.tenant, {"prompt": "x"}, by="fay", now=desk.now)
        told = connection.scalars(select(audit_log.c.action).where(audit_log.c.subject == "evidence")).all()
    assert told == ["evidence_policy:change"] * 3, "saying the same again changes nothing"
    held = gather(desk, None, dispute)
    assert (held.policy.refund_text, held.policy.refund_window_days) == ("Within 14 days.", 14)
    assert assemble(held).fields["refund_policy_disclosure"] == "Beside the pay button. It reads: Within 14 days."
    with tenant_transaction(desk.engine, mallory) as connection:
        assert set(evidence_policies.read(connection).values()) == {None}


def test_the_command_line_says_what_would_be_sent_and_sends_nothing(
    desk: Desk, database_urls: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, dispute = disputed(desk, "product_not_received")
    published(tmp_path, desk.tenant, ada)
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "METERING_HOME": str(tmp_path),
        "METERING_TENANT": "acme",
        "DATABASE_URL": database_urls.app,
        "DATABASE_OWNER_URL": database_urls.owner,
    }.items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> str:
        with evidence_commands.console.capture() as said:
            done = CliRunner().invoke(cli.app, ["evidence", *words])
        assert done.exit_code == (2 if "dp_none" in words else 0), done.exception
        return said.get()

    assert "product_description: Answers [about] documents." in run(
        "words", "--product-description", "Answers [about] documents."
    )
    shown = run("show", dispute)
    assert "Answers [about] documents. This payment was for:" in shown
    assert "2026-02-10: 3 calls" in shown
    assert "100 % of what a bank asks for in a product_not_received dispute is held." in shown
    assert "Wrote evidence.pdf with" in run("pdf", dispute, "evidence.pdf")
    assert (tmp_path / "evidence.pdf").read_bytes().startswith(b"%PDF-")
    assert run("show", "dp_none") == "", "the refusal is said where errors are"
    assert desk.sdk.v1.disputes.retrieve(dispute).evidence_details.has_evidence is False
