"""`metering report` from locking a month to revoking the link that showed it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from pipelines import report_commands, report_link_commands
from pipelines.installation import Installation
from tests.billing.reported_company import publish_october, rows, used
from tests.store.warehouse_rows import OCTOBER


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: Engine, tenant: UUID) -> Installation:
    opened = Installation(tmp_path, engine, "", tenant)

    @contextmanager
    def this() -> Iterator[Installation]:
        yield opened

    for module in (report_commands, report_link_commands):
        monkeypatch.setattr(module, "this_installation", this)
        monkeypatch.setattr(module.console, "width", 200)
    monkeypatch.setenv("METERING_PUBLIC_URL", "https://metering.acme.example/")
    return opened


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(report_commands.app, list(words), catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


def test_a_month_is_locked_written_compared_shared_and_closed_again(installation: Installation, tmp_path: Path) -> None:
    assert "Nothing is published yet" in run("lock", "2026-10", "--reason", "board", code=2)
    publish_october(tmp_path, installation.tenant_id)
    assert "is not locked" in run("pdf", "2026-10", code=2)
    assert "October 2026 is locked as revision 1" in run("lock", "2026-10", "--reason", "board")
    assert "command line (founder)" in run("list")
    for kind, mark in (("pdf", b"%PDF"), ("xlsx", b"PK")):
        run(kind, "2026-10", "--redaction", "indexed", "--out", str(tmp_path / f"report.{kind}"))
        assert (tmp_path / f"report.{kind}").read_bytes().startswith(mark)
    assert "changed since: none" in run("diff", "2026-10")
    late = rows()
    late["usage_cube"].append(used(OCTOBER, "cus_new", 5_00, model="gpt-4o-mini"))
    publish_october(tmp_path, installation.tenant_id, late, version=2)
    said = run("diff", "2026-10")
    # 58.4 % of 1,600.00; with $5.00 of late usage 58.1 %.
    assert "gross margin 58.4 \u2192 58.1%: late usage (+$5.00 cost)" in said
    assert "openai/gpt-4o-mini +$5.00" in said
    shared = run("share", "2026-10", "--for", "Angel Fund", "--days", "7", "--redaction", "percentages")
    assert re.search(r"Address   https://metering\.acme\.example/shared/[\w-]{43}\n", shared)
    assert re.search(r"Password  ([a-z2-9]{5}-){3}[a-z2-9]{5}\n", shared)
    listed = run("links")
    link_id = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", listed)
    assert link_id
    assert "Nobody has used" in run("views", link_id[0])
    assert "shows nothing any more" in run("revoke", link_id[0])
    assert "revoked" in run("links")
