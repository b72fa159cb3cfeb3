"""The daily mail goes out once per tenant, day and recipient: whoever asks, however often, and wherever a worker dies."""

import multiprocessing
import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from billing import digest_settings, mails
from pipelines.send_mails import LEASE
from store.database import DatabaseUrls, open_engine, tenant_transaction
from store.failpoints import armed
from tests.billing.told_digest import NOW
from tests.mail_fixtures import Mailbox
from tests.pipelines.digest_desk import (
    ADDRESSES,
    FAY,
    MIDNIGHT,
    ask,
    asked_mails,
    decided,
    look,
    open_alert,
    put_on_the_list,
    ready,
    send,
)  # fmt: skip

DAY = timedelta(days=1)
# Where a worker may die on its way from the hour to the mailbox, and how many of the two mails have then arrived in the end:
# between the line that ends a mail and the record of the answer nobody knows, and the mail of which that is so is not sent again.
PLACES = {
    "digest made": 2,
    "digest day written": 2,
    "digest mail asked": 2,
    "digest committed": 2,
    "claimed": 2,
    "sending committed": 1,
    "answer received": 2,
    "result written": 2,
    "result committed": 2,
}


def test_each_recipient_gets_one_mail_a_day_with_the_way_to_leave_the_list(
    engine: Engine, tenant: UUID, mallory: UUID, mailbox: Mailbox
) -> None:
    alert_id = ready(engine, tenant)
    put_on_the_list(engine, mallory)
    look(engine, mallory, MIDNIGHT + timedelta(hours=1))
    assert ask(engine, tenant, MIDNIGHT + timedelta(hours=7, minutes=59)) is None  # 08:00 is the usual hour
    assert ask(engine, tenant) == 2
    assert ask(engine, tenant, NOW + timedelta(hours=1)) is None
    assert ask(engine, mallory) == 2  # it is Monday: all is quiet there
    send(engine, tenant, mailbox)

    assert sorted(mailbox.recipients) == sorted(ADDRESSES)
    fay, sam = sorted(mailbox.arrived, key=lambda mail: str(mail["To"]))
    assert fay["Subject"] == "[1 new] AI cost +$3,012 vs expected yesterday"
    assert (fay["List-Unsubscribe-Post"], fay["List-Id"]) == (
        "List-Unsubscribe=One-Click",
        "<daily.metering.acme.example>",
    )
    assert str(fay["List-Unsubscribe"]).startswith("<https://metering.acme.example/alerts/unsubscribe/1.")
    assert fay["Message-ID"] != sam["Message-ID"]
    assert [part.get_content_type() for part in fay.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    text = fay.get_body(("plain",))
    assert text is not None
    assert f"https://metering.acme.example/spikes?alert={alert_id}" in text.get_content()
    # A viewer may read and answers nothing.
    texts = [body.get_content() for mail in (fay, sam) if (body := mail.get_body(("plain",))) is not None]
    assert ["/alerts/act/" in text for text in texts] == [True, False]
    (day,) = decided(engine, tenant)
    assert (day.outcome, day.new, day.recipients, day.is_late) == ("asked", 1, 2, False)


def test_twenty_workers_at_once_send_one(engine: Engine, tenant: UUID, mailbox: Mailbox) -> None:
    ready(engine, tenant)
    with ThreadPoolExecutor(20) as pool:
        asked = [number for number in pool.map(lambda _: ask(engine, tenant), range(20)) if number is not None]
        list(pool.map(lambda _: send(engine, tenant, mailbox), range(20)))
    assert asked == [2]
    assert Counter(mailbox.recipients) == dict.fromkeys(ADDRESSES, 1)


def work(place: str, app_url: str, tenant: UUID, box: Mailbox, now: datetime) -> None:
    """A worker's process that ends by SIGKILL at the place."""

    def hook(reached: str) -> None:
        if reached == place:
            os.kill(os.getpid(), signal.SIGKILL)

    engine = open_engine(app_url)
    with armed(hook):
        ask(engine, tenant, now)
        send(engine, tenant, box, now)


def test_a_worker_killed_anywhere_leads_to_no_second_mail_and_one_is_missing_only_where_it_is_in_doubt(
    engine: Engine, database_urls: DatabaseUrls, tenant: UUID, mailbox: Mailbox
) -> None:
    put_on_the_list(engine, tenant)
    for number, (place, arrived) in enumerate(PLACES.items()):
        start = NOW + number * DAY
        look(engine, tenant, start, version=number + 1)
        open_alert(engine, tenant, start, alert_id=UUID(int=number + 1), subject_key=place)
        process = multiprocessing.get_context("fork").Process(
            target=work, args=(place, database_urls.app, tenant, mailbox, start)
        )
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        for minutes in range(0, 30, 5):  # the schedule goes on
            now = start + LEASE + timedelta(minutes=minutes)
            ask(engine, tenant, now)
            send(engine, tenant, mailbox, now)
        assert max(Counter(mailbox.recipients).values()) == 1, place
        assert len(mailbox.arrived) == arrived, place
        states = Counter(mail.state for mail in asked_mails(engine, tenant)[-2:])
        is_doubted = place in {"sending committed", "answer received", "result written"}
        assert states == ({"sent": 1, "unknown": 1} if is_doubted else {"sent": 2}), place
        mailbox.arrived.clear()
        mailbox.recipients.clear()


def test_a_day_in_doubt_for_all_is_told_again_the_next_day_and_one_that_arrived_is_not(
    engine: Engine, tenant: UUID, mailbox: Mailbox
) -> None:
    ready(engine, tenant)
    mailbox.next_data = ["hang up", "hang up"]
    ask(engine, tenant)
    send(engine, tenant, mailbox)
    for days in (1, 2):
        look(engine, tenant, MIDNIGHT + timedelta(days=days, hours=1), version=1 + days)
        ask(engine, tenant, NOW + timedelta(days=days))
        send(engine, tenant, mailbox, NOW + timedelta(days=days))
    # Tuesday tells what Monday may have told; on Wednesday nothing is new, and it is not the day of the note.
    assert [(day.outcome, day.new, day.ongoing) for day in decided(engine, tenant)] == [
        ("asked", 1, 0), ("asked", 1, 0), ("passed_over", 0, 1)
    ]  # fmt: skip


def test_a_quiet_day_is_passed_over_but_for_the_weekday_of_the_note(
    engine: Engine, tenant: UUID, mailbox: Mailbox
) -> None:
    put_on_the_list(engine, tenant, "fay@acme.example")
    for days in range(8):
        look(engine, tenant, MIDNIGHT + timedelta(days=days, hours=1), version=1 + days)
        ask(engine, tenant, NOW + timedelta(days=days))
        send(engine, tenant, mailbox, NOW + timedelta(days=days))
    assert [str(day.day) for day in decided(engine, tenant) if day.outcome == "asked"] == ["2026-11-30", "2026-12-07"]
    assert mailbox.subjects == ["All quiet", "All quiet"]


def test_it_waits_for_late_data_for_two_hours_and_then_says_that_they_are_late(
    engine: Engine, tenant: UUID, mailbox: Mailbox
) -> None:
    put_on_the_list(engine, tenant, "fay@acme.example")
    look(engine, tenant, MIDNIGHT - timedelta(hours=1))  # before the 29th was over
    due = MIDNIGHT + timedelta(hours=8)
    assert ask(engine, tenant, due) is None
    look(engine, tenant, due, version=2, late={"openai": ["2026-11-29"]})
    assert ask(engine, tenant, due + timedelta(minutes=119)) is None
    assert ask(engine, tenant, due + timedelta(minutes=120)) == 1
    send(engine, tenant, mailbox, due + timedelta(minutes=121))
    (mail,) = mailbox.arrived
    assert mail["Subject"] == "[data late] AI cost yesterday not known yet"
    body = mail.get_body(("plain",))
    assert body is not None
    assert "openai: no data yet for Sun 29 Nov." in body.get_content()
    assert "Missing data is never counted as a drop in cost." in body.get_content()


def test_data_that_come_while_it_waits_let_it_go(engine: Engine, tenant: UUID) -> None:
    put_on_the_list(engine, tenant)
    open_alert(engine, tenant)
    assert ask(engine, tenant) is None  # nobody has looked at anything yet
    look(engine, tenant, NOW + timedelta(minutes=20))
    assert ask(engine, tenant, NOW + timedelta(minutes=25)) == 2


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_day_on_which_the_clocks_are_moved_has_one_mail(
    engine: Engine, tenant: UUID, mailbox: Mailbox, day: str, hours: int
) -> None:
    put_on_the_list(engine, tenant, "fay@acme.example")
    # 02:00 is skipped on the one day and comes twice on the other.
    with tenant_transaction(engine, tenant) as connection:
        digest_settings.change_settings(connection, tenant, principal=FAY, now=NOW, hour=2, time_zone="Europe/Zurich")
    begins = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Europe/Zurich")).astimezone(UTC)
    look(engine, tenant, begins + timedelta(hours=3), late={"openai": [str(begins.date())]})
    for hour in range(hours):
        ask(engine, tenant, begins + timedelta(hours=hour))
        send(engine, tenant, mailbox, begins + timedelta(hours=hour))
    assert [str(each.day) for each in decided(engine, tenant)] == [day]
    assert mailbox.recipients == ["fay@acme.example"]


def test_an_outage_of_some_hours_sends_late_and_one_of_days_sends_the_running_day_alone(
    engine: Engine, tenant: UUID, mailbox: Mailbox
) -> None:
    ready(engine, tenant)
    ask(engine, tenant, MIDNIGHT + timedelta(hours=23, minutes=55))  # the worker came back just in time
    assert [str(day.day) for day in decided(engine, tenant)] == ["2026-11-30"]
    # The mail server was away until after midnight: its day is over, and the next mail tells its news.
    send(engine, tenant, mailbox, MIDNIGHT + DAY)
    assert [mail.state for mail in asked_mails(engine, tenant)] == ["canceled", "canceled"]
    later = NOW + timedelta(days=4)
    look(engine, tenant, later, version=2)
    assert ask(engine, tenant, later) == 2
    send(engine, tenant, mailbox, later)
    days = decided(engine, tenant)
    assert [str(day.day) for day in days] == ["2026-11-30", "2026-12-04"]
    assert (days[-1].new, len(mailbox.arrived)) == (1, 2)


def test_who_leaves_the_list_or_is_stopped_gets_nothing_and_costs_nobody_theirs(
    engine: Engine, tenant: UUID, mailbox: Mailbox
) -> None:
    ready(engine, tenant)
    put_on_the_list(engine, tenant, "gone@acme.example", "stopped@acme.example")
    with tenant_transaction(engine, tenant) as connection:
        mails.stop(connection, tenant, "stopped@acme.example", reason="it bounced", principal=FAY, now=NOW)
    assert ask(engine, tenant) == 3
    with tenant_transaction(engine, tenant) as connection:
        assert digest_settings.unsubscribe(connection, "gone@acme.example", now=NOW)
    send(engine, tenant, mailbox)
    assert sorted(mailbox.recipients) == sorted(ADDRESSES)
    canceled = [mail for mail in asked_mails(engine, tenant) if mail.state == "canceled"]
    assert [(mail.recipient, mail.last_trouble) for mail in canceled] == [
        ("gone@acme.example", "The recipient has left the list of the daily mail.")
    ]


def test_nobody_on_the_list_or_switched_off_decides_nothing(engine: Engine, tenant: UUID) -> None:
    look(engine, tenant, NOW)
    assert ask(engine, tenant) is None
    put_on_the_list(engine, tenant)
    with tenant_transaction(engine, tenant) as connection:
        digest_settings.change_settings(connection, tenant, principal=FAY, now=NOW, is_on=False)
    assert ask(engine, tenant) is None
    assert decided(engine, tenant) == []


def test_a_mail_once_asked_for_does_not_change(engine: Engine, tenant: UUID, mailbox: Mailbox) -> None:
    ready(engine, tenant)
    ask(engine, tenant)
    asked = asked_mails(engine, tenant)
    open_alert(engine, tenant, alert_id=UUID(int=9), subject_key="another", name="another")
    look(engine, tenant, datetime(2026, 11, 30, 9, tzinfo=UTC), version=2)
    assert ask(engine, tenant, NOW + timedelta(hours=2)) is None
    assert [mail.text_body for mail in asked_mails(engine, tenant)] == [mail.text_body for mail in asked]
    send(engine, tenant, mailbox)
    assert [mail["Subject"] for mail in mailbox.arrived] == [asked[0].subject] * 2
