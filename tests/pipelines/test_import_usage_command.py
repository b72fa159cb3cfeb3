"""`metering import-usage` from file to published page, with the names and columns of somebody's own log."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from pipelines import cli
from store import customer_mappings
from store.database import DatabaseUrls, tenant_transaction
from tests.pipelines.imported_usage import lake_events, lake_sums, pull_customers


def test_a_log_of_ones_own_is_imported_mapped_and_published(
    engine: Engine,
    tenant: UUID,
    mallory: UUID,
    database_urls: DatabaseUrls,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "METERING_HOME": str(tmp_path),
        "METERING_TENANT": "acme",
        "DATABASE_URL": database_urls.app,
        "DATABASE_OWNER_URL": database_urls.owner,
    }.items():
        monkeypatch.setenv(name, value)
    pull_customers(engine, tenant, cus_1={}, cus_2={"account_id": "u-2"})
    (tmp_path / "log.csv").write_text(
        "nr,at,llm,who,in,out\n"
        "1,2026-11-01T12:00:00Z,gpt-4o,u-1,1000,100\n"
        "2,2026-11-01T13:00:00Z,gpt-4o,u-2,1000,100\n"
        "3,2026-11-01T14:00:00Z,gpt-4o,u-3,1000,100\n"
        "4,yesterday,gpt-4o,u-3,1000,100\n",
        encoding="utf-8",
    )
    (tmp_path / "whose.csv").write_text("source_ref,customer_id\nu-1,cus_1\n", encoding="utf-8")
    columns = "nr=event_id,at=occurred_at,llm=model,who=customer_id,in=input_tokens,out=output_tokens"
    told: list[str] = []
    for _ in range(2):
        with cli.console.capture() as said:
            done = CliRunner().invoke(
                cli.app, ["import-usage", "log.csv", "--columns", columns, "--mapping", "whose.csv"]
            )
        assert done.exit_code == 0, done.exception
        told.append(said.get())
    assert "log.csv: 3 accepted, 0 duplicate, 0 in conflict, 1 rejected" in told[0]
    assert "1 accepted event of no known customer: shown as unattributed." in told[0]
    assert "Published version 1" in told[0]
    assert "log.csv: 0 accepted, 3 duplicate, 0 in conflict, 1 rejected" in told[1]
    assert lake_events(engine, tmp_path, tenant)["customer_ref"].to_list() == ["u-1", "u-2", "u-3"]
    with tenant_transaction(engine, tenant) as connection:
        refs = dict(customer_mappings.customer_refs(connection).rows())
    assert (refs["u-1"], refs["u-2"], "u-3" in refs) == ("cus_1", "cus_2", False)
    assert lake_sums(engine, mallory).rows == 0
