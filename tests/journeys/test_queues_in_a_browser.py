"""The pages that act, in a real Chromium: what is clicked there is seen at Stripe, whose part the sandbox plays."""

import json
import re
import urllib.request
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from billing.evidence_needs import TEXT_FIELDS
from billing.inbox_rules import read_event
from store import audit, disputes, inbox
from store.database import clock, tenant_transaction
from tests.browser_fixtures import PHONE, OpenPage, settle
from tests.demo_fixtures import ServedDemo

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(420)]


def a_small_paid_charge(demo: ServedDemo) -> dict[str, Any]:
    """A charge below $500 that nothing stands against."""
    charges = demo.at_stripe("/v1/charges?limit=100")["data"]
    found: dict[str, Any] = next(
        charge
        for charge in charges
        if charge["status"] == "succeeded"
        and not charge["disputed"]
        and charge["amount_refunded"] == 0
        and charge["currency"] == "usd"
        and charge["amount"] < 50_000
    )
    return found


def ask_for(page: "Page", charge_id: str) -> None:
    page.get_by_role("button", name="New refund").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Charge, payment or invoice").fill(charge_id)
    page.keyboard.press("Tab")
    settle(page)
    dialog.get_by_role("button", name="Ask for it").click()
    dialog.wait_for(state="detached")
    settle(page)


def test_a_refund_is_asked_for_checked_approved_and_made(running_demo: ServedDemo, open_page: OpenPage) -> None:
    charge = a_small_paid_charge(running_demo)
    page = open_page(f"{running_demo.url}/refunds")
    ask_for(page, charge["id"])
    page.get_by_text("Stripe says that nothing stands against it.").first.wait_for()
    assert running_demo.at_stripe(f"/v1/charges/{charge['id']}")["amount_refunded"] == 0  # asking gives nothing back
    page.get_by_role("button", name="Approve").first.click()
    amount = f"${charge['amount'] / 100:,.2f} USD"
    confirm = page.get_by_role("dialog").get_by_role("button", name=f"Refund {amount}")
    confirm.dblclick()  # an impatient hand
    page.get_by_text("Refunded", exact=True).first.wait_for()
    after = running_demo.at_stripe(f"/v1/refunds?charge={charge['id']}")["data"]
    assert [refund["amount"] for refund in after] == [charge["amount"]]
    page.get_by_text("Steps and evidence").first.click()
    page.get_by_text(re.compile("settled.*by metering")).first.wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_queue_fits_a_phone(running_demo: ServedDemo, open_page: OpenPage, scheme: str) -> None:
    page = open_page(f"{running_demo.url}/refunds", size=PHONE, scheme=scheme)
    page.get_by_role("heading", name="Refunds", exact=True, level=1).wait_for()
    settle(page)
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


def test_what_may_not_be_is_said_in_the_dialog(running_demo: ServedDemo, open_page: OpenPage) -> None:
    page = open_page(f"{running_demo.url}/refunds")
    page.get_by_role("button", name="New refund").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Charge, payment or invoice").fill("ch_of_mallory")
    page.keyboard.press("Tab")
    settle(page)
    dialog.get_by_role("button", name="Ask for it").click()
    dialog.get_by_text("No paid charge is known by").wait_for()


def test_evidence_is_looked_at_edited_and_submitted_once(
    running_demo: ServedDemo, open_page: OpenPage, books: tuple[Engine, UUID]
) -> None:
    waiting = [one for one in running_demo.at_stripe("/v1/disputes")["data"] if one["status"] == "needs_response"]
    dispute_id = min(waiting, key=lambda one: one["evidence_details"]["due_by"])["id"]  # the most urgent stands first
    page = open_page(f"{running_demo.url}/disputes")
    page.get_by_role("button", name="Evidence").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("of what a bank asks for is there").wait_for()
    dialog.get_by_role("button", name="Send a PDF along").click()
    dialog.get_by_text("A PDF is at Stripe and goes with the evidence.").wait_for()
    dialog.get_by_label("Product description").fill("Acme Copilot, used daily")
    dialog.get_by_role("button", name="Submit to the bank").click()
    dialog.get_by_text("The bank takes one answer.").wait_for()
    dialog.get_by_text("Acme Copilot, used daily").wait_for()
    at_first = running_demo.at_stripe(f"/v1/disputes/{dispute_id}")["evidence_details"]
    assert at_first["submission_count"] == 0  # looking and writing send nothing
    dialog.get_by_role("button", name="Submit now").dblclick()  # an impatient hand
    page.get_by_text("At the bank", exact=True).nth(1).wait_for()  # the first one is the view's name
    found = running_demo.at_stripe(f"/v1/disputes/{dispute_id}")
    assert (found["status"], found["evidence_details"]["submission_count"]) == ("under_review", 1)
    assert found["evidence"]["product_description"] == "Acme Copilot, used daily"
    assert "by day in UTC" in found["evidence"]["access_activity_log"]
    engine, tenant_id = books
    with tenant_transaction(engine, tenant_id) as connection:
        query = text("select submitted_sha256, state from dispute_cases where dispute_id = :id")
        sha256, state = connection.execute(query, {"id": dispute_id}).one()
    told = {name: told for name, told in found["evidence"].items() if isinstance(told, str) and told}
    sent = {name: text for name, text in told.items() if name in TEXT_FIELDS}
    (document,) = [told[name] for name in told if name not in TEXT_FIELDS]
    assert running_demo.at_stripe(f"/v1/files/{document}")["filename"].startswith(f"evidence-{dispute_id}-")
    assert (state, sha256) == ("submitted", disputes.evidence_hash(sent))


