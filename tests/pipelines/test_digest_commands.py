"""`metering digest` at the terminal."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from pipelines import digest_commands
from store.database import DatabaseUrls

Run = Callable[..., str]


@pytest.fixture
def run(database_urls: DatabaseUrls, tenant: UUID, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a `metering digest` command in the test's installation; what it printed."""
    assert tenant
    monkeypatch.chdir(tmp_path)  # no `.env` of the checkout
    monkeypatch.setenv("DATABASE_URL", database_urls.app)
    monkeypatch.setenv("METERING_TENANT", "acme")
    monkeypatch.setenv("METERING_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(digest_commands.console, "width", 300)

    def run_words(*words: str, exit_code: int = 0) -> str:
        done = CliRunner().invoke(digest_commands.app, list(words))
        assert done.exit_code == exit_code, done.output
        return done.output

    return run_words


def test_hour_zone_and_weekday_are_set_and_shown(run: Run) -> None:
    assert "08:00 in UTC" in run("settings")
    said = run("settings", "--hour", "7", "--zone", "America/New_York", "--all-quiet", "fri", "--off")
    assert "The daily mail is off." in said
    assert "07:00 in America/New_York" in said
    assert "On Fridays it says so when all is quiet." in said
    assert "passed over" in run("settings", "--all-quiet", "none")
    assert "no weekday" in run("settings", "--all-quiet", "t", exit_code=2)
    assert "no time zone" in run("settings", "--zone", "Mars/Olympus", exit_code=2)


def test_recipients_are_listed_added_and_removed(run: Run) -> None:
    assert "goes to nobody" in run("recipients", "list")
    assert "goes to fay@acme.example (founder)" in run("recipients", "add", "Fay@acme.example", "--role", "founder")
    assert "fay@acme.example" in run("recipients", "list")
    assert "is no role" in run("recipients", "add", "b@acme.example", "--role", "king", exit_code=2)
    assert "off the list" in run("recipients", "remove", "fay@acme.example")
    assert "not on the list" in run("recipients", "remove", "fay@acme.example")
