"""The refund API's JSON: what may be sent, and how a request is shown. Amounts in minor units, as Stripe's."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from api.problems import Refused
from store.refund_requests import Evidence, RefundRequest
from store.steps import Step
from store.stripe_commands import Command

# Postgres keeps no text with a NUL in it.
Word = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\x00]*$")]
Words = Annotated[str, Meta(max_length=1_000, pattern=r"^[^\x00]*$")]
Amount = Annotated[int, Meta(gt=0, le=10**12)]
Currency = Annotated[str, Meta(pattern=r"^[A-Za-z]{3}$")]
Reason = Literal["duplicate", "fraudulent", "requested_by_customer"]


class Ask(msgspec.Struct, forbid_unknown_fields=True):
    """A refund. `charge` may also be a payment or an invoice; no amount means all that is left, and an amount needs its currency."""

    charge: Word
    reason: Reason
    amount: Amount | None = None
    currency: Currency | None = None
    note: Words | None = None
    external_id: Word | None = None


class Link(msgspec.Struct, forbid_unknown_fields=True):
    """A link as evidence; without a name it is called what it is."""

    link: Annotated[str, Meta(min_length=1, max_length=2_000, pattern=r"^[^\x00]*$")]
    name: Word | None = None


class Decision(msgspec.Struct, forbid_unknown_fields=True):
    """Why it is decided so; `override_reason` only where the policy stands against an approval."""

    why: Words | None = None
    override_reason: Words | None = None


class Why(msgspec.Struct, forbid_unknown_fields=True):
    """Why it is declined or taken back."""

    why: Words | None = None


Shape = TypeVar("Shape", Ask, Link, Decision, Why)


def decode(body: bytes, content_type: str | None, shape: type[Shape]) -> Shape:
    """The body as one of the shapes; nothing at all is an empty object. Raises Refused with 415, 400 or 422."""
    if body and (content_type or "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "Send JSON, as `Content-Type: application/json`.")
    try:
        return msgspec.json.decode(body or b"{}", type=shape)
    except msgspec.ValidationError as wrong:
        raise _unfit(str(wrong)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise Refused(400, f"The body is no JSON: {wrong}.") from None


def _unfit(said: str) -> Refused:
    """msgspec's sentence with the field that it means: `… - at `$.amount``, or a field that is missing or unknown."""
    sentence, _, path = said.partition(" - at `$")
    named = re.search(r"field `([^`]*)`", sentence)
    name = path.rstrip("`").lstrip(".") or (named[1] if named else "")
    return Refused(422, f"The body does not fit: {said}.", [{"field": name, "detail": f"{sentence}."}] if name else ())


def summary(asked: RefundRequest) -> dict[str, Any]:
    """A request as lists show it. Times in UTC."""
    return {
        "id": asked.request_id,
        "object": "refund_request",
        "state": asked.state,
        "charge": asked.charge_id,
        "invoice": asked.invoice_id,
        "customer": asked.customer_id,
        "amount": asked.amount_minor,
        "currency": asked.currency,
        "reason": asked.reason,
        "note": asked.note,
        "external_id": asked.external_id,
        "source": asked.source,
        "requested_by": asked.requested_by,
        "requested_at": asked.requested_at,
        "changed_at": asked.changed_at,
        "checked_at": asked.checked_at,
        "findings": asked.findings,
        "decided_by": asked.decided_by,
        "override_reason": asked.override_reason,
        "refund": asked.refund_id,
        "outcome": asked.outcome,
    }


def detail(
    asked: RefundRequest, steps: Sequence[Step], evidence: Sequence[Evidence], command: Command | None
) -> dict[str, Any]:
    """A request with each step, what lies beside it, and where its command to Stripe stands."""
    return summary(asked) | {
        "steps": [{"step": step.step, "at": step.at, "who": step.who, "why": step.why} for step in steps],
        "evidence": [evidence_shape(one) for one in evidence],
        "command": None if command is None else _command(command),
    }


def evidence_shape(kept: Evidence) -> dict[str, Any]:
    """A file or link; `sha256` is of the file's bytes or the link's text."""
    return {
        "id": kept.evidence_id,
        "name": kept.name,
        "link": kept.link,
        "media_type": kept.media_type,
        "sha256": kept.sha256,
        "added_by": kept.added_by,
        "added_at": kept.added_at,
    }


def _command(command: Command) -> dict[str, Any]:
    return {
        "id": command.command_id,
        "state": command.state,
        "attempts": command.attempts,
        "first_sent_at": command.first_sent_at,
        "settled_at": command.settled_at,
        "last_trouble": command.last_trouble,
        "refusal": (command.refusal or {}).get("sentence"),
    }
