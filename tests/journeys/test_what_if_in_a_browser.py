"""A what-if asked by hand in a real Chromium: typed, answered, shared by its address and taken home as a file."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser_fixtures import PHONE, OpenPage, settle
from tests.dashboard.published import SLUG, publish_company
from tests.journeys.test_pages_in_a_browser import cell, scrolls_sideways

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def company(serve_home: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The synthetic company's pages."""
    home = tmp_path_factory.mktemp("what-if")
    assert publish_company(home).is_published
    return serve_home(home, METERING_TENANT=SLUG)


def test_a_question_is_typed_answered_shared_and_downloaded(company: str, open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(f"{company}/what-if")
    page.get_by_text("Nothing is different yet").wait_for()
    price = page.get_by_role("spinbutton", name="Your prices, %")
    price.fill("-90")
    price.press("Enter")
    page.get_by_text("customers turn negative").or_(page.get_by_text("customer turns negative")).wait_for()
    page.wait_for_function("() => location.search.includes('price=-90')")
    settle(page)
    first = cell(page, "what_if_table", 1, 1)
    assert first

    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV").click()
    waiting.value.save_as(tmp_path / "what-if.csv")
    with (tmp_path / "what-if.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["customer"] == "Company"
    assert len(rows) == 19
    assert first in {row["customer"] for row in rows}

    shared = open_page(page.url)
    shared.get_by_text("turn negative").or_(shared.get_by_text("turns negative")).first.wait_for()
    assert shared.get_by_role("spinbutton", name="Your prices, %").input_value().startswith("-90")
    assert cell(shared, "what_if_table", 1, 1) == first


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(company: str, open_page: OpenPage, scheme: str) -> None:
    page = open_page(f"{company}/what-if?cache=50", size=PHONE, scheme=scheme)
    page.get_by_text("Company's margin afterwards").wait_for()
    settle(page)
    assert not scrolls_sideways(page)
    assert page.locator("[data-testid=stMetric]").count() == 5
