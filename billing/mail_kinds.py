"""What is looked at for each kind of mail just before it is handed over: mails may have waited while the world went on."""

from collections.abc import Callable
from datetime import datetime

from billing import alert_messages, card_mails, digest_mails, recovery_mails
from store import digest_days
from store.database import Connection
from store.outgoing_mails import OutgoingMail

LastLook = Callable[[Connection, OutgoingMail, datetime], str | None]
"""A sentence takes the mail back; None lets it go."""

LAST_LOOKS: dict[str, LastLook] = {
    **{f"recovery.{kind}": recovery_mails.why_withdrawn for kind in (*recovery_mails.KINDS, "link")},
    **dict.fromkeys((alert_messages.OPENED, alert_messages.WORSENED), alert_messages.why_withdrawn),
    card_mails.KIND: card_mails.why_withdrawn,
    digest_days.KIND: digest_mails.why_withdrawn,
}


def why_withdrawn(connection: Connection, mail: OutgoingMail, now: datetime) -> str | None:
    """Why this mail is not handed over any more; None when it is, as for every kind that nobody watches."""
    look = LAST_LOOKS.get(mail.kind)
    return None if look is None else look(connection, mail, now)
