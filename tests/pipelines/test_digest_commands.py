"""`metering digest` at the terminal."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from billing import digest_settings
from pipelines import digest_commands, worker
from pipelines.schedule import SEND_DIGESTS
from pricing.alert_explanation import ChartDay, RateExplanation, to_document
from store import outgoing_mails
from store.database import DatabaseUrls, tenant_transaction
from store.settings import load_settings
from tests.mail_fixtures import Mailbox
from tests.pipelines.digest_desk import FAY, asked_mails, decided, look, open_alert, put_on_the_list
from tests.pipelines.test_worker import work_off

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


def test_preview_writes_a_file_with_its_pictures_inside_and_sends_nothing(
    run: Run, engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    put_on_the_list(engine, tenant, "fay@acme.example")
    now = datetime.now(UTC)
    day = (now - timedelta(days=1)).date()
    chart = [
        ChartDay(day=day - timedelta(days=back), actual=7, expected=4, lower=3, upper=5, is_found=back == 0)
        for back in (1, 0)
    ]
    why = to_document(RateExplanation(unit="count", days=tuple(chart), sentence="Why it is so."))
    open_alert(engine, tenant, now, first_day=day, last_day=day, unit="count", explanation=why)
    assert "[1 new" in run("preview", "--out", "mail.html")
    html = Path("mail.html").read_text(encoding="utf-8")
    assert html.count('src="data:image/png;base64,') == 1
    assert "cid:" not in html
    assert "Why it is so." in html
    said = run("preview", "--text")
    assert "Why it is so." in said
    assert "/alerts/act/1." in said
    assert asked_mails(engine, tenant) == []
    assert decided(engine, tenant) == []


def test_send_hands_over_todays_mail_once(
    run: Run, engine: Engine, tenant: UUID, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No mail server is set" in run("send", exit_code=2)
    monkeypatch.setenv("SMTP_URL", f"smtp://{mailbox.host}:{mailbox.port}?tls=none")
    monkeypatch.setenv("SMTP_FROM", "Acme <billing@acme.example>")
    assert "goes to nobody" in run("send")
    put_on_the_list(engine, tenant, "fay@acme.example")
    open_alert(engine, tenant, datetime.now(UTC))
    assert "1 asked for" in run("send")
    assert "made already" in run("send")
    assert mailbox.recipients == ["fay@acme.example"]


def test_the_schedules_job_asks_and_the_workers_round_hands_over(
    engine: Engine, database_urls: DatabaseUrls, tenant: UUID, mailbox: Mailbox, tmp_path: Path
) -> None:
    settings = load_settings(
        smtp_url=f"smtp://{mailbox.host}:{mailbox.port}?tls=none", smtp_from="Acme <billing@acme.example>", metering_home=tmp_path
    )  # fmt: skip
    now = datetime.now(UTC)
    put_on_the_list(engine, tenant, "fay@acme.example")
    with tenant_transaction(engine, tenant) as connection:  # the first hour: it has struck whenever this test runs
        digest_settings.change_settings(connection, tenant, principal=FAY, now=now, hour=0)
    look(engine, tenant, now)
    open_alert(engine, tenant, now)
    queue = worker.build_queue(engine, database_urls.app, tmp_path, tenant, None, settings=settings)
    work_off(queue, SEND_DIGESTS.name)
    work_off(queue, SEND_DIGESTS.name)
    with worker.money_rounds(engine, tenant, settings, None) as rounds:
        assert rounds[outgoing_mails.CHANNEL](datetime.now(UTC)) == 1
    assert mailbox.recipients == ["fay@acme.example"]
