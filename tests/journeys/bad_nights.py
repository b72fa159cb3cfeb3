"""One bad night at the outbox, told by a seed: refunds asked for while everything misbehaves."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from billing import commands
from billing.principals import Principal
from billing.refund_command import KIND, MARK
from pipelines.send_commands import send_due
from sandbox.http.service import Exchange
from store import audit, stripe_commands
from store.database import tenant_transaction
from store.stripe_commands import Command
from tests.journeys.night import (
    BY_HAND,
    PAID_MINOR,
    Night,
    break_stripe,
    dispute,
    paid_charge,
    pass_time,
    refund_by_hand,
    work,
)

SUPPORT = Principal("sam", "support")


@dataclass
class OutboxNight(Night):
    """A night of refunds that are submitted straight to the outbox: which command each click made."""

    intended: dict[str, UUID] = field(default_factory=dict)


def live_through(night: OutboxNight) -> None:
    """The night itself, and the morning after: faults end, and workers run until nothing is open."""
    for _ in range(2):
        paid_charge(night)
    night.exchanges = night.stripe.record()
    for _ in range(night.dice.randint(6, 14)):
        _mishap(night)
    _dawn(night)


def _mishap(night: OutboxNight) -> None:
    """One thing that happens, drawn by the dice."""
    deed = night.dice.choices(
        (_ask, _click_again, break_stripe, _work, pass_time, refund_by_hand, _take_back, dispute),
        (6, 2, 6, 9, 4, 1, 1, 1),
    )[0]
    deed(night)


def _ask(night: OutboxNight) -> None:
    key = f"refund_request:{len(night.intended)}"
    charge = night.dice.choice(night.charges)
    amount_minor = night.dice.choice((1, 1_000, 3_000, 6_000, PAID_MINOR))
    night.tell(f"ask to refund {amount_minor} of {charge} as {key}")
    night.intended[key] = _submit(night, key, charge, amount_minor).command_id


def _click_again(night: OutboxNight) -> None:
    if night.intended:
        key = night.dice.choice(sorted(night.intended))
        night.tell(f"click again on {key}")
        again = _submit(night, key, night.charges[0], 5)
        assert again.command_id == night.intended[key], "the second click made a second command"


def _submit(night: OutboxNight, key: str, charge: str, amount_minor: int) -> Command:
    intent = commands.Intent(KIND, key, key, charge, {"reason": "requested_by_customer"}, amount_minor, "usd")
    with tenant_transaction(night.engine, night.tenant_id) as connection:
        return commands.submit(connection, night.tenant_id, intent, principal=SUPPORT, now=night.now)


def _take_back(night: OutboxNight) -> None:
    if night.intended:
        key = night.dice.choice(sorted(night.intended))
        with tenant_transaction(night.engine, night.tenant_id) as connection:
            done = commands.cancel(connection, night.intended[key], principal=SUPPORT, now=night.now)
        night.tell(f"take {key} back: {'done' if done else 'too late'}")


def _work(night: OutboxNight) -> None:
    work(night, {"sends": lambda now: send_due(night.engine, night.tenant_id, night.gateway, now=now)})


def _dawn(night: OutboxNight) -> None:
    """The faults end; a well-behaved worker runs by day until nothing is open."""
    night.stripe.control("/faults", method="DELETE")
    night.tell("the faults end")
    for hours in (0.1, 0.1, 1.5, 25, 25, 25, 25, 25, 25):
        night.stripe.advance(seconds=int(hours * 3_600))
        send_due(night.engine, night.tenant_id, night.gateway, now=night.now)
        with tenant_transaction(night.engine, night.tenant_id) as connection:
            if stripe_commands.count_open(connection) == 0:
                night.tell("nothing is open any more")
                return
    raise AssertionError("commands are still open six days after the faults ended")


def broken_promises(night: OutboxNight) -> list[str]:
    """Every promise that this night broke, by Stripe's own ledger; none when all is well."""
    with tenant_transaction(night.engine, night.tenant_id) as connection:
        rows = {row.command_id: row for row in stripe_commands.newest(connection)}
        verdict = audit.verify(connection)
        lines = audit_lines(connection)
    broken = [] if verdict.intact else [verdict.message]
    made: Counter[str] = Counter()
    for charge_id in night.charges:
        refunds = night.sdk.v1.refunds.list({"charge": charge_id, "limit": 100}).data
        given_minor = sum(refund.amount for refund in refunds if refund.status != "failed")
        if given_minor > PAID_MINOR:
            broken.append(f"{charge_id}: {given_minor} given back of {PAID_MINOR}")
        made.update(_marks(refunds))
    for row in rows.values():
        broken += _broken_by(row, made[str(row.command_id)], lines[str(row.command_id)])
    keys = {_key(exchange) for exchange in night.exchanges if _is_refund(exchange)}
    ours = {f"ms-{KIND}-{row.command_id}-v{version}" for row in rows.values() for version in range(1, 30)}
    broken += [f"a refund was sent under the key {key}, which no intent stands behind" for key in keys - ours]
    return broken


def _marks(refunds: list[Any]) -> list[str]:
    return [refund.metadata[MARK] for refund in refunds if refund.metadata and MARK in refund.metadata.to_dict()]


def _broken_by(row: Command, effects: int, lines: list[str]) -> list[str]:
    expected = {"succeeded": 1, "refused": 0, "canceled": 0}.get(row.state)
    broken = []
    if effects > 1 or (expected is not None and effects != expected):
        broken.append(f"{row.intent_key} is {row.state} and has {effects} refunds at Stripe")
    outcome = {"canceled": "cancel"}.get(row.state, row.state)
    if lines != [f"stripe_command:{verb}" for verb in ("submit", outcome)]:
        broken.append(f"{row.intent_key} is {row.state} and its audit lines are {lines}")
    return broken


def audit_lines(connection: Any) -> dict[str, list[str]]:
    """The actions in the audit log by the command that they speak of, in order."""
    rows = connection.exec_driver_sql("select action, after ->> 'command_id' from audit_log order by seq").all()
    found: dict[str, list[str]] = {}
    for action, command_id in rows:
        found.setdefault(command_id, []).append(action)
    return found


def _is_refund(exchange: Exchange) -> bool:
    return exchange.method == "POST" and exchange.path == "/v1/refunds" and _key(exchange) is not None


def _key(exchange: Exchange) -> str | None:
    found = {name.lower(): value for name, value in exchange.headers.items()}.get("idempotency-key")
    return None if found is None or found.startswith(BY_HAND) else found