def test_a_dispute_is_given_up_by_a_lead_with_a_reason(running_demo: ServedDemo, open_page: OpenPage) -> None:
    def lost() -> set[str]:
        return {one["id"] for one in running_demo.at_stripe("/v1/disputes")["data"] if one["status"] == "lost"}

    before = lost()
    page = open_page(f"{running_demo.url}/disputes")
    for role in ("Support", "Lead"):
        page.get_by_label("Role").click()
        page.get_by_role("option", name=role).click()
        settle(page)
        page.get_by_role("button", name="Accept", exact=True).first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Why").fill("the customer is right")
        page.keyboard.press("Control+Enter")
        settle(page)
        dialog.get_by_role("button", name="Give up").click()
        if role == "Support":
            dialog.get_by_text("Only a lead or a founder accepts a dispute").wait_for()
            assert lost() == before
            page.keyboard.press("Escape")
            dialog.wait_for(state="detached")
    page.get_by_text("Accepted", exact=True).first.wait_for()
    assert len(lost() - before) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_disputes_fit_a_phone(running_demo: ServedDemo, open_page: OpenPage, scheme: str) -> None:
    page = open_page(f"{running_demo.url}/disputes?dispute_view=Inquiries", size=PHONE, scheme=scheme)
    page.get_by_text("inquiry, no money taken yet").first.wait_for()
    page.get_by_text("Network programs").click()
    page.get_by_text("does not apply to you yet").first.wait_for()
    settle(page)
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


def a_dead_letter(demo: ServedDemo, engine: Engine, tenant_id: UUID, new_name: str) -> tuple[str, str, str]:
    """A customer renamed while webhooks were off, whose event then could not be handled; customer, old name, event."""
    (endpoint,) = demo.at_stripe("/v1/webhook_endpoints")["data"]
    demo.at_stripe(f"/v1/webhook_endpoints/{endpoint['id']}", disabled="true")
    customer = demo.at_stripe("/v1/customers?limit=1")["data"][0]
    demo.at_stripe(f"/v1/customers/{customer['id']}", name=new_name)
    demo.at_stripe(f"/v1/webhook_endpoints/{endpoint['id']}", disabled="false")
    event = demo.at_stripe("/v1/events?type=customer.updated&limit=1")["data"][0]
    now = clock(engine)
    with tenant_transaction(engine, tenant_id) as connection:
        inbox.add(connection, tenant_id, [read_event(json.dumps(event))], source="webhook", endpoint="main", now=now)
        (held,) = inbox.claim(connection, now=now, lease=timedelta(minutes=1), limit=1)
        inbox.record_error(connection, held, "KeyError: 'address'", state="dead", next_attempt_at=now)
    return customer["id"], customer["name"], event["id"]


def test_a_dead_letter_is_looked_into_and_replayed(
    running_demo: ServedDemo, open_page: OpenPage, books: tuple[Engine, UUID]
) -> None:
    engine, tenant_id = books
    customer_id, old_name, event_id = a_dead_letter(running_demo, engine, tenant_id, "Renamed Ltd")

    def mirrored_name() -> str:
        with tenant_transaction(engine, tenant_id) as connection:
            query = text("select name from stripe_customers where id = :id")
            return str(connection.scalar(query, {"id": customer_id}))

    page = open_page(f"{running_demo.url}/dead-letters")
    page.get_by_text("KeyError: 'address'").wait_for()
    page.get_by_role("button", name="What would change?").click()
    page.get_by_text("A retry would succeed").wait_for()
    table = page.locator("[class*=st-key-card_dead_] [role=grid]")
    table.get_by_text("Renamed Ltd").first.wait_for(state="attached")
    assert mirrored_name() == old_name  # looking changes nothing
    page.get_by_role("button", name="Retry", exact=True).click()
    page.get_by_text("Every event that came was handled.").wait_for()
    assert mirrored_name() == "Renamed Ltd"
    with tenant_transaction(engine, tenant_id) as connection:
        actions = connection.scalars(
            text("select action from audit_log where subject = :id order by seq"), {"id": event_id}
        )
        assert list(actions) == ["dead_letter:dry_run", "dead_letter:retry"]
        assert audit.verify(connection).intact


