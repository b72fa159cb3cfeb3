"""`metering alerts`: looked for, listed, shown, answered and taken back at the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from pipelines import alert_commands as module
from pipelines.installation import Installation
from store.database import tenant_transaction
from tests.alert_fixtures import found, stored
from tests.pipelines.alert_company import publish_morning
from tests.pipelines.spiky_company import calm_rows, times


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: Engine, tenant: UUID) -> Installation:
    opened = Installation(tmp_path, engine, "", tenant)

    @contextmanager
    def this() -> Iterator[Installation]:
        yield opened

    monkeypatch.setattr(module, "this_installation", this)
    monkeypatch.setattr(module.console, "width", 300)
    return opened


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(module.app, list(words), catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


def test_a_run_looks_once_and_an_alert_is_answered_by_the_beginning_of_its_id(
    installation: Installation, tmp_path: Path
) -> None:
    assert "Nothing is published yet" in run("run")
    spike = times(10, customer="cus_b", days=range(60, 61), model="gpt-4o")
    publish_morning(tmp_path, installation.tenant_id, calm_rows(61), spike, number=61, version=1)
    assert "found" in run("run")
    assert "0 found" in run("run")
    listed = run("list")
    assert "BBB" in listed
    assert any("because of it:" in line and line.endswith("company") for line in listed.splitlines())
    assert "too few answers" in listed
    row = next(line for line in listed.splitlines() if "cost spike, new" in line)
    alert_id = row.split()[0]
    assert "confirmed" in run("confirm", alert_id)
    assert "with Ada" in run("assign", alert_id, "Ada", "--note", "she knows them")
    assert "snoozed until 2099-01-01 00:00 UTC" in run("snooze", alert_id, "2099-01-01")
    assert "not an issue" in run("not-an-issue", alert_id)
    assert "planned, until 2099-01-01" in run("plan", alert_id, "2099-01-01")
    assert "resolved, expected" in run("expected", alert_id)
    assert "ongoing, with Ada" in run("reopen", alert_id)
    shown = run("show", alert_id)
    assert "To Ada. she knows them" in shown
    assert shown.count("command line (founder)") == 7
    assert "still running" not in shown
    assert "1 confirmed" not in run("list", "--all")


def test_an_id_that_is_none_or_not_one_is_refused_in_a_sentence(installation: Installation, engine: Engine) -> None:
    assert "Nothing unusual is open." in run("list")
    run("show", "no-such-id", code=2)
    with tenant_transaction(engine, installation.tenant_id) as connection:
        for number in range(17):  # of seventeen ids two begin with the same letter
            subject = found().subject
            ended = {"state": "resolved", "resolved_at": "2026-11-25 06:00+00", "resolved_why": f"Quiet {number}."}
            stored(connection, installation.tenant_id, found(subject=subject), **ended)  # type: ignore[arg-type]  # fields
    ids = [line.split()[0] for line in run("list", "--all").splitlines() if "resolved" in line]
    letter = next(one for one in "0123456789abcdef" if sum(id_.startswith(one) for id_ in ids) > 1)
    run("confirm", letter, code=2)
