"""`metering export-focus` writes a published month whole, exactly, and says what is in no charge."""

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.export_focus import ExportRefused, export_focus
from pricing.focus import COSTS, QUANTITIES, UNIT_PRICES, columns
from tests.pricing.focus_rules import breaches
from tests.store.warehouse_rows import ACME, MALLORY, NOVEMBER, OCTOBER, publish_tables, usage

NUMBERS = (*COSTS, *QUANTITIES, *UNIT_PRICES)
ENTRY = {
    "price_id": 1,
    "price_key": "openai/gpt-4o@2026-01-01",
    "provider": "openai",
    "model": "gpt-4o",
    "input_uncached_tokens_pico_usd": 2_500_000,
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two customers' October at 2.50 USD a million tokens, one cost that is only reported, one unpriced event; Mallory's beside it."""
    rows = [
        usage(OCTOBER, "cus_1", 2_500_000_000, tokens=1000),
        usage(OCTOBER, "cus_2", 7_500_000, tokens=3),
        usage(OCTOBER, None, 11, price_id=None, list_cost_pico_usd=None, cost_source="reported"),
        usage(OCTOBER, "cus_1", None),
        usage(NOVEMBER, "cus_1", 2_500_000, tokens=1),
    ]
    customers = [{"customer_id": "cus_1", "name": "Zoë, Ltd."}, {"customer_id": "cus_2", "name": "Two"}]
    publish_tables(tmp_path, {"usage_cube": rows, "price_entries": [ENTRY], "customers": customers})
    mallorys = [usage(OCTOBER, "cus_m", 10**15)]
    publish_tables(tmp_path, {"usage_cube": mallorys}, tenant_id=MALLORY, slug="mallory")
    return tmp_path


def written_rows(path: Path) -> list[dict[str, object]]:
    """A CSV file's charges with their numbers as Decimals and what is empty as None."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {name: None if text == "" else Decimal(text) if name in NUMBERS else text for name, text in row.items()}
            for row in csv.DictReader(file)
        ]


def test_a_month_s_charges_sum_to_what_was_published(home: Path, tmp_path: Path) -> None:
    """0.0025 + 0.0000075 + 0.000000000011 USD; November and Mallory stay outside."""
    done = export_focus(home, ACME, OCTOBER, tmp_path / "out.csv", version="1.2")
    rows = written_rows(tmp_path / "out.csv")
    assert breaches(rows) == []
    assert sum(row["EffectiveCost"] for row in rows) == done.effective_usd == Decimal("0.002507500011")
    assert (len(rows), done.charges, done.unpriced_events) == (3, 3, 1)
    assert {row["x_CustomerId"] for row in rows} == {"cus_1", "cus_2", None}
    assert "E-" not in (tmp_path / "out.csv").read_text()


def test_parquet_holds_the_same_charges_as_exact_decimals(home: Path, tmp_path: Path) -> None:
    export_focus(home, ACME, OCTOBER, tmp_path / "out.csv", version="1.4")
    export_focus(home, ACME, OCTOBER, tmp_path / "out.parquet", version="1.4")
    frame = pl.read_parquet(tmp_path / "out.parquet")
    assert frame.columns == list(columns("1.4"))
    assert frame["EffectiveCost"].dtype == pl.Decimal(38, 12)
    assert frame.to_dicts() == written_rows(tmp_path / "out.csv")


@pytest.mark.parametrize(
    ("month", "name", "version", "sentence"),
    [
        (date(2026, 3, 1), "out.csv", "1.2", "Nothing is published that was used in March 2026"),
        (OCTOBER, "out.xlsx", "1.2", "must end in .csv or .parquet"),
        (OCTOBER, "out.csv", "0.9", "no FOCUS version '0.9'"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_a_sentence(
    home: Path, tmp_path: Path, month: date, name: str, version: str, sentence: str
) -> None:
    with pytest.raises(ExportRefused, match=sentence):
        export_focus(home, ACME, month, tmp_path / name, version=version)
    assert not (tmp_path / name).exists()


def test_the_command_says_how_much_and_what_is_left_out(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METERING_HOME", str(home))
    monkeypatch.setenv("METERING_TENANT", "acme")
    out = tmp_path / "october.csv"
    done = CliRunner().invoke(app, ["export-focus", "--month", "2026-10", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "3 charges of October 2026, 0.00 USD, in FOCUS 1.2" in done.output
    assert "1 events have no price and are in no charge" in done.output
    refused = CliRunner().invoke(app, ["export-focus", "--month", "2026-03", "--out", str(out)])
    assert (refused.exit_code, "nothing to export" in refused.output) == (2, True)
