"""The last look at a daily mail before it is handed over: a day that is over, or somebody who has left the list, gets none."""

from datetime import date, datetime

from billing import digest_due
from store import digests
from store.database import Connection
from store.outgoing_mails import OutgoingMail


def why_withdrawn(connection: Connection, mail: OutgoingMail, now: datetime) -> str | None:
    """Why this mail is not handed over any more; None when it is."""
    day = date.fromisoformat(mail.about.partition(":")[2])
    if digest_due.is_over(day, digests.settings(connection), now):
        return f"The day of this mail, {day}, is over: the next one tells its news."
    recipient = digests.recipient(connection, mail.recipient)
    if recipient is None or not recipient.is_on:
        return "The recipient has left the list of the daily mail."
    return None
