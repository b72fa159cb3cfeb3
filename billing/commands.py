"""Commands out: what shall change at Stripe is written down first, and these rules say what follows from each answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from billing.principals import Principal
from store import audit, stripe_commands
from store.database import Connection
from store.stripe_commands import Command

__all__ = [
    "Command",
    "CommandKind",
    "Done",
    "Intent",
    "Later",
    "Outcome",
    "Raw",
    "ReadStripe",
    "Refused",
    "Request",
    "Unknown",
    "Upload",
    "after",
    "cancel",
    "idempotency_key",
    "in_doubt",
    "next_step",
    "retry",
    "submit",
]

Raw = dict[str, Any]
ReadStripe = Callable[[str, Mapping[str, Any]], Raw]
"""Reads one path at Stripe with its parameters; raises LookupError when there is no such object."""

# Stripe forgets an idempotency key after 24 hours; from then on the same request would be a new one.
KEY_IS_TRUSTED = timedelta(hours=23)
# How long to wait after each round in a row without an answer: first the usual hiccups, then as Kill Bill's janitor does.
PATIENCE = tuple(
    timedelta(seconds=seconds) for seconds in (5, 15, 60, 300, 3_600, 86_400, 86_400, 86_400, 86_400, 86_400)
)
# After a server error the same key would only repeat the error, so the effect is looked for; not before it can be seen.
BEFORE_LOOKING = timedelta(minutes=1)


@dataclass(frozen=True)
class Intent:
    """What shall happen at Stripe, once.

    `intent_key` names the deed and is unique per tenant: a second click, or a second worker, finds the first one's command.
    `object_id` is the object that changes; commands of one object are sent one after the other.
    """

    kind: str
    intent_key: str
    subject: str
    object_id: str | None
    params: Mapping[str, Any] = field(default_factory=dict)
    amount_minor: int | None = None
    currency: str | None = None


@dataclass(frozen=True)
class Upload:
    """A file that goes with a request; Stripe shows it by its name."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Request:
    """One write request; with an upload it goes to Stripe's address for files, with a session's token to that for meter events."""

    method: Literal["post", "delete"]
    path: str
    params: Mapping[str, Any]
    upload: Upload | None = None
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class CommandKind:
    """What one kind of command does at Stripe, how its effect is found again, and what follows from it here.

    `look_up` finds the effect after an unknown outcome, in all pages; None only when there is certainly none. `check` is the
    last look at Stripe's truth before a key is used for the first time; a sentence means that it must not be sent. `settle`
    moves our own rows in the transaction that records the outcome. `upload` fetches the file that goes with the request, if one
    does, in the transaction that writes down that it is sent.
    """

    name: str
    request: Callable[[Command], Request]
    look_up: Callable[[ReadStripe, Command], Raw | None]
    check: Callable[[ReadStripe, Command, datetime], str | None]
    settle: Callable[[Connection, UUID, Command, datetime], None]
    upload: Callable[[Connection, Command], Upload] | None = None


@dataclass(frozen=True)
class Done:
    """Stripe did it; the object as it is now."""

    object: Raw


@dataclass(frozen=True)
class Refused:
    """Stripe said no for good; `sentence` is its own, the codes are those of its error, `charge_id` the charge that was declined."""

    sentence: str
    status: int | None = None
    code: str | None = None
    decline_code: str | None = None
    advice_code: str | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None
    charge_id: str | None = None


@dataclass(frozen=True)
class Later:
    """No answer to this request yet: a timeout, a limit, a lock. The same key may safely be sent again."""

    trouble: str


@dataclass(frozen=True)
class Unknown:
    """Stripe failed in the middle: the same key would repeat the failure, so the effect has to be looked for."""

    trouble: str


Outcome = Done | Refused | Later | Unknown
Step = Literal["send", "send_again", "look_up"]


def submit(connection: Connection, tenant_id: UUID, intent: Intent, *, principal: Principal, now: datetime) -> Command:
    """Write the intent and its audit line in the caller's open transaction; the same intent again changes nothing.

    The worker is woken when that transaction commits. Nothing is sent here.
    """
    command, is_new = stripe_commands.add(
        connection,
        tenant_id,
        kind=intent.kind,
        intent_key=intent.intent_key,
        subject=intent.subject,
        object_id=intent.object_id,
        params=intent.params,
        amount_minor=intent.amount_minor,
        currency=intent.currency,
        requested_by=str(principal),
        now=now,
    )
    if is_new:
        _audit(
            connection, command, "submit", by=str(principal), now=now, after={"params_sha256": command.params_sha256}
        )
        stripe_commands.wake(connection)
    return command


