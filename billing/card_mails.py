"""Mails about cards that are about to expire: which months that is, and asking for one mail per card."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from billing import mails
from billing.mails import Mail, MailNotAllowed
from billing.principals import SYSTEM
from billing.recovery_letters import Card, ExpiringCard, expiring_letter
from store import mail_sources
from store.database import Connection
from store.outgoing_mails import OutgoingMail

AHEAD = timedelta(days=30)
KIND = "card_expiring"


def ending_months(now: datetime) -> list[tuple[int, int]]:
    """The months (year, month) that end within the next 30 days: cards are valid to the end of theirs. One, or two around February."""
    found: list[tuple[int, int]] = []
    year, month = now.year, now.month
    while True:
        after = (year + month // 12, month % 12 + 1)
        if datetime(*after, 1, tzinfo=UTC) - now > AHEAD:
            return found
        found.append((year, month))
        year, month = after


def ask_expiring(
    connection: Connection, tenant_id: UUID, now: datetime, *, portal_url: str
) -> tuple[list[OutgoingMail], dict[str, str]]:
    """Ask for a mail for each card in use that expires soon, once per card; and why customers cannot be written to, by their id."""
    asked, refused = [], {}
    for card in mail_sources.cards_in_use(connection, ending_months(now)):
        company = card.company or mail_sources.company_name(connection)
        letter = expiring_letter(
            ExpiringCard(company, card.name, Card(card.brand, card.last4, card.expires), portal_url)
        )
        year, month = card.expires
        key = f"{KIND}:{card.payment_method_id}:{year}-{month:02}"
        about = f"customer:{card.customer_id}"
        mail = Mail(key, KIND, about, card.email or "", letter.subject, letter.text, letter.html)
        try:
            asked.append(mails.ask(connection, tenant_id, mail, principal=SYSTEM, now=now))
        except MailNotAllowed as refusal:
            refused[card.customer_id] = str(refusal)
    return asked, refused


def why_withdrawn(_connection: Connection, mail: OutgoingMail, now: datetime) -> str | None:
    """Why a mail that waited must not go out any more; None when it may."""
    is_old = now - mail.next_attempt_at > timedelta(days=3)
    return "It waited for more than 3 days and is out of date." if is_old else None
