"""The Margins page in a real Chromium: the sentence first, a bar opens what is behind it, the address carries it all, on desk and phone."""

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser_fixtures import PHONE, OpenPage, settle
from tests.journeys.test_pages_in_a_browser import cell, scrolls_sideways, wait_for_heading

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(420)]
TITLE = "What moved the margin"


def tenths(text: str) -> int:
    return round(float(text.removesuffix(" pp").replace("\u2212", "-")) * 10)


def column(page: "Page", table: str, place: int) -> list[str]:
    """All cells of a table's column, without its head."""
    cell(page, table, 1, place)  # the grid fills itself after it is drawn
    rows = page.locator(f".st-key-{table} [role=grid] tr[aria-rowindex]").count() - 1
    return [cell(page, table, row, place) for row in range(1, rows + 1)]


def test_a_sentence_first_then_steps_that_sum_and_who_is_behind_them(served_demo: str, open_page: OpenPage) -> None:
    page = open_page(f"{served_demo}/margins")
    wait_for_heading(page, TITLE)
    story = page.locator(".st-key-story").inner_text()
    assert re.search(r"Gross margin (rose|fell|stayed)", story)
    page.locator(".st-key-bridge_chart .js-plotly-plot").wait_for()
    parts, points = column(page, "bridge_table", 1), column(page, "bridge_table", 3)
    assert parts[-1] == "Change"
    assert sum(map(tenths, points[:-1])) == tenths(points[-1])
    assert "range" in page.locator(".st-key-coverage").inner_text()
    shown = page.locator("[role=radio][aria-checked=true]", has_text=re.compile("|".join(parts[:-1])))
    assert shown.count() == 1
    other = next(part for part in parts[:-1] if part != shown.inner_text().strip())
    page.get_by_role("radio", name=other, exact=True).click()
    page.wait_for_function("() => location.search.includes('part=')")
    settle(page)
    page.reload()
    wait_for_heading(page, TITLE)
    assert page.get_by_role("radio", name=other, exact=True).is_checked()


def test_a_click_on_a_bar_opens_what_is_behind_it(served_demo: str, open_page: OpenPage) -> None:
    page = open_page(f"{served_demo}/margins")
    wait_for_heading(page, TITLE)
    bars = page.locator(".st-key-bridge_chart .bars .point path")
    bars.first.wait_for()
    sizes = {
        part: abs(tenths(points))
        for part, points in zip(column(page, "bridge_table", 1)[:-1], column(page, "bridge_table", 3)[:-1], strict=True)
        if tenths(points)  # what is too small is not drawn
    }
    # The second biggest: the biggest is open already. The first bar is a level, so the part's bar is one further.
    second = sorted(sizes, key=lambda part: -sizes[part])[1]
    bars.nth(list(sizes).index(second) + 1).click(force=True)
    page.get_by_role("radio", name=second, exact=True, checked=True).wait_for()


def test_any_two_periods_by_the_address(served_demo: str, open_page: OpenPage) -> None:
    page = open_page(f"{served_demo}/margins?unit=Money&by=Cohorts")
    wait_for_heading(page, TITLE)
    page.locator(".cohorts table").wait_for()
    assert page.get_by_role("radio", name="Money", exact=True).is_checked()
    page.locator(".st-key-from [data-testid=stSelectbox] input, .st-key-from input").first.click()
    choices = page.get_by_role("option").all_inner_texts()
    assert any(choice.startswith("Q") for choice in choices)
    page.get_by_role("option").nth(3).click()
    page.wait_for_function("() => location.search.includes('from=')")
    settle(page)
    assert choices[3][-4:] in page.locator(".st-key-story").inner_text()


def test_the_bridge_can_be_taken_away_as_a_file(served_demo: str, open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(f"{served_demo}/margins")
    wait_for_heading(page, TITLE)
    with page.expect_download() as waiting:
        page.locator(".st-key-export_bridge button").click()
    waiting.value.save_as(tmp_path / "bridge.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "bridge.csv").read_text())))
    assert {row["definition_version"] for row in rows} == {"1"}
    assert {"model_mix", "usage_volume"} <= {row["part"] for row in rows}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_phone_shows_everything_without_scrolling_sideways(
    served_demo: str, open_page: OpenPage, scheme: str
) -> None:
    page = open_page(f"{served_demo}/margins", size=PHONE, scheme=scheme)
    wait_for_heading(page, TITLE)
    page.locator(".st-key-bridge_chart .js-plotly-plot").wait_for()
    page.locator(".st-key-concentration_chart .js-plotly-plot").wait_for()
    assert not scrolls_sideways(page)


def test_every_chart_says_in_words_what_it_draws(served_demo: str, open_page: OpenPage) -> None:
    page = open_page(f"{served_demo}/margins")
    page.locator(".st-key-concentration_chart .js-plotly-plot").wait_for()
    for chart in ("bridge_chart", "trend_chart", "plan_chart", "movements_chart", "concentration_chart"):
        described = page.locator(f".st-key-{chart} [aria-label]").first.get_attribute("aria-label")
        assert described
        assert re.search(r"\d", described), described
