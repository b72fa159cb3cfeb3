"""What became of a mail or a message to the team: what it was, where it went, and one sentence on how that ended."""

from datetime import datetime

from dashboard import mail_state, wording
from store.outgoing_mails import OutgoingMail

KINDS = {
    "digest": "Daily email",
    "alert.opened": "New alert",
    "alert.worsened": "Much worse",
    "alert.resolved": "Resolved",
    "alerts.more": "More alerts",
    "channel.test": "Test",
}


def kind(mail: OutgoingMail) -> str:
    """What sort of message it was."""
    return KINDS.get(mail.kind, mail.kind)


def place(mail: OutgoingMail) -> str:
    """Where it goes."""
    return {"mail": mail.recipient, "slack": "Slack"}.get(mail.channel, f"webhook {mail.recipient}")


def line(mail: OutgoingMail, now: datetime) -> str:
    """An icon and a sentence in Markdown. `now` has a zone."""
    if mail.channel == "mail":
        return mail_state.mail_line(mail, now)
    return f"{mail_state.ICONS[mail.state]} {wording.escape(_sentence(mail, now))}"


def _sentence(mail: OutgoingMail, now: datetime) -> str:
    said = mail.last_trouble or "no reason was given"
    sentences = {
        "waiting": _waiting(mail, now, said),
        "sending": "Being sent.",
        "sent": f"Taken {wording.ago(mail.sent_at, now)}.",
        "refused": f"Not taken: {said}",
        "canceled": f"Taken back before it was sent: {said}",
    }
    return sentences[mail.state]


def _waiting(mail: OutgoingMail, now: datetime, said: str) -> str:
    if mail.attempts:
        when = f"{mail.next_attempt_at:%H:%M} UTC" if mail.next_attempt_at > now else "shortly"
        return f"Not taken yet, tried again {when} ({wording.count(mail.attempts, 'try', 'tries')} so far). {said}"
    if now - mail.next_attempt_at > mail_state.TAKEN_UP_WITHIN:
        return "Waits: the worker does not run, or its settings name no such channel any more."
    return "Written down; it is sent in a moment."
