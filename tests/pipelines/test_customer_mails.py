"""Mails to customers from the declined payment to the mailbox: each kind once, to those who may be written to, until it is over."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing import mails, recovery_mails
from billing.mails import MailNotAllowed
from billing.principals import Principal
from billing.smtp_gateway import SmtpGateway
from pipelines.ask_customer_mails import ask_card_mails, ask_recovery_mails
from pipelines.send_mails import send_due
from store import outgoing_mails
from store.database import DatabaseUrls, open_engine, tenant_transaction
from store.failpoints import armed
from store.outgoing_mails import OutgoingMail
from store.recovery_cases import RecoveryCase
from tests.mail_fixtures import Mailbox
from tests.pipelines.recovery_desk import SAM, RecoveryDesk, open_recovery_desk
from tests.sandbox_fixtures import SandboxServer

PORTAL = "https://billing.stripe.com/p/login/test"
DAY = timedelta(days=1)


@pytest.fixture
def desk(engine: Engine, tenant: UUID, sandbox_server: SandboxServer) -> Iterator[RecoveryDesk]:
    with open_recovery_desk(engine, tenant, sandbox_server) as opened:
        yield opened


def fail(desk: RecoveryDesk, *outcomes: str, email: str | None = "ap@globex.example") -> RecoveryCase:
    case = desk.fail(*outcomes)
    given: Any = {"email": email or "", "name": "Globex"}
    desk.sdk.v1.customers.update(str(case.customer_id), given)
    desk.pull()
    return desk.see(case)


def ask(desk: RecoveryDesk, now: datetime) -> int:
    return ask_recovery_mails(desk.engine, desk.tenant, now=now, portal_url=PORTAL)


def deliver(desk: RecoveryDesk, box: Mailbox, now: datetime) -> int:
    return send_due(desk.engine, desk.tenant, SmtpGateway(box.server, timeout_seconds=5), now=now)


def asked(desk: RecoveryDesk) -> list[OutgoingMail]:
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        return outgoing_mails.newest(connection)[::-1]


def notes(desk: RecoveryDesk, case: RecoveryCase, now: datetime) -> list[str | None]:
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        return [line.note for line in recovery_mails.standing(connection, desk.see(case), now)]


def test_a_failed_payment_is_written_about_three_times_each_once_and_not_after_it_is_paid(
    desk: RecoveryDesk, mallory: UUID, mailbox: Mailbox
) -> None:
    case = fail(desk, "insufficient_funds", "approved")
    day = case.failed_at
    assert ask(desk, day + DAY - timedelta(minutes=1)) == 0
    assert ask_recovery_mails(desk.engine, mallory, now=day + DAY) == 0
    assert [ask(desk, day + days * DAY) for days in (1, 1, 2, 6, 6.1)] == [1, 0, 0, 1, 0]
    with ThreadPoolExecutor(2) as pool:  # two workers at the same moment
        assert sum(pool.map(lambda _: ask(desk, day + 13 * DAY), range(2))) == 1
    assert [mail.kind for mail in asked(desk)] == [
        "recovery.first_failure", "recovery.reminder", "recovery.last_attempt"
    ]  # fmt: skip
    assert notes(desk, case, day + 13 * DAY) == [None, None, None]
    # The first two waited for a mail server for more than three days; nobody gets a heap.
    assert deliver(desk, mailbox, day + 13 * DAY) == 3
    assert mailbox.subjects == ["Last reminder: USD 49.00 to Acme Copilot, Inc. is still unpaid"]
    assert [mail.state for mail in asked(desk)] == ["canceled", "canceled", "sent"]
    (mail,) = mailbox.arrived
    body = mail.get_body(("plain",))
    assert body is not None
    assert f"https://invoice.stripe.com/i/acct_sandbox/{case.invoice_id}" in body.get_content()
    assert PORTAL in body.get_content()


def test_what_was_paid_or_snoozed_while_the_mail_waited_is_not_written_about(
    desk: RecoveryDesk, mailbox: Mailbox
) -> None:
    case = fail(desk, "insufficient_funds", "approved")
    moment = case.failed_at + DAY
    assert ask(desk, moment) == 1
    desk.retry_now(case)
    desk.send()
    assert desk.see(case).state == "recovered"
    deliver(desk, mailbox, moment)
    (mail,) = asked(desk)
    assert (mail.state, mail.last_trouble, mailbox.arrived) == ("canceled", "The case is recovered by now.", [])
    assert ask(desk, case.failed_at + 6 * DAY) == 0
    with (
        tenant_transaction(desk.engine, desk.tenant) as connection,
        pytest.raises(MailNotAllowed, match="nothing to pay"),
    ):
        recovery_mails.send_link(connection, desk.tenant, desk.see(case), SAM, moment)


def test_why_a_customer_is_not_written_to_is_said(desk: RecoveryDesk) -> None:
    case = fail(desk, "insufficient_funds", email=None)
    moment = case.failed_at + DAY
    assert ask(desk, moment) == 0
    assert notes(desk, case, moment)[0] == "There is no e-mail address."
    given: Any = {"email": "ap@globex.example"}
    desk.sdk.v1.customers.update(str(case.customer_id), given)
    desk.pull()
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        mails.stop(connection, desk.tenant, "ap@globex.example", reason="they asked us to", principal=SAM, now=moment)
    assert ask(desk, moment) == 0
    assert notes(desk, case, moment)[0] == "No mail goes to this address: they asked us to"
    assert notes(desk, case, case.failed_at + 5 * DAY)[0] == "Not sent: its time had passed."


def test_a_person_sends_the_link_once_a_day_and_a_payment_after_it_is_the_mails(
    desk: RecoveryDesk, mallory: UUID, mailbox: Mailbox
) -> None:
    case = fail(desk, "insufficient_funds", "approved")

    def click(who: Principal, now: datetime) -> OutgoingMail:
        with tenant_transaction(desk.engine, desk.tenant) as connection:
            return recovery_mails.send_link(connection, desk.tenant, case, who, now)

    first = click(SAM, desk.now)
    assert click(SAM, desk.now + timedelta(minutes=1)).mail_id == first.mail_id
    assert click(SAM, desk.now + DAY).mail_id != first.mail_id
    with pytest.raises(MailNotAllowed, match="viewer"):
        click(Principal("vic", "viewer"), desk.now)
    deliver(desk, mailbox, desk.now)
    assert mailbox.subjects == ["Your payment link: USD 49.00 to Acme Copilot, Inc."]
    with tenant_transaction(desk.engine, mallory) as connection:
        assert outgoing_mails.about(connection, [first.about]) == []


def die_at(place: str, app_url: str, tenant: UUID, now: datetime) -> None:
    """A worker's process that ends by SIGKILL at the place."""

    def hook(reached: str) -> None:
        if reached == place:
            os.kill(os.getpid(), signal.SIGKILL)

    with armed(hook):
        ask_recovery_mails(open_engine(app_url), tenant, now=now)


