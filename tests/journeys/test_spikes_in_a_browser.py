"""The Spikes page in a real Chromium on the demo: an alert is read, answered, taken back and put to sleep; the rows say the same."""

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import Engine

from pricing.finding import Subject
from store import alert_reads, audit
from store.alert_reads import StoredAlert
from store.database import clock, tenant_transaction
from store.steps import read_steps
from tests.browser_fixtures import PHONE, OpenPage, settle
from tests.dashboard.stored_alerts import explained, store_alert
from tests.demo_fixtures import ServedDemo
from tests.journeys.test_pages_in_a_browser import scrolls_sideways

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(420)]
Books = tuple[Engine, UUID]


def a_spike_of_yesterday(books: Books, feature: str) -> UUID:
    """An alert about a feature that the demo does not have, so that it is no part of the demo's own story."""
    engine, tenant_id = books
    now = clock(engine)
    found = explained(
        f"Feature '{feature}'", now.date() - timedelta(days=1), usual=80, found=[190, 240],
        drivers=[("More usage", 300_00), ("Cache", -30_00)],
    )  # fmt: skip
    with tenant_transaction(engine, tenant_id) as connection:
        return store_alert(connection, tenant_id, Subject(scope="feature", feature=feature), found, now=now)


def stored(books: Books, alert_id: UUID) -> tuple[StoredAlert, list[str]]:
    engine, tenant_id = books
    with tenant_transaction(engine, tenant_id) as connection:
        found = alert_reads.one(connection, alert_id)
        # The demo's own run may take the made-up day back meanwhile: what a person did is the test's.
        steps = [step.step for step in read_steps(connection, "alert", alert_id) if step.who == "support (support)"]
    assert found is not None
    return found, steps


def answer(page: "Page", label: str) -> None:
    page.locator(".st-key-spike_actions").get_by_role("button", name=label, exact=True).dblclick()  # an impatient hand


def test_an_alert_is_answered_once_and_taken_back(running_demo: ServedDemo, open_page: OpenPage, books: Books) -> None:
    alert_id = a_spike_of_yesterday(books, "desk-test")
    page = open_page(f"{running_demo.url}/spikes?alert={alert_id}")
    opened = page.locator(".st-key-card_spike")
    opened.get_by_role("heading", name="desk-test").wait_for()
    opened.locator(".st-key-spike_chart .js-plotly-plot").wait_for()
    described = opened.locator(".st-key-spike_chart [aria-label]").first.get_attribute("aria-label")
    assert described is not None
    assert "$270 more than expected" in described
    assert opened.get_by_text("+$270.00").count() >= 2  # the impact, and what the causes come to
    page.get_by_label("Note").fill("the new agent")
    page.keyboard.press("Tab")
    settle(page)
    answer(page, "Expected")
    page.get_by_text("this is what to expect of desk-test").wait_for()
    found, steps = stored(books, alert_id)
    assert (found.state, found.verdict, steps) == ("resolved", "expected", ["expected"])
    answer(page, "Undo")
    page.get_by_text("desk-test is open again").wait_for()
    found, steps = stored(books, alert_id)
    assert (found.verdict, steps) == (None, ["expected", "reopened"])
    settle(page)
    page.locator(".st-key-spike_actions").get_by_role("button", name="Snooze", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Snooze", exact=True).dblclick()
    page.get_by_text("desk-test rests for 7 days").wait_for()
    _, steps = stored(books, alert_id)
    assert steps == ["expected", "reopened", "snoozed"]
    opened.get_by_text("History").click()
    opened.get_by_text("the new agent").wait_for()
    with tenant_transaction(*books) as connection:
        assert audit.verify(connection).intact


def test_on_a_phone_in_the_dark_a_row_opens_its_alert_and_the_list_comes_back(
    running_demo: ServedDemo, open_page: OpenPage, books: Books
) -> None:
    alert_id = a_spike_of_yesterday(books, "phone-test")
    # All of them, as it may have ended by then.
    page = open_page(f"{running_demo.url}/spikes?spike_view=All", size=PHONE, scheme="dark")
    row = page.locator(f".st-key-spike_row_{alert_id}")
    row.wait_for()
    assert page.locator(".st-key-card_spike").count() == 0  # a list first: the alert would be far below it
    assert not scrolls_sideways(page)
    row.click()  # into the middle of it, where no button is seen
    page.locator(".st-key-card_spike").get_by_role("heading", name="phone-test").wait_for()
    page.wait_for_function("id => location.search.includes(id)", arg=str(alert_id))
    page.locator(".st-key-spike_chart .js-plotly-plot").wait_for()
    settle(page)
    assert not scrolls_sideways(page)
    page.get_by_role("button", name="All spikes").click()
    row.wait_for()
    assert stored(books, alert_id)[1] == []  # looking answers nothing
