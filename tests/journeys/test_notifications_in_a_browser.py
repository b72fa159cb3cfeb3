"""Who is told of alerts, in a real Chromium: set up on the page, tried out, and answered by a link as from a mail on a phone."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing import action_links
from store import alert_reads, digests, message_channels, outgoing_mails
from store.channel_settings import Channel
from store.database import tenant_transaction
from store.link_secret import link_secret
from store.settings import load_settings
from tests.billing.alerted import open_alert, put_day
from tests.browser_fixtures import PHONE, OpenPage, settle
from tests.demo_fixtures import ServedDemo

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(420)]
OPS = Channel("webhook", "ops", "https://ops.acme.example/hunter2", (b"o" * 32,))


def test_a_founder_says_who_gets_the_daily_email_and_tries_a_channel(
    running_demo: ServedDemo, open_page: OpenPage, books: tuple[Engine, UUID]
) -> None:
    engine, tenant = books
    with tenant_transaction(engine, tenant) as connection:
        message_channels.keep(connection, tenant, [OPS], now=datetime.now(UTC))
    page = open_page(f"{running_demo.url}/notifications")
    page.get_by_role("heading", name="Notifications", exact=True, level=1).wait_for()
    page.get_by_text("As support you may read this page.").wait_for()
    page.get_by_label("Role", exact=True).click()
    page.get_by_role("option", name="Founder").click()
    settle(page)
    page.get_by_role("button", name="Add somebody").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Email address").fill("gus@acme.example")
    page.keyboard.press("Tab")
    settle(page)
    dialog.get_by_role("button", name="Add", exact=True).click()
    dialog.wait_for(state="detached")
    page.get_by_text("gus@acme.example gets the daily email.").wait_for()
    page.get_by_role("button", name="Send a test").last.click()
    page.get_by_text("A test to Webhook ops was written down").wait_for()
    with tenant_transaction(engine, tenant) as connection:
        assert "gus@acme.example" in [each.address for each in digests.recipients(connection, only_on=True)]
        test = outgoing_mails.newest(connection, kinds=["channel.test"])[0]
    assert (test.channel, test.recipient, test.asked_by) == ("webhook", "ops", "support (founder)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone(running_demo: ServedDemo, open_page: OpenPage, scheme: str) -> None:
    page = open_page(f"{running_demo.url}/notifications", size=PHONE, scheme=scheme)
    page.get_by_role("heading", name="Notifications", exact=True, level=1).wait_for()
    settle(page)
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


def test_an_alert_is_answered_on_a_phone_by_the_link_in_the_mail_and_the_answer_is_taken_back(
    running_demo: ServedDemo, open_page: OpenPage, books: tuple[Engine, UUID]
) -> None:
    engine, tenant = books
    now = datetime.now(UTC)
    yesterday = now.date() - timedelta(days=1)
    with tenant_transaction(engine, tenant) as connection:
        digests.save_recipient(connection, tenant, "fay@acme.example", name="Fay", role="founder", by="x", now=now)
        alert = open_alert(connection, tenant, "cus_by_link", 301_240, first_day=yesterday, last_day=yesterday)
        put_day(connection, tenant, alert, yesterday, 301_240)
    secret = link_secret(load_settings(metering_home=running_demo.folder), tenant)
    ends = now + timedelta(days=14)
    url = action_links.link(running_demo.url, secret, "planned", alert.alert_id, "fay@acme.example", ends)
    page = open_page(running_demo.url, size=PHONE, scheme="dark")
    page.goto(url)
    page.get_by_role("heading", name="Is it planned?").wait_for()
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    page.get_by_label("Planned until and including (UTC)").fill(str(now.date() + timedelta(days=9)))
    page.get_by_role("button", name="It is planned").click()
    page.get_by_text("It is planned, by Fay (founder) on").wait_for()
    with tenant_transaction(engine, tenant) as connection:
        answered = alert_reads.one(connection, alert.alert_id)
    assert answered is not None
    assert (answered.verdict, answered.planned_until) == ("planned", now.date() + timedelta(days=9))
    page.get_by_role("button", name="Take it back").click()
    page.get_by_role("button", name="It is planned").wait_for()
    with tenant_transaction(engine, tenant) as connection:
        undone = alert_reads.one(connection, alert.alert_id)
    assert undone is not None
    assert undone.verdict is None
