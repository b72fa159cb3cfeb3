"""Usage and bills in a real Chromium: from a month's gap to the day, model and unit that it is of, on desk and phone."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser_fixtures import DESKTOP, PHONE, OpenPage, settle
from tests.dashboard.test_usage_bills import two_providers
from tests.store.warehouse_rows import publish_tables

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def served(serve_home: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The pages over a version with one gap: $1.00 of searches that no log keeps."""
    home: Path = tmp_path_factory.mktemp("usage_bills")
    publish_tables(home, two_providers(), slug="demo")
    return serve_home(home, METERING_TENANT="demo")


def cells(page: "Page", table: str, column: int) -> list[str]:
    """A column of a grid as its hidden table for screen readers has it."""
    found = page.locator(f".st-key-{table} [role=grid] td[aria-colindex='{column}']")
    found.first.wait_for(state="attached")
    return [text.strip() for text in found.all_text_contents()]


def test_a_gap_is_followed_down_to_its_day_model_and_unit(served: str, open_page: OpenPage) -> None:
    page = open_page(f"{served}/reconciliation")
    page.get_by_role("radio", name="Usage and bills").click()
    page.get_by_text("Open gap", exact=False).first.wait_for()
    assert "compare=Usage" in page.url
    page.get_by_text("Missing unit").first.wait_for()
    page.locator(".st-key-bill_days_chart .js-plotly-plot").wait_for()
    # The last line stands only when everything above it does: a list that is drawn anew under a click closes again.
    page.locator(".st-key-freshness").wait_for()
    settle(page)
    # By typing, which needs no list to stay open.
    day = page.get_by_role("combobox", name="Day")
    day.press_sequentially("2026-10-05")
    day.press("Enter")
    page.wait_for_function("() => location.search.includes('bill_day=2026-10-05')", timeout=15_000)
    settle(page)
    assert cells(page, "card_bill_cells", 2)[0] == "searches"
    assert cells(page, "card_bill_cells", 4)[0] == "missing unit"
    page.get_by_role("radio", name="Stripe").click()
    page.wait_for_function("() => !location.search.includes('compare=Usage')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_tab_fits_the_window(served: str, open_page: OpenPage, size: tuple[int, int], scheme: str) -> None:
    page = open_page(f"{served}/reconciliation?compare=Usage+and+bills", size=size, scheme=scheme)
    page.get_by_text("No bill is connected for acme.").wait_for()
    page.get_by_text("Charged to customers by quantity").wait_for()
    settle(page)
    assert not page.evaluate(
        "() => { const main = document.querySelector('[data-testid=stMain]');"
        " return main.scrollWidth > main.clientWidth || document.documentElement.scrollWidth > window.innerWidth }"
    )
