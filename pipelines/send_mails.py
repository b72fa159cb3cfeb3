"""Sends what waits: claim, agree, write down, hand over, write down; mails at most once, calls at least once, whatever crashes."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog

from billing import mail_kinds, mails
from billing.mails import Outcome, Refused
from billing.principals import SYSTEM
from store import outgoing_mails
from store.database import Connection, Engine, tenant_transaction
from store.failpoints import reach
from store.outgoing_mails import OutgoingMail

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=10)  # longer than a conversation whose every line runs into its timeout
MAIL, CALLS = ("mail",), ("slack", "webhook")


class Mailer(Protocol):
    """What may send: `billing.smtp_gateway.SmtpGateway`, `billing.call_gateway.CallGateway`, or one that misbehaves on purpose."""

    def deliver(self, mail: OutgoingMail, now: datetime, begin: Callable[[], bool]) -> Outcome | None:
        """Hand over one mail, calling `begin` just before it could arrive; None when `begin` said no."""
        ...


def send_due(
    engine: Engine, tenant_id: UUID, mailer: Mailer, *, now: datetime, limit: int = 20, channels: Sequence[str] = MAIL
) -> int:
    """Hand over up to `limit` mails or messages of these channels that are due; returns how many were taken up.

    Any number of workers may run it at once. A mail whose sender went silent after it had begun becomes `unknown` and is not
    sent again by itself; a message is, under the same id. Raises what the database raises; a claimed mail is free again when its lease has run out.
    """
    with tenant_transaction(engine, tenant_id) as connection:
        for mail in outgoing_mails.doubt(connection, now=now, trouble=mails.SILENT):
            mails.write_line(connection, mail, mail.state, now=now)
            log.warning("mail_in_doubt", mail_id=str(mail.mail_id), kind=mail.kind)
        for message in outgoing_mails.resume(connection, now=now, trouble=mails.SILENT_CALL):
            log.warning("message_resumed", mail_id=str(message.mail_id), kind=message.kind)
    taken = 0
    while taken < limit:
        with tenant_transaction(engine, tenant_id) as connection:
            claimed = outgoing_mails.claim(connection, now=now, lease=LEASE, channels=channels)
        if claimed is None:
            break
        reach("claimed")
        taken += 1
        _hand_over(engine, tenant_id, mailer, claimed, now)
    return taken


def _hand_over(engine: Engine, tenant_id: UUID, mailer: Mailer, mail: OutgoingMail, now: datetime) -> None:
    """One conversation about one mail whose lease is held."""

    def begin() -> bool:
        with tenant_transaction(engine, tenant_id) as connection:
            may_go = _last_look(connection, mail, now)
        reach("sending committed")
        return may_go

    outcome = mailer.deliver(mail, now, begin)
    reach("answer received")
    if outcome is None:
        return
    with tenant_transaction(engine, tenant_id) as connection:
        recorded = outgoing_mails.record(connection, mail, **mails.after(mail, outcome, now))
        if recorded is None:
            log.warning("mail_lease_lost", mail_id=str(mail.mail_id), kind=mail.kind)
            return
        if recorded.state != "waiting":
            status = {"status": outcome.status} if isinstance(outcome, Refused) else None
            mails.write_line(connection, recorded, recorded.state, now=now, more=status)
        if isinstance(outcome, Refused) and outcome.is_gone:
            mails.stop(connection, tenant_id, mail.stop_key, reason=outcome.sentence, principal=SYSTEM, now=now)
        reach("result written")
    reach("result committed")
    log.info("mail", mail_id=str(mail.mail_id), kind=mail.kind, state=recorded.state)


def _last_look(connection: Connection, mail: OutgoingMail, now: datetime) -> bool:
    """Whether the mail may still go; then it is marked, in the same transaction, as one that may arrive from here on."""
    refusal = mails.why_not(connection, mail.recipient, mail.channel) or mail_kinds.why_withdrawn(connection, mail, now)
    if refusal is None:
        return outgoing_mails.mark_sending(connection, mail, now=now, lease=LEASE) is not None
    recorded = outgoing_mails.record(connection, mail, state="canceled", last_trouble=refusal)
    if recorded is not None:
        mails.write_line(connection, recorded, "cancel", now=now)
    return False
