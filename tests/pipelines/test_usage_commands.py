"""`metering usage` and `metering import-bill` in the hands of those who run an installation."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from pipelines import bill_commands, usage_commands, worker
from pipelines.cli import app
from pipelines.schedule import PULL_USAGE
from store import provider_reports, usage_connections
from store.database import DatabaseUrls, tenant_transaction
from store.settings import load_settings
from tests.pipelines.test_worker import states, work_off
from tests.pipelines.usage_sources_connected import KEYS
from tests.provider_fixtures import Providers, providers

__all__ = ["providers"]


@pytest.fixture
def installation(
    engine: Engine,
    database_urls: DatabaseUrls,
    tenant: UUID,
    providers: Providers,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Path:
    """An installation's folder, with the OpenAI key alone and no `.env` of the checkout."""
    monkeypatch.chdir(tmp_path)
    settings = {
        "DATABASE_URL": database_urls.app,
        "METERING_TENANT": "acme",
        "METERING_HOME": str(tmp_path / "home"),
        "METERING_OPENAI_ADMIN_KEY": KEYS["metering_openai_admin_key"],
        "METERING_OPENAI_BASE_URL": providers.url,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    for commands in (usage_commands, bill_commands):
        monkeypatch.setattr(commands.console, "width", 300)
    return tmp_path


def run(*words: str, exit_code: int = 0) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == exit_code, done.output
    return done.output


def test_a_source_is_connected_shown_and_disconnected(installation: Path) -> None:
    assert "No source is connected" in run("usage", "list")
    assert "OpenAI is connected and counts as bill" in run("usage", "connect", "openai")
    assert "not read yet" in run("usage", "list")
    assert "counts as usage" in run("usage", "connect", "openai", "--counts-as", "usage")
    assert "openai:main is disconnected" in run("usage", "disconnect", "openai")
    assert "There is no connection openai" in run("usage", "disconnect", "openai", exit_code=2)
    assert "No source is connected" in run("usage", "list")


def test_what_cannot_be_connected_is_said_with_what_to_do(installation: Path) -> None:
    assert "METERING_ANTHROPIC_ADMIN_KEY is not set" in run("usage", "connect", "anthropic", exit_code=2)
    assert "name one of openai" in run("usage", "connect", "acme", exit_code=2)
    assert "METERING_LITELLM_KEY is not set" in run("usage", "connect", "litellm", exit_code=2)


def test_single_calls_are_no_bill(installation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METERING_HELICONE_KEY", KEYS["metering_helicone_key"])
    refused = run("usage", "connect", "helicone", "--counts-as", "bill", exit_code=2)
    assert "single calls" in refused


def test_a_pull_that_fails_says_why_and_ends_with_one(installation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METERING_OPENAI_ADMIN_KEY", "sk-proj-of-a-project")
    run("usage", "connect", "openai")
    said = run("usage", "pull", exit_code=1)
    assert "does not let it read usage" in said
    assert "sk-proj" not in said
    assert "does not let it read usage" in run("usage", "list")


def test_the_workers_job_reads_what_is_connected(
    installation: Path, engine: Engine, database_urls: DatabaseUrls, superuser_url: str, tenant: UUID
) -> None:
    """And a source that fails is noted with its sentence, while the job itself is done."""
    run("usage", "connect", "openai")
    for key, status in (("sk-admin-1", "ok"), ("sk-none", "failed")):
        settings = load_settings(metering_openai_admin_key=key)
        queue = worker.build_queue(engine, database_urls.app, installation, tenant, None, settings=settings)
        work_off(queue, PULL_USAGE.name)
        with tenant_transaction(engine, tenant) as connection:
            assert usage_connections.one(connection, "openai", "main").status == status
    assert states(superuser_url, PULL_USAGE.name) == {"succeeded"}


def test_a_bill_is_imported_and_published(installation: Path, engine: Engine, tenant: UUID, mallory: UUID) -> None:
    bill = installation / "bill.csv"
    bill.write_text("day,provider,cost\n2026-11-17,mistral,1.25\n2026-11-17,mistral,much\n", encoding="utf-8")
    said = run("import-bill", str(bill))
    assert "1 lines, $1.25 after credits; 1 new" in said
    assert "line 3: A report has the amount 'much'" in said
    bill.write_text("day,provider,cost\n2026-11-17,openai,1.25\n", encoding="utf-8")
    run("import-bill", str(bill))
    assert "bill:openai tells what OpenAI billed already" in run("usage", "connect", "openai", exit_code=2)
    run("usage", "disconnect", "bill", "--label", "openai")
    run("usage", "connect", "openai")
    for who, lines in ((tenant, 1), (mallory, 0)):
        with tenant_transaction(engine, who) as connection:
            assert provider_reports.read_costs(connection).height == lines
