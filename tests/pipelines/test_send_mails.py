"""A mail from occasion to mailbox: at most once, whatever the mail server says and wherever the worker dies."""

import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing import mails
from billing.mails import InlineImage, Mail, MailNotAllowed
from billing.principals import SYSTEM, Principal
from billing.smtp_gateway import SmtpGateway
from pipelines.send_mails import LEASE, send_due
from store import audit, outgoing_mails
from store.database import DatabaseUrls, open_engine, tenant_transaction
from store.failpoints import armed
from store.outgoing_mails import OutgoingMail
from store.settings import MailServer
from tests.mail_fixtures import Encrypted, Mailbox

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SAM = Principal("sam", "support")
MAIL = Mail(
    "invoice:in_1:first", "first_failure", "invoice:in_1", "ap@globex.example", "Payment failed", "Hello\n", "<p>Hello</p>"
)  # fmt: skip
# Where the worker may die, and whether the mail has arrived, and what is known of it once the lease has run out.
PLACES = {
    "claimed": (0, "sent"),
    "sending committed": (0, "unknown"),
    "answer received": (1, "unknown"),
    "result written": (1, "unknown"),
    "result committed": (1, "sent"),
}


def ask(engine: Engine, tenant: UUID, mail: Mail = MAIL) -> OutgoingMail:
    with tenant_transaction(engine, tenant) as connection:
        return mails.ask(connection, tenant, mail, principal=SAM, now=NOW)


def send(engine: Engine, tenant: UUID, box: Mailbox, now: datetime = NOW) -> int:
    return send_due(engine, tenant, SmtpGateway(box.server, timeout_seconds=5), now=now)


def see(engine: Engine, tenant: UUID, mail: OutgoingMail) -> OutgoingMail:
    with tenant_transaction(engine, tenant) as connection:
        found = outgoing_mails.find(connection, mail.mail_id)
    assert found is not None
    return found


def test_a_mail_is_asked_for_handed_over_once_and_recorded(
    engine: Engine, tenant: UUID, mallory: UUID, mailbox: Mailbox
) -> None:
    asked = ask(engine, tenant)
    assert send(engine, mallory, mailbox) == 0
    assert send(engine, tenant, mailbox) == 1
    assert send(engine, tenant, mailbox, NOW + timedelta(days=9)) == 0

    (mail,) = mailbox.arrived
    assert mailbox.recipients == ["ap@globex.example"]
    assert mail["Message-ID"] == f"<{asked.mail_id}@acme.example>"
    assert (mail["Subject"], mail["Auto-Submitted"]) == ("Payment failed", "auto-generated")
    assert [part.get_content().strip() for part in mail.iter_parts()] == ["Hello", "<p>Hello</p>"]
    assert (see(engine, tenant, asked).state, see(engine, tenant, asked).sent_at) == ("sent", NOW)
    with tenant_transaction(engine, mallory) as connection:
        assert outgoing_mails.newest(connection) == []
        assert outgoing_mails.find(connection, asked.mail_id) is None
        assert not mails.cancel(connection, asked.mail_id, why="mine", principal=SAM, now=NOW)


def test_the_audit_log_knows_of_the_mail_and_not_of_the_address(engine: Engine, tenant: UUID, mailbox: Mailbox) -> None:
    mailbox.next_rcpt = ["550 <ap@globex.example> is unknown here"]
    ask(engine, tenant)
    send(engine, tenant, mailbox)
    with tenant_transaction(engine, tenant) as connection:
        assert audit.verify(connection).rows == 2  # asked for, refused
        lines = connection.exec_driver_sql("select action, after::text from audit_log order by seq").all()
    assert [line[0] for line in lines] == ["mail:ask", "mail:refused"]
    assert "globex" not in str(lines)