def test_dead_letters_are_put_away_with_a_reason_on_a_phone_in_the_dark(
    running_demo: ServedDemo, open_page: OpenPage, books: tuple[Engine, UUID]
) -> None:
    engine, tenant_id = books
    _, _, event_id = a_dead_letter(running_demo, engine, tenant_id, "Renamed Again Ltd")
    page = open_page(f"{running_demo.url}/dead-letters", size=PHONE, scheme="dark")
    page.get_by_text("KeyError: 'address'").wait_for()
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    page.get_by_role("button", name="Discard", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Discard for good").click()
    dialog.get_by_text("Say why").wait_for()
    dialog.get_by_label("Why").fill("our own test")
    page.keyboard.press("Control+Enter")
    settle(page)
    dialog.get_by_role("button", name="Discard for good").click()
    page.get_by_text("Every event that came was handled.").wait_for()
    with tenant_transaction(engine, tenant_id) as connection:
        put_away = inbox.find(connection, event_id)
    assert put_away is not None
    assert (put_away.state, put_away.discard_reason) == ("discarded", "our own test")


def test_a_lost_copy_is_found_and_fetched_again(
    running_demo: ServedDemo, open_page: OpenPage, books: tuple[Engine, UUID]
) -> None:
    engine, tenant_id = books
    refund = running_demo.at_stripe("/v1/refunds?limit=100")["data"][-1]

    def is_here() -> bool:
        with tenant_transaction(engine, tenant_id) as connection:
            query = text("select count(*) from stripe_refunds where id = :id")
            return connection.scalar(query, {"id": refund["id"]}) == 1

    with tenant_transaction(engine, tenant_id) as connection:
        connection.execute(text("delete from stripe_refunds where id = :id"), {"id": refund["id"]})
    page = open_page(f"{running_demo.url}/reconciliation")
    page.get_by_role("button", name="Run now").click()
    card = page.locator("[class*=st-key-card_discrepancy_]").filter(has_text=refund["id"])
    card.get_by_text("it is not here").wait_for(timeout=120_000)
    assert not is_here()  # finding changes nothing
    card.get_by_role("button", name="Repair", exact=True).click()
    card.wait_for(state="detached")
    assert is_here()


def an_unpaid_invoice(demo: ServedDemo, bank_says: str) -> dict[str, Any]:
    """An open invoice that Stripe is going to try again, and what the bank will answer from now on.

    Of a plan that runs: an invoice of a canceled plan is given up, and the demo has such invoices on some days.
    """
    running = {plan["id"] for plan in demo.at_stripe("/v1/subscriptions?status=past_due&limit=100")["data"]}
    found: dict[str, Any] = max(
        (
            invoice
            for invoice in demo.at_stripe("/v1/invoices?status=open&limit=100")["data"]
            if invoice["next_payment_attempt"] is not None
            and invoice["parent"]["subscription_details"]["subscription"] in running
        ),
        key=lambda invoice: int(invoice["amount_due"]),
    )
    customer = demo.at_stripe(f"/v1/customers/{found['customer']}")
    card = customer["invoice_settings"]["default_payment_method"]
    order = urllib.request.Request(
        f"{demo.sandbox_url}/_sandbox/payment_methods/{card}/outcomes", json.dumps({"outcomes": [bank_says]}).encode()
    )
    with urllib.request.urlopen(order, timeout=20) as answer:
        assert answer.status == 200
    return found


def test_a_failed_payment_is_retried_and_paid(running_demo: ServedDemo, open_page: OpenPage) -> None:
    invoice = an_unpaid_invoice(running_demo, "approved")
    amount = f"${invoice['amount_due'] / 100:,.2f}"
    page = open_page(f"{running_demo.url}/recovery")
    card = page.locator("[class*=st-key-card_recovery_]").filter(has_text=f"invoice {invoice['number']}")
    card.get_by_role("button", name="Retry now").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Both count for the bank").wait_for()  # Stripe has a try of its own planned
    assert running_demo.at_stripe(f"/v1/invoices/{invoice['id']}")["status"] == "open"  # asking is not charging
    dialog.get_by_role("button", name=f"Charge {amount} USD").dblclick()  # an impatient hand
    card.get_by_text("Recovered", exact=True).wait_for()
    card.get_by_text("Earned by: By hand").wait_for()
    after = running_demo.at_stripe(f"/v1/invoices/{invoice['id']}")
    assert (after["status"], after["attempt_count"]) == ("paid", invoice["attempt_count"] + 1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_recovery_fits_a_phone_and_says_what_each_rate_is_a_share_of(
    running_demo: ServedDemo, open_page: OpenPage, scheme: str
) -> None:
    page = open_page(f"{running_demo.url}/recovery", size=PHONE, scheme=scheme)
    page.get_by_role("heading", name="Recovery", exact=True, level=1).wait_for()
    page.get_by_text("Of closed ones only").first.wait_for()
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
