"""Every failed invoice as a case: looks at what the mirror says now, writes down tries, and moves the case along its table."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from uuid import UUID

from billing import recovery_rules
from billing.decline_classes import Decline
from billing.local_hours import zone_of
from billing.recovery_rules import Payment, Raw, decline_of, payment_method_of
from billing.recovery_states import ENDED, State, follow
from billing.retry_schedule import GIVE_UP_AFTER, Actor, Attempt, FailedInvoice, Plan, plan
from store import outgoing_mails, recovery_cases, recovery_sources
from store.database import Connection
from store.recovery_cases import RecoveryCase
from store.recovery_sources import Source
from store.steps import add_step
from store.stripe_values import inside, moment, reference

SERVICE = "metering"


WATCHED = ("invoice", "invoice_payment", "charge", "customer", "subscription", "dispute")
"""Kinds of Stripe's objects from which cases follow."""


def observe(kind: str, connection: Connection, tenant_id: UUID, objects: Sequence[Raw], now: datetime) -> None:
    """Open or move the cases that mirrored objects of one kind concern: each invoice is looked at once, however many objects name it.

    The turn is taken before anything is read: of two transactions that bring a charge and its invoice at the same time, the second
    one then sees what the first has written.
    """
    recovery_cases.take_turns(connection, tenant_id)
    for invoice_id in recovery_sources.concerned(connection, kind, [raw["id"] for raw in objects]):
        _look(connection, tenant_id, invoice_id, now)


def look(connection: Connection, tenant_id: UUID, invoice_id: str, now: datetime) -> RecoveryCase | None:
    """The invoice's case as it stands now by all that is mirrored; None when its payment never failed.

    Safe to call at any time and any number of times. Holds the turn of the tenant's cases until the transaction ends.
    """
    recovery_cases.take_turns(connection, tenant_id)
    return _look(connection, tenant_id, invoice_id, now)


def _look(connection: Connection, tenant_id: UUID, invoice_id: str, now: datetime) -> RecoveryCase | None:
    source = recovery_sources.of_invoice(connection, invoice_id)
    if source is None:
        return None
    case = recovery_cases.find_by_invoice(connection, invoice_id) or _open(connection, tenant_id, source, now)
    if case is None:
        return None
    tries = _record_tries(connection, tenant_id, case, source)
    declined = [_as_seen(attempt) for attempt in tries if attempt.outcome == "declined"]
    planned = plan(_facts(case, source), declined, now)
    return _move(connection, tenant_id, case, source, tries, planned, now)


def _open(connection: Connection, tenant_id: UUID, source: Source, now: datetime) -> RecoveryCase | None:
    """A case for an invoice whose collection failed; None when nothing failed, or when the customer pays by themselves."""
    invoice = source.invoice
    failed = [charge for charge in source.charges if charge.get("status") == "failed"]
    is_collected = invoice.get("collection_method") == "charge_automatically" and invoice.get("status") in {
        "open",
        "paid",
        "uncollectible",
    }
    if source.is_deleted or not is_collected or not (failed or recovery_rules.has_failed(invoice)):
        return None
    finalized_at = moment(inside(invoice, "status_transitions", "finalized_at"))
    failed_at = moment(failed[0]["created"]) if failed else finalized_at
    made = recovery_cases.add(
        connection,
        tenant_id,
        invoice_id=invoice["id"],
        customer_id=reference(invoice.get("customer")),
        subscription_id=reference(inside(invoice, "parent", "subscription_details", "subscription")),
        amount_minor=_owed_minor(invoice),
        currency=invoice["currency"],
        state="open",
        owner="ours",
        decline_class="later",
        reason="opened",
        sentence="The payment failed.",
        failed_at=failed_at or now,
        opened_at=now,
        changed_at=now,
        try_number=1,
        tries_made=0,
        network_tries_left=0,
        policy_version="",
        planned_mails=[],
    )
    add_step(
        connection,
        "recovery",
        tenant_id,
        made.case_id,
        step="open",
        at=made.failed_at,
        who=SERVICE,
        why="The payment failed.",
    )
    return made


def _owed_minor(invoice: Raw) -> int:
    return int((invoice.get("amount_remaining") or 0) or (invoice.get("amount_due") or 0))


def _record_tries(
    connection: Connection, tenant_id: UUID, case: RecoveryCase, source: Source
) -> Sequence[recovery_cases.Attempt]:
    """Write down every charge of the invoice as a try, and return all tries, oldest first.

    Those that no command of ours made are Stripe's as far as the invoice counts them: `attempt_count` counts the first try and the
    automatic ones. The further ones are the customer's.
    """
    tries = recovery_cases.attempts(connection, case.case_id)
    known = {attempt.charge_id: attempt for attempt in tries}
    is_changed = False
    automatic = int(source.invoice.get("attempt_count") or 0)
    for charge in source.charges:
        outcome = {"failed": "declined", "succeeded": "succeeded"}.get(charge["status"])
        seen = known.get(charge["id"])
        is_ours = seen is not None and seen.command_id is not None
        by = "stripe" if automatic > 0 else "customer"
        automatic -= not is_ours
        if outcome is None or (seen is not None and seen.outcome == outcome and (is_ours or seen.by == by)):
            continue
        is_changed = True
        told = asdict(decline_of(charge)) if outcome == "declined" else {"brand": decline_of(charge).brand}
        recovery_cases.record_attempt(
            connection,
            tenant_id,
            case.case_id,
            charge_id=charge["id"],
            at=datetime.fromtimestamp(charge["created"], UTC),
            by=by,
            outcome=outcome,
            payment_method_id=payment_method_of(charge),
            **told,
        )
    return recovery_cases.attempts(connection, case.case_id) if is_changed else tries


