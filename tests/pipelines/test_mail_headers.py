"""Headers of a mail's own: they arrive as they were asked for, and nothing can be smuggled in with them."""

from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing import mails
from billing.mails import MailNotAllowed
from store.database import tenant_transaction
from tests.mail_fixtures import Mailbox
from tests.pipelines.test_send_mails import MAIL, NOW, SAM, ask, send

LEAVE = f"<https://acme.example/alerts/unsubscribe/{'x' * 600}>"  # a signed link is long, and must stay one word
HEADERS = {
    "List-Id": "Daily mail <daily.acme.example>",
    "List-Unsubscribe": LEAVE,
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "References": "<one@acme.example> <two@acme.example>",
}


def test_headers_arrive_as_they_were_asked_for(engine: Engine, tenant: UUID, mailbox: Mailbox) -> None:
    ask(engine, tenant, replace(MAIL, headers=HEADERS))
    send(engine, tenant, mailbox)
    (mail,) = mailbox.arrived
    assert {name: mail[name] for name in HEADERS} == HEADERS
    # On the wire, too: the link is neither broken up nor encoded, whatever its length.
    assert dict(mail.raw_items())["List-Unsubscribe"] == LEAVE


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Bcc": "all@acme.example"}, "may not set the header 'Bcc'"),
        ({"list-id": "x"}, "may not set"),
        ({"List-Id": "a\r\nBcc: all@acme.example"}, "not one line"),
        ({"List-Id": "a\nb"}, "not one line"),
        ({"List-Id": "Zürich"}, "not one line of plain characters"),
        ({"List-Id": " "}, "not one line"),
        ({"List-Unsubscribe": f"<{'x' * 1_000}>"}, "more than 998 characters"),
    ],
)
def test_a_header_that_could_smuggle_another_is_not_written_down(
    engine: Engine, tenant: UUID, headers: dict[str, str], said: str
) -> None:
    with pytest.raises(MailNotAllowed, match=said):
        ask(engine, tenant, replace(MAIL, headers=headers))


def test_one_occasion_has_one_message_id_even_if_its_row_was_lost(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    with tenant_transaction(engine, tenant) as connection:
        first = mails.ask(connection, tenant, MAIL, principal=SAM, now=NOW)
        connection.rollback()  # as if a backup from before it had been restored
    assert ask(engine, tenant).mail_id == first.mail_id
    assert ask(engine, tenant, replace(MAIL, key="another")).mail_id != first.mail_id
    assert ask(engine, mallory).mail_id != first.mail_id
