"""The mails that a failed payment calls for: which and when as data, and asking for each of them once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from billing import mails
from billing.decline_classes import Decline, RecoveryClass, class_of
from billing.local_hours import zone_of
from billing.mails import Mail, MailNotAllowed
from billing.principals import SYSTEM, Principal
from billing.recovery_letters import Card, Failure, FailureKind, failure_letter
from store import mail_sources, outgoing_mails, recovery_cases, recovery_sources
from store.database import Connection
from store.outgoing_mails import OutgoingMail
from store.recovery_cases import RecoveryCase
from store.stripe_values import inside

MailKind = Literal["first_failure", "reminder", "last_attempt"]
KINDS: tuple[MailKind, ...] = ("first_failure", "reminder", "last_attempt")
# Only the customer can help: tell them at once. Otherwise most failures heal by the next try, so the mail waits a day.
WHEN_ONLY_THE_CUSTOMER_HELPS = (timedelta(minutes=30), timedelta(days=4), timedelta(days=10))
WHEN_A_RETRY_MAY_HELP = (timedelta(days=1), timedelta(days=6), timedelta(days=13))
# A mail missed by more than this is left out: after an outage, or with old failures of a new account, nobody gets a heap.
LATE_AT_MOST = timedelta(days=3)
BETWEEN_TWO = timedelta(days=2)
# While the card is disputed, or the case rests or is over, nothing is written by itself.
WRITTEN_TO = ("open", "with_stripe", "scheduled", "retrying", "waiting_for_customer")
# A person may send the link of every invoice that can still be paid.
LINKABLE = (*WRITTEN_TO, "snoozed", "lost")


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


@dataclass(frozen=True)
class MailStanding:
    """A planned mail beside what became of it; `note` says why it is not asked for, in a sentence. None: nothing to say."""

    kind: MailKind
    at: datetime
    mail: OutgoingMail | None
    note: str | None


def due_mail(
    planned: Sequence[PlannedMail], asked_at: Mapping[MailKind, datetime], now: datetime
) -> PlannedMail | None:
    """The mail that should go out now: the latest that is due, never a kind twice or one before another that went out; pure."""
    latest = max((mail for mail in planned if mail.at <= now), key=lambda mail: mail.at, default=None)
    if latest is None or now - latest.at > LATE_AT_MOST:
        return None
    if any(KINDS.index(kind) >= KINDS.index(latest.kind) for kind in asked_at):
        return None
    return None if any(now - at < BETWEEN_TWO for at in asked_at.values()) else latest


def ask_due(
    connection: Connection, tenant_id: UUID, case_id: UUID, now: datetime, *, portal_url: str | None = None
) -> OutgoingMail | None:
    """Ask for the mail of a case that is due; None when none is. Holds the turn of the tenant's cases.

    Raises MailNotAllowed with the reason when one is due and the customer cannot be written to.
    """
    recovery_cases.take_turns(connection, tenant_id)
    case = recovery_cases.find(connection, case_id)
    if case is None or case.state not in WRITTEN_TO:
        return None
    asked = _asked(connection, case)
    due = due_mail(planned_of(case), {kind: mail.asked_at for kind, mail in asked.items()}, now)
    if due is None:
        return None
    mail = _mail(connection, case, due.kind, _key(case, due.kind), now, portal_url)
    return mails.ask(connection, tenant_id, mail, principal=SYSTEM, now=now)


def send_link(
    connection: Connection,
    tenant_id: UUID,
    case: RecoveryCase,
    principal: Principal,
    now: datetime,
    *,
    portal_url: str | None = None,
) -> OutgoingMail:
    """Mail the customer the page on which they can pay the invoice with any card; the same day again finds the first mail.

    Raises MailNotAllowed with the reason.
    """
    if not principal.ranks_at_least("support"):
        raise MailNotAllowed(f"A {principal.role} does not write to customers.")
    if case.state not in LINKABLE:
        raise MailNotAllowed(f"There is nothing to pay: the case is {case.state.replace('_', ' ')}.")
    mail = _mail(connection, case, "link", f"{_key(case, 'link')}:{now:%Y-%m-%d}", now, portal_url)
    return mails.ask(connection, tenant_id, mail, principal=principal, now=now)


def standing(connection: Connection, case: RecoveryCase, now: datetime) -> list[MailStanding]:
    """A case's planned mails with what became of each, in order; why one that is due cannot be asked for."""
    asked = _asked(connection, case)
    refusal = _why_unreachable(connection, case)
    lines = []
    for planned in planned_of(case):
        mail = asked.get(planned.kind)
        is_missed = mail is None and now - planned.at > LATE_AT_MOST
        note = "Not sent: its time had passed." if is_missed else None if mail else refusal
        lines.append(MailStanding(planned.kind, planned.at, mail, note))
    return lines


