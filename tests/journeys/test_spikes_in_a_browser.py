"""The Spikes page in a real Chromium on the demo: an alert is read, answered, taken back and put to sleep; the rows say the same."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing import alerts
from billing.principals import OPERATOR
from store import alert_reads, audit
from store.alert_reads import StoredAlert
from store.database import clock, tenant_transaction
from store.steps import read_steps
from tests.browser_fixtures import PHONE, OpenPage, settle
from tests.demo_fixtures import ServedDemo
from tests.journeys.test_pages_in_a_browser import scrolls_sideways

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(420)]
Books = tuple[Engine, UUID]


@pytest.fixture
def spike(books: Books) -> Iterator[StoredAlert]:
    """The demo's own story, the dearest of its open spikes; open again when the test has done with it."""
    engine, tenant_id = books
    with tenant_transaction(engine, tenant_id) as connection:
        known = alert_reads.open_alerts(connection)
    leading = [one for one in known if one.detector == "cost_spike" and one.parent_alert_id is None]
    found = max(leading, key=lambda one: one.impact_minor or 0)
    yield found
    with tenant_transaction(engine, tenant_id) as connection:
        left = alert_reads.one(connection, found.alert_id)
        if left is not None and (left.verdict or left.snoozed_until):
            alerts.reopen(connection, tenant_id, found.alert_id, principal=OPERATOR, now=clock(engine))


def stored(books: Books, alert_id: UUID) -> tuple[StoredAlert, list[str]]:
    engine, tenant_id = books
    with tenant_transaction(engine, tenant_id) as connection:
        found = alert_reads.one(connection, alert_id)
        # The demo looks at new versions meanwhile: what a person did is the test's.
        steps = [step.step for step in read_steps(connection, "alert", alert_id) if step.who == "support (support)"]
    assert found is not None
    return found, steps


def answer(page: "Page", label: str) -> None:
    page.locator(".st-key-spike_actions").get_by_role("button", name=label, exact=True).dblclick()  # an impatient hand


def test_an_alert_is_answered_once_and_taken_back(
    running_demo: ServedDemo, open_page: OpenPage, books: Books, spike: StoredAlert
) -> None:
    page = open_page(f"{running_demo.url}/spikes?alert={spike.alert_id}")
    opened = page.locator(".st-key-card_spike")
    opened.locator(".st-key-spike_chart .js-plotly-plot").wait_for()
    described = opened.locator(".st-key-spike_chart [aria-label]").first.get_attribute("aria-label")
    assert described is not None
    assert spike.sentence in described
    assert spike.impact_minor is not None
    cents = f"+${Decimal(spike.impact_minor).scaleb(-2):,.2f}"
    assert opened.get_by_text(cents).count() >= 3  # the impact, and what both lists of causes come to
    page.get_by_label("Note").fill("the new agent")
    page.keyboard.press("Tab")
    settle(page)
    answer(page, "Expected")
    page.get_by_text("this is what to expect of").wait_for()
    found, steps = stored(books, spike.alert_id)
    assert (found.state, found.verdict, steps) == ("resolved", "expected", ["expected"])
    answer(page, "Undo")
    page.get_by_text("is open again").wait_for()
    found, steps = stored(books, spike.alert_id)
    assert (found.state != "resolved", found.verdict, steps) == (True, None, ["expected", "reopened"])
    settle(page)
    page.locator(".st-key-spike_actions").get_by_role("button", name="Snooze", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Snooze", exact=True).dblclick()
    page.get_by_text("rests for 7 days").wait_for()
    found, steps = stored(books, spike.alert_id)
    assert (found.snoozed_until is not None, steps) == (True, ["expected", "reopened", "snoozed"])
    opened.get_by_text("History").click()
    opened.get_by_text("the new agent").wait_for()
    with tenant_transaction(*books) as connection:
        assert audit.verify(connection).intact


def test_on_a_phone_in_the_dark_a_row_opens_its_alert_and_the_list_comes_back(
    running_demo: ServedDemo, open_page: OpenPage, books: Books, spike: StoredAlert
) -> None:
    before = stored(books, spike.alert_id)[1]
    page = open_page(f"{running_demo.url}/spikes", size=PHONE, scheme="dark")
    row = page.locator(f".st-key-spike_row_{spike.alert_id}")
    row.wait_for()
    assert page.locator(".st-key-card_spike").count() == 0  # a list first: the alert would be far below it
    assert not scrolls_sideways(page)
    row.click()  # into the middle of it, where no button is seen
    page.locator(".st-key-card_spike").wait_for()
    page.wait_for_function("id => location.search.includes(id)", arg=str(spike.alert_id))
    page.locator(".st-key-spike_chart .js-plotly-plot").wait_for()
    settle(page)
    assert not scrolls_sideways(page)
    page.get_by_role("button", name="All spikes").click()
    row.wait_for()
    assert stored(books, spike.alert_id)[1] == before  # looking answers nothing
