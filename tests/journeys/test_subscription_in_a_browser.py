"""A subscription is switched on the customer's page in a real browser, previewed beside Stripe, confirmed, and undone."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing.stripe_gateway import StripeGateway
from pipelines.send_commands import send_due
from sandbox.http.service import Service
from sandbox.state import State
from store.database import DatabaseUrls, tenant_transaction
from tests.billing.mirrored_account import mirror
from tests.browser_fixtures import OpenPage, settle
from tests.sandbox.shop import customer, lines, newest_invoice, price, subscribe
from tests.sandbox_fixtures import SEED, SandboxServer, serving, stripe_client
from tests.store.warehouse_rows import OCTOBER, publish_tables, revenue

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
def account() -> Iterator[SandboxServer]:
    """An account whose clock started eleven days ago, so that the page's present lies within a first month."""
    began = datetime.now(UTC) - timedelta(days=11)
    with serving(Service(State(SEED, int(began.timestamp())))) as server:
        yield server


@pytest.fixture
def work(engine: Engine, tenant: UUID, account: SandboxServer) -> Iterator[Callable[[], int]]:
    """The worker's part: send what is due."""
    gateway = StripeGateway("sk_test_sandbox", account.url, timeout_seconds=5)
    with tenant_transaction(engine, tenant) as connection:
        mirror(connection, tenant, gateway, datetime.now(UTC))
    yield lambda: send_due(engine, tenant, gateway, now=datetime.now(UTC))
    gateway.close()


@pytest.fixture
def subscribed(account: SandboxServer) -> Any:
    """Two seats of Basic at 31.00 a month; Pro costs 62.00."""
    sdk = stripe_client(account.url)
    basic, pro = (price(sdk, minor, product_data={"name": name}) for name, minor in (("Basic", 3_100), ("Pro", 6_200)))
    made = subscribe(sdk, customer(sdk, name="Hooli"), {"price": basic, "quantity": 2})
    account.advance(days=11)
    return made, basic, pro


def card(page: "Page") -> Any:
    return page.locator(".st-key-card_subscription")


def confirm_preview(page: "Page", work: Callable[[], int]) -> str:
    """Wait for Stripe's side, confirm, let the worker send it; what the dialog said."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Stripe is asked").first.wait_for()
    assert work() == 1
    dialog.get_by_text("agrees").first.wait_for()
    said = dialog.inner_text()
    dialog.get_by_role("button", name="Confirm").click()
    card(page).get_by_text("Written down").wait_for()
    assert work() == 1
    card(page).get_by_text("Done at Stripe").wait_for()
    settle(page)
    return str(said)


def plan_for_the_next_period(page: "Page", work: Callable[[], int]) -> None:
    """Another plan from the end of the running period on: nothing to bill now, so it is confirmed at once."""
    page.reload()
    card(page).get_by_role("button", name="Change…", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("The difference for").wait_for()
    settle(page)
    what = dialog.get_by_label("What shall change")
    what.fill("from a date on")
    what.press("Enter")
    dialog.get_by_text("When the running period ends").wait_for()
    settle(page)
    dialog.get_by_label("Plan", exact=False).last.click()
    page.get_by_role("option", name="Pro").click()
    dialog.get_by_text("when the running period ends: nothing is given back").wait_for()
    dialog.get_by_role("button", name="Confirm").click()
    card(page).get_by_text("Written down").wait_for()
    assert work() == 2  # the schedule, and then its phases
    card(page).get_by_text("Pro").wait_for()
    settle(page)


def drop_the_plan(page: "Page", work: Callable[[], int]) -> None:
    card(page).get_by_role("button", name="Drop the plan").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Confirm").click()
    card(page).get_by_text("Written down").wait_for()
    assert work() == 1
    card(page).get_by_text("Done at Stripe").wait_for()
    settle(page)
    assert card(page).get_by_role("button", name="Drop the plan").count() == 0


def test_a_plan_is_switched_and_switched_back_for_nothing(
    subscribed: Any,
    work: Callable[[], int],
    account: SandboxServer,
    database_urls: DatabaseUrls,
    tenant: UUID,
    serve_home: Callable[..., str],
    open_page: OpenPage,
    tmp_path: Path,
) -> None:
    made, basic, pro = subscribed
    sdk = stripe_client(account.url)
    who = {"customer_id": made.customer, "name": "Hooli", "created_at": datetime(2026, 1, 1), "is_past_due": False}
    publish_tables(
        tmp_path, {"customers": [who], "customer_month": [revenue(OCTOBER, made.customer, 10_00)]}, tenant_id=tenant
    )
    url = serve_home(tmp_path, DATABASE_URL=database_urls.app, METERING_TENANT="acme")
    page = open_page(f"{url}/customers?customer={made.customer}")
    card(page).get_by_text("Basic").first.wait_for()

    card(page).get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("The difference for").wait_for()
    settle(page)
    dialog.get_by_label("Plan", exact=False).last.click()
    page.get_by_role("option", name="Pro").click()
    dialog.get_by_role("button", name="Preview").click()
    said = confirm_preview(page, work)

    there = [amount for _, amount in lines(newest_invoice(sdk))]
    assert f"${sum(there) / 100:,.2f} by Stripe" in said
    assert "by our books" in said
    assert sdk.v1.subscriptions.retrieve(made.id)["items"].data[0].price.id == pro

    card(page).get_by_role("button", name="Undo").click()
    confirm_preview(page, work)
    back = [amount for _, amount in lines(newest_invoice(sdk))]
    assert sum(there) + sum(back) == 0
    assert sdk.v1.subscriptions.retrieve(made.id)["items"].data[0].price.id == basic

    plan_for_the_next_period(page, work)
    schedule = sdk.v1.subscription_schedules.retrieve(str(sdk.v1.subscriptions.retrieve(made.id).schedule))
    assert [(phase["items"][0].price, phase.start_date) for phase in schedule.phases] == [
        (basic, made.start_date),
        (pro, made["items"].data[0].current_period_end),
    ]
    drop_the_plan(page, work)
    assert sdk.v1.subscriptions.retrieve(made.id).schedule is None
