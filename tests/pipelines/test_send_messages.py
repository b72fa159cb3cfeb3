"""A message from occasion to webhook: at least once under one id, signed, retried with patience, and never into one's own network."""

import base64
import hashlib
import hmac
import json
import multiprocessing
import os
import signal
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import structlog
from sqlalchemy import Engine

from billing import mails
from billing.mails import MailNotAllowed
from pipelines.running import CHANNEL_SETTINGS, demo_channels
from pipelines.send_mails import LEASE, send_due
from pipelines.send_messages import message_round
from store import audit, message_channels, outgoing_mails
from store.database import DatabaseUrls, open_engine, tenant_transaction
from store.failpoints import armed
from store.settings import load_settings
from tests.mail_fixtures import Mailbox
from tests.pipelines.message_desk import LEA, NOW, SECRET, WHSEC, ask, gateway, see, send
from tests.pipelines.test_send_mails import ask as ask_mail
from tests.pipelines.test_send_mails import send as send_mails
from tests.webhook_fixtures import Receiver

# Where the worker may die, and how often the message has then come once the next worker has done its part.
PLACES = {
    "claimed": 1,
    "sending committed": 1,
    "answer received": 2,
    "result written": 2,
    "result committed": 1,
}


def test_a_message_is_signed_sent_once_and_recorded(
    engine: Engine, tenant: UUID, mallory: UUID, receiver: Receiver
) -> None:
    asked = ask(engine, tenant)
    assert send(engine, mallory, receiver) == 0
    assert send(engine, tenant, receiver) == 1
    assert send(engine, tenant, receiver, NOW + timedelta(days=9)) == 0

    (taken,) = receiver.taken
    assert (taken.path, taken.headers["host"]) == ("/alerts", f"127.0.0.1:{receiver.port}")
    seconds = str(int(NOW.timestamp()))
    signed = f"{asked.mail_id}.{seconds}.".encode() + taken.body
    signature = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    assert taken.headers["webhook-id"] == str(asked.mail_id)
    assert taken.headers["webhook-timestamp"] == seconds
    assert taken.headers["webhook-signature"] == f"v1,{signature}"
    assert json.loads(taken.body) == {
        "type": "channel.test",
        "timestamp": "2026-03-01T12:00:00.000000Z",
        "data": {"sentence": "This is a.", "url": "https://metering.acme.example/spikes"},
    }
    assert (see(engine, tenant, asked).state, see(engine, tenant, asked).sent_at) == ("sent", NOW)
    with tenant_transaction(engine, mallory) as connection:
        assert outgoing_mails.newest(connection) == []


def test_mails_and_messages_share_the_outbox_and_each_sender_takes_its_own(
    engine: Engine, tenant: UUID, receiver: Receiver, mailbox: Mailbox
) -> None:
    ask(engine, tenant)
    ask_mail(engine, tenant)
    assert (send_mails(engine, tenant, mailbox), len(mailbox.arrived), receiver.taken) == (1, 1, [])
    assert (send(engine, tenant, receiver), len(mailbox.arrived), len(receiver.taken)) == (1, 1, 1)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (500, "127.0.0.1 answered 500."),
        (429, "127.0.0.1 answered 429."),
        (404, "127.0.0.1 answered 404."),
        ("hang up", "127.0.0.1 cannot be reached (RemoteProtocolError)."),
        ("stall", "127.0.0.1 had not answered after 1 s."),
        ("drip", "127.0.0.1 had not answered after 1 s."),
    ],
)
def test_what_may_pass_is_tried_again_five_seconds_later_under_the_same_id_with_the_same_body(
    engine: Engine, tenant: UUID, receiver: Receiver, answer: int | str, said: str
) -> None:
    asked = ask(engine, tenant)
    receiver.next_answers = [answer]
    send(engine, tenant, receiver)
    waiting = see(engine, tenant, asked)
    assert (waiting.state, waiting.last_trouble) == ("waiting", said)
    assert send(engine, tenant, receiver, NOW + timedelta(seconds=4)) == 0
    assert send(engine, tenant, receiver, NOW + timedelta(seconds=5)) == 1
    first, second = receiver.taken
    assert (see(engine, tenant, asked).state, first.body) == ("sent", second.body)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 5


