"""Bills from files: Google's export with its credits, taxes and unknown SKUs, and any provider's CSV; imported twice they count once."""

import csv
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pytest
from rich.console import Console
from sqlalchemy import Engine

from pipelines.bill_commands import print_bill
from pipelines.import_bill import BillImport, BillRefused, import_bill
from sandbox.providers.account import Accounts
from sandbox.providers.bills import write_bills
from store import provider_reports
from store.database import tenant_transaction
from store.provider_reports import Change
from tests.provider_fixtures import NOON, call, calls

INPUT = "Generate content input token count gemini 2.5 pro short input text"


def google_row(description: str, cost: object, **values: Any) -> dict[str, Any]:
    """A row of the standard usage export on 17 November."""
    return {
        "billing_account_id": "01A2B3-C4D5E6-F70809",
        "service": {"description": "Gemini API"},
        "sku": {"description": description},
        "usage_start_time": "2026-11-17 08:00:00 UTC",
        "project": {"id": "acme-ai"},
        "cost": cost,
        "currency": "USD",
        "currency_conversion_rate": 1.0,
        "usage": {"amount": 1000.0, "unit": "count"},
        "credits": [],
        "invoice": {"month": "202611"},
        "cost_type": "regular",
        **values,
    }


def json_lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def table(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def taken(engine: Engine, tenant: UUID, path: Path) -> BillImport:
    return import_bill(engine, path.parent, tenant, path, principal="ada", now=NOON)


def in_force(engine: Engine, tenant: UUID) -> pl.DataFrame:
    with tenant_transaction(engine, tenant) as connection:
        return provider_reports.read_costs(connection)


def test_what_google_gave_back_is_taken_off_and_kept_beside(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """$1.25 less a promotion of $0.25 is $1.00, on a bill of November."""
    gift = [{"name": "Promotion", "type": "PROMOTION", "amount": -0.25}]
    taken(engine, tenant, json_lines(tmp_path / "bill.jsonl", google_row(INPUT, 1.25, credits=gift)))
    [line] = in_force(engine, tenant).rows(named=True)
    assert (line["day"], line["model"], line["unit"]) == (date(2026, 11, 17), "gemini-2.5-pro", "input_uncached_tokens")
    assert (line["cost_pico_usd"], line["credit_pico_usd"]) == (10**12, -250_000_000_000)
    assert (line["quantity"], line["invoice_id"], line["project"]) == (1000, "202611", "acme-ai")


def test_tax_and_adjustments_stand_apart_and_unknown_skus_are_kept_and_shown(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    rows = [
        google_row(INPUT, 2.0),
        google_row("Tax", 0.4, cost_type="tax"),
        google_row("Rounding error", 0.01, cost_type="rounding_error"),
        google_row("Gemini Enterprise Seat", 30.0),
        google_row("Cloud Run Memory", 99.0, service={"description": "Cloud Run"}),
    ]
    imported = taken(engine, tenant, json_lines(tmp_path / "bill.jsonl", *rows))
    assert imported.cost_pico_usd == 32 * 10**12
    assert imported.apart_pico_usd == {"adjustment": 10**10, "tax": 4 * 10**11}
    assert imported.unknown_pico_usd == {"Gemini Enterprise Seat": 30 * 10**12}
    assert imported.ignored == 1
    by_category = dict(in_force(engine, tenant).group_by("charge_category").len().iter_rows())
    assert by_category == {"usage": 2, "tax": 1, "adjustment": 1}


def test_a_bill_in_another_currency_is_turned_into_dollars_at_its_own_rate(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    """EUR 0.90 at 0.9 euros a dollar is one dollar; without a rate the row is told and not taken."""
    rows = [
        google_row(INPUT, 0.9, currency="EUR", currency_conversion_rate=0.9),
        google_row(INPUT, 0.9, currency="EUR", currency_conversion_rate=None),
    ]
    imported = taken(engine, tenant, json_lines(tmp_path / "bill.jsonl", *rows))
    [line] = in_force(engine, tenant).rows(named=True)
    assert (line["cost_pico_usd"], line["billed_pico"], line["currency"]) == (10**12, 9 * 10**11, "eur")
    [reason] = imported.rejects
    assert reason.startswith("line 2: the row is in EUR")


def test_bad_rows_keep_no_good_one_from_being_taken(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    path = tmp_path / "bill.jsonl"
    good, bad = json.dumps(google_row(INPUT, 1)), json.dumps(google_row(INPUT, "much"))
    path.write_text(f"{good}\n{bad}\nhalf a li", encoding="utf-8")
    imported = taken(engine, tenant, path)
    assert imported.lines == 1
    assert [reason.partition(":")[0] for reason in imported.rejects] == ["line 2", "line 3"]
    assert imported.reject_path is not None
    assert "much" in imported.reject_path.read_text(encoding="utf-8")


def test_googles_flat_csv_says_the_same(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    row = {
        "billing_account_id": "01",
        "service.description": "Vertex AI",
        "sku.description": "Gemini 2.5 Flash GA Text Output - Predictions",
        "usage_start_time": "2026-11-17T08:00:00Z",
        "cost": "0.000125",
        "currency": "USD",
        "credits": '[{"amount": -0.000025}]',
        "cost_type": "regular",
    }
    taken(engine, tenant, table(tmp_path / "bill.csv", row))
    [line] = in_force(engine, tenant).rows(named=True)
    assert (line["model"], line["unit"], line["cost_pico_usd"]) == (
        "gemini-2.5-flash",
        "output_text_tokens",
        100_000_000,
    )


def test_a_bill_imported_again_counts_once_and_a_corrected_one_restates(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    first = {"day": "2026-11-17", "provider": "mistral", "model": "mistral-large-2512", "cost": "1.50"}
    second = {"day": "2026-11-18", "provider": "mistral", "model": "mistral-large-2512", "cost": "2.00"}
    path = table(tmp_path / "bill.csv", first, second)
    assert taken(engine, tenant, path).change == Change(new=2)
    assert taken(engine, tenant, path).change == Change(same=2)
    corrected = table(tmp_path / "later.csv", first, second | {"cost": "1.75"})
    assert taken(engine, tenant, corrected).change == Change(restated=1, same=1)
    assert in_force(engine, tenant)["cost_pico_usd"].sum() == 3_250_000_000_000


def test_one_providers_bill_leaves_anothers_alone(engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path) -> None:
    taken(engine, tenant, table(tmp_path / "a.csv", {"day": "2026-11-17", "provider": "mistral", "cost": "1"}))
    taken(engine, tenant, table(tmp_path / "b.csv", {"day": "2026-11-17", "provider": "perplexity", "cost": "2"}))
    taken(engine, mallory, table(tmp_path / "c.csv", {"day": "2026-11-17", "provider": "mistral", "cost": "4"}))
    assert sorted(in_force(engine, tenant)["provider"]) == ["mistral", "perplexity"]
    assert in_force(engine, mallory)["cost_pico_usd"].to_list() == [4 * 10**12]


def test_what_another_source_bills_already_is_refused_and_leaves_nothing_behind(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    """Google's export and a CSV that somebody typed off the same invoice; another account's bill and another day are fine."""
    taken(engine, tenant, json_lines(tmp_path / "bill.jsonl", google_row(INPUT, 1)))
    typed = {"day": "2026-11-17", "provider": "google", "cost": "1"}
    with pytest.raises(BillRefused, match="told by google_billing:01A2B3-C4D5E6-F70809 already"):
        taken(engine, tenant, table(tmp_path / "typed.csv", typed))
    assert in_force(engine, tenant)["cost_pico_usd"].to_list() == [10**12]
    of_another = google_row(INPUT, 2, billing_account_id="99")
    assert taken(engine, tenant, json_lines(tmp_path / "other.jsonl", of_another)).change == Change(new=1)
    assert taken(engine, tenant, table(tmp_path / "next.csv", typed | {"day": "2026-11-18"})).change == Change(new=1)


def test_a_file_that_is_no_bill_is_refused_with_what_it_has(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    path = table(tmp_path / "other.csv", {"name": "Ada", "city": "London"})
    with pytest.raises(BillRefused, match="has no column day, provider, cost; it has name, city"):
        taken(engine, tenant, path)
    with pytest.raises(BillRefused, match="cannot be read"):
        taken(engine, tenant, tmp_path / "absent.csv")


def test_the_demo_companys_bills_are_understood_line_by_line(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """Gemini 2.5 Pro above 200,000 tokens costs $2.50 per million: 300,000 are $0.75, less two percent promotion on that line."""
    events = calls(
        call("e1", "2026-11-17T09:00", "gemini-2.5-pro", input_tokens=300_000, output_tokens=900),
        call("e2", "2026-11-17T10:00", "mistral-large-2512", input_tokens=1_000_000),
    )
    day = datetime(2026, 11, 20, tzinfo=UTC)
    accounts = Accounts(events, lambda: int(day.timestamp()))
    for path in write_bills(accounts, tmp_path):
        imported = taken(engine, tenant, path)
        assert (imported.rejects, imported.unknown_pico_usd) == ((), {})
    found = in_force(engine, tenant)
    long_input = found.filter(model="gemini-2.5-pro", unit="input_uncached_tokens")
    assert long_input.select("cost_pico_usd", "credit_pico_usd").rows() == [(735_000_000_000, -15_000_000_000)]
    assert found.filter(provider="mistral")["quantity"].to_list() == [1_000_000]


def test_the_command_says_what_was_kept_without_being_understood(
    engine: Engine, tenant: UUID, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = json_lines(tmp_path / "bill.jsonl", google_row(INPUT, 2.0), google_row("Gemini Enterprise Seat", 30.0))
    print_bill(Console(width=200), path, taken(engine, tenant, path))
    said = capsys.readouterr().out
    assert "2 lines, $32.00 after credits; 2 new, 0 restated, 0 withdrawn, 0 as before." in said
    assert "Model or unit not known, kept as it is: Gemini Enterprise Seat ($30.00)" in said
