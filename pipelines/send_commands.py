"""Sends the outbox's commands to Stripe: claim, check or look up, write down, call, write down; a crash anywhere is picked up later."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import structlog

from billing.command_kinds import KINDS
from billing.commands import (
    Command,
    Done,
    Later,
    Outcome,
    Raw,
    Refused,
    Request,
    Unknown,
    after,
    audit_outcome,
    idempotency_key,
    in_doubt,
    next_step,
)
from store import stripe_commands
from store.database import Engine, tenant_transaction
from store.failpoints import reach

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=2)  # longer than a look-up and a call that both run into their timeouts
SETTLED = {"succeeded", "refused", "needs_review"}


class Gateway(Protocol):
    """What may speak to Stripe: `billing.stripe_gateway.StripeGateway`, or one that misbehaves on purpose."""

    def send(self, request: Request, idempotency_key: str) -> Outcome:
        """Send one write request; every way it can end is an outcome."""
        ...

    def read(self, path: str, params: Mapping[str, Any]) -> Raw:
        """One object or page; raises LookupError when there is none, ConnectionError when it cannot be known."""
        ...


def send_due(engine: Engine, tenant_id: UUID, gateway: Gateway, *, now: datetime, limit: int = 100) -> int:
    """Take up to `limit` commands that are due one step further each; returns how many were taken up.

    Any number of workers may run it at once. Raises what the database raises; a claimed command is free again when its lease
    has run out.
    """
    taken = 0
    while taken < limit:
        with tenant_transaction(engine, tenant_id) as connection:
            command = stripe_commands.claim(connection, now=now, lease=LEASE)
        if command is None:
            break
        reach("claimed")
        taken += 1
        _advance(engine, tenant_id, gateway, command, now)
    return taken


def _advance(engine: Engine, tenant_id: UUID, gateway: Gateway, command: Command, now: datetime) -> None:
    """One round with one command whose lease is held."""
    kind = KINDS[command.kind]
    step = next_step(command, now)
    key_version = command.key_version
    try:
        if step == "look_up":
            found = kind.look_up(gateway.read, command)
            reach("looked up")
            if found is not None:
                _settle(engine, tenant_id, command, Done(found), now)
                return
            key_version += 1
        if step != "send_again":
            sentence = kind.check(gateway.read, command, now)
            if sentence is not None:
                _settle(engine, tenant_id, command, Refused(sentence, code="precondition"), now)
                return
    except (ConnectionError, LookupError) as trouble:
        # What is unknown stays unknown: nothing is sent before Stripe has said what is there.
        said = str(trouble)
        _settle(engine, tenant_id, command, Unknown(said) if step == "look_up" else Later(said), now)
        return
    with tenant_transaction(engine, tenant_id) as connection:
        sending = stripe_commands.mark_sending(connection, command, key_version=key_version, now=now, lease=LEASE)
        if sending is None:
            stripe_commands.record(connection, command, next_attempt_at=now + timedelta(seconds=5))
            return
        request = kind.request(sending)
        if kind.upload is not None:
            request = replace(request, upload=kind.upload(connection, sending))
    reach("sending committed")
    outcome = in_doubt(request, sending, gateway.send(request, idempotency_key(sending)))
    reach("answer received")
    _settle(engine, tenant_id, sending, outcome, now)


def _settle(engine: Engine, tenant_id: UUID, command: Command, outcome: Outcome, now: datetime) -> None:
    """Record what came of it, with our own rows and the audit line, in one transaction."""
    with tenant_transaction(engine, tenant_id) as connection:
        recorded = stripe_commands.record(connection, command, **after(command, outcome, now))
        if recorded is None:  # another worker took it over when the lease ran out; its answer is the same one
            log.warning("command_lease_lost", command_id=str(command.command_id), kind=command.kind)
            return
        if recorded.state in SETTLED:
            KINDS[recorded.kind].settle(connection, tenant_id, recorded, now)
            audit_outcome(connection, recorded, now=now)
        reach("result written")
    reach("result committed")
    log.info("command", command_id=str(recorded.command_id), kind=recorded.kind, state=recorded.state)