def cancel(connection: Connection, command_id: UUID, *, principal: Principal, now: datetime) -> bool:
    """Take back a command that was never sent; False when it is too late. The caller moves its own rows."""
    command = stripe_commands.move(
        connection, command_id, from_state="waiting", now=now, never_sent=True, state="canceled", settled_at=now
    )
    if command is not None:
        _audit(connection, command, "cancel", by=str(principal), now=now)
    return command is not None


def retry(connection: Connection, command_id: UUID, *, principal: Principal, now: datetime) -> bool:
    """Let a command that was given up be tried again: its effect is looked for first. False when it was not given up."""
    command = stripe_commands.move(
        connection,
        command_id,
        from_state="needs_review",
        now=now,
        state="unknown",
        next_attempt_at=now,
        troubles=0,
        settled_at=None,
    )
    if command is not None:
        _audit(connection, command, "retry", by=str(principal), now=now)
        stripe_commands.wake(connection)
    return command is not None


def idempotency_key(command: Command) -> str:
    """The key that Stripe knows this request by: made of the intent alone, whichever process sends it."""
    return f"ms-{command.kind}-{command.command_id}-v{command.key_version}"


def next_step(command: Command, now: datetime) -> Step:
    """What the holder of the lease does next.

    A command that may have reached Stripe is sent again under the same key as long as Stripe surely remembers the key; after a
    server error, or later than that, its effect is looked for before anything else.
    """
    if command.state == "waiting":
        return "send"
    is_remembered = command.first_sent_at is not None and now - command.first_sent_at < KEY_IS_TRUSTED
    return "send_again" if command.state == "sending" and is_remembered else "look_up"


def after(command: Command, outcome: Outcome, now: datetime) -> dict[str, Any]:
    """The columns that an outcome changes; pure."""
    match outcome:
        case Done(object=answer):
            return {
                "state": "succeeded",
                "answer": answer,
                "answer_id": answer.get("id"),
                "last_trouble": None,
                "settled_at": now,
            }
        case Refused():
            refusal = {name: value for name, value in vars(outcome).items() if value is not None}
            return {"state": "refused", "refusal": refusal, "last_trouble": None, "settled_at": now}
        case Later(trouble=trouble) | Unknown(trouble=trouble):
            return _after_trouble(command, trouble, now, is_unknown=isinstance(outcome, Unknown))


def in_doubt(request: Request, command: Command, outcome: Outcome) -> Outcome:
    """The outcome, or that it is unknown: Stripe keeps no keys for DELETE, so a second one finds what the first one ended gone."""
    if request.method == "delete" and command.attempts > 1 and isinstance(outcome, Refused) and outcome.status == 404:
        return Unknown(outcome.sentence)
    return outcome


def _after_trouble(command: Command, trouble: str, now: datetime, *, is_unknown: bool) -> dict[str, Any]:
    """Wait longer after each round in a row; a person decides when patience has come to its end."""
    if command.troubles >= len(PATIENCE):
        return {"state": "needs_review", "last_trouble": trouble, "settled_at": now}
    wait = PATIENCE[command.troubles]
    values: dict[str, Any] = {"last_trouble": trouble, "troubles": command.troubles + 1}
    if is_unknown:
        values["state"] = "unknown"
        wait = max(wait, BEFORE_LOOKING)
    return {**values, "next_attempt_at": now + wait}


def _audit(
    connection: Connection,
    command: Command,
    verb: str,
    *,
    by: str,
    now: datetime,
    after: Mapping[str, object] | None = None,
) -> None:
    audit.append(
        connection,
        at=now,
        principal=by,
        action=f"stripe_command:{verb}",
        subject=command.subject,
        after={
            "command_id": command.command_id,
            "kind": command.kind,
            "object_id": command.object_id,
            "amount_minor": command.amount_minor,
            "currency": command.currency,
            "state": command.state,
            **(after or {}),
        },
    )


def audit_outcome(connection: Connection, command: Command, *, now: datetime) -> None:
    """The audit line of a settled command."""
    told: dict[str, object] = {"answer_id": command.answer_id, "idempotency_key": idempotency_key(command)}
    if command.refusal is not None:
        told["refusal"] = dict(command.refusal)
    _audit(connection, command, command.state, by="metering", now=now, after=told)