@pytest.mark.parametrize(
    ("asked_for", "seconds"),
    [
        ("90", 90),
        ("1", 5),  # never sooner than the schedule has it
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120),
        ("99999999999", 86_400),  # nor later than a day
        ("soon", 5),
    ],
)
def test_the_patience_that_is_asked_for_is_kept(
    engine: Engine, tenant: UUID, receiver: Receiver, asked_for: str, seconds: int
) -> None:
    asked = ask(engine, tenant)
    receiver.next_answers = [(429, {"retry-after": asked_for}, b"")]
    send(engine, tenant, receiver)
    assert see(engine, tenant, asked).next_attempt_at - NOW == timedelta(seconds=seconds)


def test_a_receiver_that_is_down_is_asked_eight_times_within_28_hours_and_then_a_person(
    engine: Engine, tenant: UUID, receiver: Receiver
) -> None:
    asked, now = ask(engine, tenant), NOW
    receiver.next_answers = [503] * 8
    while see(engine, tenant, asked).state == "waiting":
        now = see(engine, tenant, asked).next_attempt_at
        send(engine, tenant, receiver, now)
    assert (receiver.times(asked.mail_id), now - NOW) == (
        8, timedelta(seconds=5, minutes=5 + 30, hours=2 + 5 + 10 + 10)
    )  # fmt: skip
    given_up = see(engine, tenant, asked)
    assert (given_up.state, given_up.last_trouble) == ("refused", "Given up after 8 tries: 127.0.0.1 answered 503.")
    with tenant_transaction(engine, tenant) as connection:
        assert mails.send_again(connection, asked.mail_id, principal=LEA, now=now)
    send(engine, tenant, receiver, now)
    assert (see(engine, tenant, asked).state, receiver.times(asked.mail_id)) == ("sent", 9)


def test_gone_ends_the_channel_until_a_person_turns_it_on_again(
    engine: Engine, tenant: UUID, mallory: UUID, receiver: Receiver
) -> None:
    first, second = ask(engine, tenant, "a"), ask(engine, tenant, "b")
    receiver.next_answers = [410]
    send(engine, tenant, receiver)
    assert [see(engine, tenant, each).state for each in (first, second)] == ["refused", "canceled"]
    assert len(receiver.taken) == 1
    with pytest.raises(MailNotAllowed, match=r"Nothing is sent to ops: 127\.0\.0\.1 answered 410"):
        ask(engine, tenant, "c")
    ask(engine, tenant, "d", channel="slack")  # the other one goes on
    ask(engine, mallory)  # and so does another tenant's
    with tenant_transaction(engine, tenant) as connection:
        assert mails.allow(connection, "webhook:ops", principal=LEA, now=NOW)
    ask(engine, tenant, "c")


def test_a_redirect_is_not_followed(engine: Engine, tenant: UUID, receiver: Receiver) -> None:
    asked = ask(engine, tenant)
    receiver.next_answers = [(302, {"location": f"{receiver.url}/elsewhere"}, b"")]
    send(engine, tenant, receiver)
    assert [taken.path for taken in receiver.taken] == ["/alerts"]
    assert "302 (a redirect, which is not followed" in str(see(engine, tenant, asked).last_trouble)


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        ((404, {}, b"no_service"), "refused", "127.0.0.1 answered 404 no_service: it takes no more messages."),
        ((400, {}, b"invalid_payload"), "refused", "127.0.0.1 answered 400 invalid_payload."),
        ((429, {}, b"rate_limited"), "waiting", "127.0.0.1 answered 429 rate_limited."),
        ((500, {}, b"<b>hunter2</b>"), "waiting", "127.0.0.1 answered 500."),
    ],
)
def test_slacks_own_words_are_kept_and_nothing_else_that_is_answered(
    engine: Engine, tenant: UUID, receiver: Receiver, answer: tuple[int, dict[str, str], bytes], state: str, said: str
) -> None:
    asked = ask(engine, tenant, channel="slack")
    receiver.next_answers = [answer]
    send(engine, tenant, receiver)
    assert (see(engine, tenant, asked).state, see(engine, tenant, asked).last_trouble) == (state, said)
    assert "webhook-signature" not in receiver.taken[0].headers


def test_an_answer_without_end_is_read_no_further_than_its_beginning(
    engine: Engine, tenant: UUID, receiver: Receiver
) -> None:
    asked = ask(engine, tenant)
    receiver.next_answers = [(200, {}, b"." * 2_000_000)]
    send(engine, tenant, receiver)
    assert see(engine, tenant, asked).state == "sent"


def test_one_is_not_led_into_ones_own_network(engine: Engine, tenant: UUID, receiver: Receiver) -> None:
    asked = ask(engine, tenant)
    send_due(engine, tenant, gateway(receiver, may_be_private=False), now=NOW, channels=("webhook",))
    refused = see(engine, tenant, asked)
    assert (refused.state, receiver.taken) == ("refused", [])
    assert "127.0.0.1 stands for an address inside a private network" in str(refused.last_trouble)


