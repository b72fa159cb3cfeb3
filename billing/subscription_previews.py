"""Asks Stripe what a change will bill, through the outbox: the page never speaks to Stripe, and what was shown is kept."""

from datetime import datetime
from typing import Any
from uuid import UUID

from billing.commands import Command, CommandKind, Intent, Raw, ReadStripe, Request
from store.database import Connection

KIND = "subscription.preview"


def intent(subscription_id: str, params: dict[str, Any], look: str) -> Intent:
    """The intent to preview; `look` names the question, so the same one again finds the answer that is there.

    It names no object: it changes none, so it neither waits for a change that is in flight nor holds one up.
    """
    subject = preview_subject(subscription_id)
    return Intent(KIND, f"{subject}:{look}", subject, None, params)


def preview_subject(subscription_id: str) -> str:
    """What the previews of a subscription are filed under."""
    return f"subscription_preview:{subscription_id}"


def _request(command: Command) -> Request:
    """A request by POST that changes nothing at Stripe (docs.stripe.com/api/invoices/create_preview)."""
    return Request("post", "/v1/invoices/create_preview", command.params)


def _look_up(_read: ReadStripe, _command: Command) -> Raw | None:
    """There is no effect that could be found: asking again is harmless."""
    return None


def _check(_read: ReadStripe, _command: Command, _now: datetime) -> str | None:
    """Nothing can go wrong by asking."""
    return None


def _settle(_connection: Connection, _tenant_id: UUID, _command: Command, _now: datetime) -> None:
    """The answer is the command's own."""


SUBSCRIPTION_PREVIEW = CommandKind(KIND, _request, _look_up, _check, _settle)
