"""What became of a mail, in one sentence for whoever asked for it."""

from datetime import datetime, timedelta

from billing.mails import OutgoingMail
from dashboard import wording

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
    match mail.state:
        case "waiting" if mail.attempts:
            return f"Not taken yet, tried again shortly ({said})."
        case "waiting" if now - mail.next_attempt_at > TAKEN_UP_WITHIN:
            return "Waits: no mail server is set up (SMTP_URL), or the worker does not run."
        case "waiting":
            return "Written down; it is handed to the mail server in a moment."
        case "sending":
            return "Being handed to the mail server."
        case "sent":
            return f"Taken by the mail server {wording.ago(mail.sent_at, now)}."
        case "refused":
            return f"Not taken by the mail server: {said}"
        case "canceled":
            return f"Taken back before it was sent: {said}"
    return f"Nobody knows whether it arrived, so it is not sent again by itself ({said})."
