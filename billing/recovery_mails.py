"""Which mails a failed payment calls for and when, as data; whether one was sent already is the sender's to know."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from billing.decline_classes import Decline, class_of

MailKind = Literal["first_failure", "reminder", "last_attempt"]
KINDS: tuple[MailKind, ...] = ("first_failure", "reminder", "last_attempt")
# Only the customer can help: tell them at once. Otherwise most failures heal by the next try, so the mail waits a day.
WHEN_ONLY_THE_CUSTOMER_HELPS = (timedelta(minutes=30), timedelta(days=4), timedelta(days=10))
WHEN_A_RETRY_MAY_HELP = (timedelta(days=1), timedelta(days=6), timedelta(days=13))


@dataclass(frozen=True)
class PlannedMail:
    """One mail to the customer, not before `at` (aware UTC)."""

    kind: MailKind
    at: datetime


def planned_mails(decline: Decline, failed_at: datetime) -> tuple[PlannedMail, ...]:
    """The mails of a failure, in order."""
    is_only_theirs = class_of(decline) != "later"
    waits = WHEN_ONLY_THE_CUSTOMER_HELPS if is_only_theirs else WHEN_A_RETRY_MAY_HELP
    return tuple(PlannedMail(kind, failed_at + wait) for kind, wait in zip(KINDS, waits, strict=True))
