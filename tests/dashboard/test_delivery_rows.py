"""What became of a message is one sentence, with an icon beside its color, whatever the other side said."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from dashboard import delivery_rows
from store.outgoing_mails import OutgoingMail

NOW = datetime(2026, 5, 4, 3, 2, tzinfo=UTC)


def message(**more: Any) -> OutgoingMail:
    given: dict[str, Any] = {
        "mail_id": UUID(int=7), "mail_key": "a", "kind": "alert.opened", "about": "alert:1", "recipient": "ops", "subject": "It *rose*.",
        "text_body": "{}", "html_body": None, "images": [], "headers": {}, "state": "waiting", "attempts": 0, "next_attempt_at": NOW,
        "lease_token": None, "lease_until": None, "last_trouble": None, "asked_by": "metering (founder)", "asked_at": NOW, "sent_at": None,
        "channel": "webhook",
    }  # fmt: skip
    return OutgoingMail(**(given | more))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "Written down; it is sent in a moment."),
        ({"next_attempt_at": NOW - timedelta(minutes=2)}, "Waits: the worker does not run, or its settings name no such channel any more."),
        (
            {"attempts": 2, "last_trouble": "ops.example answered 500.", "next_attempt_at": NOW + timedelta(minutes=5)},
            "Not taken yet, tried again 03:07 UTC (2 tries so far). ops.example answered 500.",
        ),
        ({"state": "sending"}, "Being sent."),
        ({"state": "sent", "sent_at": NOW - timedelta(hours=3)}, "Taken 3 hours ago."),
        ({"state": "refused", "last_trouble": "ops.example answered 410."}, "Not taken: ops.example answered 410."),
        ({"state": "canceled", "last_trouble": "It was answered."}, "Taken back before it was sent: It was answered."),
    ],
)  # fmt: skip
def test_a_message_is_told_in_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    line = delivery_rows.line(message(**changes), NOW).replace("\\", "")
    assert line.startswith(":material/")
    assert line.endswith(f": {sentence}")


def test_it_is_named_by_what_it_was_and_where_it_went() -> None:
    assert delivery_rows.kind(message()) == "New alert"
    assert delivery_rows.kind(message(kind="channel.test")) == "Test"
    assert delivery_rows.place(message()) == "webhook ops"
    assert delivery_rows.place(message(channel="slack", recipient="slack")) == "Slack"
    mail = message(channel="mail", recipient="fay@acme.example", kind="digest", state="sent", sent_at=NOW)
    assert (delivery_rows.kind(mail), delivery_rows.place(mail)) == ("Daily email", "fay@acme.example")
    assert "Taken by the mail server" in delivery_rows.line(mail, NOW)