def test_a_second_ask_for_the_same_occasion_finds_the_first_mail(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    first = ask(engine, tenant)
    second = ask(engine, tenant, replace(MAIL, subject="Something else"))
    assert (second.mail_id, second.subject) == (first.mail_id, "Payment failed")
    assert ask(engine, mallory).mail_id != first.mail_id  # another tenant's occasion is another one


def test_five_hundreds_end_a_mail_with_the_servers_sentence_and_four_hundreds_wait(
    engine: Engine, tenant: UUID, mailbox: Mailbox
) -> None:
    mailbox.next_rcpt = ["550 No such user here", "250 OK", "451 Come back later"]
    mailbox.next_data = ["554 Looks like spam"]
    asked = [ask(engine, tenant, replace(MAIL, key=key)) for key in "abc"]
    assert send(engine, tenant, mailbox) == 3
    states = [(mail.state, mail.last_trouble) for mail in (see(engine, tenant, each) for each in asked)]
    assert states == [
        ("refused", "550 No such user here"), ("refused", "554 Looks like spam"), ("waiting", "451 Come back later")
    ]  # fmt: skip
    assert send(engine, tenant, mailbox, NOW + timedelta(seconds=59)) == 0
    assert send(engine, tenant, mailbox, NOW + timedelta(seconds=60)) == 1
    assert (see(engine, tenant, asked[2]).state, len(mailbox.arrived)) == ("sent", 1)


def test_a_server_that_is_away_is_asked_for_three_days_and_then_a_person(engine: Engine, tenant: UUID) -> None:
    asked, now, tries = ask(engine, tenant), NOW, 0
    nowhere = SmtpGateway(MailServer("127.0.0.1", 9, "none", "billing@acme.example"), timeout_seconds=1)
    while see(engine, tenant, asked).state == "waiting":
        now = see(engine, tenant, asked).next_attempt_at
        tries += send_due(engine, tenant, nowhere, now=now)
    assert (tries, now - NOW) == (10, timedelta(minutes=1 + 5 + 15 + 60 + 180 + 360 + 720 + 1_440 + 1_440))
    refused = see(engine, tenant, asked)
    assert refused.state == "refused"
    assert "Given up after 10 tries: 127.0.0.1:9" in str(refused.last_trouble)


def test_a_connection_that_breaks_after_the_last_line_leaves_a_doubt_that_only_a_person_ends(
    engine: Engine, tenant: UUID, mallory: UUID, mailbox: Mailbox
) -> None:
    mailbox.next_data = ["hang up"]
    asked = ask(engine, tenant)
    send(engine, tenant, mailbox)
    assert see(engine, tenant, asked).state == "unknown"
    assert send(engine, tenant, mailbox, NOW + timedelta(days=30)) == 0
    later = NOW + timedelta(days=31)
    with tenant_transaction(engine, mallory) as connection:
        assert not mails.send_again(connection, asked.mail_id, principal=SAM, now=later)
    with tenant_transaction(engine, tenant) as connection:
        assert mails.send_again(connection, asked.mail_id, principal=SAM, now=later)
        assert not mails.send_again(connection, asked.mail_id, principal=SAM, now=later)
    assert send(engine, tenant, mailbox, later) == 1
    first, second = mailbox.arrived
    assert (see(engine, tenant, asked).state, first["Message-ID"]) == ("sent", second["Message-ID"])


def test_two_senders_at_once_deliver_each_mail_once(engine: Engine, tenant: UUID, mailbox: Mailbox) -> None:
    for number in range(6):
        ask(engine, tenant, replace(MAIL, key=str(number), subject=f"Mail {number}"))
    with ThreadPoolExecutor(3) as pool:
        taken = list(pool.map(lambda _: send(engine, tenant, mailbox), range(3)))
    assert (sum(taken), sorted(mailbox.subjects)) == (6, [f"Mail {number}" for number in range(6)])


def die_at(place: str, app_url: str, tenant: UUID, server: MailServer, now: datetime) -> None:
    """A worker's process that ends by SIGKILL at the place."""

    def hook(reached: str) -> None:
        if reached == place:
            os.kill(os.getpid(), signal.SIGKILL)

    with armed(hook):
        send_due(open_engine(app_url), tenant, SmtpGateway(server), now=now)


def test_a_worker_killed_anywhere_never_leads_to_a_second_mail(
    engine: Engine, database_urls: DatabaseUrls, tenant: UUID, mailbox: Mailbox
) -> None:
    for day, (place, (arrived, state)) in enumerate(PLACES.items()):
        now = NOW + timedelta(days=day)
        asked = ask(engine, tenant, replace(MAIL, key=place, subject=place))
        process = multiprocessing.get_context("fork").Process(
            target=die_at, args=(place, database_urls.app, tenant, mailbox.server, now)
        )
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        assert mailbox.subjects.count(place) == arrived
        assert send(engine, tenant, mailbox, now + LEASE - timedelta(seconds=1)) == 0
        send(engine, tenant, mailbox, now + LEASE)
        assert see(engine, tenant, asked).state == state
        # Where nothing had begun the next worker sends it; where something had, nobody does.
        assert mailbox.subjects.count(place) == (1 if place == "claimed" else arrived)


def test_an_answer_that_is_recorded_after_the_lease_still_counts(
    engine: Engine, tenant: UUID, mailbox: Mailbox
) -> None:
    asked = ask(engine, tenant)

    def overtaken(place: str) -> None:
        if place == "answer received":  # the sender slept; meanwhile its lease ran out
            send(engine, tenant, mailbox, NOW + LEASE)
            assert see(engine, tenant, asked).state == "unknown"

    with armed(overtaken):
        send(engine, tenant, mailbox)
    assert (see(engine, tenant, asked).state, len(mailbox.arrived)) == ("sent", 1)


def test_a_sender_that_lost_its_lease_before_it_began_hands_nothing_over(
    engine: Engine, tenant: UUID, mailbox: Mailbox
) -> None:
    asked = ask(engine, tenant)
    seen: list[str] = []

    def overtaken(place: str) -> None:
        if place == "claimed" and not seen:
            seen.append(place)
            send(engine, tenant, mailbox, NOW + LEASE)

    with armed(overtaken):
        send(engine, tenant, mailbox)
    assert (see(engine, tenant, asked).state, len(mailbox.arrived)) == ("sent", 1)


def test_a_waiting_mail_is_taken_back_and_a_stopped_address_gets_nothing(
    engine: Engine, tenant: UUID, mallory: UUID, mailbox: Mailbox
) -> None:
    first, second = ask(engine, tenant), ask(engine, tenant, replace(MAIL, key="b"))
    with tenant_transaction(engine, tenant) as connection:
        assert mails.cancel(connection, first.mail_id, why="paid meanwhile", principal=SYSTEM, now=NOW)
        assert mails.stop(connection, tenant, "AP@globex.example", reason="they asked us to", principal=SAM, now=NOW)
    send(engine, tenant, mailbox)  # the second was asked for before the stop
    assert mailbox.arrived == []
    assert [see(engine, tenant, each).state for each in (first, second)] == ["canceled", "canceled"]
    with pytest.raises(MailNotAllowed, match="they asked us to"):
        ask(engine, tenant, replace(MAIL, key="c"))
    ask(engine, mallory)  # her mail to the same address is her affair
    with tenant_transaction(engine, tenant) as connection:
        assert mails.allow(connection, "ap@GLOBEX.example", principal=SAM, now=NOW)
    ask(engine, tenant, replace(MAIL, key="d"))


def test_what_could_smuggle_a_header_is_not_written_down(engine: Engine, tenant: UUID) -> None:
    wrong = {
        "a@b.example\r\nBcc: all@acme.example": "none that mail can be sent to",
        "a@b.example, c@d.example": "none that mail can be sent to",
        "Globex <a@b.example>": "none that mail can be sent to",
        "globex": "none that mail can be sent to",
        "@b.example": "none that mail can be sent to",
        " ": "no e-mail address",
    }
    for recipient, said in wrong.items():
        with pytest.raises(MailNotAllowed, match=said):
            ask(engine, tenant, replace(MAIL, recipient=recipient))
    with pytest.raises(MailNotAllowed, match="more than one line"):
        ask(engine, tenant, replace(MAIL, subject="Hello\nBcc: all@acme.example"))


def test_pictures_travel_inside_the_mail(engine: Engine, tenant: UUID, mailbox: Mailbox) -> None:
    picture = InlineImage("chart", "image/png", b"\x89PNG...")
    ask(engine, tenant, replace(MAIL, html='<img src="cid:chart" alt="Cost">', images=(picture,)))
    send(engine, tenant, mailbox)
    (mail,) = mailbox.arrived
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"
    ]  # fmt: skip
    (image,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert (image["Content-ID"], image.get_payload(decode=True)) == ("<chart>", b"\x89PNG...")


def test_mail_is_encrypted_and_signed_in_and_a_wrong_password_or_certificate_lets_it_wait(
    engine: Engine, tenant: UUID, encrypted: tuple[Encrypted, MailServer]
) -> None:
    held, server = encrypted
    asked = ask(engine, tenant)
    send_due(engine, tenant, SmtpGateway(server, timeout_seconds=5), now=NOW)  # trusts no such certificate
    assert "CERTIFICATE_VERIFY_FAILED" in str(see(engine, tenant, asked).last_trouble)
    wrong = SmtpGateway(replace(server, password="wrong"), tls=held.trust, timeout_seconds=5)
    send_due(engine, tenant, wrong, now=NOW + timedelta(minutes=1))
    assert (see(engine, tenant, asked).state, held.box.arrived) == ("waiting", [])
    assert "535" in str(see(engine, tenant, asked).last_trouble)
    send_due(engine, tenant, SmtpGateway(server, tls=held.trust, timeout_seconds=5), now=NOW + timedelta(minutes=6))
    assert (see(engine, tenant, asked).state, len(held.box.arrived)) == ("sent", 1)


def test_a_server_without_starttls_is_given_nothing(engine: Engine, tenant: UUID, mailbox: Mailbox) -> None:
    asked = ask(engine, tenant)
    send_due(engine, tenant, SmtpGateway(replace(mailbox.server, encryption="starttls")), now=NOW)
    waiting = see(engine, tenant, asked)
    assert (waiting.state, mailbox.arrived) == ("waiting", [])
    assert "STARTTLS" in str(waiting.last_trouble)
