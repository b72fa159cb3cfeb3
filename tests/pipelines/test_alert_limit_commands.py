"""`metering alert-limits`: set in words, audited, heeded by the next look at the numbers, and nobody else's business."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, select
from typer.testing import CliRunner

from billing.alert_limits import LimitNotAllowed, clear_limit, set_limit
from billing.principals import Principal
from pipelines import alert_limit_commands
from pipelines.cli import app
from pipelines.watch import watch
from pricing.watch_limits import LimitRefused
from store import alert_limits
from store.database import DatabaseUrls, tenant_transaction
from store.schema import audit_log
from tests.pipelines.watched_company import NOW, customer, month_paid, published, steady_usage

FOUNDER, SUPPORT = Principal("fay", "founder"), Principal("sam", "support")


@pytest.fixture
def installed(tmp_path: Path, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings of an installation on this test's database; its folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(alert_limit_commands.console, "width", 300)
    monkeypatch.setenv("METERING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("METERING_TENANT", "acme")
    monkeypatch.setenv("DATABASE_URL", database_urls.app)
    monkeypatch.setenv("DATABASE_OWNER_URL", database_urls.owner)
    return tmp_path / "home"


def metering(*words: str, exit_code: int = 0) -> str:
    done = CliRunner().invoke(app, ["alert-limits", *words])
    assert done.exit_code == exit_code, done.output
    return " ".join(done.output.split())


def test_a_limit_is_set_listed_and_cleared(engine: Engine, tenant: UUID, mallory: UUID, installed: Path) -> None:
    assert metering("set", "margin_floor", "35%", "--for", "company").startswith(
        "margin_floor for company: 35% (the gross"
    )
    metering("set", "past_due_burn", "2.50", "--for", "cus_1")
    listed = metering("list")
    assert "past_due_burn \u2502 customer|customer_id=cus_1 \u2502 2.50 USD" in listed
    assert "stale_source \u2502 everything \u2502 3x" in listed
    with tenant_transaction(engine, tenant) as connection:
        assert [(each.detector, each.limit, each.unit) for each in alert_limits.read(connection)] == [
            ("margin_floor", 350_000, "ppm"),
            ("past_due_burn", 2_50, "minor"),
        ]
        lines = connection.execute(select(audit_log.c.action, audit_log.c.subject, audit_log.c.after)).all()
        assert tuple(lines[0]) == ("alert_limit:set", "alert_limit:margin_floor:company", {"limit_ppm": 350_000})
    with tenant_transaction(engine, mallory) as connection:
        assert alert_limits.read(connection) == []
    assert metering("clear", "margin_floor", "--for", "company") == "margin_floor for company is back at its default."
    assert (
        metering("clear", "margin_floor", "--for", "company", exit_code=1)
        == "No limit of margin_floor was set for company."
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set", "margins", "3%"), "No detector 'margins' has a limit"),
        (("set", "margin_floor", "35"), "written as 40% or 3x, not '35'"),
        (("set", "past_due_burn", "5%"), "written as 25 (in USD), not '5%'"),
        (("set", "margin_floor", "120%"), "120% is no limit for margin_floor"),
        (("set", "margin_floor", "0%"), "0% is no limit for margin_floor"),
        (("set", "past_due_burn", "0.001"), "more places than are counted"),
        (("set", "margin_floor", "nan%"), "not 'nan%'"),
        (("set", "margin_floor", "9%", "--for", "everyone"), "'everyone' is no subject"),
    ],
)  # fmt: skip
def test_what_cannot_be_set_is_refused_in_a_sentence(
    engine: Engine, tenant: UUID, installed: Path, words: tuple[str, ...], said: str
) -> None:
    assert said in metering(*words, exit_code=2)
    with tenant_transaction(engine, tenant) as connection:
        assert alert_limits.read(connection) == []


def test_the_next_look_heeds_it_and_support_may_not_set_one(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """Brook's margin is 10 %: below the 20 % that are the default, above a floor of 5 % that is theirs."""
    objects = [customer("cus_brook", "Brook"), month_paid("cus_brook", 10, 310_00), month_paid("cus_brook", 11, 300_00)]
    view = published(engine, tmp_path, tenant, objects, steady_usage("cus_brook"))

    def lows() -> list[str]:
        return [found.subject.scope for found in watch(engine, tmp_path, tenant, view, now=NOW)]

    assert lows() == ["company", "customer"]
    with tenant_transaction(engine, tenant) as connection:
        with pytest.raises(LimitNotAllowed, match="A support may look"):
            set_limit(connection, "margin_floor", "", 50_000, principal=SUPPORT, now=NOW)
        with pytest.raises(LimitRefused, match="from 1 to 1,000,000"):
            set_limit(connection, "margin_floor", "", 2_000_000, principal=FOUNDER, now=NOW)
        set_limit(connection, "margin_floor", "customer|customer_id=cus_brook", 50_000, principal=FOUNDER, now=NOW)
    assert lows() == ["company"]
    with tenant_transaction(engine, tenant) as connection:
        set_limit(connection, "margin_floor", "", 50_000, principal=FOUNDER, now=NOW)
        clear_limit(connection, "margin_floor", "customer|customer_id=cus_brook", principal=FOUNDER, now=NOW)
    assert lows() == []
