"""What is done about a failed invoice: try it when due, try it now, snooze it, write it off; each with who, when and why."""

from datetime import datetime
from uuid import UUID

from billing import commands, recovery_cases, recovery_rules
from billing.commands import Command, Intent
from billing.principals import SYSTEM, Principal
from billing.recovery_rules import decline_of, payment_method_of
from billing.recovery_states import IN_RECOVERY
from billing.retry_schedule import POLICY_VERSION
from store import audit, recovery_sources, stripe_commands
from store import recovery_cases as rows
from store.database import Connection
from store.recovery_cases import RecoveryCase
from store.recovery_sources import Source
from store.steps import add_step

PAY, WRITE_OFF = "invoice.pay", "invoice.mark_uncollectible"


class RecoveryNotAllowed(Exception):
    """What was asked for may not be done; the sentence says why."""


def subject_of(case_id: UUID) -> str:
    """How the outbox and the audit log name a case."""
    return f"recovery_case:{case_id}"


def retry_if_due(connection: Connection, tenant_id: UUID, invoice_id: str, now: datetime) -> Command | None:
    """Look at the invoice, and ask for its next try if that is due and ours to make; None when it is not (any more)."""
    case = recovery_cases.look(connection, tenant_id, invoice_id, now)
    is_due = (
        case is not None
        and case.state == "scheduled"
        and case.next_attempt_at is not None
        and case.next_attempt_at <= now
    )
    if case is None or not is_due:
        return None
    source = recovery_sources.of_invoice(connection, invoice_id)
    assert source is not None, "looked at just now"
    return _submit_try(connection, tenant_id, case, source, by="schedule", principal=SYSTEM, now=now)


def retry_now(
    connection: Connection, tenant_id: UUID, case_id: UUID, *, try_number: int, principal: Principal, now: datetime
) -> Command:
    """Ask for a try at once, whoever owns the invoice. `try_number` is the case's when the person saw it: a second click finds the
    first one's command, and one that comes after the try has ended is told so. Raises RecoveryNotAllowed.
    """
    case, source = _held(connection, tenant_id, case_id, now)
    if not principal.ranks_at_least("support"):
        raise RecoveryNotAllowed(f"A {principal.role} does not retry payments.")
    if case.try_number != try_number:
        raise RecoveryNotAllowed("It was tried meanwhile: look at what came of it first.")
    if case.command_id is not None:
        found = commands_of(connection, case)
        if found and found[-1].kind == PAY:
            return found[-1]
    refusal = _why_not(source, _known_charges(connection, case, source), now)
    if refusal is not None:
        raise RecoveryNotAllowed(refusal)
    return _submit_try(connection, tenant_id, case, source, by="person", principal=principal, now=now)


def commands_of(connection: Connection, case: RecoveryCase) -> list[Command]:
    """The commands of a case, oldest first."""
    return stripe_commands.for_subject(connection, subject_of(case.case_id))


def snooze(
    connection: Connection,
    tenant_id: UUID,
    case_id: UUID,
    *,
    until: datetime,
    why: str | None,
    principal: Principal,
    now: datetime,
) -> RecoveryCase:
    """Let our tries and mails rest until then; Stripe's own tries go on. A moment that is past ends the rest. Raises RecoveryNotAllowed."""
    case, _ = _held(connection, tenant_id, case_id, now)
    if not principal.ranks_at_least("support"):
        raise RecoveryNotAllowed(f"A {principal.role} does not snooze.")
    if case.state not in IN_RECOVERY:
        raise RecoveryNotAllowed(f"There is nothing to snooze: the case is {case.state.replace('_', ' ')}.")
    rows.change(connection, case_id, now=now, snoozed_until=until if until > now else None)
    said = f"until {until:%Y-%m-%d %H:%M} UTC" + (f": {why.strip()}" if why and why.strip() else "")
    _write_deed(connection, tenant_id, case, "snooze", said, principal, now)
    moved = recovery_cases.look(connection, tenant_id, case.invoice_id, now)
    assert moved is not None, "it has a case"
    rows.wake(connection)
    return moved


