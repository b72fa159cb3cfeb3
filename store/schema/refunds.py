"""The refund queue: requests, every step each has taken, what was put beside it as evidence, and the tenant's policy."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import UUID

from store.schema.base import document, moment, number, steps_table, tenant_table, text_column

REFUND_STATES = ("requested", "checked", "evidence", "decided", "sent", "settled", "declined", "canceled", "failed")
_STATES = ", ".join(repr(state) for state in REFUND_STATES)

refund_requests = tenant_table(
    "refund_requests",
    Column("request_id", UUID(as_uuid=True), nullable=False),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    # What whoever asked calls it: the same one again finds the first request.
    text_column("external_id"),
    text_column("source", nullable=False),
    text_column("charge_id", nullable=False),
    text_column("invoice_id"),
    text_column("customer_id"),
    number("amount_minor", nullable=False),
    text_column("currency", nullable=False),
    text_column("reason", nullable=False),
    text_column("note"),
    text_column("state", nullable=False),
    text_column("requested_by", nullable=False),
    moment("requested_at", nullable=False),
    moment("changed_at", nullable=False),
    document("findings"),
    moment("checked_at"),
    text_column("check_trouble"),
    text_column("decided_by"),
    text_column("override_reason"),
    Column("command_id", UUID(as_uuid=True)),
    text_column("refund_id"),
    text_column("outcome"),
    # The key a program sent it under, and the hash of what it asked for: the same key with something else is refused.
    text_column("idempotency_key"),
    text_column("asked_sha256"),
    UniqueConstraint("tenant_id", "external_id"),
    UniqueConstraint("tenant_id", "idempotency_key"),
    CheckConstraint(f"state in ({_STATES})", name="state"),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("source in ('page', 'api', 'import')", name="source"),
    CheckConstraint("reason in ('duplicate', 'fraudulent', 'requested_by_customer')", name="reason"),
    Index(None, "tenant_id", "charge_id"),
    Index(None, "tenant_id", "state"),
    Index(None, "tenant_id", "command_id"),
    Index(None, "tenant_id", "refund_id"),
    key=["request_id"],
    commands=("select", "insert", "update"),
)

refund_steps = steps_table(
    "refund_steps",
    CheckConstraint(f"step in ({_STATES})", name="step"),
    root="refund_requests",
    subject="request_id",
)

refund_evidence = tenant_table(
    "refund_evidence",
    Column("request_id", UUID(as_uuid=True), nullable=False),
    Column("evidence_id", UUID(as_uuid=True), nullable=False),
    text_column("name", nullable=False),
    text_column("link"),
    text_column("media_type"),
    Column("content", LargeBinary),
    text_column("sha256", nullable=False),
    text_column("added_by", nullable=False),
    moment("added_at", nullable=False),
    ForeignKeyConstraint(["tenant_id", "request_id"], ["refund_requests.tenant_id", "refund_requests.request_id"]),
    CheckConstraint("(link is null) <> (content is null)", name="link_or_file"),
    key=["request_id", "evidence_id"],
    commands=("select", "insert"),
)

refund_policies = tenant_table(
    "refund_policies",
    text_column("policy", nullable=False),
    number("window_days", nullable=False),
    document("limits_minor", nullable=False),
    text_column("changed_by", nullable=False),
    moment("changed_at", nullable=False),
    CheckConstraint("window_days >= 0", name="window_days"),
    key=["policy"],
    commands=("select", "insert", "update"),
)