def _facts(case: RecoveryCase, source: Source) -> FailedInvoice:
    invoice = source.invoice
    return FailedInvoice(
        invoice["id"],
        "deleted" if source.is_deleted else str(invoice["status"]),
        case.failed_at,
        source.payment_method_id,
        next_payment_attempt=moment(invoice.get("next_payment_attempt")),
        auto_advance=bool(invoice.get("auto_advance")) and not invoice.get("attempt_count"),
        is_collected_by_hand=invoice.get("collection_method") != "charge_automatically",
        is_subscription_canceled=source.is_subscription_canceled,
        is_disputed=source.is_disputed,
        is_written_off=case.written_off_at is not None,
        snoozed_until=case.snoozed_until,
        zone=zone_of(source.country),
    )


def _as_seen(attempt: recovery_cases.Attempt) -> Attempt:
    decline = Decline(
        attempt.brand,
        attempt.decline_code,
        attempt.advice_code,
        attempt.network_decline_code,
        attempt.network_advice_code,
    )
    by: Actor = attempt.by  # type: ignore[assignment]  # the table's constraint knows no other
    return Attempt(attempt.at, by, decline, attempt.payment_method_id)


def _move(
    connection: Connection,
    tenant_id: UUID,
    case: RecoveryCase,
    source: Source,
    tries: Sequence[recovery_cases.Attempt],
    planned: Plan,
    now: datetime,
) -> RecoveryCase:
    """Write the plan into the case, and the step if it is another state than before."""
    invoice = source.invoice
    is_open = invoice.get("status") == "open"
    owed_minor = int(invoice.get("amount_remaining") or 0) if is_open else case.amount_minor
    came_in_minor = recovery_rules.paid_minor(invoice, case.amount_minor)
    before: State = case.state  # type: ignore[assignment]  # the table's constraint knows no other
    to = recovery_rules.state_of(
        planned,
        is_being_tried=case.command_id is not None,
        snoozed_until=case.snoozed_until,
        paid_minor=came_in_minor,
        now=now,
    )
    is_moved = to != before and follow(before, to) == to
    values = {
        "state": to,
        "owner": planned.owner,
        "decline_class": planned.decline_class,
        "reason": planned.reason,
        "sentence": planned.sentence,
        "amount_minor": owed_minor,
        "next_attempt_at": _next_at(case, planned, to),
        "tries_made": planned.tries_made,
        "network_tries_left": planned.network_tries_left,
        "policy_version": planned.policy_version,
        "slot_probability_ppm": planned.slot_probability_ppm,
        "planned_mails": [{"kind": mail.kind, "at": mail.at.isoformat()} for mail in planned.mails],
        "ended_at": _ended_at(case, invoice, to, now),
        "recovered_minor": came_in_minor if to == "recovered" else None,
        "attribution": _attribution(connection, case, tries) if to == "recovered" else None,
    }
    if all(getattr(case, name) == value for name, value in values.items()):
        return case
    moved = recovery_cases.change(connection, case.case_id, now=now, **values)
    if is_moved:
        at = moved.ended_at or now
        add_step(connection, "recovery", tenant_id, case.case_id, step=to, at=at, who=SERVICE, why=planned.sentence)
    return moved


def _next_at(case: RecoveryCase, planned: Plan, to: State) -> datetime | None:
    """When the case is looked at next: for a try, not before a try that was held back may be repeated; or when a snooze ends."""
    if planned.at is None:
        return case.snoozed_until if to == "snoozed" else None
    if planned.verdict == "retry" and case.hold_until is not None:
        return max(planned.at, case.hold_until)
    return planned.at


def _ended_at(case: RecoveryCase, invoice: Raw, to: State, now: datetime) -> datetime | None:
    if to not in ENDED:
        return None
    if to == case.state:
        return case.ended_at
    key = {"recovered": "paid_at", "withdrawn": "voided_at", "lost": "marked_uncollectible_at"}.get(to, "")
    at_latest = min(now, case.failed_at + GIVE_UP_AFTER) if to == "lost" else now
    return moment(inside(invoice, "status_transitions", key)) or at_latest


def _attribution(connection: Connection, case: RecoveryCase, tries: Sequence[recovery_cases.Attempt]) -> str:
    paid = next((attempt for attempt in tries if attempt.outcome == "succeeded"), None)
    if paid is None:
        return recovery_rules.attribution(None)
    declined = [attempt for attempt in tries if attempt.outcome == "declined" and attempt.at <= paid.at]
    by: Actor = paid.by  # type: ignore[assignment]  # the table's constraint knows no other
    payment = Payment(paid.at, by, paid.payment_method_id, declined[-1].payment_method_id if declined else None)
    mailed = outgoing_mails.about(connection, [f"recovery_case:{case.case_id}"])
    return recovery_rules.attribution(payment, [mail.sent_at for mail in mailed if mail.sent_at is not None])
