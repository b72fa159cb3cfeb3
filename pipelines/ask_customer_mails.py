"""The rounds that ask for mails to customers when they are due: about failed payments, and about cards that expire soon."""

from datetime import datetime
from uuid import UUID

import structlog

from billing import card_mails, recovery_mails
from billing.mails import MailNotAllowed
from store import recovery_cases
from store.database import Engine, tenant_transaction
from store.failpoints import reach

log = structlog.get_logger(__name__)

CASES_AT_MOST = 10_000


def ask_recovery_mails(engine: Engine, tenant_id: UUID, *, now: datetime, portal_url: str | None = None) -> int:
    """Ask for every mail about a failed payment that is due; returns how many new ones were asked for.

    One transaction per case, and a mail has one name: any number of workers may run it at once, and it may die anywhere.
    """
    with tenant_transaction(engine, tenant_id) as connection:
        cases = recovery_cases.newest(connection, states=recovery_mails.WRITTEN_TO, limit=CASES_AT_MOST)
    asked = 0
    for case in cases:
        if recovery_mails.due_mail(recovery_mails.planned_of(case), {}, now) is None:
            continue
        try:
            with tenant_transaction(engine, tenant_id) as connection:
                mail = recovery_mails.ask_due(connection, tenant_id, case.case_id, now, portal_url=portal_url)
                reach("mail asked")
        except MailNotAllowed as refusal:
            log.info("mail_not_asked", invoice_id=case.invoice_id, reason=str(refusal))
            continue
        reach("mail committed")
        asked += mail is not None
    return asked


def ask_card_mails(engine: Engine, tenant_id: UUID, *, now: datetime, portal_url: str) -> int:
    """Ask for a mail for each card in use that expires within 30 days; returns how many customers it stands for."""
    with tenant_transaction(engine, tenant_id) as connection:
        asked, refused = card_mails.ask_expiring(connection, tenant_id, now, portal_url=portal_url)
    for customer_id, reason in refused.items():
        log.info("mail_not_asked", customer_id=customer_id, reason=reason)
    return len(asked)
