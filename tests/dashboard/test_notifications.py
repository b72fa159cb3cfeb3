"""The page Notifications on a real database: what is there, what is missing and how to get it, and what each button does."""

import base64
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import Engine
from streamlit.testing.v1 import AppTest

from billing import mails
from billing.principals import SYSTEM
from store import digests, message_channels, outgoing_mails
from store.channel_settings import Channel
from store.database import DatabaseUrls, tenant_transaction
from store.outgoing_mails import OutgoingMail

SLACK = Channel("slack", "slack", "https://hooks.slack.com/services/hunter2")
OPS = Channel("webhook", "ops", "https://ops.acme.example/hunter2", (base64.b64decode("b3Bz" * 10),))


def page() -> None:
    """The page without the navigation around it."""
    from dashboard import notifications

    notifications.draw()


@pytest.fixture
def app(
    monkeypatch: pytest.MonkeyPatch, database_urls: DatabaseUrls, tenant: UUID, mallory: UUID, engine: Engine
) -> AppTest:
    """The tenant's page, run by a lead; the outsider has everything that the tenant has not."""
    monkeypatch.setenv("DATABASE_URL", database_urls.app)
    monkeypatch.setenv("METERING_TENANT", "acme")
    with tenant_transaction(engine, mallory) as connection:
        now = datetime.now(UTC)
        message_channels.keep(connection, mallory, [SLACK], now=now)
        digests.save_recipient(connection, mallory, "mallory@m.example", name="M", role="founder", by="m", now=now)
    started = AppTest.from_function(page, default_timeout=60).run()
    started.sidebar.text_input[0].set_value("lea").run()
    started.sidebar.selectbox[0].select("lead").run()
    return started


def words(app: AppTest) -> str:
    assert [problem.message for problem in app.exception] == []
    return "\n".join(
        element.value for element in (*app.markdown, *app.caption, *app.success, *app.error, *app.code)
    ).replace("\\", "")


def last(engine: Engine, tenant: UUID) -> OutgoingMail:
    with tenant_transaction(engine, tenant) as connection:
        return outgoing_mails.newest(connection)[0]


def test_an_empty_page_says_what_is_missing_and_how_to_get_it(app: AppTest) -> None:
    said = words(app)
    assert "Nobody gets the daily email yet" in said
    assert "METERING_SLACK_WEBHOOK_URL=https://hooks.slack.com/services/…" in said
    assert "Nothing was sent yet" in said
    assert "mallory" not in said


def test_who_may_not_change_it_reads_it(app: AppTest) -> None:
    app.sidebar.selectbox[0].select("support").run()
    assert "As support you may read this page" in words(app)
    assert all(button.disabled for button in app.button)


def test_when_the_daily_email_goes_out_is_changed(app: AppTest, engine: Engine, tenant: UUID, mallory: UUID) -> None:
    app.selectbox(key="digest_hour").select(6)
    app.selectbox(key="digest_zone").select("Europe/Zurich")
    app.selectbox(key="digest_quiet").select("No day")
    app.number_input(key="digest_least").set_value(12.5)
    app.button(key="digest_save").click().run()
    assert "The daily email goes out at 06:00 in Europe/Zurich." in words(app)
    with tenant_transaction(engine, tenant) as connection:
        kept = digests.settings(connection)
    assert (kept.hour, kept.time_zone, kept.all_quiet_weekday, kept.least_impact_minor) == (
        6,
        "Europe/Zurich",
        None,
        12_50,
    )
    with tenant_transaction(engine, mallory) as connection:
        assert digests.settings(connection) == digests.DigestSettings()


def test_somebody_is_tried_and_turned_off(app: AppTest, engine: Engine, tenant: UUID) -> None:
    with tenant_transaction(engine, tenant) as connection:
        digests.save_recipient(
            connection, tenant, "f*y@acme.example", name="Fay", role="founder", by="x", now=datetime.now(UTC)
        )
    assert "**Fay** · f*y@acme.example :green-badge[:material/check: gets it]" in words(app.run())
    (test,) = [button for button in app.button if button.label == "Send a test"]
    test.click().run()
    assert (last(engine, tenant).recipient, last(engine, tenant).kind) == ("f*y@acme.example", "channel.test")
    (off,) = [button for button in app.button if button.label == "Turn off"]
    off.click().run()
    assert "gets no daily email from now on" in words(app)
    assert "off since" in words(app)


def test_a_channel_is_tried_turned_off_and_on_and_its_address_is_shown_nowhere(
    app: AppTest, engine: Engine, tenant: UUID
) -> None:
    with tenant_transaction(engine, tenant) as connection:
        message_channels.keep(connection, tenant, [SLACK, OPS], now=datetime.now(UTC))
    said = words(app.run())
    assert "**Webhook ops** :green-badge[:material/check: on]" in said
    app.button(key="test_ops").click().run()
    message = last(engine, tenant)
    assert (message.channel, message.recipient, message.asked_by) == ("webhook", "ops", "lea (lead)")
    assert "Written down; it is sent in a moment." in words(app)
    app.button(key="switch_ops").click().run()
    assert "lea turned it off." in words(app)
    assert app.button(key="test_ops").disabled
    app.button(key="switch_ops").click().run()
    assert not app.button(key="test_ops").disabled
    assert "hunter2" not in words(app)


def test_what_was_refused_is_said_and_sent_again(app: AppTest, engine: Engine, tenant: UUID) -> None:
    now = datetime.now(UTC)
    with tenant_transaction(engine, tenant) as connection:
        message_channels.keep(connection, tenant, [OPS], now=now)
        mail = mails.Mail("test:1", "channel.test", "channel:ops", "ops", "A test", "{}", channel="webhook")
        asked = mails.ask(connection, tenant, mail, principal=SYSTEM, now=now)
        refused = {"state": "refused", "last_trouble": "Given up after 8 tries: ops.acme.example answered 500."}
        outgoing_mails.move(connection, asked.mail_id, from_states=("waiting",), now=now, **refused)
    assert "Not taken: Given up after 8 tries: ops.acme.example answered 500." in words(app.run())
    app.button(key=f"again_{asked.mail_id}").click().run()
    assert (last(engine, tenant).state, "It is sent once more." in words(app)) == ("waiting", True)
