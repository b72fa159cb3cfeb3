"""What became of a try or a write-off that we asked for: written down as an attempt, and the case goes on from there."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from billing import observers, recovery_cases
from billing.commands import Command
from billing.principals import SYSTEM
from billing.recovery_rules import decline_of, payment_method_of
from store import recovery_cases as rows
from store.database import Connection
from store.recovery_cases import RecoveryCase
from store.steps import add_step

# A try that was held back is thought over again after this, when the mirror has caught up with Stripe.
HELD_BACK_FOR = timedelta(hours=1)
# Stripe itself found the request wrong, say because the card is gone: that does not mend itself within the hour.
REFUSED_FOR = timedelta(days=1)
DECLINED_STATUS = 402
TOLD = ("decline_code", "advice_code", "network_decline_code", "network_advice_code")


def settle_pay(connection: Connection, tenant_id: UUID, command: Command, now: datetime) -> None:
    """Paid, declined, or held back before it was sent; a command that waits for a person leaves the case being tried."""
    rows.take_turns(connection, tenant_id)
    case = rows.find_by_invoice(connection, str(command.object_id))
    if case is None or command.state == "needs_review":
        return
    changes: dict[str, object] = {"command_id": None, "try_number": case.try_number + 1}
    answer = command.answer or {}
    refusal = command.refusal or {}
    if command.state == "succeeded":
        _record(connection, tenant_id, case, command, now)
        if answer.get("object") == "invoice":
            observers.take_in(connection, tenant_id, [dict(answer)], now)
    elif command.state == "refused" and refusal.get("status") == DECLINED_STATUS:
        _record(connection, tenant_id, case, command, now)
    else:
        changes["hold_until"] = now + (REFUSED_FOR if refusal.get("status") else HELD_BACK_FOR)
        said = str(refusal.get("sentence") or "It was taken back before it was sent.")
        add_step(connection, "recovery", tenant_id, case.case_id, step="not tried", at=now, who=str(SYSTEM), why=said)
    rows.change(connection, case.case_id, now=now, **changes)
    recovery_cases.look(connection, tenant_id, case.invoice_id, now)


def settle_write_off(connection: Connection, tenant_id: UUID, command: Command, now: datetime) -> None:
    """Uncollectible at Stripe as well; or Stripe refused, and the case lives on."""
    rows.take_turns(connection, tenant_id)
    case = rows.find_by_invoice(connection, str(command.object_id))
    if case is None or command.state == "needs_review":
        return
    if command.state == "succeeded":
        observers.take_in(connection, tenant_id, [dict(command.answer or {})], now)
    else:
        said = str((command.refusal or {}).get("sentence") or "It was taken back before it was sent.")
        add_step(
            connection, "recovery", tenant_id, case.case_id, step="not written off", at=now, who=str(SYSTEM), why=said
        )
        rows.change(connection, case.case_id, now=now, written_off_at=None, try_number=case.try_number + 1)
    recovery_cases.look(connection, tenant_id, case.invoice_id, now)


def _record(connection: Connection, tenant_id: UUID, case: RecoveryCase, command: Command, now: datetime) -> None:
    """The try as an attempt: by the charge that was found at Stripe, by the refusal's codes, or as paid."""
    params, refusal, answer = command.params, command.refusal or {}, command.answer or {}
    fields: dict[str, object] = {
        "command_id": command.command_id,
        "at": command.first_sent_at or now,
        "by": "ours" if command.requested_by == str(SYSTEM) else "manual",
        "payment_method_id": params["payment_method"],
        "brand": params["brand"],
        "policy_version": params["policy_version"],
        "slot_probability_ppm": params["slot_probability_ppm"],
    }
    if answer.get("object") == "charge":
        decline = decline_of(answer)
        fields |= vars(decline) | {
            "outcome": "declined",
            "charge_id": answer["id"],
            "at": datetime.fromtimestamp(answer["created"], UTC),
            "payment_method_id": payment_method_of(answer),
        }
    elif command.state == "refused":
        fields |= {name: refusal.get(name) for name in TOLD}
        fields |= {"outcome": "declined", "charge_id": refusal.get("charge_id")}
        if "requires_action" in str(refusal.get("code")):  # no charge was made: the bank wants the customer first
            fields["decline_code"] = "authentication_required"
    else:
        fields["outcome"] = "succeeded"
    rows.record_attempt(connection, tenant_id, case.case_id, **fields)
