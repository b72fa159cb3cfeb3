"""The pages that act, in a real Chromium: what is clicked there is seen at Stripe, whose part the sandbox plays."""

import json
import re
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser_fixtures import PHONE, OpenPage, settle
from tests.demo_fixtures import ServedDemo

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(420)]


def at_stripe(demo: ServedDemo, path: str) -> Any:
    """What the sandbox answers to a read."""
    request = urllib.request.Request(f"{demo.sandbox_url}{path}", headers={"Authorization": "Bearer sk_test_sandbox"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def a_small_paid_charge(demo: ServedDemo) -> dict[str, Any]:
    """A charge below $500 that nothing stands against."""
    charges = at_stripe(demo, "/v1/charges?limit=100")["data"]
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
    assert at_stripe(running_demo, f"/v1/charges/{charge['id']}")["amount_refunded"] == 0  # asking gives nothing back
    page.get_by_role("button", name="Approve").first.click()
    amount = f"${charge['amount'] / 100:,.2f} USD"
    confirm = page.get_by_role("dialog").get_by_role("button", name=f"Refund {amount}")
    confirm.dblclick()  # an impatient hand
    page.get_by_text("Refunded", exact=True).first.wait_for()
    after = at_stripe(running_demo, f"/v1/refunds?charge={charge['id']}")["data"]
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
