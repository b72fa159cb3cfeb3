"""The outbox: every change at Stripe as a row that is committed before Stripe hears of it, and the switch that stops them all."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import UUID

from store.schema.base import counter, document, moment, number, tenant_table, text_column

STATES = ("waiting", "sending", "unknown", "succeeded", "refused", "canceled", "needs_review")

stripe_commands = tenant_table(
    "stripe_commands",
    Column("command_id", UUID(as_uuid=True), nullable=False),
    # The order in which the intents were written down: two of the same second still have one.
    Column("position", BigInteger, Identity(always=True), nullable=False),
    text_column("kind", nullable=False),
    text_column("intent_key", nullable=False),
    text_column("subject", nullable=False),
    text_column("object_id"),
    document("params", nullable=False),
    text_column("params_sha256", nullable=False),
    number("amount_minor"),
    text_column("currency"),
    text_column("state", nullable=False),
    number("key_version", nullable=False),
    counter("attempts"),
    counter("troubles"),
    moment("first_sent_at"),
    moment("next_attempt_at", nullable=False),
    Column("lease_token", UUID(as_uuid=True)),
    moment("lease_until"),
    document("answer"),
    text_column("answer_id"),
    document("refusal"),
    text_column("last_trouble"),
    text_column("requested_by", nullable=False),
    moment("requested_at", nullable=False),
    moment("settled_at"),
    UniqueConstraint("tenant_id", "intent_key"),
    CheckConstraint(f"state in ({', '.join(repr(state) for state in STATES)})", name="state"),
    CheckConstraint("(amount_minor is null) = (currency is null)", name="money_has_currency"),
    Index(None, "tenant_id", "next_attempt_at", postgresql_where=text("state in ('waiting', 'sending', 'unknown')")),
    Index(None, "tenant_id", "subject"),
    Index(None, "tenant_id", "object_id"),
    key=["command_id"],
    commands=("select", "insert", "update"),
)

sending_pauses = tenant_table(
    "sending_pauses",
    Column("pause_id", UUID(as_uuid=True), nullable=False),
    text_column("reason", nullable=False),
    text_column("paused_by", nullable=False),
    moment("paused_at", nullable=False),
    text_column("resumed_by"),
    moment("resumed_at"),
    key=["pause_id"],
    commands=("select", "insert", "update"),
)