def test_a_worker_killed_while_asking_leaves_one_mail(desk: RecoveryDesk, database_urls: DatabaseUrls) -> None:
    case = fail(desk, "insufficient_funds")
    moment = case.failed_at + DAY
    for place, written in (("mail asked", 0), ("mail committed", 1)):
        process = multiprocessing.get_context("fork").Process(
            target=die_at, args=(place, database_urls.app, desk.tenant, moment)
        )
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        assert len(asked(desk)) == written
    assert ask(desk, moment) == 0
    assert [mail.kind for mail in asked(desk)] == ["recovery.first_failure"]


def test_a_card_in_use_that_expires_is_written_about_once(desk: RecoveryDesk, mallory: UUID) -> None:
    fail(desk, "insufficient_funds")  # January was paid with this card, which is valid to the end of August 2031
    before, within = datetime.fromisoformat("2031-08-01T00:00Z"), datetime.fromisoformat("2031-08-02T00:00Z")
    assert ask_card_mails(desk.engine, desk.tenant, now=before, portal_url=PORTAL) == 0
    for _ in range(2):
        ask_card_mails(desk.engine, desk.tenant, now=within, portal_url=PORTAL)
    assert ask_card_mails(desk.engine, mallory, now=within, portal_url=PORTAL) == 0
    assert [(mail.kind, mail.recipient) for mail in asked(desk)] == [("card_expiring", "ap@globex.example")]
