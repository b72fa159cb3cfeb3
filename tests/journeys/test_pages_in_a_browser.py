"""A founder's way through the demo in a real Chromium: from the margin to the price entry behind it, on desk and phone."""

import json
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser_fixtures import PHONE, OpenPage, settle

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(420)]
TILES = ("Gross margin (AI usage only)", "Gross profit", "AI cost, % of net revenue", "Net revenue")
ROW_HEIGHT = 36


def cell(page: "Page", table: str, row: int, column: int) -> str:
    """The text of a grid cell: the canvas keeps a hidden table for screen readers, whose row 1 is the header."""
    found = page.locator(f".st-key-{table} [role=grid] tr[aria-rowindex='{row + 1}'] td[aria-colindex='{column}']")
    found.first.wait_for(state="attached")
    return found.first.text_content() or ""


def click_row(page: "Page", table: str, row: int) -> None:
    """Click into the first cell of a row, as a hand would: the grid follows the pointer before it takes a click."""
    canvas = page.locator(f".st-key-{table} [data-testid=data-grid-canvas]").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    across, down = box["x"] + 60, box["y"] + ROW_HEIGHT * row + ROW_HEIGHT / 2
    page.mouse.move(across + 20, down + 4)
    page.mouse.move(across, down, steps=4)
    page.mouse.click(across, down)


def wait_for_heading(page: "Page", title: str) -> None:
    page.get_by_role("heading", name=title, exact=True, level=1).wait_for()
    settle(page)


def scrolls_sideways(page: "Page") -> bool:
    """Whether any part of the page is wider than the window."""
    return bool(
        page.evaluate(
            "() => { const main = document.querySelector('[data-testid=stMain]');"
            " return main.scrollWidth > main.clientWidth || document.documentElement.scrollWidth > window.innerWidth }"
        )
    )


def test_from_the_margin_to_the_price_entry_behind_it(served_demo: str, open_page: OpenPage) -> None:
    page = open_page(served_demo)
    wait_for_heading(page, "Overview")
    labels = [text.strip() for text in page.locator('[data-testid="stMetricLabel"]').all_inner_texts()]
    assert [label for label in labels if label] == list(TILES)
    assert re.fullmatch(r"\u2212?\d+\.\d%", page.locator('[data-testid="stMetricValue"]').first.inner_text().strip())
    coverage = page.locator(".st-key-coverage").inner_text()
    assert "of usage priced" in coverage
    assert "attributed to customers" in coverage
    assert "the providers' bills" in coverage
    assert "AI bill" in page.locator(".st-key-jump").inner_text()
    assert "month to date" in page.locator(".st-key-header").inner_text()
    assert "Stripe" in page.locator(".st-key-freshness").inner_text()
    page.locator(".st-key-trend_chart .js-plotly-plot").wait_for()

    name = cell(page, "losing_table", 1, 1)
    click_row(page, "losing_table", 1)
    wait_for_heading(page, name)
    assert re.search(r"/customers\?customer=cus_\w+", page.url)

    assert "/" in cell(page, "why_usage", 1, 1)  # provider/model of a price entry
    assert re.search(r"\$[\d.,]+ (/ 1M|each)", cell(page, "why_usage", 1, 4))
    assert cell(page, "why_usage", 1, 5).startswith("$")

    # Down to the single call: a row of a day, its calls, and one call's sum written out.
    calls_on_the_day = int(cell(page, "why_cells", 1, 5).replace(",", ""))
    click_row(page, "why_cells", 1)
    page.locator(".st-key-calls").wait_for()
    settle(page)
    assert re.fullmatch(r"\d\d:\d\d:\d\d", cell(page, "why_calls", 1, 1))
    told = page.locator(".st-key-calls").inner_text()
    assert f"{calls_on_the_day:,} call" in told
    assert "Price entry" in told
    assert re.search(r"[\d,]+ [a-z ]+ \u00d7 \$[\d.,]+ (/ 1M|each) = \$[\d.,]+", told)
    page.locator(".st-key-back button").click()
    wait_for_heading(page, "Customers")


