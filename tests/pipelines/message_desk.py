"""What tests of messages share: two channels at a receiver, and asking, sending and seeing one message."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Engine

from billing import mails
from billing.call_gateway import CallGateway
from billing.mails import Mail
from billing.message_bodies import MessageBodies
from billing.principals import Principal
from pipelines.send_mails import CALLS, send_due
from store import outgoing_mails
from store.channel_settings import Channel, webhook_channels
from store.database import tenant_transaction
from store.outgoing_mails import OutgoingMail
from tests.webhook_fixtures import Receiver

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEA = Principal("lea", "lead")
SECRET = b"o" * 32
WHSEC = f"whsec_{base64.b64encode(SECRET).decode()}"
BODIES = MessageBodies("https://metering.acme.example", b"s" * 32)


def channels(receiver: Receiver) -> tuple[Channel, ...]:
    """Slack and a webhook named ops, both at the receiver."""
    (ops,) = webhook_channels(f"ops={receiver.url},{WHSEC}")
    return (Channel("slack", "slack", f"http://127.0.0.1:{receiver.port}/services/T0/B0/hunter2"), ops)


def gateway(receiver: Receiver, *, may_be_private: bool = True) -> CallGateway:
    """Calls the receiver, and has little patience."""
    return CallGateway(channels(receiver), BODIES, may_be_private=may_be_private, whole_seconds=1)


def ask(
    engine: Engine, tenant: UUID, key: str = "a", *, channel: Literal["slack", "webhook"] = "webhook"
) -> OutgoingMail:
    """Put a message into the outbox."""
    name = "slack" if channel == "slack" else "ops"
    text = json.dumps({"sentence": f"This is {key}."})
    message = Mail(f"test:{key}", "channel.test", f"channel:{name}", name, "A test", text, channel=channel)
    with tenant_transaction(engine, tenant) as connection:
        return mails.ask(connection, tenant, message, principal=LEA, now=NOW)


def send(engine: Engine, tenant: UUID, receiver: Receiver, now: datetime = NOW, *, over: Sequence[str] = CALLS) -> int:
    """One round of the sender."""
    return send_due(engine, tenant, gateway(receiver), now=now, channels=over)


def see(engine: Engine, tenant: UUID, message: OutgoingMail) -> OutgoingMail:
    """The message as it stands now."""
    with tenant_transaction(engine, tenant) as connection:
        found = outgoing_mails.find(connection, message.mail_id)
    assert found is not None
    return found