def why_withdrawn(connection: Connection, mail: OutgoingMail, now: datetime) -> str | None:
    """Why a mail that waited must not go out any more, in a sentence; None when it may. The last look before it is handed over."""
    case = recovery_cases.find(connection, UUID(mail.about.removeprefix("recovery_case:")))
    allowed = LINKABLE if mail.kind == "recovery.link" else WRITTEN_TO
    if case is None or case.state not in allowed:
        return f"The case is {'gone' if case is None else case.state.replace('_', ' ')} by now."
    if now - mail.next_attempt_at > LATE_AT_MOST:
        return f"It waited for more than {LATE_AT_MOST.days} days and is out of date."
    return None


def planned_of(case: RecoveryCase) -> tuple[PlannedMail, ...]:
    """The plan that is kept with a case."""
    return tuple(
        PlannedMail(kind, datetime.fromisoformat(mail["at"]))
        for kind in KINDS
        for mail in case.planned_mails
        if mail["kind"] == kind
    )


def _asked(connection: Connection, case: RecoveryCase) -> dict[MailKind, OutgoingMail]:
    found = outgoing_mails.of_keys(connection, [_key(case, kind) for kind in KINDS])
    return {kind: found[_key(case, kind)] for kind in KINDS if _key(case, kind) in found}


def _key(case: RecoveryCase, kind: FailureKind) -> str:
    return f"recovery:{case.invoice_id}:{kind}"


def _why_unreachable(connection: Connection, case: RecoveryCase) -> str | None:
    source = recovery_sources.of_invoice(connection, case.invoice_id)
    to = mail_sources.addressee(connection, case.customer_id)
    if source is None or _pay_url(source) is None:
        return "Stripe gives no page on which this invoice could be paid."
    return mails.why_not(connection, to.email or source.invoice.get("customer_email"))


def _pay_url(source: recovery_sources.Source) -> str | None:
    url = source.invoice.get("hosted_invoice_url")
    is_payable = source.invoice.get("status") == "open" and not source.is_deleted
    return url if is_payable and isinstance(url, str) and url.startswith("https://") else None


def _mail(
    connection: Connection, case: RecoveryCase, kind: FailureKind, key: str, now: datetime, portal_url: str | None
) -> Mail:
    """The mail with its words, from what the mirror knows now. Raises MailNotAllowed."""
    refusal = _why_unreachable(connection, case)
    if refusal is not None:
        raise MailNotAllowed(refusal)
    source = recovery_sources.of_invoice(connection, case.invoice_id)
    assert source is not None, "looked at just now"
    pay_url = _pay_url(source)
    assert pay_url is not None, "looked at just now"
    to = mail_sources.addressee(connection, case.customer_id)
    is_tried = case.state in {"scheduled", "with_stripe"} and case.next_attempt_at and case.next_attempt_at > now
    card = inside(source.charges[-1], "payment_method_details", "card") if source.charges else None
    decline: RecoveryClass = case.decline_class  # type: ignore[assignment]  # the table's constraint knows no other
    letter = failure_letter(
        kind,
        Failure(
            company=source.invoice.get("account_name") or mail_sources.company_name(connection),
            customer_name=to.name or source.invoice.get("customer_name"),
            amount_minor=case.amount_minor,
            currency=case.currency,
            invoice_number=source.invoice.get("number"),
            decline_class=decline,
            card=Card(card.get("brand"), card.get("last4")) if card else None,
            pay_url=pay_url,
            next_try_at=case.next_attempt_at if is_tried else None,
            zone=zone_of(to.country),
            portal_url=portal_url,
        ),
    )
    recipient = str(to.email or source.invoice.get("customer_email"))
    about = f"recovery_case:{case.case_id}"
    return Mail(key, f"recovery.{kind}", about, recipient, letter.subject, letter.text, letter.html)