def test_filters_are_in_the_address_and_survive_a_visit(served_demo: str, open_page: OpenPage) -> None:
    page = open_page(f"{served_demo}/customers")
    wait_for_heading(page, "Customers")
    page.get_by_role("radio", name="Unprofitable").click()
    page.wait_for_function("() => location.search.includes('view=Unprofitable')")
    settle(page)
    page.get_by_text(re.compile(r"customers? shown")).wait_for()
    name = cell(page, "customers_table", 1, 1)
    click_row(page, "customers_table", 1)
    wait_for_heading(page, name)
    page.locator(".st-key-back button").click()
    wait_for_heading(page, "Customers")
    page.wait_for_function("() => location.search === '?view=Unprofitable'")
    assert cell(page, "customers_table", 1, 1) == name


def test_the_period_is_in_the_address(served_demo: str, open_page: OpenPage) -> None:
    page = open_page(f"{served_demo}/?period=3M")
    wait_for_heading(page, "Overview")
    assert page.get_by_role("radio", name="3M").is_checked()
    page.get_by_role("radio", name="As invoiced").click()
    page.wait_for_function("() => location.search.includes('basis=As') && location.search.includes('period=3M')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_phone_shows_everything_without_scrolling_sideways(
    served_demo: str, open_page: OpenPage, scheme: str
) -> None:
    page = open_page(served_demo, size=PHONE, scheme=scheme)
    wait_for_heading(page, "Overview")
    page.locator(".st-key-waterfall_chart .js-plotly-plot").wait_for()
    assert not scrolls_sideways(page)
    page.goto(f"{served_demo}/customers")
    wait_for_heading(page, "Customers")
    assert not scrolls_sideways(page)
    click_row(page, "customers_table", 1)
    page.locator(".st-key-why_usage, .st-key-card_why").first.wait_for()
    settle(page)
    assert not scrolls_sideways(page)


def test_charts_follow_a_theme_switch_without_a_rerun(served_demo: str, open_page: OpenPage) -> None:
    """The system turns dark while the page is open; the bars change and none keeps a placeholder's near-black."""
    page = open_page(served_demo)
    bar = page.locator(".st-key-waterfall_chart .bars .point path").first
    bar.wait_for()
    light = bar.evaluate("node => getComputedStyle(node).fill")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "before => { const node = document.querySelector('.st-key-waterfall_chart .bars .point path');"
        " return node && getComputedStyle(node).fill !== before }",
        arg=light,
    )
    dark = bar.evaluate("node => getComputedStyle(node).fill")
    assert light == "rgb(79, 70, 229)"  # the theme's first series color, #4F46E5
    assert dark == "rgb(124, 131, 255)"  # and its counterpart on dark, #7C83FF


def test_every_chart_says_in_words_what_it_draws(served_demo: str, open_page: OpenPage) -> None:
    page = open_page(served_demo)
    page.locator(".st-key-power_chart .js-plotly-plot").wait_for()
    for chart in ("trend_chart", "waterfall_chart", "failed_chart", "power_chart"):
        described = page.locator(f".st-key-{chart} [aria-label]").first.get_attribute("aria-label")
        assert described
        assert re.search(r"\d", described), described


def test_an_unknown_customer_is_a_page_and_not_a_traceback(served_demo: str, open_page: OpenPage) -> None:
    page = open_page(f"{served_demo}/customers?customer=cus_of_mallory")
    page.get_by_text("No such customer").wait_for()
    assert "Traceback" not in page.content()
    page.locator(".st-key-back button").click()
    wait_for_heading(page, "Customers")


def test_a_new_installation_says_what_to_do(
    serve_home: Callable[[Path], str], open_page: OpenPage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    url = serve_home(tmp_path_factory.mktemp("empty"))
    with urllib.request.urlopen(f"{url}/readyz") as answer:
        assert json.load(answer) == {"status": "nothing published yet", "warehouse_version": None}
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    for path in ("/", "/customers"):
        page = open_page(url + path)
        page.get_by_text("No margins published yet").wait_for()