def die_at(place: str, app_url: str, tenant: UUID, receiver: Receiver, now_seconds: float) -> None:
    """A worker's process that ends by SIGKILL at the place."""

    def hook(reached: str) -> None:
        if reached == place:
            os.kill(os.getpid(), signal.SIGKILL)

    with armed(hook):
        send(open_engine(app_url), tenant, receiver, NOW + timedelta(seconds=now_seconds))


def test_a_worker_killed_anywhere_loses_no_message_and_repeats_it_only_under_its_id(
    engine: Engine, database_urls: DatabaseUrls, tenant: UUID, receiver: Receiver
) -> None:
    for day, (place, times) in enumerate(PLACES.items()):
        now = NOW + timedelta(days=day)
        asked = ask(engine, tenant, place)
        process = multiprocessing.get_context("fork").Process(
            target=die_at, args=(place, database_urls.app, tenant, receiver, (now - NOW).total_seconds())
        )
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        send(engine, tenant, receiver, now + LEASE - timedelta(seconds=1))
        assert receiver.times(asked.mail_id) == (1 if times == 2 or place == "result committed" else 0)
        send(engine, tenant, receiver, now + LEASE)
        assert (see(engine, tenant, asked).state, receiver.times(asked.mail_id)) == ("sent", times), place


def test_no_secret_is_in_a_row_a_log_or_the_audit_log(engine: Engine, tenant: UUID, receiver: Receiver) -> None:
    with structlog.testing.capture_logs() as logs:
        for channel in ("slack", "webhook"):
            for number, answer in enumerate([500, "hang up", (404, {}, b"no_service hunter2"), 200]):
                asked = ask(engine, tenant, f"{channel} {number}", channel=channel)  # type: ignore[arg-type]  # one of the two
                receiver.next_answers = [answer]  # type: ignore[list-item]  # as above
                send(engine, tenant, receiver, NOW)
                if see(engine, tenant, asked).state == "refused":
                    with tenant_transaction(engine, tenant) as connection:
                        mails.allow(connection, asked.stop_key, principal=LEA, now=NOW)
    with tenant_transaction(engine, tenant) as connection:
        assert audit.verify(connection).intact
        held = [
            str(connection.exec_driver_sql(f"select * from {table}").all())
            for table in ("outgoing_mails", "mail_stops", "message_channels", "audit_log")
        ]
    for secret in ("hunter2", "/services/", WHSEC.removeprefix("whsec_"), "v1,"):
        assert secret not in str(logs) + "".join(held), secret


def test_the_worker_writes_down_which_channels_its_settings_name(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path_factory: pytest.TempPathFactory, receiver: Receiver
) -> None:
    named = load_settings(
        metering_home=tmp_path_factory.mktemp("home"),
        metering_slack_webhook_url="https://hooks.slack.com/services/T0/B0/hunter2",
        metering_alert_webhooks=f"ops={receiver.url},{WHSEC}",
        metering_private_webhooks=True,
    )
    attend = message_round(engine, tenant, named)
    assert attend is not None
    ask(engine, tenant)
    assert (attend(NOW), len(receiver.taken)) == (1, 1)
    with tenant_transaction(engine, tenant) as connection:
        known = message_channels.configured(connection)
        assert [(each.kind, each.name, each.host) for each in known] == [
            ("slack", "slack", "hooks.slack.com"), ("webhook", "ops", "127.0.0.1")
        ]  # fmt: skip
    with tenant_transaction(engine, mallory) as connection:
        assert message_channels.configured(connection) == []
    off = load_settings(metering_slack_webhook_url="off", metering_alert_webhooks="off")
    assert message_round(engine, tenant, off) is None
    with tenant_transaction(engine, tenant) as connection:
        assert message_channels.configured(connection) == []


def test_the_demo_calls_only_the_channels_that_are_named_beside_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A `.env` in the folder may name a real company's Slack, which shall not hear of the demo company's alerts."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(
        "METERING_SLACK_WEBHOOK_URL=https://hooks.slack.com/services/real\n", encoding="utf-8"
    )
    for name in CHANNEL_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    assert demo_channels() == dict.fromkeys(CHANNEL_SETTINGS, "off")
    monkeypatch.setenv("METERING_ALERT_WEBHOOKS", f"ops=https://ops.example,{WHSEC}")
    named = load_settings(**{name.lower(): value for name, value in demo_channels().items()})
    assert [channel.name for channel in named.channels] == ["ops"]
