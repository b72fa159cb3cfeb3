"""A mail's state in words: what is known, what is not, and what to do where nothing moves."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from dashboard import wording
from dashboard.mail_state import mail_line
from store.outgoing_mails import OutgoingMail
from store.schema.mails import MAIL_STATES

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def mail(state: str, **more: Any) -> OutgoingMail:
    given: dict[str, Any] = {
        "mail_id": UUID(int=1), "mail_key": "k", "kind": "recovery.link", "about": "recovery_case:1", "recipient": "a@b.example",
        "subject": "s", "text_body": "t", "html_body": None, "images": (), "headers": {}, "state": state, "attempts": 0, "next_attempt_at": NOW,
        "lease_token": None, "lease_until": None, "last_trouble": None, "asked_by": "sam (support)", "asked_at": NOW, "sent_at": None,
    }  # fmt: skip
    return OutgoingMail(**(given | more))


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (mail("waiting"), "handed to the mail server in a moment"),
        (mail("waiting", next_attempt_at=NOW - timedelta(minutes=2)), "no mail server is set up (SMTP_URL)"),
        (mail("waiting", attempts=1, last_trouble="451 busy"), "tried again shortly (451 busy)"),
        (mail("sent", attempts=1, sent_at=NOW - timedelta(minutes=5)), "Taken by the mail server 5 minutes ago"),
        (mail("refused", attempts=1, last_trouble="550 No such user"), "550 No such user"),
        (mail("unknown", attempts=1, last_trouble="hung up"), "not sent again by itself (hung up)"),
        (mail("canceled", last_trouble="paid"), "Taken back before it was sent: paid"),
    ],
)
def test_a_mails_state_is_a_sentence(shown: OutgoingMail, words: str) -> None:
    assert wording.escape(words) in mail_line(shown, NOW)


def test_every_state_has_its_icon_and_its_words() -> None:
    assert len({mail_line(mail(state, sent_at=NOW), NOW) for state in MAIL_STATES}) == len(MAIL_STATES)
