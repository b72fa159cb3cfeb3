"""Mails in the hands of those who run an installation: the worker's round and the command line."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from pipelines import mail_commands
from pipelines.worker import money_rounds
from store import outgoing_mails
from store.database import DatabaseUrls
from store.settings import load_settings
from tests.mail_fixtures import Mailbox
from tests.pipelines.test_send_mails import NOW, ask, see


def test_the_worker_attends_to_mails_where_a_server_is_set_and_lets_them_wait_where_not(
    engine: Engine, tenant: UUID, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # no `.env` of the checkout
    asked = ask(engine, tenant)
    with money_rounds(engine, tenant, load_settings(smtp_url="off"), None) as rounds:
        assert outgoing_mails.CHANNEL not in rounds
    there = f"smtp://{mailbox.host}:{mailbox.port}?tls=none"
    settings = load_settings(smtp_url=there, smtp_from="Acme <billing@acme.example>")
    with money_rounds(engine, tenant, settings, None) as rounds:
        assert rounds[outgoing_mails.CHANNEL](NOW) == 1
    assert (see(engine, tenant, asked).state, mailbox.subjects) == ("sent", ["Payment failed"])


def test_the_command_line_shows_sends_again_takes_back_and_stops(
    engine: Engine,
    database_urls: DatabaseUrls,
    tenant: UUID,
    mallory: UUID,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in (("DATABASE_URL", database_urls.app), ("METERING_TENANT", "acme")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(mail_commands.console, "width", 300)
    asked, hers = ask(engine, tenant), ask(engine, mallory)

    def run(*words: str) -> str:
        done = CliRunner().invoke(mail_commands.app, list(words))
        assert done.exit_code == 0, done.output
        return done.output

    assert str(asked.mail_id) in run("list")
    assert str(hers.mail_id) not in run("list")
    assert "No mail" in run("cancel", str(hers.mail_id), "not mine")
    assert "taken back" in run("cancel", str(asked.mail_id), "a mistake")
    assert "No mail" in run("send-again", str(asked.mail_id))
    assert "No more mail to ap@globex.example" in run("stop", "ap@globex.example", "they asked us to")
    assert "stopped already" in run("stop", "ap@globex.example", "again")
    assert "sent again" in run("allow", "ap@globex.example")
