"""What became of a mail, in one sentence for whoever asked for it."""

from datetime import datetime, timedelta

from dashboard import wording
from store.outgoing_mails import OutgoingMail

ICONS = {
    "waiting": ":material/schedule_send:",
    "sending": ":material/sync:",
    "sent": ":material/mark_email_read:",
    "refused": ":material/block:",
    "unknown": ":material/help:",
    "canceled": ":material/undo:",
}
TAKEN_UP_WITHIN = timedelta(minutes=1)


def mail_line(mail: OutgoingMail, now: datetime) -> str:
    """An icon and a sentence in Markdown; the mail server's own words stand in it where it said no. `now` has a zone."""
    return f"{ICONS[mail.state]} {wording.escape(_sentence(mail, now))}"


def _sentence(mail: OutgoingMail, now: datetime) -> str:
    said = mail.last_trouble or "no reason was given"
    sentences = {
        "waiting": _waiting(mail, now),
        "sending": "Being handed to the mail server.",
        "sent": f"Taken by the mail server {wording.ago(mail.sent_at, now)}.",
        "refused": f"Not taken by the mail server: {said}",
        "unknown": f"Nobody knows whether it arrived, so it is not sent again by itself ({said}).",
        "canceled": f"Taken back before it was sent: {said}",
    }
    return sentences[mail.state]


def _waiting(mail: OutgoingMail, now: datetime) -> str:
    if mail.attempts:
        return f"Not taken yet, tried again shortly ({mail.last_trouble or 'its sender stopped'})."
    if now - mail.next_attempt_at > TAKEN_UP_WITHIN:
        return "Waits: no mail server is set up (SMTP_URL), or the worker does not run."
    return "Written down; it is handed to the mail server in a moment."
