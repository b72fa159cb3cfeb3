"""Reconciliation: each run over Stripe's lists and the sums of money, and what does not agree, one row for each."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import UUID

from store.schema.base import document, moment, number, tenant_table, text_column

reconciliation_runs = tenant_table(
    "reconciliation_runs",
    Column("run_id", UUID(as_uuid=True), nullable=False),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    text_column("state", nullable=False),
    text_column("started_by", nullable=False),
    moment("started_at", nullable=False),
    moment("finished_at"),
    # How many objects of each kind were looked at, where each list has come to, and what could not be read.
    document("checked", nullable=False),
    document("progress", nullable=False),
    document("refused", nullable=False),
    text_column("trouble"),
    CheckConstraint("state in ('wanted', 'running', 'finished')", name="state"),
    CheckConstraint("(state = 'finished') = (finished_at is not null)", name="finished"),
    Index(None, "tenant_id", "position"),
    key=["run_id"],
    commands=("select", "insert", "update"),
)

discrepancies = tenant_table(
    "discrepancies",
    Column("discrepancy_id", UUID(as_uuid=True), nullable=False),
    text_column("rule", nullable=False),
    text_column("object_kind", nullable=False),
    text_column("object_id", nullable=False),
    text_column("kind", nullable=False),
    number("amount_minor"),
    text_column("currency"),
    document("fields", nullable=False),
    document("refers_to", nullable=False),
    text_column("cause"),
    text_column("sentence", nullable=False),
    text_column("state", nullable=False),
    Column("run_id", UUID(as_uuid=True), nullable=False),
    moment("first_seen_at", nullable=False),
    moment("last_seen_at", nullable=False),
    moment("ended_at"),
    text_column("ended_by"),
    text_column("ignore_reason"),
    text_column("repair_wanted_by"),
    text_column("repair_trouble"),
    UniqueConstraint("tenant_id", "rule", "object_kind", "object_id"),
    CheckConstraint("kind in ('missing', 'stale', 'different', 'extra', 'unbalanced')", name="kind"),
    CheckConstraint("state in ('suspected', 'open', 'repaired', 'gone', 'ignored')", name="state"),
    CheckConstraint("state <> 'ignored' or ignore_reason is not null", name="ignore_has_reason"),
    Index(None, "tenant_id", "state"),
    Index(None, "tenant_id", "run_id"),
    key=["discrepancy_id"],
)
