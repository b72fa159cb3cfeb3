"""`metering keys` in the hands of those who run an installation."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from billing import api_keys
from pipelines import key_commands
from pipelines.cli import app
from store.database import DatabaseUrls


@pytest.fixture(autouse=True)
def installation(
    engine: Engine, database_urls: DatabaseUrls, tenant: UUID, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An installation's folder, with no `.env` of the checkout."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_urls.app)
    monkeypatch.setenv("METERING_TENANT", "acme")
    monkeypatch.setenv("METERING_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(key_commands.console, "width", 300)


def run(*words: str, exit_code: int = 0) -> str:
    done = CliRunner().invoke(app, ["keys", *words])
    assert done.exit_code == exit_code, done.output
    return done.output


def test_a_key_is_made_shown_once_replaced_and_revoked() -> None:
    assert "There is no key" in run("list")
    shown = run("create", "the gateway", "--days", "30", "--events-per-day", "1000000", "--requests-per-second", "50")
    text = next(line.split()[1] for line in shown.splitlines() if line.startswith("Key "))
    named = api_keys.read(text)
    assert named is not None
    assert "It may send usage events until" in shown
    listing = run("list")
    assert "the gateway" in listing
    assert "1,000,000 events" in listing
    assert text not in listing
    replaced = run("rotate", named.key_id, "--overlap-hours", "2")
    assert f"The key {named.key_id} works for 2 more hours." in replaced
    assert f"The key {named.key_id} (the gateway) opens nothing any more." in run("revoke", named.key_id)
    assert "revoked" in run("list")


def test_what_cannot_be_is_one_sentence() -> None:
    assert "cannot be allowed to a key" in run("create", "x", "--scope", "everything", exit_code=2)
    assert "There is no key nobody" in run("revoke", "nobody", exit_code=2)
