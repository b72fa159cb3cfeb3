"""Sends what waits for Slack and webhooks, and writes down which of them the settings name."""

from datetime import UTC, datetime
from uuid import UUID

import structlog

from billing.call_gateway import CallGateway
from billing.message_bodies import MessageBodies
from pipelines.attend import Round
from pipelines.send_mails import CALLS, send_due
from store import message_channels
from store.database import Engine, tenant_transaction
from store.link_secret import link_secret
from store.settings import Settings

log = structlog.get_logger(__name__)


def keep_channels(engine: Engine, tenant_id: UUID, settings: Settings, *, now: datetime) -> None:
    """Write down which channels the settings name: what is found before the worker runs is told to them, too."""
    with tenant_transaction(engine, tenant_id) as connection:
        message_channels.keep(connection, tenant_id, settings.channels, now=now)


def message_round(engine: Engine, tenant_id: UUID, settings: Settings) -> Round | None:
    """What sends messages when it is called; None where the settings name no channel."""
    keep_channels(engine, tenant_id, settings, now=datetime.now(UTC))
    if not settings.channels:
        log.info("messages_rest", reason="neither METERING_SLACK_WEBHOOK_URL nor METERING_ALERT_WEBHOOKS is set")
        return None
    bodies = MessageBodies(settings.public_url, link_secret(settings, tenant_id))
    gateway = CallGateway(settings.channels, bodies, may_be_private=settings.metering_private_webhooks)
    # One at a time: a worker that is asked to stop waits for one call at most.
    return lambda now: send_due(engine, tenant_id, gateway, now=now, limit=1, channels=CALLS)
