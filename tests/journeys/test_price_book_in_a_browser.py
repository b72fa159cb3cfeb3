"""The Price book in a real Chromium on the demo company: a missing price is added, the worker prices again, and it is withdrawn."""

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser_fixtures import PHONE, OpenPage, settle
from tests.demo_fixtures import ServedDemo

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(420)]
SECTIONS = ("Prices", "Unpriced", "Own prices", "Contracts", "Restatements", "Catalogue")


def as_founder(page: "Page") -> None:
    page.get_by_role("combobox", name=re.compile("Role")).click()
    page.get_by_role("option", name="Founder").click()
    settle(page)


def go_to(page: "Page", section: str) -> None:
    page.get_by_test_id("stButtonGroup").first.get_by_role("radio", name=section).click()
    settle(page)


def test_a_price_is_added_and_taken_back_and_both_are_told(running_demo: ServedDemo, open_page: OpenPage) -> None:
    page = open_page(f"{running_demo.url}/price-book?section=Unpriced")
    add = page.get_by_role("button", name=re.compile("Add price"))
    add.wait_for()
    assert add.is_disabled()  # support may look
    as_founder(page)
    add.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Input, $ per 1M tokens", exact=True).fill("0.02")
    page.keyboard.press("Tab")
    settle(page)
    dialog.get_by_role("button", name="Add the price").click()
    dialog.get_by_text("Say why").wait_for()
    dialog.get_by_label("Output, $ per 1M tokens", exact=True).fill("0")
    dialog.get_by_label("Why (kept for good)").fill("our own machines")
    page.keyboard.press("Tab")
    settle(page)
    dialog.get_by_role("button", name="Add the price").click()
    page.get_by_text(re.compile("is written down")).wait_for()

    def told(sentence: str) -> None:
        """Look again until the worker has published what changed."""
        for _ in range(60):
            page.reload()
            settle(page)
            if page.get_by_text(sentence).count():
                return
            page.wait_for_timeout(1_000)
        raise AssertionError(f"the page never said {sentence!r}")

    told("Every event of the usage has a price.")
    page.goto(f"{running_demo.url}/price-book?section=Own+prices")
    settle(page)
    as_founder(page)
    # The first cell of the grid is the box that chooses its row.
    box = page.get_by_test_id("stDataFrame").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 16, box["y"] + 36 + 18)
    settle(page)
    page.get_by_role("button", name="Withdraw the chosen one").click()
    dialog.get_by_label("Why (kept for good)").fill("only a test")
    page.keyboard.press("Tab")
    settle(page)
    dialog.get_by_role("button", name="Withdraw it").click()
    page.get_by_text(re.compile("is withdrawn")).wait_for()
    page.goto(f"{running_demo.url}/price-book?section=Unpriced")
    told("Add price for acme/acme-embed-v0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_section_fits_a_phone(running_demo: ServedDemo, open_page: OpenPage, scheme: str) -> None:
    page = open_page(f"{running_demo.url}/price-book", size=PHONE, scheme=scheme)
    page.get_by_role("heading", name="Price book", exact=True, level=1).wait_for()
    for section in SECTIONS:
        page.goto(f"{running_demo.url}/price-book?section={section.replace(' ', '+')}")
        settle(page)
        assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth"), section
