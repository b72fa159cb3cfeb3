"""`metering spikes` without a file: what is stored since a day, the leading ones on the screen and all of them in the file."""

import csv
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from pipelines import spike_commands
from pipelines.cli import app
from pricing.finding import Subject
from store.database import DatabaseUrls, tenant_transaction
from tests.alert_fixtures import DAY, found, stored

COMPANY = Subject(scope="company")
HERS = Subject(scope="customer", customer_id="cus_mallory")


def test_the_leading_alerts_are_shown_and_all_are_written(
    engine: Engine,
    database_urls: DatabaseUrls,
    tenant: UUID,
    mallory: UUID,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """$300 where $100 was expected ($90 to $110): +200.00; the company's rise is explained by it; an older one is not asked for."""
    monkeypatch.chdir(tmp_path)
    for name, value in (("DATABASE_URL", database_urls.app), ("METERING_TENANT", "acme")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(spike_commands.console, "width", 300)
    with tenant_transaction(engine, tenant) as connection:
        big = stored(connection, tenant)
        stored(connection, tenant, found(subject=COMPANY, usd=900, usual_usd=700), parent_alert_id=big.alert_id)
        stored(connection, tenant, found(DAY - timedelta(days=30), Subject(scope="provider", provider="openai")))
    with tenant_transaction(engine, mallory) as connection:
        stored(connection, mallory, found(subject=HERS))

    done = CliRunner().invoke(app, ["spikes", "--since", str(DAY - timedelta(days=3)), "--out", "spikes.csv"])
    assert done.exit_code == 0, done.output
    assert f"Since {DAY - timedelta(days=3)}: 1 unusual day, and 1 that it explains." in done.output
    (line,) = [line for line in done.output.splitlines() if str(DAY) in line and "customer" in line]
    cells = [cell.strip() for cell in line.strip("│ ").split("│")]
    assert cells[:6] == [str(DAY), "customer cus_big", "$300.00", "$100.00 ($90.00 to $110.00)", "+200.00 USD", "new"]
    assert cells[6].endswith("1 wider or narrower one because of it.")
    with (tmp_path / "spikes.csv").open() as handle:
        rows = {row["subject"]: row for row in csv.DictReader(handle)}
    assert set(rows) == {"customer|customer_id=cus_big", "company"}
    assert rows["company"]["explained_by"] == "customer|customer_id=cus_big"
    assert rows["company"]["actual"] == str(900 * 10**12)


def test_nothing_stored_is_said(
    engine: Engine, database_urls: DatabaseUrls, tenant: UUID, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in (("DATABASE_URL", database_urls.app), ("METERING_TENANT", "acme")):
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(app, ["spikes", "--since", "2026-11-01"])
    assert (done.exit_code, done.output.strip()) == (
        0,
        "Since 2026-11-01: 0 unusual days, and 0 that they explain.",
    )
