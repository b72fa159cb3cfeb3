"""The demo's meter, compared in the shadow from the first start on, and its page in a real Chromium."""

import re
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import Engine

from store import meter_differences, meter_ledger, meter_reads
from store.database import tenant_transaction
from tests.browser_fixtures import PHONE, OpenPage, settle
from tests.demo_fixtures import DemoHome, ServedDemo

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(420)]
RULE = "scale-tokens"


def test_stripe_has_what_the_usage_comes_to_but_for_a_unit_where_a_day_is_rounded(
    demo_home: DemoHome, running_demo: ServedDemo, books: tuple[Engine, UUID]
) -> None:
    """The company rounds each day down, the rule each billing period: a metered customer's day differs by one unit or by none."""
    said = re.findall(
        r"Meters: scale-tokens in the shadow, ([\d,]+) days of customers as Stripe has them", demo_home.printed
    )
    assert int(said[0].replace(",", "")) > 100, demo_home.printed
    engine, tenant = books
    with tenant_transaction(engine, tenant) as connection:
        metered = [one.customer_id for one in meter_differences.compared(connection) if one.is_metered]
        days = meter_differences.differences(connection, RULE, customer_ids=metered, limit=1_000)
        progress = meter_reads.progress(connection, now=datetime.now(UTC))
    assert len(metered) > 5
    assert {abs(day.beyond_units) for day in days} == {1}
    assert progress.differing_days == len(days)


def test_the_question_before_a_switch_says_who_is_billed_and_support_is_refused(
    running_demo: ServedDemo, open_page: OpenPage, books: tuple[Engine, UUID]
) -> None:
    page = open_page(f"{running_demo.url}/meters")
    page.get_by_role("heading", name="Meters", exact=True, level=1).wait_for()
    page.get_by_role("button", name="Go live…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Customers are billed by it: usage from").wait_for()
    dialog.get_by_role("button", name="Go live", exact=True).click()
    dialog.get_by_text("support (support) may not change what customers are billed for").wait_for()
    engine, tenant = books
    with tenant_transaction(engine, tenant) as connection:
        assert [stored.mode for stored in meter_ledger.rules(connection)] == ["shadow"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone(running_demo: ServedDemo, open_page: OpenPage, scheme: str) -> None:
    page = open_page(f"{running_demo.url}/meters", size=PHONE, scheme=scheme)
    page.get_by_role("heading", name="Events by state", level=3).wait_for()
    settle(page)
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
