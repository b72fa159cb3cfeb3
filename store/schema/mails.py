"""Mails and messages on their way out, each under its occasion; where messages go; and the addresses that want none."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from store.schema.base import counter, document, moment, tenant_table, text_column

MAIL_STATES = ("waiting", "sending", "sent", "refused", "unknown", "canceled")
# Over which a row goes; `recipient` is an address for mail and the configured name of the channel for the others.
MAIL_CHANNELS = ("mail", "slack", "webhook")
_CHANNELS = ", ".join(repr(channel) for channel in MAIL_CHANNELS)
_STATES = ", ".join(repr(state) for state in MAIL_STATES)

outgoing_mails = tenant_table(
    "outgoing_mails",
    Column("mail_id", UUID(as_uuid=True), nullable=False),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    # Names the occasion: a second ask finds the first mail.
    text_column("mail_key", nullable=False),
    text_column("kind", nullable=False),
    text_column("about", nullable=False),
    text_column("recipient", nullable=False),
    text_column("subject", nullable=False),
    text_column("text_body", nullable=False),
    text_column("html_body"),
    document("images", nullable=False),
    # Beside the common ones; which are allowed: billing.mails.HEADERS.
    Column("headers", JSONB(none_as_null=True), nullable=False, server_default=text("'{}'")),
    text_column("state", nullable=False),
    counter("attempts"),
    moment("next_attempt_at", nullable=False),
    Column("lease_token", UUID(as_uuid=True)),
    moment("lease_until"),
    text_column("last_trouble"),
    text_column("asked_by", nullable=False),
    moment("asked_at", nullable=False),
    moment("sent_at"),
    Column("channel", Text, nullable=False, server_default=text("'mail'")),
    UniqueConstraint("tenant_id", "mail_key"),
    CheckConstraint(f"state in ({_STATES})", name="state"),
    CheckConstraint(f"channel in ({_CHANNELS})", name="channel"),
    Index(None, "tenant_id", "state", "next_attempt_at"),
    Index(None, "tenant_id", "about"),
    key=["mail_id"],
    commands=("select", "insert", "update"),
)

# What the settings of the sending process name, for the processes that are kept from its secrets.
message_channels = tenant_table(
    "message_channels",
    text_column("name", nullable=False),
    text_column("kind", nullable=False),
    text_column("host", nullable=False),
    moment("configured_at", nullable=False),
    moment("removed_at"),
    CheckConstraint("kind in ('slack', 'webhook')", name="kind"),
    key=["name"],
    commands=("select", "insert", "update"),
)

mail_stops = tenant_table(
    "mail_stops",
    # In lower case: nobody means two people by two spellings. A channel's stop stands under `kind:name`.
    text_column("address", nullable=False),
    text_column("reason", nullable=False),
    text_column("stopped_by", nullable=False),
    moment("stopped_at", nullable=False),
    key=["address"],
    commands=("select", "insert", "delete"),
)
