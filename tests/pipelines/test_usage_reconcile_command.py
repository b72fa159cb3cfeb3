"""`metering reconcile-usage` prints each provider's gap by cause, and says by its answer whether one is open."""

import io
from datetime import date
from pathlib import Path

from rich.console import Console

from pipelines.usage_reconcile_commands import print_usage_gaps
from store import warehouse_reads
from tests.dashboard.test_usage_bills import month, two_providers
from tests.store.warehouse_rows import ACME, NOVEMBER, Row, publish_tables


def printed(home: Path, tables: dict[str, list[Row]], of: date | None = None) -> tuple[str, bool]:
    publish_tables(home, tables)
    warehouse = warehouse_reads.open_current(home, ACME)
    assert warehouse is not None
    out = io.StringIO()
    is_open = print_usage_gaps(Console(file=out, width=160), warehouse, of)
    return out.getvalue(), is_open


def test_the_last_month_that_is_over_is_printed_by_cause(tmp_path: Path) -> None:
    """$3.00 logged, $4.00 billed: a dollar of searches that no log keeps. November has begun and is not it."""
    tables = two_providers()
    running = month("openai", month=NOVEMBER, state="reconciled", billed_pico_usd=1, logged_pico_usd=1)
    text, is_open = printed(tmp_path, tables | {"bill_months": [*tables["bill_months"], running]})
    assert "Usage and bills, October 2026, in USD" in text
    cells = [
        cell.strip() for cell in next(line for line in text.splitlines() if "openai" in line).strip("│").split("│")
    ]
    assert cells == ["openai", "3.00", "4.00", "1.00", "1.00", "open gap"]
    assert "missing unit" in text
    assert "No bill is connected for acme" in text
    assert is_open


def test_a_month_without_an_open_gap_is_no_failure(tmp_path: Path) -> None:
    text, is_open = printed(tmp_path, {"bill_months": [month("acme")]})
    assert [is_open, "No bill is connected for acme" in text] == [False, True]
    text, is_open = printed(tmp_path / "2", {"bill_months": [month("acme")]}, date(2020, 1, 1))
    assert (text, is_open) == ("There is no usage and no bill to compare in that month.\n", False)
