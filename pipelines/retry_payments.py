"""Asks for the tries of failed invoices whose moment has come; the outbox makes them."""

from datetime import datetime
from uuid import UUID

import structlog

from billing.recovery_deeds import retry_if_due
from billing.retry_schedule import GIVE_UP_AFTER
from store import recovery_cases
from store.database import Engine, tenant_transaction
from store.failpoints import reach

log = structlog.get_logger(__name__)

AT_ONCE = 200


def retry_due(engine: Engine, tenant_id: UUID, *, now: datetime, limit: int = AT_ONCE) -> int:
    """Look at up to `limit` cases whose moment has come and submit the tries that are due; returns how many were submitted.

    Any number of workers may run it at once: a try has one name, so it is asked for once. Raises what the database raises.
    """
    with tenant_transaction(engine, tenant_id) as connection:
        waiting = recovery_cases.due(connection, now=now, waited_since=now - GIVE_UP_AFTER, limit=limit)
    submitted = 0
    for case in waiting:
        with tenant_transaction(engine, tenant_id) as connection:
            command = retry_if_due(connection, tenant_id, case.invoice_id, now)
            reach("retry submitted")
        reach("retry committed")
        if command is not None:
            submitted += 1
            log.info("retry_submitted", invoice_id=case.invoice_id, command_id=str(command.command_id))
    return submitted
