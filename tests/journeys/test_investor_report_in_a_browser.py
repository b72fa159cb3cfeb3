"""The investor report in a real Chromium: locked and shared by a founder, opened by somebody outside with the password alone."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing import investor_reports
from billing.principals import OPERATOR
from store import report_links
from store.database import DatabaseUrls, tenant_transaction
from tests.billing.reported_company import NOW, publish_october, rows, used
from tests.browser_fixtures import DESKTOP, PHONE, OpenPage, settle
from tests.store.warehouse_rows import OCTOBER

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Serve = Callable[..., str]


@pytest.fixture
def url(serve_home: Serve, tmp_path: Path, tenant: UUID, database_urls: DatabaseUrls) -> str:
    """The pages of the reported company."""
    publish_october(tmp_path, tenant)
    return serve_home(tmp_path, DATABASE_URL=database_urls.app, METERING_TENANT="acme")


def act_as(page: "Page", role: str) -> None:
    page.get_by_role("combobox", name="Role").click()
    page.get_by_role("option", name=role).click()
    settle(page)


def report_in(page: "Page") -> str:
    """What the frame with the report says."""
    frame = page.frame_locator("iframe").first
    frame.get_by_role("heading", name="Unit economics, October 2026").wait_for()
    return frame.locator("article").inner_text()


def lock_october(engine: Engine, tenant: UUID, home: Path) -> None:
    with tenant_transaction(engine, tenant) as connection:
        investor_reports.lock(
            connection,
            publish_october(home, tenant),
            OCTOBER,
            reason="board",
            after_revision=0,
            principal=OPERATOR,
            now=NOW,
        )


def test_a_month_is_previewed_locked_shared_opened_and_the_link_revoked(
    url: str, open_page: OpenPage, chromium: "Browser", engine: Engine, tenant: UUID
) -> None:
    page = open_page(f"{url}/investor-report")
    page.get_by_text("October 2026 is not locked").wait_for()
    assert "58.4%" in report_in(page)
    assert page.get_by_role("button", name="Lock this month").is_disabled()  # support only looks
    act_as(page, "Founder")
    page.get_by_role("button", name="Lock this month").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why").fill("Board meeting")
    page.keyboard.press("Tab")
    settle(page)
    dialog.get_by_role("button", name="Lock it").dblclick()  # an impatient hand
    page.get_by_text("October 2026 is locked, revision 1").wait_for()
    page.get_by_text("changed since: none").wait_for()
    address, password = share(page)
    open_with(chromium, address, password)
    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke it").click()
    page.get_by_text("revoked", exact=False).first.wait_for()
    page.get_by_text(re.compile("View log")).click()
    with tenant_transaction(engine, tenant) as connection:
        (link,) = report_links.listed(connection)
        kinds = [view.kind for view in reversed(report_links.view_log(connection, link.link_id))]
    assert kinds == ["wrong_password", "opened", "page", "pdf", "verified"]
    outside = chromium.new_context().new_page()
    assert (outside.goto(address) or page).url == address
    outside.get_by_text("This link shows nothing").wait_for()
    outside.context.close()


def share(page: "Page") -> tuple[str, str]:
    """Make an indexed link; returns what the dialog shows once."""
    page.get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Who it is for").fill("Angel Fund")
    page.keyboard.press("Tab")
    settle(page)
    dialog.get_by_role("combobox", name="Shows").click()
    page.get_by_role("option", name="Indexed").click()
    dialog.frame_locator("iframe").get_by_text("Customer A").first.wait_for()  # what they will see, before it is made
    dialog.get_by_role("button", name="Make the link").dblclick()
    dialog.get_by_text("Neither is shown again").wait_for()
    address, password = (dialog.locator("code").nth(number).inner_text() for number in (0, 1))
    dialog.get_by_role("button", name="Done").click()
    dialog.wait_for(state="detached")
    page.get_by_text("Angel Fund").first.wait_for()
    assert password not in page.content()
    return address, password


def open_with(chromium: "Browser", address: str, password: str) -> None:
    """Somebody outside, without scripts: a wrong password first, then the right one, the PDF and the check of its hash."""
    context = chromium.new_context(java_script_enabled=False, viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
    reader = context.new_page()
    reader.goto(address)
    reader.get_by_label("Password").fill("aaaaa-bbbbb-ccccc-ddddd")
    reader.get_by_role("button", name="Open the report").click()
    reader.get_by_text("That is not the password").wait_for()
    assert "Customer A" not in reader.content()
    reader.get_by_label("Password").fill(password)
    reader.get_by_role("button", name="Open the report").click()
    reader.get_by_role("heading", name="Unit economics, October 2026").wait_for()
    assert "Northwind" not in reader.content()
    assert "$" not in reader.locator("article").inner_text()
    with reader.expect_download() as waiting:
        reader.get_by_role("link", name="Download PDF").click()
    assert waiting.value.suggested_filename == "investor-report-2026-10-r1.pdf"
    hashed = reader.locator("footer code").inner_text()
    reader.get_by_label("Content SHA-256").fill(hashed)
    reader.get_by_role("button", name="Compare").click()
    reader.get_by_text("The hash is that of the locked snapshot").wait_for()
    context.close()


def test_what_changed_since_is_told_by_cause_and_locked_again(
    url: str, open_page: OpenPage, engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    lock_october(engine, tenant, tmp_path)
    late = rows()
    late["usage_cube"].append(used(OCTOBER, "cus_new", 5_00, model="gpt-4o-mini"))
    publish_october(tmp_path, tenant, late, version=2)
    page = open_page(f"{url}/investor-report?report_month=2026-10")
    page.get_by_text("gross margin 58.4 \u2192 58.1%: late usage (+$5.00 cost)").wait_for()
    page.get_by_text("What changed, by cause").click()
    page.get_by_text("openai/gpt-4o-mini +$5.00").wait_for()
    assert "58.4%" in report_in(page)  # what was locked stays what is shown
    act_as(page, "Finance")
    page.get_by_role("button", name="Lock again as revision 2").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why").fill("Late usage")
    page.keyboard.press("Tab")
    settle(page)
    dialog.get_by_role("button", name="Lock it").click()
    page.get_by_text("October 2026 is locked, revision 2").wait_for()
    assert "58.1%" in report_in(page)
    assert "Since revision 1" in report_in(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_and_shared_report_fit_a_phone(
    url: str, open_page: OpenPage, engine: Engine, tenant: UUID, tmp_path: Path, scheme: str
) -> None:
    lock_october(engine, tenant, tmp_path)
    page = open_page(f"{url}/investor-report", size=PHONE, scheme=scheme)
    page.get_by_text("October 2026 is locked").first.wait_for()
    report_in(page)
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert not page.frames[-1].evaluate("document.documentElement.scrollWidth > window.innerWidth")
