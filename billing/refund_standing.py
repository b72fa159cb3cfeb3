"""What stands against a refund request: found at its check, and in the queue and the mirror at the moment it is decided."""

from collections.abc import Sequence
from datetime import datetime

from billing import refund_rules
from billing.refund_rules import Asked, Finding, Pending, Raw, RefundPolicy
from billing.refund_states import OPEN, UNDECIDED
from store import paid_charges, refund_requests
from store.database import Connection
from store.refund_requests import RefundRequest


def standing_now(
    connection: Connection, asked: RefundRequest, charge: Raw | None, policy: RefundPolicy, now: datetime
) -> list[Finding]:
    """All that stands against a request by Stripe's charge as it is now (None: there is none) and the charge's other requests."""
    others = [
        Pending(str(other.request_id), other.amount_minor, other.state not in UNDECIDED)
        for other in refund_requests.of_charge(connection, asked.charge_id, states=OPEN)
        if other.request_id != asked.request_id
    ]
    wanted = Asked(asked.amount_minor, asked.currency)
    return refund_rules.findings(charge, wanted, others, policy, now)


def found_at_check(asked: RefundRequest) -> list[Finding]:
    """What the check found; nothing for a request that is not checked yet."""
    return [Finding(**finding) for finding in asked.findings or ()]  # type: ignore[arg-type]  # written by `check`


def reserved(connection: Connection, asked: RefundRequest) -> Sequence[Finding]:
    """A stop when the charge has not enough left beside what was decided since the check; by the mirror and the queue."""
    mirrored = paid_charges.mirrored_charge(connection, asked.charge_id)
    if mirrored is None:
        return [Finding("no_charge", "stop", f"The charge {asked.charge_id} is not known here any more.")]
    captured_minor, given_back_minor = mirrored
    on_their_way_minor = sum(
        other.amount_minor
        for other in refund_requests.of_charge(connection, asked.charge_id, states=("decided", "sent", "settled"))
        if other.refund_id is None or not paid_charges.is_mirrored_refund(connection, other.refund_id)
    )
    left_minor = captured_minor - given_back_minor - on_their_way_minor
    if asked.amount_minor <= left_minor:
        return []
    said = (
        f"Of {captured_minor} {asked.currency} (minor units) {given_back_minor} are given back and {on_their_way_minor} on their way, "
        f"so {asked.amount_minor} are too much."
    )
    return [Finding("reserved", "stop", said)]
