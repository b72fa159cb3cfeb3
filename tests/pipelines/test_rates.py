"""`metering rates add`: a rate by hand is recorded once, audited, and refused where it is none."""

from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from rich.console import Console
from sqlalchemy import Engine, select

from pipelines import commands
from pricing.fx import parse_rate
from pricing.money import MoneyError
from store import fx_rates
from store.database import DatabaseUrls, tenant_transaction
from store.schema import audit_log

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


@pytest.fixture
def installed(tmp_path: Path, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of an installation on this test's database, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("METERING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("METERING_TENANT", "acme")
    monkeypatch.setenv("DATABASE_URL", database_urls.app)
    monkeypatch.setenv("DATABASE_OWNER_URL", database_urls.owner)


@pytest.mark.usefixtures("installed")
def test_a_rate_is_recorded_once_with_its_audit_line_and_only_for_its_tenant(
    engine: Engine, tenant: UUID, mallory: UUID
) -> None:
    console = Console(record=True, width=200)
    for rate in ("1.0801", "1.2"):
        commands.add_rate(console, "EUR", "usd", date(2026, 11, 3), rate, now=lambda: NOW)
    with tenant_transaction(engine, tenant) as connection:
        (kept,) = fx_rates.read(connection)
        lines = connection.execute(select(audit_log.c.action, audit_log.c.subject)).all()
    with tenant_transaction(engine, mallory) as connection:
        assert fx_rates.read(connection) == []
    assert (kept.base, kept.quote, kept.rate_nano) == ("eur", "usd", 1_080_100_000)
    assert [tuple(line) for line in lines] == [("fx_rate:record", "eur/usd")]
    assert "is known for 2026-11-03 already; it stays" in console.export_text()


@pytest.mark.parametrize(
    ("rate", "base", "sentence"),
    [
        ("one", "eur", "not 'one'"),
        ("-1", "eur", "more than zero"),
        ("1.1", "euro", "three lower-case"),
        ("1", "usd", "always worth one"),
    ],
)
def test_what_is_no_rate_is_refused_with_its_value(rate: str, base: str, sentence: str) -> None:
    with pytest.raises(MoneyError, match=sentence):
        parse_rate(rate, base, "usd")
