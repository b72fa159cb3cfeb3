"""`metering margins`: the table as ever, and a bridge whose columns sum; what is no period or basis is refused in a sentence."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines import margin_commands
from pipelines.cli import app
from tests.pipelines.test_margin_table import cells, company
from tests.store.test_warehouse_metrics import stream
from tests.store.warehouse_rows import NOVEMBER, OCTOBER, Row, publish_tables

runner = CliRunner()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("METERING_HOME", str(tmp_path))
    monkeypatch.setenv("METERING_TENANT", "acme")
    monkeypatch.setattr(margin_commands.console, "width", 300)
    return tmp_path


def streams() -> list[Row]:
    """As test_margin_table's company: Acme 1,100.00 and Basalt 40.00 in October, Acme 0.01 in November."""
    paid = [(OCTOBER, "cus_a", 1_100_00), (OCTOBER, "cus_b", 40_00), (NOVEMBER, "cus_a", 1)]
    return [stream(month, customer_id, minor) for month, customer_id, minor in paid]


def ran(*words: str) -> tuple[int, str]:
    done = runner.invoke(app, ["margins", *words])
    return done.exit_code, done.output


def test_without_a_bridge_it_is_the_margin_table(home: Path) -> None:
    publish_tables(home, company())
    code, output = ran()
    assert code == 0
    assert cells(output, "Total") == ["Total", "1,140.00", "110.80", "1,029.20", "90.3 %"]


def test_a_bridge_sums_to_the_change(home: Path) -> None:
    """Net revenue 1,140.00 to 0.01, AI cost 110.80 to 999.00; Basalt goes with 40.00 of revenue and 60.00 of cost."""
    publish_tables(home, company(month_streams=streams()))
    code, output = ran("--bridge", "2026-10", "2026-11")
    assert code == 0
    assert "Acme, 2026-10 to 2026-11, in USD, service basis" in output
    assert cells(output, "Change")[:4] == ["Change", "-1,139.99", "+888.20", "-2,028.19"]
    assert cells(output, "Customers lost")[:4] == ["Customers lost", "-40.00", "-60.00", "+20.00"]
    assert cells(output, "Customers lost")[5] == "Basalt +20.00"
    assert cells(output, "Usage volume")[5] == "no customer +2.00"
    assert cells(output, "Token price")[5] == "Acme [bold]Labs -950.20"


def test_what_is_no_period_or_basis_is_refused(home: Path) -> None:
    publish_tables(home, company())
    assert ran("--bridge", "2026-13", "2026-11") == (
        2,
        "A period is a month (2026-10), a quarter (2026-Q3) or a year (2026), not '2026-13'.\n",
    )
    assert ran("--bridge", "2026-10", "2026-11", "--basis", "cash")[0] == 2


def test_an_amount_without_a_rate_is_said(home: Path) -> None:
    publish_tables(home, company(month_streams=[*streams(), stream(NOVEMBER, "cus_b", None)]))
    assert "has no exchange rate" in ran("--bridge", "2026-10", "2026-11")[1]


def test_nothing_published_says_what_to_do(home: Path) -> None:
    code, output = ran("--bridge", "2026-10", "2026-11")
    assert (code, output) == (1, "Nothing is published yet: run `metering refresh`.\n")
