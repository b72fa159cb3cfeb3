"""Disputes as we work on them: one case each, every state it has been in, and each version of the evidence."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKeyConstraint, Identity, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import UUID

from store.schema.base import claim, counter, document, moment, number, steps_table, tenant_table, text_column

DISPUTE_STATES = (
    "needs_response",
    "staged",
    "submitting",
    "accepting",
    "submitted",
    "accepted",
    "expired",
    "won",
    "lost",
    "closed",
    "prevented",
)
_STATES = ", ".join(repr(state) for state in DISPUTE_STATES)

dispute_cases = tenant_table(
    "dispute_cases",
    Column("case_id", UUID(as_uuid=True), nullable=False),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    text_column("dispute_id", nullable=False),
    text_column("charge_id"),
    text_column("state", nullable=False),
    # What Stripe said when we last looked.
    text_column("status", nullable=False),
    text_column("case_type"),
    number("amount_minor"),
    text_column("currency"),
    text_column("reason"),
    text_column("network"),
    text_column("network_reason_code"),
    moment("due_by"),
    claim("is_answer_taken", nullable=False),
    claim("is_charge_refundable"),
    counter("submission_count"),
    number("fee_minor"),
    text_column("fee_currency"),
    moment("opened_at"),
    moment("changed_at", nullable=False),
    # How often the case has been open for an answer, and how many submissions Stripe had counted before this time.
    number("answer_number", nullable=False),
    counter("submissions_before"),
    number("staged_version"),
    number("submitted_version"),
    text_column("submitted_sha256"),
    Column("command_id", UUID(as_uuid=True)),
    text_column("outcome"),
    UniqueConstraint("tenant_id", "dispute_id"),
    CheckConstraint(f"state in ({_STATES})", name="state"),
    Index(None, "tenant_id", "state", "due_by"),
    Index(None, "tenant_id", "charge_id"),
    key=["case_id"],
    commands=("select", "insert", "update"),
)

dispute_steps = steps_table(
    "dispute_steps",
    CheckConstraint(f"step in ({_STATES})", name="step"),
    root="dispute_cases",
    subject="case_id",
)

dispute_evidence_drafts = tenant_table(
    "dispute_evidence_drafts",
    Column("case_id", UUID(as_uuid=True), nullable=False),
    number("version", nullable=False),
    document("fields", nullable=False),
    text_column("sha256", nullable=False),
    text_column("written_by", nullable=False),
    moment("written_at", nullable=False),
    ForeignKeyConstraint(["tenant_id", "case_id"], ["dispute_cases.tenant_id", "dispute_cases.case_id"]),
    CheckConstraint("version > 0", name="version"),
    key=["case_id", "version"],
    commands=("select", "insert"),
)