def write_off(
    connection: Connection, tenant_id: UUID, case_id: UUID, *, why: str, principal: Principal, now: datetime
) -> Command:
    """Give the money up, here at once and at Stripe by a command (uncollectible). The same case again finds the first command.

    Raises RecoveryNotAllowed: it takes a lead and a reason.
    """
    case, source = _held(connection, tenant_id, case_id, now)
    if not principal.ranks_at_least("lead"):
        raise RecoveryNotAllowed(f"A {principal.role} does not write off; a lead, finance or founder does.")
    if not why.strip():
        raise RecoveryNotAllowed("Say why it is written off.")
    if case.command_id is not None:
        raise RecoveryNotAllowed("A payment is under way: wait for what comes of it.")
    if source.invoice.get("status") != "open":
        raise RecoveryNotAllowed(f"The invoice is {source.invoice.get('status')}, so it cannot be written off.")
    number = case.try_number
    intent = Intent(
        WRITE_OFF,
        f"invoice:{case.invoice_id}:write_off:{number}",
        subject_of(case_id),
        case.invoice_id,
        {"why": why.strip()},
        case.amount_minor,
        case.currency,
    )
    command = commands.submit(connection, tenant_id, intent, principal=principal, now=now)
    rows.change(connection, case_id, now=now, written_off_at=now)
    _write_deed(connection, tenant_id, case, "write off", why.strip(), principal, now)
    recovery_cases.look(connection, tenant_id, case.invoice_id, now)
    return command


def _held(connection: Connection, tenant_id: UUID, case_id: UUID, now: datetime) -> tuple[RecoveryCase, Source]:
    """The case as it stands now, and the mirror's word on it; nobody else moves it until the transaction ends."""
    rows.take_turns(connection, tenant_id)
    known = rows.find(connection, case_id)
    case = None if known is None else recovery_cases.look(connection, tenant_id, known.invoice_id, now)
    if case is None:
        raise RecoveryNotAllowed(f"There is no recovery case {case_id}.")
    source = recovery_sources.of_invoice(connection, case.invoice_id)
    assert source is not None, "looked at just now"
    return case, source


def _known_charges(connection: Connection, case: RecoveryCase, source: Source) -> list[str]:
    """All that were seen: mirrored, or told by the answer to a try of ours that the mirror has not caught up with."""
    tried = (attempt.charge_id for attempt in rows.attempts(connection, case.case_id))
    return sorted({charge["id"] for charge in source.charges} | {id_ for id_ in tried if id_ is not None})


def _why_not(source: Source, known_charges: list[str], now: datetime) -> str | None:
    """Why a person may not try it now, by what is mirrored."""
    invoice, card = source.invoice, source.payment_method_id
    if invoice.get("status") != "open":
        return f"The invoice is {invoice.get('status')}, so there is nothing to collect."
    if source.is_disputed:
        return "A payment of this customer is disputed: their card is left alone until that is decided."
    if card is None:
        return "The customer has no card on file: send the link instead."
    params = {"by": "person", "payment_method": card, "known_charges": known_charges}
    return recovery_rules.why_not_pay(invoice, source.charges, params, now)


def _submit_try(
    connection: Connection,
    tenant_id: UUID,
    case: RecoveryCase,
    source: Source,
    *,
    by: str,
    principal: Principal,
    now: datetime,
) -> Command:
    """Write the command down; the case is being tried from now on."""
    params = {
        "by": by,
        "payment_method": source.payment_method_id,
        "known_charges": _known_charges(connection, case, source),
        "policy_version": POLICY_VERSION if by == "schedule" else None,
        "slot_probability_ppm": case.slot_probability_ppm if by == "schedule" else None,
        "brand": next(
            (
                decline_of(charge).brand
                for charge in reversed(source.charges)
                if payment_method_of(charge) == source.payment_method_id
            ),
            None,
        ),
    }
    intent = Intent(
        PAY,
        f"invoice:{case.invoice_id}:attempt:{case.try_number}",
        subject_of(case.case_id),
        case.invoice_id,
        params,
        case.amount_minor,
        case.currency,
    )
    command = commands.submit(connection, tenant_id, intent, principal=principal, now=now)
    rows.change(connection, case.case_id, now=now, command_id=command.command_id)
    _write_deed(connection, tenant_id, case, "retry", "by the schedule" if by == "schedule" else None, principal, now)
    recovery_cases.look(connection, tenant_id, case.invoice_id, now)
    return command


def _write_deed(
    connection: Connection,
    tenant_id: UUID,
    case: RecoveryCase,
    deed: str,
    why: str | None,
    principal: Principal,
    now: datetime,
) -> None:
    add_step(connection, "recovery", tenant_id, case.case_id, step=deed, at=now, who=str(principal), why=why)
    audit.append(
        connection,
        at=now,
        principal=str(principal),
        action=f"recovery_case:{deed.replace(' ', '_')}",
        subject=subject_of(case.case_id),
        after={
            "invoice_id": case.invoice_id,
            "amount_minor": case.amount_minor,
            "currency": case.currency,
            "why": why,
        },
    )
